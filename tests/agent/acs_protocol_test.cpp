#include "agent/acs_protocol.h"

#include "base/files.h"
#include "tests/agent/fake_driver.h"
#include "tests/agent/sample_task.h"
#include "tests/support/results.h"
#include "tests/support/wait.h"

namespace gantry::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Notes what is submitted.
class NotingControl final : public ControlPlane {
 public:
  http::AwsResult<Registered> register_instance(const api::RegisterContainerInstanceRequest&) override {
    return Registered{};
  }
  http::AwsResult<void> create_cluster(const std::string&) override { return {}; }
  http::AwsResult<PollEndpoints> discover(const std::string&, const std::string&) override {
    return PollEndpoints{};
  }
  http::AwsResult<void> submit(const api::SubmitTaskStateChangeRequest& request) override {
    submitted.push_back(request);
    return {};
  }
  std::vector<api::SubmitTaskStateChangeRequest> submitted;
};

class Acs : public testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryDirectory::make();
    ASSERT_OK(folder);
    folder_ = std::move(*folder);
    config_.data_directory = folder_->path();
    auto store = StateStore::open(folder_->path());
    ASSERT_OK(store);
    store_.emplace(std::move(*store));
    manager_ = std::make_unique<TaskManager>(config_, driver_, *store_, clock_);
    protocol_ = std::make_unique<AcsProtocol>(*manager_, *store_, InstanceState{"default", "arn:instance", 0},
                                              control_);
  }

  std::vector<std::string> handle(const std::string& frame) {
    auto answers = protocol_->handle(frame);
    EXPECT_OK(answers);
    return answers ? *answers : std::vector<std::string>{};
  }

  static std::string payload(const std::vector<api::PayloadTask>& tasks, int64_t sequence) {
    return api::to_frame(api::PayloadMessage{"m-1", "c", "arn:instance", sequence, 0, tasks});
  }

  SystemClock clock_;
  FakeDriver driver_;
  NotingControl control_;
  std::optional<TemporaryDirectory> folder_;
  Config config_;
  std::optional<StateStore> store_;
  std::unique_ptr<TaskManager> manager_;
  std::unique_ptr<AcsProtocol> protocol_;
};

TEST_F(Acs, PayloadIsAcknowledgedOnceItsTasksAreSaved) {
  EXPECT_THAT(
      handle(payload({sample_task("a1"), sample_task("a2")}, 7)),
      ElementsAre(R"({"type":"AckRequest","message":{"cluster":"default","containerInstance":"arn:instance",)"
                  R"("messageId":"m-1"}})"));
  EXPECT_TRUE(path_exists(join_path(folder_->path(), "tasks/a1.json")));
  EXPECT_TRUE(path_exists(join_path(folder_->path(), "tasks/a2.json")));
  EXPECT_EQ(store_->load_instance()->sequence, 7);
}

TEST_F(Acs, PayloadThatCannotBeSavedIsNotAcknowledged) {
  ASSERT_OK(remove_tree(join_path(folder_->path(), "tasks")));
  ASSERT_OK(write_file(join_path(folder_->path(), "tasks"), "in the way"));
  EXPECT_THAT(handle(payload({sample_task("a1")}, 7)), IsEmpty());
}

TEST_F(Acs, TaskThatCannotBeReadIsRefusedAndTheOthersRun) {
  auto frame = payload({sample_task("bad"), sample_task("good")}, 7);
  const auto place = frame.find("\"cpu\":128");
  frame.replace(place, 9, "\"cpu\":\"x\"");
  EXPECT_THAT(handle(frame), IsEmpty()) << "no acknowledgement";
  ASSERT_EQ(control_.submitted.size(), 1u);
  EXPECT_THAT(control_.submitted[0].task, HasSubstr("task/default/bad"));
  EXPECT_EQ(control_.submitted[0].status, "STOPPED");
  EXPECT_THAT(control_.submitted[0].reason, HasSubstr("UnrecogniedTaskError: Error loading task - "));
  EXPECT_TRUE(manager_->find(sample_task("good").arn).has_value());
}

struct Foreign {
  const char* name;
  const char* place;    // the member that `members` goes before
  const char* members;  // as a control plane may send them
  const char* reason;
};

// What the agent can't honour it doesn't run: the task stops, and the control plane is told which member it
// was.
class ForeignMembers : public Acs, public testing::WithParamInterface<Foreign> {};

constexpr const char* of_task = "\"family\"";
constexpr const char* of_container = "\"image\"";

TEST_P(ForeignMembers, StopTheTaskWithTheirName) {
  auto frame = payload({sample_task("a1")}, 7);
  frame.insert(frame.find(GetParam().place), std::string(GetParam().members) + ",");
  EXPECT_THAT(handle(frame), ElementsAre(HasSubstr("AckRequest")));
  const auto arn = sample_task("a1").arn;
  ASSERT_TRUE(test::wait_until([&] { return manager_->find(arn)->record.known == TaskStatus::stopped; }));
  EXPECT_THAT(manager_->find(arn)->record.reason, HasSubstr(GetParam().reason));
  EXPECT_EQ(driver_.count("pull") + driver_.count("create"), 0);
}

INSTANTIATE_TEST_SUITE_P(
    , ForeignMembers,
    testing::Values(
        Foreign{"enis", of_task, R"("elasticNetworkInterfaces":[{"macAddress":"02:00"}])",
                "elasticNetworkInterfaces"},
        Foreign{"attachments", of_task, R"("attachments":[{"attachmentArn":"a"}])",
                "attachments isn't supported"},
        Foreign{"associations", of_task, R"("associations":[{"type":"gpu"}])", "associations"},
        Foreign{"proxy", of_task, R"("proxyConfiguration":{"type":"APPMESH"})", "proxyConfiguration"},
        Foreign{"efs", of_task, R"("volumes":[{"name":"v","efsVolumeConfiguration":{"fileSystemId":"f"}}])",
                "volume v: efsVolumeConfiguration"},
        Foreign{"docker_volume", of_task,
                R"("volumes":[{"name":"v","dockerVolumeConfiguration":{"scope":"task"}}])",
                "volume v: dockerVolumeConfiguration"},
        Foreign{"environment_files", of_container, R"("environmentFiles":[{"value":"arn:x","type":"s3"}])",
                "container app: environmentFiles"},
        Foreign{"firelens", of_container, R"("firelensConfiguration":{"type":"fluentbit"})",
                "firelensConfiguration"},
        Foreign{"managed_agents", of_container, R"("managedAgents":[{"name":"ExecuteCommandAgent"}])",
                "managedAgents"},
        Foreign{"gpu", of_container, R"("resourceRequirements":[{"type":"GPU","value":"1"}])",
                "resourceRequirements"},
        Foreign{"linux_parameters", of_container, R"("linuxParameters":{"initProcessEnabled":true})",
                "linuxParameters"},
        Foreign{"secrets", of_container, R"("secrets":[{"name":"TOKEN"}])", "secret TOKEN"},
        Foreign{"condition", of_container, R"("dependsOn":[{"containerName":"app","condition":"READY"}])",
                "dependsOn condition READY"}),
    [](const auto& test) { return test.param.name; });

TEST_F(Acs, MembersThatAskForNothingOrAreNewDoNotStopATask) {
  auto frame = payload({sample_task("a1")}, 7);
  frame.insert(frame.find(of_task), R"("attachments":[],"proxyConfiguration":{},"someday":{"kind":"new"},)");
  frame.insert(frame.find(of_container), R"("environmentFiles":[],"firelensConfiguration":{"type":""},)");
  EXPECT_THAT(handle(frame), ElementsAre(HasSubstr("AckRequest")));
  EXPECT_FALSE(manager_->find(sample_task("a1").arn)->record.stop_wanted);
}

TEST_F(Acs, AttachmentsAreRefused) {
  const auto answers =
      handle(R"({"type":"AttachTaskNetworkInterfacesMessage","message":{"messageId":"n-1","taskArn":"t"}})");
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_THAT(answers[0], HasSubstr("NackRequest"));
  EXPECT_THAT(answers[0], HasSubstr(R"("messageId":"n-1")"));
  EXPECT_THAT(answers[0], HasSubstr("AttachTaskNetworkInterfacesMessage isn't supported"));
}

TEST_F(Acs, CredentialsAreAcknowledgedApart) {
  auto task = sample_task("a1");
  task.execution_role_credentials.emplace();
  task.execution_role_credentials->credentials_id = "c-1";
  task.execution_role_credentials->expiration = "2026-11-24T10:00:00Z";
  const auto answers = handle(payload({task}, 7));
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_THAT(answers[1], HasSubstr(R"("type":"IAMRoleCredentialsAckRequest")"));
  EXPECT_THAT(answers[1], HasSubstr(R"("credentialsId":"c-1")"));
}

TEST_F(Acs, HeartbeatIsAnswered) {
  EXPECT_THAT(handle(R"({"type":"HeartbeatMessage","message":{"messageId":"h-1","healthy":true}})"),
              ElementsAre(R"({"type":"HeartbeatAckRequest","message":{"messageId":"h-1"}})"));
}

std::string manifest(int64_t timeline, const std::vector<api::TaskIdentifier>& tasks) {
  return api::to_frame(api::TaskManifestMessage{"t-1", "c", "arn:instance", 0, timeline, tasks});
}

TEST_F(Acs, ManifestAsksBeforeATaskIsStopped) {
  handle(payload({sample_task("a1"), sample_task("a2")}, 7));
  const auto first = sample_task("a1").arn;
  const auto second = sample_task("a2").arn;
  const auto answers = handle(manifest(8, {{first, "c", "RUNNING"}}));
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_THAT(answers[0], HasSubstr("AckRequest"));
  EXPECT_THAT(answers[1], HasSubstr("TaskStopVerificationMessage"));
  EXPECT_THAT(answers[1], HasSubstr(second));
  EXPECT_THAT(answers[1], testing::Not(HasSubstr(first)));
  handle(api::to_frame(api::TaskStopVerificationAck{"another", 0, {{second, "c", "STOPPED"}}}));
  EXPECT_FALSE(manager_->find(second)->record.stop_wanted) << "an answer to another manifest";
  handle(api::to_frame(api::TaskStopVerificationAck{"t-1", 0, {{second, "c", "STOPPED"}}}));
  EXPECT_TRUE(manager_->find(second)->record.stop_wanted);
  EXPECT_FALSE(manager_->find(first)->record.stop_wanted);
}

TEST_F(Acs, OldManifestIsIgnored) {
  handle(payload({sample_task("a1")}, 7));
  EXPECT_THAT(handle(manifest(7, {})), IsEmpty());
  EXPECT_FALSE(manager_->find(sample_task("a1").arn)->record.stop_wanted);
}

TEST_F(Acs, UpdatesAreRefusedAndUnknownMessagesDropped) {
  const auto refused = handle(
      R"({"type":"PerformUpdateMessage","message":{"messageId":"u-1","clusterArn":"c","containerInstanceArn":"i"}})");
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_THAT(refused[0], HasSubstr("NackRequest"));
  EXPECT_THAT(handle(R"({"type":"TomorrowsMessage","message":{}})"), IsEmpty());
  EXPECT_ERROR(protocol_->handle("{"), ErrorKind::invalid, HasSubstr("ACS frame"));
}

}  // namespace
}  // namespace gantry::agent
