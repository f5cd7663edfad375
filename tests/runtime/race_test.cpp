#include "tests/runtime/container_fixture.h"
#include "tests/runtime/exchange.h"

#include <chrono>
#include <sys/stat.h>
#include <unistd.h>

// A root that changes while a container is made of it: two of its names are exchanged all the time, one a
// folder, the other a symbolic link to a canary on the host. Whatever the moment, the canary stays as it was.

namespace gantry::runtime {
namespace {

constexpr auto time_of_each = std::chrono::milliseconds(350);

class Races : public Containers {
 protected:
  void SetUp() override {
    Containers::SetUp();
    if (IsSkipped()) return;
    ASSERT_OK(make_directories(file("canary"), 0755));
    ASSERT_OK(write_file(file("canary/f"), "alive", 0644));
    ASSERT_OK(write_file(file("data"), "mine", 0644));
    ASSERT_OK(make_directories(file("folder"), 0755));
  }

  // Makes containers while the folder `name` and a link to the canary change places.
  void make_containers_while_exchanging(const std::string& name, const std::string& link_target,
                                        const std::function<void(oci::RuntimeConfig&)>& change) {
    const std::string folder = rootfs() + name;
    const std::string link = folder + "-link";
    const auto make_run = [&] { return runtime({"run", "--bundle", bundle(), test_id}); };
    for (const auto& path : {folder, link}) ASSERT_OK(remove_tree(path));
    ASSERT_OK(make_directories(folder, 0755));
    ASSERT_EQ(::symlink(link_target.c_str(), link.c_str()), 0);
    configure({"true"}, change);
    const auto undisturbed = make_run();
    ASSERT_EQ(undisturbed.status, 0) << undisturbed.errors;
    int tried = 0;
    {
      const Exchange exchange({{folder, link}});
      const RaceRounds rounds(time_of_each);
      for (; rounds.go_on(tried); ++tried) {
        (void)make_run();  // many fail: what they found is gone a moment later
      }
      EXPECT_GT(exchange.count(), tried);
    }
    tried_ += tried;
    RecordProperty("rounds", tried_);
    EXPECT_THAT(list_directory(file("canary")).value_or({}), testing::ElementsAre("f")) << link_target;
    EXPECT_EQ(read_file(file("canary/f")).value_or(""), "alive");
    struct stat info {};
    ASSERT_EQ(::stat(file("canary/f").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0644U);
    EXPECT_THAT(state_folders(), testing::IsEmpty());
  }

  std::vector<std::string> ways_to_the_canary() const {
    return {file("canary"), "../../../../../../../../../.." + file("canary")};
  }

 private:
  int tried_ = 0;
};

// runc CVE-2021-30465: the destination is checked and then mounted on. runc CVE-2024-45310: what is missing
// on the way to it is made.
// Checked: with root_path.cpp opening below the root without RESOLVE_IN_ROOT.
TEST_F(Races, Cve_2021_30465_2024_45310_MountDestinationsThatTurnIntoLinks) {
  for (const auto& target : ways_to_the_canary()) {
    make_containers_while_exchanging("/volume", target, [&](auto& config) {
      config.mounts.push_back({"/volume", "bind", file("folder"), {"bind", "ro"}, {}, {}});
    });
    make_containers_while_exchanging("/place", target, [&](auto& config) {
      config.mounts.push_back({"/place/made/deep", "tmpfs", "tmpfs", {"tmpcopyup"}, {}, {}});
      config.mounts.push_back({"/place/file", "bind", file("data"), {"bind"}, {}, {}});
      config.process->cwd = "/place/entered/too";
      config.linux_->masked_paths.push_back("/place/f");
    });
  }
}

// runc CVE-2026-41579.
// Checked: with root_path.cpp opening below the root without RESOLVE_IN_ROOT.
TEST_F(Races, Cve_2026_41579_DevThatTurnsIntoALink) {
  make_containers_while_exchanging("/dev", file("canary"), [](auto& config) {
    std::erase_if(config.mounts, [](const auto& mount) { return mount.destination.rfind("/dev", 0) == 0; });
  });
}

}  // namespace
}  // namespace gantry::runtime
