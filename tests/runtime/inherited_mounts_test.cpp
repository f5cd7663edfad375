#include "tests/runtime/container_fixture.h"
#include "tests/runtime/own_mounts.h"

#include <csignal>
#include <fcntl.h>
#include <sys/mount.h>

// A container without a mount namespace: its root and mounts are the caller's to see, and all of them are
// gone when it is; of the caller's own mounts none is changed. Compared is the whole of mountinfo.

namespace gantry::runtime {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string all_mounts() {
  return read_file("/proc/self/mountinfo").value_or("");
}

std::string link_of(const std::string& path) {
  std::string target(256, '\0');
  const auto size = ::readlink(path.c_str(), target.data(), target.size());
  target.resize(size > 0 ? static_cast<size_t>(size) : 0);
  return target;
}

void inherit_mounts(oci::RuntimeConfig& config) {
  std::erase_if(config.linux_->namespaces,
                [](const auto& space) { return space.type == oci::NamespaceType::mount; });
  config.linux_->masked_paths.clear();
  config.linux_->readonly_paths.clear();
}

class InheritedMounts : public Containers {
 protected:
  void SetUp() override {
    Containers::SetUp();
    if (IsSkipped()) return;
    ASSERT_TRUE(take_own_mounts());
    before_ = all_mounts();
  }
  void TearDown() override {
    Containers::TearDown();
    while (::umount2(rootfs().c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
    }
  }

  void create_sleeping(const std::function<void(oci::RuntimeConfig&)>& change = [](auto&) {}) {
    configure({"sleep", "1000"}, [&](auto& config) {
      inherit_mounts(config);
      change(config);
    });
    const auto created = create(test_id);
    ASSERT_EQ(created.status, 0) << read_file(file("log")).value_or("");
    ASSERT_NE(all_mounts(), before_);
  }
  void delete_it() {
    const auto removed = runtime({"delete", "--force", test_id});
    EXPECT_EQ(removed.status, 0) << removed.errors;
    EXPECT_EQ(removed.errors, "");
  }
  void bind_to_itself(const std::string& path) {
    ASSERT_EQ(::mount(path.c_str(), path.c_str(), nullptr, MS_BIND, nullptr), 0);
  }

  std::string before_;
};

TEST_F(InheritedMounts, TheRootIsChangedAndNothingIsLeft) {
  for (const bool pivot : {true, false}) {
    configure({"sh", "-c", "readlink /proc/self/ns/mnt; test -e " + rootfs() + "/bin || echo hidden"},
              inherit_mounts);
    std::vector<std::string> command = {"run", "--bundle", bundle(), test_id};
    if (!pivot) command.insert(command.begin() + 1, "--no-pivot");
    const auto result = runtime(command);
    EXPECT_EQ(result.output, link_of("/proc/self/ns/mnt") + "\nhidden\n") << result.errors;
    EXPECT_EQ(all_mounts(), before_);
  }
}

TEST_F(InheritedMounts, AllThatIsMountedLiesBelowTheRootUntilDelete) {
  create_sleeping();
  for (const auto& name : {"", "/proc", "/dev", "/dev/pts", "/sys"}) {
    EXPECT_THAT(all_mounts(), HasSubstr(" " + rootfs() + name + " ")) << name;
  }
  EXPECT_EQ(all_mounts().rfind(before_, 0), 0U) << "one of the caller's mounts was changed";
  ASSERT_EQ(runtime({"start", test_id}).status, 0);
  const auto executed = runtime({"exec", test_id, "sh", "-c", "ls /bin/sh /proc/self/status"});
  EXPECT_EQ(executed.output, "/bin/sh\n/proc/self/status\n") << executed.errors;
  delete_it();
  EXPECT_EQ(all_mounts(), before_);
}

TEST_F(InheritedMounts, AFailedCreationLeavesNone) {
  const auto result = run({"true"}, [](auto& config) {
    inherit_mounts(config);
    config.mounts.push_back({"/data", "tmpfs", "tmpfs", {"nonsense=1"}, {}, {}});
  });
  EXPECT_THAT(result.errors, HasSubstr("mount option nonsense"));
  EXPECT_EQ(all_mounts(), before_);
}

TEST_F(InheritedMounts, OfAKilledInitAreRemovedByDelete) {
  create_sleeping();
  ASSERT_EQ(::kill(pid_of(test_id), SIGKILL), 0);
  ASSERT_TRUE(test::wait_until([&] { return status(test_id) == "stopped"; }));
  const auto removed = runtime({"delete", test_id});
  EXPECT_EQ(removed.status, 0) << removed.errors;
  EXPECT_EQ(all_mounts(), before_);
}

TEST_F(InheritedMounts, WhatTheCallerMountedAtTheRootStays) {
  bind_to_itself(rootfs());
  before_ = all_mounts();
  create_sleeping();
  delete_it();
  EXPECT_EQ(all_mounts(), before_);
  // Also when the container's is gone already.
  create_sleeping();
  ASSERT_EQ(::umount2(rootfs().c_str(), MNT_DETACH), 0);
  delete_it();
  EXPECT_EQ(all_mounts(), before_);
}

TEST_F(InheritedMounts, OneThatIsCoveredByAnotherIsSaidAndKept) {
  create_sleeping();
  bind_to_itself(rootfs());
  const auto covered = runtime({"delete", "--force", test_id});
  EXPECT_EQ(covered.status, 1);
  EXPECT_THAT(covered.errors, HasSubstr("rootfs " + rootfs() + ": another mount covers the container's"));
  ASSERT_EQ(::umount2(rootfs().c_str(), MNT_DETACH), 0);
  delete_it();
  EXPECT_EQ(all_mounts(), before_);
}

// As on a host whose / is shared: the root shows up in each peer and goes with the container's; what is
// mounted in it stays in one place.
TEST_F(InheritedMounts, DoNotSpreadFromASharedMount) {
  const std::string peer = file("peer");
  ASSERT_OK(make_directories(peer, 0755));
  bind_to_itself(bundle());
  ASSERT_EQ(::mount(nullptr, bundle().c_str(), nullptr, MS_SHARED, nullptr), 0);
  ASSERT_EQ(::mount(bundle().c_str(), peer.c_str(), nullptr, MS_BIND, nullptr), 0);
  const std::string shared = all_mounts();
  create_sleeping();
  EXPECT_THAT(all_mounts(), HasSubstr(" " + rootfs() + "/proc "));
  EXPECT_THAT(all_mounts(), Not(HasSubstr(" " + peer + "/rootfs/proc ")));
  delete_it();
  EXPECT_EQ(all_mounts(), shared);
  ASSERT_EQ(::umount2(peer.c_str(), MNT_DETACH), 0);
  ASSERT_EQ(::umount2(bundle().c_str(), MNT_DETACH), 0);
}

TEST_F(InheritedMounts, ReadOnlyAndPropagationAreOfTheContainersRootAlone) {
  create_sleeping([](auto& config) {
    config.root->readonly = true;
    config.linux_->rootfs_propagation = "shared";
  });
  EXPECT_THAT(all_mounts(), testing::ContainsRegex(" " + rootfs() + " ro[^ ]* shared:"));
  EXPECT_EQ(all_mounts().rfind(before_, 0), 0U) << "one of the caller's mounts was changed";
  delete_it();
  EXPECT_EQ(all_mounts(), before_);
  EXPECT_OK(write_file(rootfs() + "/written", "", 0644));
}

TEST_F(InheritedMounts, AreRefusedWithAUserNamespace) {
  const auto result = run({"true"}, [](auto& config) {
    inherit_mounts(config);
    config.linux_->namespaces.push_back({oci::NamespaceType::user, {}});
    config.linux_->uid_mappings = {{0, 100000, 65536}};
    config.linux_->gid_mappings = {{0, 100000, 65536}};
  });
  EXPECT_THAT(result.errors, HasSubstr("config.json: $.linux.namespaces: a user namespace may not mount "
                                       "without a private MNT namespace"));
}

}  // namespace
}  // namespace gantry::runtime
