#include "base/files.h"
#include "engine/root_files.h"
#include "engine/user.h"
#include "engine/volumes.h"
#include "tests/support/results.h"

#include <gtest/gtest.h>
#include <unistd.h>

// What images have done to other engines: docs/security.md has the table. `Checked:` says with which defence
// taken out the test was seen to fail.

namespace gantry::engine {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class CveEngineTest : public testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryDirectory::make();
    ASSERT_OK(folder);
    folder_ = std::make_unique<TemporaryDirectory>(std::move(*folder));
    ASSERT_OK(make_directories(rootfs() + "/etc", 0755));
    ASSERT_OK(make_directories(host() + "/secrets", 0755));
    ASSERT_OK(write_file(host() + "/secrets/key", "secret"));
    ASSERT_OK(write_file(host() + "/file", "secret"));
    auto root = open_root(rootfs());
    ASSERT_OK(root);
    root_ = std::move(*root);
  }
  std::string host() const { return folder_->path(); }
  std::string rootfs() const { return host() + "/rootfs"; }
  void link(const std::string& target, const std::string& name) {
    ASSERT_EQ(::symlink(target.c_str(), (rootfs() + name).c_str()), 0);
  }

  std::unique_ptr<TemporaryDirectory> folder_;
  UniqueFd root_;
};

// cri-o CVE-2024-5154, podman CVE-2024-1753, buildah CVE-2024-9407 and CVE-2024-9675: files of the image that
// lead to the host. What is mounted on /etc/resolv.conf and the like is the runtime's to resolve: its
// Mounts.Cve_2024_5154_….
// Checked: with open_in_root of base/root_path.cpp resolving without RESOLVE_IN_ROOT.
TEST_F(CveEngineTest, Cve_2024_5154_2024_1753_2024_9407_LinksOfTheImageStayInIt) {
  link("../../file", "/etc/mtab");
  link(host() + "/file", "/etc/passwd");
  link("..", "/up");
  EXPECT_FALSE(bool(read_in_root(root_, "/etc/mtab")));
  EXPECT_FALSE(bool(read_in_root(root_, "/etc/passwd")));
  ASSERT_OK(make_directories_in_root(root_, "/up/made/here"));
  EXPECT_TRUE(path_exists(rootfs() + "/made/here"));
  EXPECT_FALSE(path_exists(host() + "/made"));
}

// containerd CVE-2022-23648: an image's VOLUME whose path leaves the image.
// Checked: as above.
TEST_F(CveEngineTest, Cve_2022_23648_VolumesTakeNothingFromOutsideOfTheImage) {
  link("../secrets", "/linked");
  int count = 0;
  for (const auto& path : {std::string("/../secrets"), "/../../../../../../../.." + host() + "/secrets",
                           std::string("/linked"), host() + "/secrets"}) {
    const Layout layout{host() + "/state"};
    const std::string name = "v" + std::to_string(count++);
    ASSERT_OK(ensure_volume(layout, name));
    (void)fill_volume(layout, name, root_, path);
    EXPECT_THAT(list_directory(volume_data_path(layout, name)).value_or({"?"}), IsEmpty()) << path;
  }
}

// containerd CVE-2024-40635: ids above 2^31 that became 0.
// Checked: with `largest_id` of user.cpp at 2^32 + 2^32.
TEST(ResolveUser, Cve_2024_40635_LargeIdsAreNeverRoot) {
  const auto large = resolve_user("", "", "2147483648:4294967294", {});
  ASSERT_OK(large);
  EXPECT_EQ(large->uid, 2147483648U);
  EXPECT_EQ(large->gid, 4294967294U);
  for (const char* user :
       {"4294967295", "4294967296", "4294967296:0", "18446744073709551616", "-4294967296"}) {
    EXPECT_ERROR(resolve_user("", "", user, {}), ErrorKind::not_found, HasSubstr("unable to find user"));
  }
  EXPECT_ERROR(resolve_user("", "", "1:4294967296", {}), ErrorKind::not_found,
               HasSubstr("unable to find group"));
}

}  // namespace
}  // namespace gantry::engine
