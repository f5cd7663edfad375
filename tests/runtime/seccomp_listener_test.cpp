#include "base/json.h"
#include "tests/runtime/container_fixture.h"

#include <atomic>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

// An agent of the test answers the system calls of containers.

namespace gantry::runtime {
namespace {

using testing::HasSubstr;

// One connection: what came, and the descriptor.
struct Told {
  std::string message;
  UniqueFd descriptor;
  pid_t pid = 0;
};

class SeccompListener : public Containers {
 protected:
  void SetUp() override {
    Containers::SetUp();
    if (IsSkipped()) return;
    listener_ = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path, sizeof address.sun_path, "%s", file("agent").c_str());
    ASSERT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(listener_.get(), 8), 0);
  }

  // `calls` of the container go to the agent.
  std::function<void(oci::RuntimeConfig&)> notify(std::vector<std::string> calls,
                                                  std::vector<oci::SeccompRule> more = {}) {
    return [this, calls, more](oci::RuntimeConfig& config) {
      oci::SeccompProfile profile;
      profile.listener_path = file("agent");
      profile.listener_metadata = "\"pid\":1234567890";
      profile.syscalls = more;
      profile.syscalls.push_back({calls, oci::SeccompAction::notify, {}, {}});
      config.linux_->seccomp = profile;
    };
  }

  // Takes a connection and closes it.
  void leave() { UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)).reset(); }

  // Takes one connection to its end, then answers calls with `error` (0: go on) until nobody makes any.
  Told serve(int error) {
    Told told;
    pollfd wait{listener_.get(), POLLIN, 0};
    if (::poll(&wait, 1, 20'000) != 1) return told;
    const UniqueFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    ++accepted_;
    char text[4096];
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    iovec data{text, sizeof text};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    for (;;) {
      const ssize_t count = ::recvmsg(connection.get(), &message, MSG_CMSG_CLOEXEC);
      if (count <= 0) break;
      told.message.append(text, static_cast<size_t>(count));
      if (const cmsghdr* header = CMSG_FIRSTHDR(&message)) {
        told.descriptor = UniqueFd(*reinterpret_cast<const int*>(CMSG_DATA(header)));
      }
      message.msg_controllen = sizeof control;
    }
    answer_calls(told, error);
    return told;
  }

 private:
  static void answer_calls(Told& told, int error) {
    for (;;) {
      pollfd wait{told.descriptor.get(), POLLIN, 0};
      if (::poll(&wait, 1, 20'000) != 1 || (wait.revents & POLLIN) == 0) return;
      seccomp_notif call{};
      if (::ioctl(told.descriptor.get(), SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) return;
      told.pid = static_cast<pid_t>(call.pid);
      seccomp_notif_resp reply{};
      reply.id = call.id;
      reply.error = -error;
      if (error == 0) reply.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
      ::ioctl(told.descriptor.get(), SECCOMP_IOCTL_NOTIF_SEND, &reply);
    }
  }
  UniqueFd listener_;

 protected:
  std::atomic<int> accepted_ = 0;
};

struct Message {
  std::string version;
  std::vector<std::string> fds;
  pid_t pid = 0;
  std::string metadata;
  RawJson state;
};

template <class Visitor>
void members(Visitor& visit, Message& message) {
  visit.required("ociVersion", message.version);
  visit.required("fds", message.fds);
  visit.required("pid", message.pid);
  visit.required("metadata", message.metadata);
  visit.required("state", message.state);
}

TEST_F(SeccompListener, TheAgentAnswersTheCallsOfTheProgram) {
  Told told;
  std::thread agent([&] { told = serve(28); });
  const auto result = run_shell("mkdir /tmp/x", notify({"mkdir"}));
  agent.join();
  EXPECT_THAT(result.errors, HasSubstr("No space left on device"));
  const auto message = parse_json<Message>(told.message, "message");
  ASSERT_OK(message);
  EXPECT_EQ(message->fds, std::vector<std::string>{"seccompFd"});
  EXPECT_EQ(message->metadata, "\"pid\":1234567890") << "text that looks like the pid's place stays";
  EXPECT_EQ(message->version, "1.3.0");
  EXPECT_GT(message->pid, 1) << "the pid as the runtime sees it";
  EXPECT_THAT(message->state.text, HasSubstr(format("\"pid\":{}", message->pid)));
  EXPECT_THAT(message->state.text, HasSubstr(format("\"id\":\"{}\"", test_id)));
  EXPECT_THAT(message->state.text, HasSubstr("\"status\":\"creating\""));
  EXPECT_GT(told.pid, 0);
}

// What the runtime itself still calls once the filter is there may be the agent's too, or be forbidden.
TEST_F(SeccompListener, NoRuleStandsInTheWayOfTheSending) {
  const std::vector<oci::SeccompRule> forbidden = {
      {{"sendmsg", "sendto", "futex", "sched_yield", "clone", "shutdown"}, oci::SeccompAction::error, 1, {}}};
  for (const bool no_new_privileges : {true, false}) {
    Told told;
    std::thread agent([&] { told = serve(0); });
    const auto result = run({"mkdir", "/tmp/x"}, [&](auto& config) {
      notify({"mkdir", "execve", "capset", "close_range", "exit_group"}, forbidden)(config);
      config.process->no_new_privileges = no_new_privileges;
    });
    agent.join();
    EXPECT_EQ(result.status, 0) << result.errors;
    EXPECT_TRUE(told.descriptor);
    ASSERT_OK(remove_file(rootfs() + "/tmp/x"));
  }
}

TEST_F(SeccompListener, HearsOfAProgramWithoutCapabilitiesOfItsOwn) {
  Told told;
  std::thread agent([&] { told = serve(28); });
  const auto result = run_shell("mkdir /tmp/x", [&](auto& config) {
    notify({"mkdir"})(config);
    config.process->capabilities.reset();
    config.process->no_new_privileges = false;
  });
  agent.join();
  EXPECT_THAT(result.errors, HasSubstr("No space left on device"));
}

TEST_F(SeccompListener, HearsOfEachExecAndOfTheStart) {
  configure({"sh", "-c", "mkdir /tmp/x; sleep 1000"}, notify({"mkdir"}));
  ASSERT_EQ(create(test_id).status, 0);
  Told told;
  std::thread agent([&] { told = serve(28); });
  EXPECT_EQ(runtime({"start", test_id}).status, 0);
  ASSERT_TRUE(test::wait_until([&] { return accepted_ == 1; }));
  Told second;
  std::thread other([&] { second = serve(28); });
  const auto result = runtime({"exec", test_id, "mkdir", "/tmp/y"});
  EXPECT_THAT(result.errors, HasSubstr("No space left on device"));
  other.join();
  const auto message = parse_json<Message>(second.message, "message");
  ASSERT_OK(message);
  EXPECT_THAT(message->state.text, HasSubstr("\"status\":\"running\""));
  EXPECT_THAT(message->state.text, HasSubstr(format("\"pid\":{}", pid_of(test_id))));
  EXPECT_NE(message->pid, pid_of(test_id)) << "of the exec's process";
  EXPECT_EQ(runtime({"delete", "--force", test_id}).status, 0);
  agent.join();
  EXPECT_THAT(told.message, HasSubstr(format("\"id\":\"{}\"", test_id)));
}

TEST_F(SeccompListener, AnAgentThatLeavesIsAnErrorAndNobodyWaitsForIt) {
  configure({"mkdir", "/tmp/x"}, notify({"mkdir", "exit_group"}));
  ASSERT_EQ(create(test_id).status, 0);
  leave();
  const auto started = runtime({"start", test_id});
  EXPECT_EQ(started.status, 1);
  EXPECT_THAT(started.errors, HasSubstr("send the descriptor to the seccomp listener: Broken pipe"));
  EXPECT_TRUE(test::wait_until([&] { return status(test_id) == "stopped"; }));
}

TEST_F(SeccompListener, FlagsOfTheProfileAreSetWithIt) {
  Told told;
  std::thread agent([&] { told = serve(28); });
  const auto result = run_shell("mkdir /tmp/x", [&](auto& config) {
    notify({"mkdir"})(config);
    config.linux_->seccomp->flags = {"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG",
                                     "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
                                     "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"};
  });
  agent.join();
  EXPECT_THAT(result.errors, HasSubstr("No space left on device"));
}

TEST_F(SeccompListener, IsNotCalledByAProfileThatAsksNobody) {
  const auto result = run({"true"}, [&](auto& config) {
    config.linux_->seccomp = oci::SeccompProfile{};
    config.linux_->seccomp->listener_path = "/nowhere";
  });
  EXPECT_EQ(result.status, 0) << result.errors;
}

}  // namespace
}  // namespace gantry::runtime
