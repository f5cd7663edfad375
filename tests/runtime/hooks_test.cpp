#include "tests/runtime/container_fixture.h"
#include "tests/support/programs.h"

#include <climits>
#include <csignal>
#include <filesystem>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gantry::runtime {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

oci::Hook script(const std::string& text) {
  return {"/bin/sh", {"sh", "-c", text}, {"PATH=/usr/bin:/bin"}, {}};
}

TEST_F(Containers, HooksRunAtTheirSixPointsWithTheStateOnStdin) {
  const std::string log = file("hooks");
  const auto note = [&](const std::string& name) { return script("echo " + name + " $(cat) >>" + log); };
  configure({"sleep", "1000"}, [&](auto& config) {
    config.hooks = oci::Hooks{};
    config.hooks->prestart = {note("prestart")};
    config.hooks->create_runtime = {note("createRuntime")};
    config.hooks->create_container = {note("createContainer")};
    config.hooks->start_container = {
        {"/bin/sh", {"sh", "-c", "cat >/tmp/started; echo $HOME >>/tmp/started"}, {}, {}}};
    config.hooks->poststart = {note("poststart")};
    config.hooks->poststop = {note("poststop")};
  });
  const auto created = create(test_id);
  ASSERT_EQ(created.status, 0) << created.errors;
  EXPECT_FALSE(path_exists(rootfs() + "/tmp/started"));
  const auto started = runtime({"start", test_id});
  ASSERT_EQ(started.status, 0) << started.errors;
  const std::string pid = std::to_string(pid_of(test_id));
  EXPECT_THAT(read_file(rootfs() + "/tmp/started").value_or(""),
              HasSubstr("\"pid\":1,\"status\":\"created\""));
  EXPECT_THAT(read_file(rootfs() + "/tmp/started").value_or(""), HasSubstr("}/root\n"));
  ASSERT_EQ(runtime({"delete", "--force", test_id}).status, 0);
  const std::string text = read_file(log).value_or("");
  const auto told = [&](const std::string& name, const std::string& what) {
    return text.find(format("{} {{\"ociVersion\":\"1.3.0\",\"id\":\"{}\",\"pid\":{}", name, test_id, what));
  };
  EXPECT_NE(told("prestart", pid + ",\"status\":\"created\""), std::string::npos) << text;
  EXPECT_LT(told("prestart", pid), told("createRuntime", pid));
  EXPECT_LT(told("createRuntime", pid), told("createContainer", "1,\"status\":\"created\""));
  EXPECT_LT(told("createContainer", "1,"), told("poststart", pid + ",\"status\":\"running\""));
  EXPECT_LT(told("poststart", pid), told("poststop", "0,\"status\":\"stopped\""));
  EXPECT_NE(told("poststop", "0,"), std::string::npos) << text;
}

TEST_F(Containers, HookDiesWithACreateThatIsKilled) {
  configure({"true"}, [&](auto& config) {
    config.hooks = oci::Hooks{};
    config.hooks->create_runtime = {script("echo $$ >" + file("hook") + "; exec sleep 1000")};
  });
  const pid_t creating = ::fork();
  if (creating == 0) {
    ::execl(test::program_path("gantry-oci"), "gantry-oci", "--root", root().c_str(), "create", "--bundle",
            bundle().c_str(), test_id, nullptr);
    ::_exit(127);
  }
  ASSERT_TRUE(test::wait_until([&] { return read_file(file("hook")).value_or("").ends_with("\n"); }));
  const auto hook = identify_process(std::atoi(read_file(file("hook")).value_or("").c_str()));
  ASSERT_OK(hook);
  ASSERT_TRUE(is_alive(*hook));
  ::kill(creating, SIGKILL);
  ::waitpid(creating, nullptr, 0);
  EXPECT_TRUE(test::wait_until([&] { return !is_alive(*hook); }));
  EXPECT_EQ(runtime({"delete", "--force", test_id}).status, 0);
}

// poll(2) counts milliseconds in 32 bits: 24 days.
TEST_F(Containers, HookTimeoutsOfMonthsAreNoneAtOnce) {
  for (const int timeout : {2'147'483, 2'147'484, 2'200'000, 4'294'968, INT_MAX}) {
    const auto result = run({"echo", "ran"}, [&](auto& config) {
      config.hooks = oci::Hooks{};
      config.hooks->create_runtime = {script("exec >/dev/null 2>&1; sleep 0.1; true")};
      config.hooks->create_runtime[0].timeout = timeout;
    });
    EXPECT_EQ(result.output, "ran\n") << timeout << ": " << result.errors;
  }
}

TEST_F(Containers, CreateContainerHookSeesTheMountsBelowTheRoot) {
  const auto result = run({"cat", "/data/made"}, [&](auto& config) {
    config.mounts.push_back({"/data", "tmpfs", "tmpfs", {}, {}, {}});
    config.hooks = oci::Hooks{};
    config.hooks->create_container = {script("echo inside >" + rootfs() + "/data/made")};
  });
  EXPECT_EQ(result.output, "inside\n") << result.errors;
  EXPECT_FALSE(path_exists(rootfs() + "/data/made")) << "it must have gone into the container's tmpfs";
}

TEST_F(Containers, CreateContainerHookRunsInTheCallersFolder) {
  const auto result = run({"true"}, [&](auto& config) {
    config.hooks = oci::Hooks{};
    config.hooks->create_container = {script("pwd >" + file("cwd"))};
  });
  EXPECT_EQ(result.status, 0) << result.errors;
  EXPECT_EQ(read_file(file("cwd")).value_or(""), std::filesystem::current_path().string() + "\n");
}

TEST_F(Containers, FailingHookStopsTheContainerAndQuotesWhatItSaid) {
  const auto fails = script("echo broken >&2; exit 3");
  using Stage = std::vector<oci::Hook> oci::Hooks::*;
  const std::pair<const char*, Stage> stages[] = {{"prestart", &oci::Hooks::prestart},
                                                  {"createRuntime", &oci::Hooks::create_runtime},
                                                  {"createContainer", &oci::Hooks::create_container},
                                                  {"startContainer", &oci::Hooks::start_container},
                                                  {"poststart", &oci::Hooks::poststart}};
  for (const auto& [name, stage] : stages) {
    const std::string after = file("poststop-ran");
    ASSERT_OK(remove_file(after));
    const auto result = run({"sleep", "1000"}, [&, stage = stage](auto& config) {
      config.hooks = oci::Hooks{};
      (*config.hooks).*stage = {fails};
      config.hooks->poststop = {script("echo >" + after)};
    });
    EXPECT_EQ(result.status, 1) << name;
    EXPECT_THAT(result.errors,
                HasSubstr(format("error running {} hook #0: exit status 3, output: broken", name)));
    EXPECT_TRUE(path_exists(after)) << name;
    EXPECT_THAT(state_folders(), IsEmpty()) << name;
  }
}

// runc CVE-2024-21626, by way of hooks.
// Checked: without close_on_exec_from in hooks.cpp.
TEST_F(Containers, Cve_2024_21626_HooksInheritNoDescriptor) {
  const std::string list = "for f in /proc/self/fd/*; do readlink $f || true; done >";
  configure({"true"}, [&](auto& config) {
    config.hooks = oci::Hooks{};
    config.hooks->prestart = {script(list + file("prestart"))};
    config.hooks->create_runtime = {script(list + file("createRuntime"))};
    config.hooks->create_container = {script(list + file("createContainer"))};
    config.hooks->start_container = {{"/bin/sh", {"sh", "-c", list + "/tmp/startContainer"}, {}, {}}};
    config.hooks->poststart = {script(list + file("poststart"))};
  });
  ASSERT_OK(make_directories(file("careless"), 0755));
  Command command;
  command.arguments = {"/bin/sh",
                       "-c",
                       "exec 9<\"$1\"; shift; exec \"$@\"",
                       "sh",
                       file("careless"),
                       test::program_path("gantry-oci"),
                       "--root",
                       root(),
                       "run",
                       "--bundle",
                       bundle(),
                       test_id};
  const auto result = run_command(command);
  ASSERT_OK(result);
  ASSERT_EQ(result->status, 0) << result->errors;
  for (const std::string& listed : {file("prestart"), file("createRuntime"), file("createContainer"),
                                    rootfs() + "/tmp/startContainer", file("poststart")}) {
    const auto text = read_file(listed);
    ASSERT_OK(text);
    EXPECT_THAT(*text, testing::Not(HasSubstr("careless"))) << listed;
    EXPECT_THAT(*text, testing::Not(HasSubstr("socket:"))) << listed;
  }
}

// runtime-spec 1.3, runtime.md "Lifecycle", step 9.
TEST_F(Containers, FailingPoststartHookOfStartRemovesTheContainer) {
  configure({"sleep", "1000"}, [&](auto& config) {
    config.hooks = oci::Hooks{};
    config.hooks->poststart = {script("exit 3")};
    config.hooks->poststop = {script("echo >" + file("poststop-ran"))};
  });
  ASSERT_EQ(create(test_id).status, 0);
  const auto started = runtime({"start", test_id});
  EXPECT_EQ(started.status, 1);
  EXPECT_THAT(started.errors, HasSubstr("error running poststart hook #0: exit status 3"));
  EXPECT_TRUE(path_exists(file("poststop-ran")));
  EXPECT_THAT(state_folders(), IsEmpty());
}

TEST_F(Containers, HooksWithoutAnEnvironmentHaveOurs) {
  configure({"true"}, [&](auto& config) {
    config.hooks = oci::Hooks{};
    config.hooks->create_runtime = {{"/bin/sh", {"sh", "-c", "echo $FROM_CALLER >" + file("seen")}, {}, {}}};
    config.hooks->poststop = {script("echo with=$FROM_CALLER >" + file("own"))};
  });
  Command command;
  command.arguments = {"env",
                       "FROM_CALLER=yes",
                       test::program_path("gantry-oci"),
                       "--root",
                       root(),
                       "run",
                       "--bundle",
                       bundle(),
                       test_id};
  const auto result = run_command(command);
  ASSERT_OK(result);
  EXPECT_EQ(read_file(file("seen")).value_or(""), "yes\n") << result->errors;
  EXPECT_EQ(read_file(file("own")).value_or(""), "with=\n");
}

TEST_F(Containers, AnnotationsSendWhatHooksPrintToFiles) {
  const auto result = run({"true"}, [&](auto& config) {
    config.annotations["run.oci.hooks.stdout"] = file("out");
    config.annotations["run.oci.hooks.stderr"] = file("err");
    config.hooks = oci::Hooks{};
    config.hooks->prestart = {script("echo first; echo oops >&2")};
    config.hooks->create_container = {script("echo second")};
    config.hooks->poststop = {script("echo third")};
  });
  EXPECT_EQ(result.status, 0) << result.errors;
  EXPECT_EQ(read_file(file("out")).value_or(""), "first\nsecond\nthird\n");
  EXPECT_EQ(read_file(file("err")).value_or(""), "oops\n");
  const auto refused = run({"true"}, [&](auto& config) {
    config.annotations["run.oci.hooks.stdout"] = "relative";
    config.hooks = oci::Hooks{};
    config.hooks->prestart = {script("true")};
  });
  EXPECT_THAT(refused.errors, HasSubstr("annotation run.oci.hooks.stdout must be an absolute path"));
}

TEST_F(Containers, FailingPoststopIsAWarningAndSlowHooksAreKilled) {
  const auto warned = run({"true"}, [&](auto& config) {
    config.hooks = oci::Hooks{};
    config.hooks->poststop = {script("exit 4"), script("echo >" + file("second"))};
  });
  EXPECT_EQ(warned.status, 0);
  EXPECT_THAT(warned.errors, HasSubstr("warning: error running poststop hook #0: exit status 4"));
  EXPECT_TRUE(path_exists(file("second")));
  const auto slow = run({"true"}, [&](auto& config) {
    config.hooks = oci::Hooks{};
    auto hook = script("sleep 1000");
    hook.timeout = 1;
    config.hooks->create_runtime = {hook};
  });
  EXPECT_THAT(slow.errors, HasSubstr("createRuntime hook #0: it did not end within 1 s"));
}

}  // namespace
}  // namespace gantry::runtime
