#include "base/text.h"
#include "tests/runtime/user_fixture.h"

#include <sys/stat.h>

// As an ordinary user, on a host whatever its cgroups.

namespace gantry::runtime {
namespace {

using testing::HasSubstr;

class Rootless : public UsersContainers {};

TEST_F(Rootless, TheConfigurationOfSpecRuns) {
  configure_user({"sh", "-c", "id; cat /proc/self/uid_map /proc/self/gid_map"});
  const auto result = as_user("$OCI run --bundle $BUNDLE c1");
  EXPECT_EQ(result.status, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("uid=0(root) gid=0"));
  EXPECT_THAT(result.output, testing::ContainsRegex("0 +4711 +1\n +0 +4711 +1"));
  EXPECT_EQ(result.errors, "") << "nothing was asked for that couldn't be had";
}

TEST_F(Rootless, StatesAreInTheUsersRuntimeFolder) {
  configure_user({"sleep", "1000"});
  ASSERT_EQ(as_user("$OCI create --bundle $BUNDLE c1 >/dev/null 2>&1 </dev/null").status, 0);
  struct stat info {};
  ASSERT_EQ(::stat(users_root().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 01700u) << "sticky, so that nobody tidies it away";
  EXPECT_EQ(info.st_uid, test_user);
  EXPECT_TRUE(path_exists(users_root() + "/c1/state.json"));
  EXPECT_THAT(read_file(users_root() + "/c1/state.json").value_or(""), HasSubstr("\"owner\":4711"));
}

TEST_F(Rootless, WithoutARuntimeFolderTheRootMustBeGiven) {
  const auto result = as_user("unset XDG_RUNTIME_DIR; $OCI list");
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.errors, HasSubstr("XDG_RUNTIME_DIR is not set (--root DIR)"));
  EXPECT_EQ(as_user("unset XDG_RUNTIME_DIR; $OCI --root $BUNDLE/state list").status, 0);
}

TEST_F(Rootless, LifeGoesOnAsWithRoot) {
  configure_user({"sleep", "1000"});
  ASSERT_EQ(as_user("$OCI create --bundle $BUNDLE c1 >/dev/null 2>&1 </dev/null").status, 0);
  EXPECT_THAT(as_user("$OCI state c1").output, HasSubstr("\"status\": \"created\""));
  const auto started = as_user("$OCI start c1");
  EXPECT_EQ(started.status, 0) << started.errors;
  const auto executed = as_user("$OCI exec c1 sh -c 'id -u; cat /proc/1/comm; exit 5'");
  EXPECT_EQ(executed.status, 5) << executed.errors;
  EXPECT_EQ(executed.output, "0\nsleep\n");
  EXPECT_THAT(as_user("$OCI list").output, testing::ContainsRegex("c1 .*running.*gantry-tester"));
  const auto killed = as_user("$OCI kill c1 KILL");
  EXPECT_EQ(killed.status, 0) << killed.errors;
  EXPECT_TRUE(test::wait_until([&] { return as_user("$OCI delete c1").status == 0; }));
  EXPECT_FALSE(path_exists(users_root() + "/c1"));
}

TEST_F(Rootless, RangesOfSubuidAreMappedByTheHelpers) {
  configure_user({"sh", "-c", "id; cat /proc/self/uid_map; touch /tmp/made"}, [](auto& config) {
    map_ranges(config);
    config.process->user.uid = 1000;
    config.process->user.gid = 1000;
    config.process->user.additional_gids = {2000};
    config.process->capabilities.reset();
  });
  ASSERT_EQ(::chmod((rootfs() + "/tmp").c_str(), 01777), 0);
  const auto result = as_user("$OCI run --bundle $BUNDLE c1");
  EXPECT_EQ(result.status, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("uid=1000(user) gid=1000 groups=2000"));
  EXPECT_THAT(result.output, testing::ContainsRegex("1 +200000 +65536"));
  struct stat info {};
  ASSERT_EQ(::lstat((rootfs() + "/tmp/made").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, first_sub_id + 999);
}

TEST_F(Rootless, ExecWorksForUsersOfTheRange) {
  configure_user({"sleep", "1000"}, map_ranges);
  ASSERT_EQ(as_user("$OCI create --bundle $BUNDLE c1 >/dev/null 2>&1 </dev/null").status, 0);
  ASSERT_EQ(as_user("$OCI start c1").status, 0);
  const auto executed = as_user("$OCI exec --user 1000:1000 -g 7 c1 id");
  EXPECT_THAT(executed.output, HasSubstr("uid=1000(user) gid=1000 groups=7")) << executed.errors;
}

TEST_F(Rootless, ARangeThatIsNotTheUsersIsRefused) {
  configure_user({"true"}, [](auto& config) {
    config.linux_->uid_mappings = {{0, test_user, 1}, {1, 1, 1000}};
    config.linux_->gid_mappings = config.linux_->uid_mappings;
  });
  const auto result = as_user("$OCI run --bundle $BUNDLE c1");
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.errors, HasSubstr("map the groups of the user namespace"));
  EXPECT_THAT(result.errors, HasSubstr("not allowed"));
  EXPECT_FALSE(path_exists(users_root() + "/c1"));
}

TEST_F(Rootless, MissingHelpersAreNamed) {
  configure_user({"true"}, map_ranges);
  const auto result = as_user("$OCI run --bundle $BUNDLE c1", "/nonexistent");
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.errors, HasSubstr("newgidmap"));
  EXPECT_THAT(result.errors, HasSubstr("package uidmap"));
}

TEST_F(Rootless, TheCallersOwnIdNeedsNoHelper) {
  configure_user({"true"});
  const auto result = as_user("$OCI run --bundle $BUNDLE c1", "/nonexistent");
  EXPECT_EQ(result.status, 0) << result.errors;
}

TEST_F(Rootless, WithoutAUserNamespaceItSaysWhatIsNeeded) {
  configure_user({"true"}, [](auto& config) {
    std::erase_if(config.linux_->namespaces,
                  [](const auto& space) { return space.type == oci::NamespaceType::user; });
    config.linux_->uid_mappings.clear();
    config.linux_->gid_mappings.clear();
  });
  const auto result = as_user("$OCI run --bundle $BUNDLE c1");
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.errors, HasSubstr("needs a user namespace"));
  EXPECT_THAT(result.errors, HasSubstr("spec --rootless"));
}

TEST_F(Rootless, LimitsThatNobodyDelegatedAreRefused) {
  configure_user({"true"}, [](auto& config) {
    config.linux_->cgroups_path = "/gantry-not-the-users/c1";
    config.linux_->resources.pids = oci::PidsResources{5};
  });
  const auto result = as_user("$OCI run --bundle $BUNDLE c1");
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.errors,
              testing::ContainsRegex("limits need a cgroup that is the user's|can't be enforced"));
  EXPECT_FALSE(path_exists(users_root() + "/c1"));
  const auto best_effort = as_user("$OCI --cgroup-limits best-effort run --bundle $BUNDLE c1");
  EXPECT_EQ(best_effort.status, 0) << best_effort.errors;
  EXPECT_THAT(best_effort.errors, HasSubstr("warning"));
}

TEST_F(Rootless, DeviceRulesAloneAreNoLimit) {
  configure_user({"true"}, [](auto& config) {
    config.linux_->resources.devices = {{false, {}, {}, {}, "rwm"}, {true, "c", 10, 200, "rwm"}};
  });
  const auto result = as_user("$OCI run --bundle $BUNDLE c1");
  EXPECT_EQ(result.status, 0) << result.errors;
  const auto strict = as_user("$OCI --rootless=false --root $BUNDLE/state run --bundle $BUNDLE c1");
  EXPECT_EQ(strict.status, 1) << "whoever says that this isn't rootless wants a cgroup";
  EXPECT_THAT(strict.errors, HasSubstr("cgroup"));
}

TEST_F(Rootless, DevicesAreTheHostsOwnNodes) {
  configure_user(
      {"sh", "-c", "stat -c '%t:%T' /dev/null /dev/zero; echo x >/dev/null; head -c 1 /dev/zero | wc -c"});
  const auto result = as_user("$OCI run --bundle $BUNDLE c1");
  EXPECT_EQ(result.output, "1:3\n1:5\n1\n") << result.errors;
}

TEST_F(Rootless, OomScoreIsRaisedAndNeverLowered) {
  configure_user({"cat", "/proc/self/oom_score_adj"},
                 [](auto& config) { config.process->oom_score_adj = 321; });
  const auto raised = as_user("$OCI run --bundle $BUNDLE c1; cat /proc/self/oom_score_adj");
  EXPECT_THAT(raised.output, testing::StartsWith("321\n")) << raised.errors;
  configure_user({"true"}, [](auto& config) { config.process->oom_score_adj = -900; });
  const auto lowered = as_user("$OCI run --bundle $BUNDLE c1");
  EXPECT_EQ(lowered.status, 0) << lowered.errors;
  EXPECT_THAT(lowered.errors, HasSubstr("oomScoreAdj -900 is below the caller's own: not set"));
}

TEST_F(Rootless, ExecTakesTheOomScoreToo) {
  configure_user({"sleep", "1000"}, [](auto& config) { config.process->oom_score_adj = 321; });
  ASSERT_EQ(as_user("$OCI create --bundle $BUNDLE c1 >/dev/null 2>&1 </dev/null && $OCI start c1").status, 0);
  const auto executed = as_user("$OCI exec c1 cat /proc/self/oom_score_adj");
  EXPECT_EQ(executed.output, "321\n") << executed.errors;
}

TEST_F(Rootless, AdditionalGroupsNeedARange) {
  configure_user({"id", "-G"}, [](auto& config) { config.process->user.additional_gids = {0}; });
  const auto result = as_user("$OCI run --bundle $BUNDLE c1");
  EXPECT_EQ(result.status, 0) << result.errors;
  EXPECT_THAT(result.errors, HasSubstr("additionalGids are not set"));
}

TEST_F(Rootless, HardLimitsCannotBeRaised) {
  configure_user({"true"}, [](auto& config) { config.process->rlimits = {{"RLIMIT_NOFILE", 1024, 1024}}; });
  const auto lowered = as_user("ulimit -n 512; $OCI run --bundle $BUNDLE c1");
  EXPECT_EQ(lowered.status, 1);
  EXPECT_THAT(lowered.errors, HasSubstr("RLIMIT_NOFILE"));
}

TEST_F(Rootless, ProgramIsACopyInMemoryThatNobodyCanWrite) {
  configure_user({"sleep", "1000"});
  ASSERT_EQ(as_user("$OCI create --bundle $BUNDLE c1 >/dev/null 2>&1 </dev/null").status, 0);
  const auto state = read_file(users_root() + "/c1/state.json").value_or("");
  const auto at = state.find("\"pid\":");
  ASSERT_NE(at, std::string::npos);
  const auto pid = state.substr(at + 6, state.find_first_not_of("0123456789", at + 6) - at - 6);
  char program[256] = "";
  ASSERT_GT(::readlink(("/proc/" + pid + "/exe").c_str(), program, sizeof program - 1), 0);
  EXPECT_THAT(program, HasSubstr("/memfd:"));
}

TEST_F(Rootless, HooksRunAsTheUser) {
  configure_user({"true"}, [&](auto& config) {
    config.hooks.emplace();
    config.hooks->create_runtime = {
        {"/bin/sh", {"sh", "-c", "cat /proc/self/uid_map >" + bundle() + "/told"}, {}, {}}};
  });
  const auto result = as_user("$OCI run --bundle $BUNDLE c1");
  EXPECT_EQ(result.status, 0) << result.errors;
  struct stat info {};
  ASSERT_EQ(::stat((bundle() + "/told").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, test_user);
}

TEST_F(Rootless, RootOfAUserNamespaceRunsContainersToo) {
  configure_user({"sh", "-c", "id -u; cat /proc/self/uid_map /proc/self/oom_score_adj; echo x >/dev/null"},
                 [](auto& config) {
                   std::erase_if(config.linux_->namespaces,
                                 [](const auto& space) { return space.type == oci::NamespaceType::user; });
                   config.linux_->uid_mappings.clear();
                   config.linux_->gid_mappings.clear();
                   config.process->oom_score_adj = 77;
                 });
  const auto result = as_user("unshare -U -r -m $OCI run --bundle $BUNDLE c1");
  EXPECT_EQ(result.status, 0) << result.errors;
  EXPECT_THAT(result.output, testing::ContainsRegex("0\n +0 +4711 +1\n77\n"));
  EXPECT_TRUE(path_exists(users_root()))
      << "XDG_RUNTIME_DIR is another user's, so that it isn't the host's root";
}

}  // namespace
}  // namespace gantry::runtime
