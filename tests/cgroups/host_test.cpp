#include "cgroups/host.h"

#include "tests/support/results.h"

namespace gantry::cgroups {
namespace {

TEST(Host, FindsTheUnifiedMount) {
  const auto host = parse_mountinfo(
      "24 30 0:22 / /proc rw,nosuid shared:13 - proc proc rw\n"
      "30 1 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n");
  EXPECT_EQ(host.mount, "/sys/fs/cgroup");
  EXPECT_TRUE(host.unified);
}

TEST(Host, FindsTheHybridMountBeforeOthers) {
  const auto host = parse_mountinfo(
      "29 1 0:25 / /elsewhere rw - cgroup2 none rw\n"
      "30 1 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
      "31 1 0:27 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw\n");
  EXPECT_EQ(host.mount, "/sys/fs/cgroup/unified");
  EXPECT_FALSE(host.unified);
}

TEST(Host, UnescapesMountPoints) {
  EXPECT_EQ(parse_mountinfo("29 1 0:25 / /my\\040groups rw - cgroup2 none rw\n").mount, "/my groups");
}

TEST(Host, SaysWhatItLacks) {
  EXPECT_EQ(parse_mountinfo("29 1 0:25 / /proc rw - proc proc rw\n").describe(),
            "no cgroup2 file system is mounted");
  const HostSupport host{"/sys/fs/cgroup/unified", false, {"hugetlb"}};
  EXPECT_EQ(host.describe(), "/sys/fs/cgroup/unified offers hugetlb");
  EXPECT_FALSE(host.offers("memory"));
}

TEST(Host, ReadsTheUnifiedLineOfAProcess) {
  EXPECT_EQ(parse_cgroup_membership("4:memory:/a\n0::/gantry/c1\n"), "/gantry/c1");
  EXPECT_EQ(parse_cgroup_membership("4:memory:/a\n"), std::nullopt);
}

}  // namespace
}  // namespace gantry::cgroups
