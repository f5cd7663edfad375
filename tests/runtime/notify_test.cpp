#include "tests/runtime/container_fixture.h"

#include <cstring>
#include <fcntl.h>
#include <future>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace gantry::runtime {
namespace {

using testing::HasSubstr;

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof address.sun_path, "%s", path.c_str());
  return address;
}

// A service manager, as far as sd_notify(3) goes; gantry-oci is started by it.
class Notifications : public Containers {
 protected:
  void SetUp() override {
    Containers::SetUp();
    if (IsSkipped()) return;
    socket_ = UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto address = address_of(file("manager"));
    ASSERT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::setenv("NOTIFY_SOCKET", file("manager").c_str(), 1);
  }
  void TearDown() override {
    ::unsetenv("NOTIFY_SOCKET");
    Containers::TearDown();
  }

  bool heard_something(int limit_ms) {
    pollfd wait{socket_.get(), POLLIN, 0};
    return ::poll(&wait, 1, limit_ms) == 1;
  }

  // The next message; a descriptor that comes with it is closed, as the manager does once it has read it.
  std::string hear() {
    if (!heard_something(20'000)) return "nothing within 20 s";
    char text[256];
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    iovec data{text, sizeof text};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t got = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
    if (const cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
      ::close(fd);
    }
    return got < 0 ? std::strerror(errno) : std::string(text, static_cast<size_t>(got));
  }

  // What a program in the container would send; by its path there.
  int say(pid_t init, const std::string& text) {
    const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto address = address_of(format("/proc/{}/root/run/notify/notify.sock", init));
    const auto sent = ::sendto(socket.get(), text.data(), text.size(), 0,
                               reinterpret_cast<const sockaddr*>(&address), sizeof address);
    return sent == static_cast<ssize_t>(text.size()) ? 0 : errno;
  }

 private:
  UniqueFd socket_;
};

pid_t parent_of(pid_t pid) {
  const auto text = read_file(format("/proc/{}/status", pid)).value_or("");
  const auto at = text.find("PPid:\t");
  return at == std::string::npos ? 0 : std::atoi(text.c_str() + at + 6);
}

bool is_over(const std::future<CommandResult>& command) {
  return command.wait_for(std::chrono::milliseconds(100)) == std::future_status::ready;
}

TEST_F(Notifications, StartWaitsForReadyAndPassesOnThatAlone) {
  configure({"sleep", "1000"});
  ASSERT_EQ(create(test_id).status, 0);
  auto start = std::async(std::launch::async, [&] { return runtime({"start", test_id}); });
  ASSERT_TRUE(test::wait_until([&] { return status(test_id) == "running"; }));
  EXPECT_FALSE(is_over(start));
  const pid_t init = pid_of(test_id);
  const auto environment = read_file(format("/proc/{}/environ", init));
  ASSERT_OK(environment);
  EXPECT_THAT(*environment, HasSubstr(std::string("NOTIFY_SOCKET=/run/notify/notify.sock\0", 38)));
  ASSERT_EQ(say(init, "STATUS=half way\nNOTREADY=1"), 0);
  EXPECT_FALSE(heard_something(100));
  ASSERT_EQ(say(init, "STATUS=there\nMAINPID=1\nREADY=1\nFDSTORE=1"), 0);
  EXPECT_EQ(hear(), format("READY=1\nMAINPID={}\n", init));
  EXPECT_FALSE(is_over(start)) << "before the manager has read it";
  EXPECT_EQ(hear(), "BARRIER=1");
  EXPECT_EQ(start.get().status, 0);
  EXPECT_THAT(runtime({"exec", test_id, "env"}).output, testing::Not(HasSubstr("NOTIFY_SOCKET")));
}

TEST_F(Notifications, StartEndsWithAProgramThatNeverIsReady) {
  configure({"sh", "-c", "sleep 0.1"});
  ASSERT_EQ(create(test_id).status, 0);
  EXPECT_EQ(runtime({"start", test_id}).status, 0);
  EXPECT_FALSE(heard_something(0));
  EXPECT_EQ(runtime({"delete", "--force", test_id}).status, 0);
  EXPECT_THAT(state_folders(), testing::IsEmpty());
}

TEST_F(Notifications, DetachedRunWaitsForReady) {
  configure({"sleep", "1000"}, [](auto& config) { config.root->readonly = true; });
  auto run = std::async(std::launch::async, [&] {
    return run_silently({"run", "--detach", "--bundle", bundle(), test_id});
  });
  ASSERT_TRUE(test::wait_until([&] { return status(test_id) == "running"; }));
  EXPECT_FALSE(is_over(run));
  ASSERT_EQ(say(pid_of(test_id), "READY=1"), 0);
  EXPECT_EQ(hear(), format("READY=1\nMAINPID={}\n", pid_of(test_id)));
  EXPECT_EQ(hear(), "BARRIER=1");
  EXPECT_EQ(run.get().status, 0);
}

TEST_F(Notifications, WhatAContainerSaysBeforeItIsReadyFillsNoMemory) {
  configure({"sleep", "1000"});
  auto run = std::async(std::launch::async, [&] {
    return run_silently({"run", "--detach", "--bundle", bundle(), test_id});
  });
  ASSERT_TRUE(test::wait_until([&] { return status(test_id) == "running"; }));
  const pid_t init = pid_of(test_id);
  const rlimit little{16 << 20, 16 << 20};
  ASSERT_EQ(::prlimit(parent_of(init), RLIMIT_DATA, &little, nullptr), 0);
  const std::string many_lines(4000, '\n');
  for (int i = 0; i < 500; ++i) ASSERT_EQ(say(init, many_lines), 0) << "gantry-oci is gone after " << i;
  ASSERT_EQ(say(init, "READY=1"), 0);
  EXPECT_EQ(run.get().status, 0);
}

TEST_F(Notifications, RunInTheForegroundIsItselfTheMainProcess) {
  configure({"sleep", "1000"});
  auto run = std::async(std::launch::async, [&] { return runtime({"run", "--bundle", bundle(), test_id}); });
  ASSERT_TRUE(test::wait_until([&] { return status(test_id) == "running"; }));
  const pid_t init = pid_of(test_id);
  ASSERT_TRUE(test::wait_until([&] { return say(init, "READY=1") == 0; }));
  EXPECT_EQ(hear(), format("READY=1\nMAINPID={}\n", parent_of(init)));
  EXPECT_FALSE(is_over(run));
  ASSERT_EQ(runtime({"kill", test_id, "KILL"}).status, 0);
  EXPECT_EQ(run.get().status, 137);
}

TEST_F(Notifications, ContainerInAUserNamespaceReachesTheSocket) {
  configure({"sleep", "1000"}, [](auto& config) {
    config.linux_->namespaces.push_back({oci::NamespaceType::user, ""});
    config.linux_->uid_mappings = {{0, 100000, 65536}};
    config.linux_->gid_mappings = {{0, 100000, 65536}};
    config.linux_->resources.devices.clear();
  });
  ASSERT_OK(make_directories(rootfs() + "/run/notify", 0755));  // in a root that isn't its own it can't
  ASSERT_EQ(create(test_id).status, 0);
  auto start = std::async(std::launch::async, [&] { return runtime({"start", test_id}); });
  ASSERT_TRUE(test::wait_until([&] { return status(test_id) == "running"; }));
  const auto mode = runtime({"exec", test_id, "stat", "-c", "%a", "/run/notify/notify.sock", "/run/notify"});
  EXPECT_EQ(mode.output, "777\n755\n") << mode.errors;
  ASSERT_EQ(say(pid_of(test_id), "READY=1"), 0);
  EXPECT_EQ(hear(), format("READY=1\nMAINPID={}\n", pid_of(test_id)));
  EXPECT_EQ(hear(), "BARRIER=1");
  EXPECT_EQ(start.get().status, 0);
}

TEST_F(Notifications, SocketThatCannotBeOneIsRefusedBeforeAnythingIsMade) {
  ::setenv("NOTIFY_SOCKET", "relative", 1);
  configure({"sleep", "1000"});
  EXPECT_THAT(runtime({"create", "--bundle", bundle(), test_id}).errors,
              HasSubstr("NOTIFY_SOCKET must be an absolute path or @ and a name"));
  EXPECT_THAT(state_folders(), testing::IsEmpty());
}

TEST_F(Notifications, NothingIsMadeWithoutTheVariable) {
  ::unsetenv("NOTIFY_SOCKET");
  configure({"sh", "-c", "ls /run/notify; env"});
  const auto result = runtime({"run", "--bundle", bundle(), test_id});
  EXPECT_THAT(result.errors, HasSubstr("/run/notify: No such file"));
  EXPECT_THAT(result.output, testing::Not(HasSubstr("NOTIFY_SOCKET")));
}

}  // namespace
}  // namespace gantry::runtime
