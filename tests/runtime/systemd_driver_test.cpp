#include "base/text.h"
#include "cgroups/cgroup.h"
#include "tests/runtime/user_fixture.h"

#include <sys/stat.h>

// Needs a host that systemd runs, with enforced cgroup v2 limits: scripts/guest --systemd.

namespace gantry::runtime {
namespace {

using testing::HasSubstr;

constexpr const char* test_unit = "gantrytest-one.scope";
constexpr const char* test_place = "gantry-test.slice:gantrytest:one";
constexpr const char* test_folder = "/gantry.slice/gantry-test.slice/gantrytest-one.scope";

CommandResult command(std::vector<std::string> arguments) {
  Command command;
  command.arguments = std::move(arguments);
  command.limit = std::chrono::minutes(1);
  auto result = run_command(command);
  return result ? std::move(*result) : CommandResult{-1, "", result.error().message()};
}

std::string property(const std::string& name, const std::string& unit = test_unit) {
  return std::string(trim(command({"systemctl", "show", "--value", "-p", name, unit}).output));
}

std::string kernel_file(const std::string& name) {
  const auto text = read_file(cgroups::detect_mount().mount + test_folder + "/" + name);
  return text ? std::string(trim(*text)) : text.error().message();
}

class SystemdDriver : public Containers {
 protected:
  void SetUp() override {
    ASSERT_TRUE(path_exists("/run/systemd/system")) << "these tests need systemd: scripts/guest --systemd";
    Containers::SetUp();
  }
  void TearDown() override {
    Containers::TearDown();
    (void)command({"systemctl", "stop", test_unit});
    (void)command({"systemctl", "reset-failed", test_unit});
  }

  void configure_scope(
      std::vector<std::string> args, const std::function<void(oci::RuntimeConfig&)>& change = [](auto&) {}) {
    configure(std::move(args), [&](auto& config) {
      config.linux_->cgroups_path = test_place;
      change(config);
    });
  }
  CommandResult create_scope() {
    return run_silently({"--systemd-cgroup", "create", "--bundle", bundle(), test_id});
  }
};

TEST_F(SystemdDriver, TheScopeHasTheContainerAndItsLimits) {
  configure_scope({"sleep", "1000"}, [](auto& config) {
    auto& resources = config.linux_->resources;
    resources.memory = oci::MemoryResources{};
    resources.memory->limit = 64 << 20;
    resources.memory->swap = 96 << 20;
    resources.memory->reservation = 16 << 20;
    resources.cpu = oci::CpuResources{};
    resources.cpu->shares = 512;
    resources.cpu->quota = 25500;
    resources.cpu->period = 100000;
    resources.cpu->cpus = "0";
    resources.cpu->mems = "0";
    resources.pids = oci::PidsResources{42};
    resources.unified = {{"memory.high", "50331648"}, {"memory.oom.group", "1"}};
    resources.hugepage_limits = {{"2MB", 4 << 20}};
  });
  const auto created = create_scope();
  ASSERT_EQ(created.status, 0) << created.errors;
  const std::pair<const char*, std::string> told[] = {
      {"ActiveState", "active"},
      {"Slice", "gantry-test.slice"},
      {"ControlGroup", test_folder},
      {"Delegate", "yes"},
      {"MemoryMax", "67108864"},
      {"MemorySwapMax", "33554432"},
      {"MemoryLow", "16777216"},
      {"MemoryHigh", "50331648"},
      {"CPUWeight", "59"},
      {"CPUQuotaPerSecUSec", "260ms"},
      {"CPUQuotaPeriodUSec", "100ms"},
      {"AllowedCPUs", "0"},
      {"AllowedMemoryNodes", "0"},
      {"TasksMax", "42"},
      {"MemoryAccounting", "yes"},
      {"CPUAccounting", "yes"},
      {"IOAccounting", "yes"},
      {"TasksAccounting", "yes"},
      {"DevicePolicy", "strict"},
      {"DefaultDependencies", "no"},
      {"Description", std::string("container ") + test_id},
  };
  for (const auto& [name, value] : told) EXPECT_EQ(property(name), value) << name;
  const std::pair<const char*, const char*> written[] = {
      {"memory.max", "67108864"}, {"memory.swap.max", "33554432"},
      {"memory.low", "16777216"}, {"memory.high", "50331648"},
      {"cpu.weight", "59"},       {"cpu.max", "26000 100000"},
      {"cpuset.cpus", "0"},       {"pids.max", "42"},
      {"memory.oom.group", "1"},  {"hugetlb.2MB.max", "4194304"}};
  for (const auto& [file, value] : written) EXPECT_EQ(kernel_file(file), value) << file;
  EXPECT_EQ(kernel_file("cgroup.procs"), std::to_string(pid_of(test_id)));
  EXPECT_THAT(read_file(root() + "/" + test_id + "/state.json").value_or(""),
              HasSubstr(R"("systemdScope":"gantrytest-one.scope")"));
}

TEST_F(SystemdDriver, ReloadOfSystemdKeepsTheLimits) {
  configure_scope({"sleep", "1000"}, [](auto& config) {
    config.linux_->resources.memory = oci::MemoryResources{};
    config.linux_->resources.memory->limit = 64 << 20;
    config.linux_->resources.cpu = oci::CpuResources{};
    config.linux_->resources.cpu->quota = 25500;
    config.linux_->resources.pids = oci::PidsResources{42};
  });
  ASSERT_EQ(create_scope().status, 0);
  ASSERT_EQ(command({"systemctl", "daemon-reload"}).status, 0);
  EXPECT_EQ(kernel_file("memory.max"), "67108864");
  EXPECT_EQ(kernel_file("cpu.max"), "26000 100000");
  EXPECT_EQ(kernel_file("pids.max"), "42");
}

TEST_F(SystemdDriver, WithoutAPathTheScopeIsNamedForTheContainer) {
  configure({"sleep", "1000"});
  const auto created = run_silently({"--cgroup-manager", "systemd", "create", "--bundle", bundle(), test_id});
  ASSERT_EQ(created.status, 0) << created.errors;
  EXPECT_EQ(property("ControlGroup", std::string("gantry-oci-") + test_id + ".scope"),
            std::string("/system.slice/gantry-oci-") + test_id + ".scope");
}

TEST_F(SystemdDriver, RunEndsWithTheProgramsStatusAndLeavesNoUnit) {
  configure_scope({"sh", "-c", "cat /proc/self/cgroup; exit 7"});
  const auto result = runtime({"--systemd-cgroup", "run", "--bundle", bundle(), test_id});
  EXPECT_EQ(result.status, 7) << result.errors;
  EXPECT_EQ(result.output, "0::/\n") << "the cgroup namespace is rooted in the scope";
  EXPECT_EQ(property("LoadState"), "not-found");
  EXPECT_FALSE(path_exists(cgroups::detect_mount().mount + test_folder));
}

TEST_F(SystemdDriver, DeleteStopsTheScope) {
  configure_scope({"sleep", "1000"});
  ASSERT_EQ(create_scope().status, 0);
  const auto deleted = runtime({"delete", "--force", test_id});
  EXPECT_EQ(deleted.status, 0) << deleted.errors;
  EXPECT_EQ(property("LoadState"), "not-found");
  EXPECT_THAT(state_folders(), testing::IsEmpty());
}

TEST_F(SystemdDriver, DeleteFindsTheScopeOfACreationThatWasKilled) {
  configure_scope({"sleep", "1000"});
  ASSERT_EQ(create_scope().status, 0);
  // As state.json is from before the scope was made until the container is ready.
  const auto state = root() + "/" + test_id + "/state.json";
  auto text = read_file(state).value_or("");
  const auto remove_member = [&](const std::string& name) {
    const auto at = text.find(",\"" + name + "\":");
    ASSERT_NE(at, std::string::npos) << name << " in " << text;
    text.erase(at, text.find_first_of(",}", at + name.size() + 4) - at);
  };
  for (const char* name : {"cgroup", "pid", "startTime"}) remove_member(name);
  ASSERT_OK(write_file(state, text));
  const auto deleted = runtime({"delete", "--force", test_id});
  EXPECT_EQ(deleted.status, 0) << deleted.errors;
  EXPECT_EQ(property("LoadState"), "not-found");
  EXPECT_FALSE(path_exists(cgroups::detect_mount().mount + test_folder));
}

TEST_F(SystemdDriver, AUnitThatRunsIsAnErrorAndStays) {
  ASSERT_EQ(command({"sh", "-c",
                     std::string("systemd-run --scope --unit=") + test_unit +
                         " sleep 1000 >/dev/null 2>&1 </dev/null &"})
                .status,
            0);
  ASSERT_TRUE(test::wait_until([] { return property("ActiveState") == "active"; }));
  configure_scope({"sleep", "1000"});
  const auto created = create_scope();
  EXPECT_EQ(created.status, 1);
  EXPECT_THAT(created.errors, HasSubstr("start unit gantrytest-one.scope: Unit gantrytest-one.scope"));
  EXPECT_EQ(property("ActiveState"), "active");
  EXPECT_THAT(state_folders(), testing::IsEmpty());
}

TEST_F(SystemdDriver, AUnitThatFailedGivesItsNameAway) {
  ASSERT_EQ(command({"sh", "-c",
                     std::string("systemd-run --scope -p RuntimeMaxSec=1 --unit=") + test_unit +
                         " sleep 1000 >/dev/null 2>&1 </dev/null &"})
                .status,
            0);
  ASSERT_TRUE(test::wait_until([] { return property("ActiveState") == "failed"; }))
      << property("ActiveState");
  configure_scope({"sleep", "1000"});
  const auto created = create_scope();
  EXPECT_EQ(created.status, 0) << created.errors;
  EXPECT_EQ(property("ActiveState"), "active");
}

TEST_F(SystemdDriver, UpdateTellsSystemdAndTheKernel) {
  configure_scope({"sleep", "1000"});
  ASSERT_EQ(create_scope().status, 0);
  const auto updated =
      runtime({"update", "--memory", "32m", "--memory-swap", "48m", "--pids-limit", "9", "--cpu-quota",
               "12345", "--cpu-share", "2048", "--cpuset-cpus", "0", "--blkio-weight", "500", test_id});
  EXPECT_EQ(updated.status, 0) << updated.errors;
  const std::pair<const char*, const char*> told[] = {
      {"MemoryMax", "33554432"}, {"MemorySwapMax", "16777216"},
      {"TasksMax", "9"},         {"CPUQuotaPerSecUSec", "130ms"},
      {"CPUWeight", "174"},      {"AllowedCPUs", "0"},
      {"IOWeight", "4950"}};
  for (const auto& [name, value] : told) EXPECT_EQ(property(name), value) << name;
  EXPECT_EQ(kernel_file("memory.max"), "33554432");
  EXPECT_EQ(kernel_file("memory.swap.max"), "16777216");
  EXPECT_EQ(kernel_file("cpu.max"), "13000 100000");
  EXPECT_EQ(kernel_file("cpu.weight"), "174");
  EXPECT_EQ(kernel_file("pids.max"), "9");
}

TEST_F(SystemdDriver, UpdateWithCheckBeforeUpdateKillsNothing) {
  configure_scope({"sh", "-c", "dd if=/dev/zero of=/dev/shm/x bs=1M count=32; sleep 1000"});
  ASSERT_EQ(create_scope().status, 0);
  ASSERT_EQ(runtime({"start", test_id}).status, 0);
  ASSERT_TRUE(test::wait_until([] {
    return parse_unsigned("memory.current", kernel_file("memory.current")).value_or(0) > (32U << 20);
  }));
  ASSERT_OK(write_file(file("less"), R"({"memory":{"limit":8388608,"checkBeforeUpdate":true}})"));
  const auto updated = runtime({"update", "--resources", file("less"), test_id});
  EXPECT_EQ(updated.status, 1);
  EXPECT_THAT(updated.errors, HasSubstr("memory.limit"));
  EXPECT_EQ(property("MemoryMax"), "infinity");
  EXPECT_EQ(status(test_id), "running");
}

TEST_F(SystemdDriver, AnnotationsAreProperties) {
  configure_scope({"sleep", "1000"}, [](auto& config) {
    config.annotations = {{"org.systemd.property.TimeoutStopSec", "uint64 7"},
                          {"org.systemd.property.CollectMode", "'inactive-or-failed'"},
                          {"org.systemd.property.After", "['dbus.service']"},
                          {"org.systemd.property.SendSIGHUP", "true"}};
  });
  const auto created = create_scope();
  ASSERT_EQ(created.status, 0) << created.errors;
  EXPECT_EQ(property("TimeoutStopUSec"), "7s");
  EXPECT_EQ(property("CollectMode"), "inactive-or-failed");
  EXPECT_THAT(property("After"), HasSubstr("dbus.service"));
  EXPECT_EQ(property("SendSIGHUP"), "yes");
}

TEST_F(SystemdDriver, WhatSystemdRefusesIsSaidAndLeavesNothing) {
  configure_scope({"sleep", "1000"}, [](auto& config) {
    config.annotations = {{"org.systemd.property.NoSuchThing", "true"}};
  });
  const auto created = create_scope();
  EXPECT_EQ(created.status, 1);
  EXPECT_THAT(created.errors, HasSubstr("NoSuchThing"));
  EXPECT_EQ(property("LoadState"), "not-found");
  EXPECT_THAT(state_folders(), testing::IsEmpty());
}

TEST_F(SystemdDriver, ALimitThatCannotBeKeptStopsTheScopeAgain) {
  configure_scope({"sleep", "1000"}, [](auto& config) {
    config.linux_->resources.unified = {{"memory.nosuchfile", "1"}};
  });
  const auto created = create_scope();
  EXPECT_EQ(created.status, 1);
  EXPECT_THAT(created.errors, HasSubstr("memory.nosuchfile"));
  EXPECT_EQ(property("LoadState"), "not-found");
  EXPECT_FALSE(path_exists(cgroups::detect_mount().mount + test_folder));
}

TEST_F(SystemdDriver, MemoryLimitKillsAndDevicesAreGuarded) {
  configure_scope({"sh", "-c", "tail /dev/zero; echo status $?; cat /dev/kmsg; echo x >/dev/null; echo done"},
                  [](auto& config) {
                    config.linux_->resources.memory = oci::MemoryResources{};
                    config.linux_->resources.memory->limit = 32 << 20;
                    config.linux_->resources.memory->swap = 32 << 20;
                    config.linux_->devices = {{"c", "/dev/kmsg", 1, 11, 0666, 0, 0}};
                  });
  const auto result = runtime({"--systemd-cgroup", "run", "--bundle", bundle(), test_id});
  EXPECT_THAT(result.output, HasSubstr("status 137")) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("done"));
  EXPECT_THAT(result.errors, HasSubstr("/dev/kmsg': Operation not permitted")) << result.errors;
}

TEST_F(SystemdDriver, ExecPauseAndKillWorkInTheScope) {
  configure_scope({"sleep", "1000"});
  ASSERT_EQ(create_scope().status, 0);
  ASSERT_EQ(runtime({"start", test_id}).status, 0);
  const auto executed = runtime({"exec", test_id, "sh", "-c", "mkdir -p /tmp/x && cat /proc/self/cgroup"});
  EXPECT_EQ(executed.output, "0::/\n") << executed.errors;
  EXPECT_EQ(runtime({"pause", test_id}).status, 0);
  EXPECT_EQ(status(test_id), "paused");
  EXPECT_EQ(runtime({"resume", test_id}).status, 0);
  EXPECT_EQ(runtime({"kill", test_id, "KILL"}).status, 0);
  EXPECT_TRUE(test::wait_until([&] { return status(test_id) == "stopped"; }));
  EXPECT_EQ(runtime({"delete", test_id}).status, 0);
  EXPECT_EQ(property("LoadState"), "not-found");
}

TEST_F(SystemdDriver, FeaturesTellOfIt) {
  EXPECT_THAT(runtime({"features"}).output, testing::ContainsRegex("\"systemd\": true"));
}

// A user's containers, in what systemd gives to a user.
class UsersScopes : public UsersContainers {
 protected:
  void SetUp() override {
    ASSERT_TRUE(path_exists("/run/systemd/system")) << "these tests need systemd: scripts/guest --systemd";
    UsersContainers::SetUp();
  }
  void TearDown() override {
    UsersContainers::TearDown();
    (void)command({"systemctl", "stop", manager_unit});
    (void)command({"systemctl", "reset-failed", manager_unit});
    const auto delegated = cgroups::Cgroup::open(delegating_path);
    if (!delegated) return;
    EXPECT_OK(delegated->kill());
    EXPECT_OK(delegated->remove());
  }

  static constexpr const char* manager_unit = "gantry-test-manager.service";
  static constexpr const char* manager_path = "/system.slice/gantry-test-manager.service";
  // Root's, which hands on cpu, memory and pids alone, whatever the root of all cgroups has.
  static constexpr const char* delegating_path = "/gantry-test-delegating";
  static constexpr const char* delegated_path = "/gantry-test-delegating/user";

  // The script as the user, from below a cgroup that is given to the user.
  CommandResult in_cgroup(const std::string& path, const std::string& script) {
    const auto folder = cgroups::detect_mount().mount + path;
    const std::string give =
        "mkdir -p \"$0/shell\" && cd \"$0\" && echo +cpu +memory +pids >../cgroup.subtree_control && "
        "chown 4711 . cgroup.procs cgroup.threads cgroup.subtree_control shell shell/cgroup.procs && "
        "echo $$ >shell/cgroup.procs && exec \"$@\"";
    return command({"env", "AS_USER_PATH=/usr/sbin:/usr/bin:/sbin:/bin", "/bin/sh", "-c", give, folder,
                    user_script(), "/bin/sh", "-c", script});
  }

  // The user's own systemd, in a subtree of cgroups that is given to the user.
  void start_manager() {
    const std::string give = "cd /sys/fs/cgroup" + std::string(manager_path) +
                             " && chown 4711 . cgroup.procs cgroup.threads cgroup.subtree_control && exec " +
                             user_script() + " /lib/systemd/systemd --user";
    const auto started = command({"systemd-run", std::string("--unit=") + manager_unit, "-p", "Delegate=yes",
                                  "-p", "KillMode=mixed", "-E", "AS_USER_PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                                  "/bin/sh", "-c", give});
    ASSERT_EQ(started.status, 0) << started.errors;
    ASSERT_TRUE(test::wait_until([&] { return path_exists(runtime_folder() + "/systemd/private"); }))
        << command({"systemctl", "status", manager_unit}).output;
  }
};

void limit_memory(oci::RuntimeConfig& config) {
  config.linux_->resources.memory = oci::MemoryResources{};
  config.linux_->resources.memory->limit = 32 << 20;
  config.linux_->resources.memory->swap = 32 << 20;
  config.linux_->resources.pids = oci::PidsResources{33};
}

TEST_F(UsersScopes, TheUsersManagerMakesTheScopeAndItsLimitsHold) {
  start_manager();
  configure_user({"sh", "-c", "tail /dev/zero; echo status $?"}, limit_memory);
  const auto result = in_cgroup(manager_path, "$OCI --systemd-cgroup run --bundle $BUNDLE c1");
  EXPECT_EQ(result.status, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("status 137"));
}

TEST_F(UsersScopes, TheScopeIsOneOfTheUsersUnits) {
  start_manager();
  configure_user({"sleep", "1000"}, limit_memory);
  const auto created = in_cgroup(manager_path,
                                 "$OCI --systemd-cgroup create --bundle $BUNDLE c1 >/dev/null 2>$BUNDLE/log "
                                 "</dev/null; systemctl --user show -p MemoryMax -p TasksMax -p Slice "
                                 "-p ControlGroup gantry-oci-c1.scope");
  EXPECT_THAT(created.output, HasSubstr("MemoryMax=33554432")) << read_file(bundle() + "/log").value_or("");
  EXPECT_THAT(created.output, HasSubstr("TasksMax=33"));
  EXPECT_THAT(created.output, HasSubstr("Slice=user.slice"));
  EXPECT_THAT(created.output, HasSubstr("/user.slice/gantry-oci-c1.scope"));
  const auto updated = in_cgroup(manager_path,
                                 "$OCI update --pids-limit 44 c1 && systemctl --user show -p TasksMax "
                                 "gantry-oci-c1.scope && $OCI delete --force c1");
  EXPECT_EQ(updated.output, "TasksMax=44\n") << updated.errors;
}

TEST_F(UsersScopes, WithoutAManagerItIsSaidWhatWasTried) {
  configure_user({"true"});
  const auto result = as_user("$OCI --systemd-cgroup run --bundle $BUNDLE c1");
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.errors, HasSubstr("cannot reach the user's systemd"));
  EXPECT_THAT(result.errors, HasSubstr(runtime_folder() + "/bus"));
}

TEST_F(UsersScopes, LimitsHoldInADelegatedSubtree) {
  configure_user({"sh", "-c", "tail /dev/zero; echo status $?"}, limit_memory);
  const auto result = in_cgroup(delegated_path, "$OCI run --bundle $BUNDLE c1");
  EXPECT_EQ(result.status, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("status 137"));
}

TEST_F(UsersScopes, AControllerThatIsNotDelegatedIsNamed) {
  configure_user({"true"}, [](auto& config) {
    config.linux_->resources.hugepage_limits = {{"2MB", 1 << 21}};
  });
  const auto result = in_cgroup(delegated_path, "$OCI run --bundle $BUNDLE c1");
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.errors,
              HasSubstr("$.linux.resources.hugepageLimits[0].limit can't be enforced: controller "
                        "hugetlb is missing: /sys/fs/cgroup"));
}

TEST_F(UsersScopes, WithoutLimitsASubtreeOfNobodyIsNoHindrance) {
  configure_user({"true"});
  const auto result = as_user("$OCI run --bundle $BUNDLE c1");
  EXPECT_EQ(result.status, 0) << result.errors;
  EXPECT_EQ(result.errors, "");
}

}  // namespace
}  // namespace gantry::runtime
