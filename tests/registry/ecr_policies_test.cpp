// Policies of access and lifecycle policies, as ECR's API sets them and both APIs feel them.

#include "tests/registry/fixture.h"
#include "tests/support/results.h"
#include "tests/support/wait.h"

namespace gantry::registry::test {
namespace {

using gantry::test::wait_until;
using testing::HasSubstr;
using testing::Not;

std::string quoted(const std::string& text) {
  std::string escaped;
  for (const char c : text) escaped += c == '"' ? std::string("\\\"") : std::string(1, c);
  return "\"" + escaped + "\"";
}

class EcrPolicies : public RegistryTest {
 protected:
  EcrPolicies() { create_repository("ns1/web"); }

  std::string set_policy(const std::string& statement, bool force = false) {
    const auto text = R"({"Version":"2012-10-17","Statement":[)" + statement + "]}";
    return call("SetRepositoryPolicy",
                format(R"({{"repositoryName":"ns1/web","policyText":{},"force":{}}})", quoted(text), force));
  }
  std::string put_lifecycle(const std::string& text) {
    return call("PutLifecyclePolicy",
                format(R"({{"repositoryName":"ns1/web","lifecyclePolicyText":{}}})", quoted(text)));
  }
  std::string images() { return call("ListImages", in_web); }
  bool evaluated() { return !HasSubstr0(call("GetLifecyclePolicy", in_web)); }

  static constexpr const char* in_web = R"({"repositoryName":"ns1/web"})";
  static constexpr const char* keep_one =
      R"({"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":1},"action":{"type":"expire"}}]})";

 private:
  static bool HasSubstr0(const std::string& answer) {
    return answer.find("\"lastEvaluatedAt\":0") != std::string::npos;
  }
};

TEST_F(EcrPolicies, ARepositorysPolicyIsFeltByBothApis) {
  push_image("ns1/web", "v1", "layer");
  const auto set = set_policy(
      R"({"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::123456789012:user/default"},"Action":["ecr:PutImage","ecr:BatchGetImage"]})");
  EXPECT_THAT(set, HasSubstr("\"policyText\":\"{\\\"Version\\\""));
  for (int i = 0; i < 2; ++i) {
    const auto refused = get("/v2/ns1/web/manifests/v1");
    EXPECT_EQ(refused.status, 403);
    EXPECT_THAT(
        refused.body,
        HasSubstr("User: arn:aws:iam::123456789012:user/default is not authorized to perform: "
                  "ecr:BatchGetImage on resource: arn:aws:ecr:us-east-1:123456789012:repository/ns1/web"));
    EXPECT_EQ(put_manifest("ns1/web", "v2", "{}").status, 403);
    EXPECT_EQ(get("/v2/ns1/web/tags/list").status, 200);
    EXPECT_THAT(call("BatchGetImage", R"({"repositoryName":"ns1/web","imageIds":[{"imageTag":"v1"}]})"),
                HasSubstr("AccessDeniedException: User: "));
    EXPECT_THAT(images(), HasSubstr("v1"));
    restart();
  }
  EXPECT_THAT(call("DeleteRepositoryPolicy", in_web), HasSubstr("policyText"));
  EXPECT_EQ(get("/v2/ns1/web/manifests/v1").status, 200);
  EXPECT_EQ(
      call("GetRepositoryPolicy", in_web),
      "RepositoryPolicyNotFoundException: Repository policy does not exist for the repository with name "
      "'ns1/web' in the registry with id '123456789012'");
}

TEST_F(EcrPolicies, AMountTakesNothingThatItsCallerMayNotRead) {
  create_repository("ns1/other");
  const auto digest = push_blob("ns1/web", "secret");
  ASSERT_THAT(set_policy(R"({"Effect":"Deny","Principal":"*","Action":"ecr:GetDownloadUrlForLayer"})"),
              HasSubstr("policyText"));
  for (const auto* from : {"&from=ns1/web", ""}) {
    EXPECT_EQ(send("POST", "/v2/ns1/other/blobs/uploads/?mount=" + digest + from).status, 202) << from;
  }
  EXPECT_EQ(get("/v2/ns1/web/blobs/" + digest).status, 403);
  call("DeleteRepositoryPolicy", in_web);
  EXPECT_EQ(send("POST", "/v2/ns1/other/blobs/uploads/?mount=" + digest).status, 201);
}

TEST_F(EcrPolicies, ALockOutNeedsForce) {
  const std::string all = R"({"Effect":"Deny","Principal":"*","Action":"ecr:*"})";
  EXPECT_THAT(set_policy(all), HasSubstr("InvalidParameterException: Invalid parameter at 'PolicyText'"));
  EXPECT_THAT(set_policy(all, true), HasSubstr("policyText"));
  EXPECT_THAT(set_policy(all), HasSubstr("AccessDeniedException"));
  EXPECT_THAT(set_policy(R"({"Effect":"Allow"})"), HasSubstr("AccessDeniedException"));
}

TEST_F(EcrPolicies, APolicyThatCannotBeEnforcedIsRefused) {
  EXPECT_THAT(
      set_policy(R"({"Effect":"Deny","Principal":"*","Action":"*","Condition":{"Bool":{"aws:Tls":"x"}}})"),
      HasSubstr("'Invalid repository policy provided: policy: $.Statement[0].Condition: the condition key "
                "aws:Tls is not supported"));
  EXPECT_THAT(call("GetRepositoryPolicy", in_web), HasSubstr("RepositoryPolicyNotFoundException"));
}

TEST_F(EcrPolicies, TheRegistrysPolicyIsAboutRepositoriesThatItNames) {
  create_repository("ns2/web");
  const std::string text =
      R"({"Statement":{"Effect":"Deny","Principal":"*","Action":["ecr:ListImages","ecr:CreateRepository"],"Resource":"arn:aws:ecr:us-east-1:123456789012:repository/ns1/*"}})";
  EXPECT_EQ(call("GetRegistryPolicy", "{}"),
            "RegistryPolicyNotFoundException: Registry policy does not exist in the registry with id "
            "'123456789012'");
  EXPECT_THAT(call("PutRegistryPolicy", format(R"({{"policyText":{}}})", quoted(text))),
              HasSubstr("\"registryId\":\"123456789012\",\"policyText\""));
  restart();
  EXPECT_EQ(get("/v2/ns1/web/tags/list").status, 403);
  EXPECT_EQ(get("/v2/ns2/web/tags/list").status, 200);
  EXPECT_THAT(call("CreateRepository", R"({"repositoryName":"ns1/new"})"),
              HasSubstr("AccessDeniedException"));
  call("PutAccountSetting", R"({"name":"REGISTRY_POLICY_SCOPE","value":"V1"})");
  EXPECT_EQ(get("/v2/ns1/web/tags/list").status, 200);
  EXPECT_THAT(call("CreateRepository", R"({"repositoryName":"ns1/new"})"),
              HasSubstr("AccessDeniedException"));
  EXPECT_THAT(call("DeleteRegistryPolicy", "{}"), HasSubstr("ns1/*"));
  EXPECT_THAT(call("CreateRepository", R"({"repositoryName":"ns1/new"})"), HasSubstr("repositoryArn"));
}

TEST_F(EcrPolicies, ALifecyclePolicyIsAppliedOnceItIsPut) {
  push_image("ns1/web", "v1", "old");
  clock_.advance(std::chrono::seconds(2));
  const auto kept = push_image("ns1/web", "v2", "new");
  EXPECT_THAT(call("GetLifecyclePolicy", in_web), HasSubstr("LifecyclePolicyNotFoundException"));
  EXPECT_THAT(put_lifecycle(keep_one), HasSubstr("\"lifecyclePolicyText\":\"{\\\"rules\\\""));
  EXPECT_TRUE(wait_until([&] { return images().find("v1") == std::string::npos; })) << images();
  EXPECT_THAT(images(), HasSubstr(kept));
  EXPECT_TRUE(wait_until([&] { return evaluated(); }));
  EXPECT_THAT(call("DeleteLifecyclePolicy", in_web), HasSubstr("\"lastEvaluatedAt\":1"));
  EXPECT_THAT(call("DeleteLifecyclePolicy", in_web), HasSubstr("LifecyclePolicyNotFoundException"));
}

TEST_F(EcrPolicies, ALifecyclePolicyIsAppliedAtTheStart) {
  push_image("ns1/web", "v1", "old");
  put_lifecycle(keep_one);
  EXPECT_TRUE(wait_until([&] { return evaluated(); }));
  clock_.advance(std::chrono::seconds(2));
  push_image("ns1/web", "v2", "new");
  restart();
  EXPECT_TRUE(wait_until([&] { return images().find("v1") == std::string::npos; })) << images();
}

TEST_F(EcrPolicies, ExpiryTakesAnIndexThenItsImagesAndTheirSignatures) {
  const auto child = image_manifest("ns1/web", "layer");
  ASSERT_EQ(put_manifest("ns1/web", digest_of(child), child).status, 201);
  const auto index = format(
      R"({{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{}","size":{}}}]}})",
      digest_of(child), child.size());
  ASSERT_EQ(put_manifest("ns1/web", "v1", index, "application/vnd.oci.image.index.v1+json").status, 201);
  const auto signature = image_manifest(
      "ns1/web", "signature",
      format(
          R"(,"subject":{{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"{}","size":{}}})",
          digest_of(index), index.size()));
  clock_.advance(std::chrono::seconds(2));
  ASSERT_EQ(put_manifest("ns1/web", digest_of(signature), signature).status, 201);
  clock_.advance(std::chrono::hours(48));
  put_lifecycle(
      R"({"rules":[{"rulePriority":1,"selection":{"tagStatus":"tagged","tagPrefixList":["v"],"countType":"sinceImagePushed","countUnit":"days","countNumber":1},"action":{"type":"expire"}},{"rulePriority":2,"selection":{"tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":1},"action":{"type":"expire"}}]})");
  EXPECT_TRUE(wait_until([&] { return images() == R"({"imageIds":[]})"; })) << images();
}

TEST_F(EcrPolicies, APreviewChangesNothing) {
  const auto old = push_image("ns1/web", "v1", "old");
  clock_.advance(std::chrono::seconds(2));
  push_image("ns1/web", "v2", "middle");
  clock_.advance(std::chrono::seconds(2));
  push_image("ns1/web", "v3", "new");
  EXPECT_THAT(call("GetLifecyclePolicyPreview", in_web),
              HasSubstr("LifecyclePolicyPreviewNotFoundException"));
  EXPECT_THAT(call("StartLifecyclePolicyPreview", in_web), HasSubstr("LifecyclePolicyNotFoundException"));
  const auto started =
      call("StartLifecyclePolicyPreview",
           format(R"({{"repositoryName":"ns1/web","lifecyclePolicyText":{}}})", quoted(keep_one)));
  EXPECT_THAT(started, HasSubstr("\"status\":\"IN_PROGRESS\""));
  std::string preview;
  EXPECT_TRUE(wait_until([&] {
    preview = call("GetLifecyclePolicyPreview", R"({"repositoryName":"ns1/web","maxResults":1})");
    return preview.find("\"COMPLETE\"") != std::string::npos;
  })) << preview;
  EXPECT_THAT(preview, HasSubstr("\"expiringImageTotalCount\":2"));
  EXPECT_THAT(preview, HasSubstr(old));
  EXPECT_THAT(preview, HasSubstr("\"action\":{\"type\":\"EXPIRE\"},\"appliedRulePriority\":1"));
  EXPECT_THAT(preview, HasSubstr("\"nextToken\":\"MQ==\""));
  EXPECT_THAT(
      call("GetLifecyclePolicyPreview", R"({"repositoryName":"ns1/web","imageIds":[{"imageTag":"v2"}]})"),
      Not(HasSubstr(old)));
  EXPECT_THAT(images(), HasSubstr("v1"));
  restart();
  EXPECT_THAT(call("GetLifecyclePolicyPreview", in_web), HasSubstr("\"COMPLETE\""));
  clock_.advance(std::chrono::hours(25));
  EXPECT_THAT(call("GetLifecyclePolicyPreview", in_web), HasSubstr("\"EXPIRED\""));
}

TEST_F(EcrPolicies, APreviewThatACrashCutShortIsWorkedOutAtTheStart) {
  stop();
  ASSERT_OK(write_file(
      join_path(options_.data, "repositories/ns1/web/_gantry/preview.json"),
      format(
          R"({{"begunAt":{},"preview":{{"repositoryName":"ns1/web","status":"IN_PROGRESS","lifecyclePolicyText":{}}}}})",
          to_epoch_seconds(clock_.now()), quoted(keep_one))));
  start();
  EXPECT_TRUE(wait_until(
      [&] { return call("GetLifecyclePolicyPreview", in_web).find("\"COMPLETE\"") != std::string::npos; }));
}

TEST_F(EcrPolicies, ABadLifecyclePolicyIsRefusedInEcrsForm) {
  EXPECT_EQ(
      put_lifecycle("{\"rules\":[" + std::string(100, ' ')),
      "InvalidParameterException: Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: "
      "'Lifecycle policy validation failure: Could not map policyString into LifecyclePolicy.'");
  EXPECT_THAT(put_lifecycle("{}"), HasSubstr("Member must have length greater than or equal to 100"));
}

}  // namespace
}  // namespace gantry::registry::test
