#include "runtime/id_mapped_mounts.h"

#include "tests/runtime/container_fixture.h"

#include <unistd.h>

namespace gantry::runtime {
namespace {

using testing::HasSubstr;

class IdMappedMounts : public Containers {
 protected:
  void SetUp() override {
    Containers::SetUp();
    if (IsSkipped()) return;
    ASSERT_OK(make_directories(file("data"), 0755));
    ASSERT_OK(write_file(file("data/f"), "", 0644));
    ASSERT_OK(make_directories(rootfs() + "/data", 0755));  // a user namespace's root may not
  }
  // The owner of /data/f as the container sees it.
  CommandResult owner_in(const std::function<void(oci::RuntimeConfig&)>& change) {
    return run({"stat", "-c", "%u:%g", "/data/f"}, change);
  }
  oci::Mount data(std::vector<std::string> options, std::vector<oci::IdMapping> uids,
                  std::vector<oci::IdMapping> gids) {
    options.push_back("bind");
    return {"/data", "bind", file("data"), std::move(options), std::move(uids), std::move(gids)};
  }
  static void add_user_namespace(oci::RuntimeConfig& config) {
    config.linux_->namespaces.push_back({oci::NamespaceType::user, {}});
    config.linux_->uid_mappings = config.linux_->gid_mappings = {{0, 100000, 65536}};
    config.linux_->resources.devices.clear();
  }
};

TEST_F(IdMappedMounts, ShowTheOwnersOfTheirMaps) {
  for (const char* option : {"idmap", "ridmap", "rw"}) {
    const auto result = owner_in([&](auto& config) {
      config.mounts.push_back(data({option}, {{0, 1000, 10}}, {{0, 2000, 10}}));
    });
    EXPECT_EQ(result.output, "1000:2000\n") << option << ": " << result.errors;
  }
  EXPECT_EQ(owner_in([&](auto& config) {
              config.mounts.push_back(data({"idmap=uids=0-7-1;gids=0-8-1"}, {}, {}));
            }).output,
            "7:8\n");
}

TEST_F(IdMappedMounts, TakeTheContainersMapsWithoutTheirOwn) {
  const auto result = owner_in([&](auto& config) {
    add_user_namespace(config);
    config.mounts.push_back(data({"idmap"}, {}, {}));
  });
  EXPECT_EQ(result.output, "0:0\n") << result.errors;
  EXPECT_EQ(owner_in([&](auto& config) {
              add_user_namespace(config);
              config.mounts.push_back(data({}, {}, {}));
            }).output,
            "65534:65534\n")
      << "without the option the host's root is nobody inside";
}

TEST_F(IdMappedMounts, WriteBackAsTheMappedOwner) {
  const auto result = run_shell("touch /data/new && stat -c %u /data/new", [&](auto& config) {
    add_user_namespace(config);
    config.mounts.push_back(data({"idmap"}, {{0, 100000, 65536}}, {{0, 100000, 65536}}));
  });
  EXPECT_EQ(result.output, "0\n") << result.errors;
  struct stat info {};
  ASSERT_EQ(::stat(file("data/new").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 0U) << "on the host";
}

TEST_F(IdMappedMounts, ARecursiveMapNeedsEveryFileSystemToTakeIt) {
  const auto result = owner_in([](auto& config) {
    config.mounts.push_back({"/data", "bind", "/proc", {"rbind", "idmap"}, {{0, 1, 1}}, {{0, 1, 1}}});
  });
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.errors, HasSubstr("mount /data: set the id map"));
  EXPECT_TRUE(state_folders().empty());
}

TEST(IdMapTexts, AreCrunsForm) {
  oci::Linux container;
  container.uid_mappings = {{0, 0, 1}, {1, 2, 1000}};
  const auto maps = parse_id_map_text("uids=0-1-10#10-11-10;gids=0-100-10", container);
  ASSERT_OK(maps);
  ASSERT_EQ(maps->uids.size(), 2U);
  EXPECT_EQ(maps->uids[1].container_id, 10U);
  EXPECT_EQ(maps->uids[1].host_id, 11U);
  EXPECT_EQ(maps->gids[0].host_id, 100U);
  const auto relative = parse_id_map_text("uids=@1-3-10", container);
  ASSERT_OK(relative);
  EXPECT_EQ(relative->uids[0].host_id, 4U) << "the container's 3 is the host's 4";
  for (const char* text : {"", "uids", "uids=", "uids=1-2", "uids=1-2-3-4", "uids=a-2-3", "users=1-2-3",
                           "uids=1-2-3;", "uids=4294967295-0-1", "uids=@1-995-10", "gids=@0-0-1"}) {
    EXPECT_ERROR(parse_id_map_text(text, container), ErrorKind::invalid, HasSubstr("idmap: "));
  }
}

}  // namespace
}  // namespace gantry::runtime
