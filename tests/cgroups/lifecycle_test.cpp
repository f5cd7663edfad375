#include "base/files.h"
#include "base/random.h"
#include "cgroups/cgroup.h"
#include "oci/linux_resources.h"
#include "tests/cgroups/child.h"
#include "tests/support/results.h"

#include <sys/stat.h>

namespace gantry::cgroups {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Child;
using testing::ElementsAre;
using testing::HasSubstr;

// A folder of our own below the host's cgroup2 mount, whatever controllers it has.
class Lifecycle : public testing::Test {
 protected:
  void SetUp() override {
    if (detect_host().mount.empty()) GTEST_SKIP() << "no cgroup2 on this host";
    parent_ = "/gantry-test-" + random_hex(6);
  }
  void TearDown() override {
    if (parent_.empty()) return;
    if (const auto cgroup = Cgroup::open(parent_)) EXPECT_OK(cgroup->remove(seconds(5)));
  }
  Result<Cgroup> create(const std::string& name, const oci::LinuxResources& resources = {}) {
    return Cgroup::create(parent_ + "/" + name, resources, Enforcement::best_effort);
  }

  std::string parent_;
};

TEST_F(Lifecycle, CreateAttachKillRemove) {
  const auto cgroup = create("a/b");
  ASSERT_OK(cgroup);
  Child child;
  ASSERT_OK(cgroup->attach(child.pid()));
  EXPECT_THAT(cgroup->processes().value_or({}), ElementsAre(child.pid()));
  const auto same = Cgroup::of_process(child.pid());
  ASSERT_OK(same);
  EXPECT_EQ(same->path(), cgroup->path());
  EXPECT_ERROR(cgroup->remove(milliseconds(0)), ErrorKind::conflict, HasSubstr("1 processes live in it"));
  EXPECT_ERROR(cgroup->wait_empty(milliseconds(1)), ErrorKind::timeout, HasSubstr("populated 0"));
  ASSERT_OK(cgroup->kill());
  EXPECT_EQ(child.wait(), 128 + SIGKILL);
  ASSERT_OK(cgroup->wait_empty(seconds(5)));
  ASSERT_OK(cgroup->remove());
  EXPECT_FALSE(path_exists(cgroup->directory()));
  EXPECT_OK(cgroup->remove());  // what is gone is fine
  EXPECT_OK(cgroup->kill());
}

TEST_F(Lifecycle, InAThreadedSubtreeItBecomesThreadedAndIsKilledToo) {
  const auto parent = create("t");
  ASSERT_OK(parent);
  ASSERT_OK(write_existing(parent->directory() + "/cgroup.type", "threaded"));
  const auto cgroup = create("t/a/b");
  ASSERT_OK(cgroup);
  EXPECT_EQ(read_file(cgroup->directory() + "/cgroup.type").value_or(""), "domain invalid\n");
  Child child;
  ASSERT_OK(cgroup->attach(child.pid()));
  EXPECT_EQ(read_file(cgroup->directory() + "/cgroup.type").value_or(""), "threaded\n");
  EXPECT_THAT(cgroup->processes().value_or({}), ElementsAre(child.pid()));
  ASSERT_OK(cgroup->freeze());
  ASSERT_OK(cgroup->thaw());
  ASSERT_OK(cgroup->kill());
  EXPECT_EQ(child.wait(), 128 + SIGKILL);
  ASSERT_OK(cgroup->wait_empty(seconds(5)));
  EXPECT_OK(cgroup->remove());
}

TEST_F(Lifecycle, RemoveTakesCgroupsBelowAndDyingProcesses) {
  const auto outer = create("outer");
  const auto inner = create("outer/x/y");
  ASSERT_OK(outer);
  ASSERT_OK(inner);
  Child child;
  ASSERT_OK(inner->attach(child.pid()));
  ASSERT_OK(outer->kill());
  ASSERT_OK(outer->remove(seconds(5)));
  EXPECT_FALSE(path_exists(outer->directory()));
}

TEST_F(Lifecycle, FreezeStopsAndThawContinues) {
  const auto cgroup = create("frozen");
  ASSERT_OK(cgroup);
  Child idle;
  ASSERT_OK(cgroup->attach(idle.pid()));
  ASSERT_OK(cgroup->freeze());
  EXPECT_TRUE(cgroup->events()->frozen);
  EXPECT_ERROR(create("frozen"), ErrorKind::exists, HasSubstr("not empty"));
  ASSERT_OK(cgroup->thaw());
  EXPECT_FALSE(cgroup->events()->frozen);
  ASSERT_OK(cgroup->freeze());
  ASSERT_OK(cgroup->kill());  // a frozen cgroup dies too
  EXPECT_EQ(idle.wait(), 128 + SIGKILL);
}

TEST_F(Lifecycle, SignalReachesEveryProcess) {
  const auto cgroup = create("signalled");
  ASSERT_OK(cgroup);
  Child one, two;
  ASSERT_OK(cgroup->attach(one.pid()));
  ASSERT_OK(cgroup->attach(two.pid()));
  ASSERT_OK(cgroup->signal(SIGTERM));
  EXPECT_EQ(one.wait(), 128 + SIGTERM);
  EXPECT_EQ(two.wait(), 128 + SIGTERM);
}

TEST_F(Lifecycle, EmptyCgroupMayBeTakenOverAnotherMayNot) {
  ASSERT_OK(create("taken"));
  const auto again = create("taken");
  ASSERT_OK(again);
  ASSERT_OK(again->freeze());
  EXPECT_ERROR(create("taken"), ErrorKind::exists, HasSubstr("frozen"));
}

TEST_F(Lifecycle, BadPathsAreRefused) {
  for (const std::string path : {"", "relative", "/", "/a//b", "/a/../b", "/a/."}) {
    SCOPED_TRACE(path);
    EXPECT_ERROR(Cgroup::create(path, {}, Enforcement::required), ErrorKind::invalid,
                 HasSubstr("cgroup path must"));
  }
  EXPECT_ERROR(Cgroup::open("/gantry-test-nothing-here"), ErrorKind::not_found, HasSubstr("nothing-here"));
}

TEST_F(Lifecycle, RefusedLimitLeavesNothingBehind) {
  oci::LinuxResources resources;
  resources.unified["nosuchcontroller.max"] = "1";
  EXPECT_ERROR(Cgroup::create(parent_ + "/a/b", resources, Enforcement::required), ErrorKind::unsupported,
               HasSubstr("controller nosuchcontroller is missing"));
  resources = {};
  resources.unified["cgroup.max.depth"] = "nonsense";
  EXPECT_ERROR(Cgroup::create(parent_ + "/a/b", resources, Enforcement::required), ErrorKind::system,
               HasSubstr("unified[\"cgroup.max.depth\"]: write \"nonsense\""));
  EXPECT_FALSE(path_exists(detect_host().mount + parent_));
}

TEST_F(Lifecycle, UnifiedValuesAreWritten) {
  oci::LinuxResources resources;
  resources.unified["cgroup.max.depth"] = "3";
  const auto cgroup = create("unified", resources);
  ASSERT_OK(cgroup);
  EXPECT_EQ(read_file(cgroup->directory() + "/cgroup.max.depth").value_or(""), "3\n");
}

TEST_F(Lifecycle, StatisticsLeaveOutWhatIsNotCounted) {
  const auto cgroup = create("statistics");
  ASSERT_OK(cgroup);
  const auto statistics = cgroup->statistics();
  ASSERT_OK(statistics);
  EXPECT_EQ(statistics->memory.has_value(), path_exists(cgroup->directory() + "/memory.current"));
  EXPECT_EQ(statistics->pids.has_value(), path_exists(cgroup->directory() + "/pids.current"));
}

TEST_F(Lifecycle, DelegationChangesTheOwner) {
  const auto cgroup = create("delegated");
  ASSERT_OK(cgroup);
  ASSERT_OK(cgroup->delegate_to(1234, 1235));
  struct stat info {};
  ASSERT_EQ(stat((cgroup->directory() + "/cgroup.procs").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 1234u);
  EXPECT_EQ(info.st_gid, 1235u);
}

}  // namespace
}  // namespace gantry::cgroups
