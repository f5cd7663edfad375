// The clients that users have, against a small dispatcher: the aws command line and boto3.

#include "base/files.h"
#include "base/process.h"
#include "http/aws_json.h"
#include "http/credentials_file.h"
#include "tests/http/test_server.h"
#include "tests/support/results.h"

namespace gantry::http::test {
namespace {

using testing::HasSubstr;

class AwsClients : public testing::Test {
 protected:
  AwsClients() {
    store_.add({"AKIDTEST", Secret("secret+/=key"), {}, {}});
    dispatcher_.add(
        "AmazonEC2ContainerServiceV20141113", "ecs", "ListClusters",
        [](const AwsCall& call) -> AwsResult<std::string> {
          bodies_seen = call.body;
          return std::string("{\"clusterArns\":[\"arn:aws:ecs:us-east-1:123456789012:cluster/one\"]}");
        });
    dispatcher_.add("AmazonEC2ContainerServiceV20141113", "ecs", "DeleteCluster",
                    [](const AwsCall&) -> AwsResult<std::string> {
                      return AwsError{"ClusterNotFoundException", "Cluster not found.", 400};
                    });
    handler_->answer = [this](Request& request) { return dispatcher_.handle(request); };
  }
  CommandResult run(std::vector<std::string> arguments, const std::string& secret = "secret+/=key") {
    Command command;
    command.arguments = std::move(arguments);
    command.environment = std::vector<std::string>{"PATH=/usr/bin:/bin",
                                                   "HOME=/nonexistent",
                                                   "AWS_DEFAULT_REGION=us-east-1",
                                                   "AWS_ACCESS_KEY_ID=AKIDTEST",
                                                   "AWS_SECRET_ACCESS_KEY=" + secret,
                                                   "AWS_PAGER=",
                                                   "AWS_EC2_METADATA_DISABLED=true",
                                                   "AWS_ENDPOINT_URL=" + url_of(*server_)};
    command.limit = std::chrono::seconds(60);
    auto result = run_command(command);
    EXPECT_OK(result);
    return result ? *result : CommandResult{};
  }

  static inline std::string bodies_seen;
  MemoryCredentialStore store_;
  SystemClock clock_;
  SigV4Verifier verifier_{store_, {"us-east-1", {"ecs"}, std::chrono::minutes(15)}, clock_};
  AwsJsonDispatcher dispatcher_{verifier_};
  std::shared_ptr<TestHandler> handler_ = std::make_shared<TestHandler>();
  std::unique_ptr<Server> server_ = start_server(handler_);
};

TEST_F(AwsClients, CommandLineIsUnderstood) {
  const auto result =
      run({"aws", "ecs", "list-clusters", "--output", "text", "--endpoint-url", url_of(*server_)});
  EXPECT_EQ(result.status, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("cluster/one"));
  EXPECT_EQ(bodies_seen, "{}");
}

TEST_F(AwsClients, CommandLineShowsOurErrors) {
  const auto unknown =
      run({"aws", "ecs", "delete-cluster", "--cluster", "two", "--endpoint-url", url_of(*server_)});
  EXPECT_NE(unknown.status, 0);
  EXPECT_THAT(
      unknown.errors,
      HasSubstr("(ClusterNotFoundException) when calling the DeleteCluster operation: Cluster not found."));
  const auto wrong = run({"aws", "ecs", "list-clusters", "--endpoint-url", url_of(*server_)}, "wrong");
  EXPECT_THAT(wrong.errors, HasSubstr("(InvalidSignatureException)"));
}

TEST_F(AwsClients, BotoReusesItsConnection) {
  constexpr const char* script = R"(
import os, boto3
ecs = boto3.client('ecs', endpoint_url=os.environ['AWS_ENDPOINT_URL'])
for _ in range(5):
    answer = ecs.list_clusters()
print(answer['clusterArns'][0], len(answer['ResponseMetadata']['RequestId']))
try:
    ecs.delete_cluster(cluster='two')
except ecs.exceptions.ClusterNotFoundException as error:
    print('caught', error.response['Error']['Message'])
)";
  const auto result = run({"/usr/bin/python3", "-c", script});
  EXPECT_EQ(result.status, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("cluster/one 36"));
  EXPECT_THAT(result.output, HasSubstr("caught Cluster not found."));
}

}  // namespace
}  // namespace gantry::http::test
