#include "base/text.h"
#include "runtime/criu_message.h"
#include "tests/runtime/container_fixture.h"
#include "tests/support/programs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

// Needs criu, and a kernel that it works on.

namespace gantry::runtime {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* counter =
    "i=0; while :; do i=$((i+1)); echo $i > /data/count; [ -e /data/stop ] && exit 7; sleep 0.05; done";

// A terminal of the host.
struct Terminal {
  UniqueFd master{::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)};
  UniqueFd slave;  // kept, so that the terminal lives on without a reader
  std::string path;
  std::string text;

  Terminal() {
    char name[64] = {};
    if (::grantpt(master.get()) != 0 || ::unlockpt(master.get()) != 0) return;
    if (::ptsname_r(master.get(), name, sizeof name) != 0) return;
    path = name;
    slave = UniqueFd(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
  }
  const std::string& read_all() {
    char bytes[512];
    ssize_t count = 0;
    while ((count = ::read(master.get(), bytes, sizeof bytes)) > 0)
      text.append(bytes, static_cast<size_t>(count));
    return text;
  }
};

class Checkpoints : public Containers {
 protected:
  void start_counter(const std::function<void(oci::RuntimeConfig&)>& change = [](oci::RuntimeConfig&) {}) {
    ASSERT_OK(make_directories(file("data"), 0755));
    configure({"sh", "-c", counter}, [&](auto& config) {
      change(config);
      config.mounts.push_back({"/data", "bind", file("data"), {"rbind", "rw"}, {}, {}});
      config.linux_->resources.memory = oci::MemoryResources{};
      config.linux_->resources.memory->limit = 64 << 20;
    });
    const auto started = run_silently({"run", "--detach", "--bundle", bundle(), test_id});
    ASSERT_EQ(started.status, 0) << started.errors;
    ASSERT_TRUE(test::wait_until([&] { return count() > 3; }));
  }
  CommandResult checkpoint(std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"checkpoint", "--image-path", images()});
    flags.push_back(test_id);
    return runtime(flags);
  }
  CommandResult restore(const std::vector<std::string>& flags = {}) {
    std::vector<std::string> arguments = {"restore",      "--detach", "--bundle",   bundle(),
                                          "--image-path", images(),   "--pid-file", file("pid")};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    arguments.push_back(test_id);
    return run_silently(arguments);
  }
  CommandResult run_on_terminal(const std::string& terminal, const std::vector<std::string>& arguments) {
    Command command;
    command.arguments = {"/bin/sh",
                         "-c",
                         "exec \"$@\" <\"$0\" >\"$0\" 2>&1",
                         terminal,
                         test::program_path("gantry-oci"),
                         "--root",
                         root(),
                         "--log",
                         file("log")};
    command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
    command.limit = std::chrono::minutes(1);
    auto result = run_command(command);
    if (!result) return {-1, "", result.error().message()};
    result->errors = read_file(file("log")).value_or("");
    return std::move(*result);
  }
  int64_t count() {
    const auto text = read_file(file("data/count")).value_or("");
    return parse_integer("count", trim(text), 0, INT32_MAX).value_or(0);
  }
  std::string images() const { return file("images"); }
};

TEST_F(Checkpoints, ARestoredContainerGoesOnWhereItWasWithItsLimitsAndBinds) {
  start_counter();
  const auto saved = checkpoint({});
  ASSERT_EQ(saved.status, 0) << saved.errors;
  EXPECT_THAT(status(test_id), HasSubstr("does not exist"));
  EXPECT_FALSE(path_exists(cgroup_directory(test_id)));
  const auto before = count();
  ASSERT_OK(write_file(file("data/count"), "0\n", 0644));

  const auto restored = restore();
  ASSERT_EQ(restored.status, 0) << restored.errors;
  ASSERT_TRUE(test::wait_until([&] { return count() > before; })) << before;
  EXPECT_LT(count(), before + 1000);
  EXPECT_EQ(status(test_id), "running");
  EXPECT_EQ(read_file(file("pid")).value_or(""), std::to_string(pid_of(test_id)));
  EXPECT_EQ(read_file(cgroup_directory(test_id) + "/memory.max").value_or(""), "67108864\n");
  const auto inside = runtime({"exec", test_id, "cat", "/proc/self/cgroup", "/proc/1/comm"});
  EXPECT_EQ(inside.output, "0::/\nsh\n") << inside.errors;
  const std::string left = file("state") + "/" + test_id + "/criu-root";
  EXPECT_FALSE(path_exists(left));
  EXPECT_EQ(runtime({"delete", "--force", test_id}).status, 0);
}

TEST_F(Checkpoints, RestoreInTheForegroundEndsWithTheProgramsStatus) {
  start_counter();
  const auto saved = checkpoint({"--work-path", file("work")});
  ASSERT_EQ(saved.status, 0) << saved.errors;
  EXPECT_TRUE(path_exists(file("work/dump.log")));
  ASSERT_OK(write_file(file("data/stop"), "", 0644));
  const auto ended = run_silently({"restore", "--bundle", bundle(), "--image-path", images(), test_id});
  EXPECT_EQ(ended.status, 7) << ended.errors;
  EXPECT_THAT(status(test_id), HasSubstr("does not exist"));
}

TEST_F(Checkpoints, LeaveRunningAndPreDumpLetItGoOn) {
  start_counter();
  const auto parent = runtime({"checkpoint", "--pre-dump", "--image-path", file("parent"), test_id});
  ASSERT_EQ(parent.status, 0) << parent.errors;
  EXPECT_EQ(parent.errors, "");
  EXPECT_EQ(status(test_id), "running");
  const auto saved = checkpoint({"--parent-path", "../parent", "--leave-running"});
  ASSERT_EQ(saved.status, 0) << saved.errors;
  EXPECT_EQ(status(test_id), "running");
  const auto before = count();
  EXPECT_TRUE(test::wait_until([&] { return count() > before; }));
}

TEST_F(Checkpoints, HooksOfTheRuntimeRunAgainAndThoseOfTheProgramDont) {
  const auto hook = [&](const char* name) {
    return std::vector<oci::Hook>{
        {"/bin/sh", {"sh", "-c", format("echo {} >> {}", name, file("hooks"))}, {}, {}}};
  };
  start_counter([&](auto& config) {
    config.hooks = oci::Hooks{};
    config.hooks->create_runtime = hook("createRuntime");
    config.hooks->create_container = hook("createContainer");
    config.hooks->poststart = hook("poststart");
    config.hooks->poststop = hook("poststop");
  });
  ASSERT_EQ(checkpoint({}).status, 0);
  const auto restored = restore();
  ASSERT_EQ(restored.status, 0) << restored.errors;
  EXPECT_EQ(read_file(file("hooks")).value_or(""),
            "createRuntime\ncreateContainer\npoststart\npoststop\ncreateRuntime\n");
}

TEST_F(Checkpoints, ATerminalOfTheHostIsRefusedAndTheContainerGoesOn) {
  Terminal terminal;
  configure({"sh", "-c", "echo begun; exec sleep 1000"});
  const auto started = run_on_terminal(terminal.path, {"run", "--detach", "--bundle", bundle(), test_id});
  ASSERT_EQ(started.status, 0) << started.errors;
  ASSERT_TRUE(test::wait_until([&] { return terminal.read_all() == "begun\r\n"; })) << terminal.text;
  for (const std::vector<std::string>& flags : {std::vector<std::string>{}, {"--shell-job"}}) {
    EXPECT_THAT(checkpoint(flags).errors,
                HasSubstr("its descriptor 0 is a terminal outside of the container"));
    EXPECT_EQ(status(test_id), "running");
  }
}

TEST_F(Checkpoints, AFailedRestoreLeavesNothingAndQuotesCriu) {
  start_counter();
  ASSERT_EQ(checkpoint({}).status, 0);
  ASSERT_OK(write_file(images() + "/pstree.img", "", 0600));
  const auto failed = restore();
  EXPECT_EQ(failed.status, 1);
  EXPECT_THAT(failed.errors, HasSubstr("restore.log")) << failed.errors;
  EXPECT_EQ(state_folders(), std::vector<std::string>());
  EXPECT_FALSE(path_exists(cgroup_directory(test_id)));
}

TEST_F(Checkpoints, WhatCannotBeHonouredIsRefusedByName) {
  configure({"sleep", "1000"});
  ASSERT_EQ(create(test_id).status, 0);
  EXPECT_THAT(checkpoint({}).errors, HasSubstr("cannot be checkpointed in created state"));
  ASSERT_EQ(runtime({"start", test_id}).status, 0);
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"--parent-path", "/x"}, "--parent-path must be relative"},
      {{"--parent-path", "nosuch"}, "--parent-path nosuch"},
      {{"--manage-cgroups-mode", "x"}, "--manage-cgroups-mode must be"},
      {{"--empty-ns", "user"}, "--empty-ns must be network"},
      {{"--network-lock", "x"}, "--network-lock must be"},
      {{"--page-server", "x"}, "--page-server must be ADDRESS:PORT"},
      {{"--lazy-pages", "--page-server", "127.0.0.1:1", "--status-fd", "77"}, "--status-fd 77 must be"},
      {{"--status-fd", "1"}, "--status-fd tells when lazy pages are served: it needs --lazy-pages"},
      {{"--lazy-pages"}, "--lazy-pages needs --page-server"},
      {{"--lazy-pages", "--pre-dump"}, "--lazy-pages can't be used with --pre-dump"},
  };
  for (const auto& [flags, error] : cases) {
    const auto refused = checkpoint(flags);
    EXPECT_EQ(refused.status, 1);
    EXPECT_THAT(refused.errors, HasSubstr(error));
  }
  const std::pair<std::vector<std::string>, const char*> of_restore[] = {
      {{"--no-pivot"}, "--no-pivot"},
      {{"--manage-cgroups-mode", "strict"}, "--manage-cgroups-mode strict can't be restored with"},
      {{"--lsm-profile", "x"}, "--lsm-profile must be apparmor:NAME or selinux:LABEL, found \"x\""},
      {{"--lsm-profile", "apparmor:"}, "--lsm-profile must be"},
      {{"--lsm-profile", "selinux:a:b"}, "--lsm-profile selinux:a:b: this host has no SELinux"},
      {{"--lsm-mount-context", "a:b"}, "--lsm-mount-context a:b: this host has no SELinux"},
  };
  for (const auto& [flags, error] : of_restore) {
    std::vector<std::string> arguments = {"restore", "--bundle", bundle()};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    arguments.push_back("x");
    EXPECT_THAT(runtime(arguments).errors, HasSubstr(error));
  }
  EXPECT_EQ(status(test_id), "running");
}

TEST_F(Checkpoints, WithoutCriuTheErrorNamesIt) {
  EXPECT_THAT(runtime({"features"}).output,
              HasSubstr(R"("org.opencontainers.runc.checkpoint.enabled": "true")"));
  configure({"sleep", "1000"});
  ASSERT_EQ(create(test_id).status, 0);
  ASSERT_EQ(runtime({"start", test_id}).status, 0);
  const std::string path = ::getenv("PATH");
  ::setenv("PATH", "/nowhere", 1);
  const auto refused = checkpoint({});
  const auto features = runtime({"features"}).output;
  ::setenv("PATH", path.c_str(), 1);
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.errors, HasSubstr("need criu, which isn't in PATH (/nowhere)"));
  EXPECT_FALSE(path_exists(images()));
  EXPECT_THAT(features, HasSubstr(R"("org.opencontainers.runc.checkpoint.enabled": "false")"));
}

TEST(CriuMessages, AreWrittenAndReadInTheWireFormat) {
  CriuMessage message;
  message.add(34, 300);
  message.add_flag(3, false);
  message.add_text(10, "ab");
  EXPECT_EQ(message.bytes(), std::string("\x90\x02\xac\x02\x52\x02"
                                         "ab"));
  const auto response = parse_criu_response(std::string("\x08\x06\x10\x01\x2a\x05\x0a\x01x\x10\x07", 11));
  ASSERT_OK(response);
  EXPECT_TRUE(response->is_notice());
  EXPECT_TRUE(response->success);
  EXPECT_EQ(response->stage, "x");
  EXPECT_EQ(response->stage_process, 7);
  EXPECT_FALSE(parse_criu_response(std::string("\x2a\x7f", 2)));
  EXPECT_FALSE(parse_criu_response(std::string("\x80", 1)));
}

}  // namespace
}  // namespace gantry::runtime
