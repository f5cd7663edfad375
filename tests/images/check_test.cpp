#include "base/files.h"
#include "images/image_store.h"
#include "images/tree_difference.h"
#include "tests/images/fake_registry.h"
#include "tests/images/tar_builder.h"
#include "tests/support/results.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace gantry::images {
namespace {

using test::FakeRegistry;
using test::TarBuilder;
using testing::HasSubstr;

class CheckStore : public testing::Test {
 protected:
  void SetUp() override {
    folder_.emplace(TemporaryDirectory::make().value());
    registry_ = FakeRegistry::start();
    test::add_image(*registry_, "app:v1",
                    {{TarBuilder().folder("etc").file("etc/a", "one").finish()},
                     {TarBuilder().file("etc/b", "two").finish(), oci::LayerCompression::zstd}});
    store_.emplace(ImageStore::open({.root = root()}).value());
    auto pulled = store_->pull(oci::Reference::parse(registry_->host() + "/app:v1").value());
    ASSERT_OK(pulled);
    image_ = std::move(pulled).value();
  }
  std::string root() const { return folder_->path() + "/store"; }
  std::string layer_file(const std::string& path) const {
    return store_->layer_directory(image_.layers[0].chain_id) + "/" + path;
  }
  StoreCheck check(bool repair = false) {
    auto checked = store_->check({.repair = repair, .pull = {}, .on_fault = {}});
    EXPECT_OK(checked);
    return checked ? *checked : StoreCheck{};
  }
  void overwrite(const oci::Digest& blob) {
    ASSERT_OK(write_file(store_->content().path(blob), "not what it was"));
  }
  // Everything is as it was pulled.
  void expect_whole() {
    const auto checked = check();
    EXPECT_EQ(checked.faults.size(), 0U) << checked.faults[0].subject << ": " << checked.faults[0].fault;
    EXPECT_EQ(read_file(layer_file("etc/a")).value_or(""), "one");
    EXPECT_EQ(store_->list().value_or({}).size(), 1U);
  }

  std::optional<TemporaryDirectory> folder_;
  std::shared_ptr<FakeRegistry> registry_;
  std::optional<ImageStore> store_;
  Image image_;
};

TEST_F(CheckStore, ASoundStoreHasNoFaults) {
  const auto checked = check();
  EXPECT_EQ(checked.faults.size(), 0U);
  EXPECT_EQ(checked.images, 1U);
  EXPECT_EQ(checked.layers, 2U);
  EXPECT_EQ(checked.blobs, 4U);
  EXPECT_GT(checked.bytes, 0U);
}

TEST_F(CheckStore, AChangedFileOfALayerIsFoundAndUnpackedAgainWithoutTheRegistry) {
  ASSERT_OK(write_file(layer_file("etc/a"), "odd"));
  ASSERT_EQ(chmod(layer_file("etc/a").c_str(), 0644), 0);
  const auto found = check();
  ASSERT_EQ(found.faults.size(), 1U);
  EXPECT_EQ(found.faults[0].subject, "layer " + image_.layers[0].chain_id.string());
  EXPECT_THAT(found.faults[0].fault, HasSubstr("etc/a: "));
  EXPECT_FALSE(found.faults[0].repaired);
  const auto asked = registry_->log().size();
  EXPECT_TRUE(check(true).faults[0].repaired);
  EXPECT_EQ(registry_->log().size(), asked);
  expect_whole();
}

TEST_F(CheckStore, AMissingLayerIsUnpackedAgain) {
  ASSERT_OK(remove_tree(root() + "/layers/" + image_.layers[1].chain_id.hex()));
  EXPECT_THAT(check().faults[0].fault, HasSubstr("missing"));
  EXPECT_TRUE(check(true).faults[0].repaired);
  expect_whole();
}

TEST_F(CheckStore, DamagedBlobsArePulledAgainByDigest) {
  for (const auto& blob : {image_.layers[0].blob.digest, image_.manifest_digest, image_.id}) {
    overwrite(blob);
    const auto found = check();
    EXPECT_EQ(found.faults[0].subject, "blob " + blob.string());
    EXPECT_EQ(found.faults.size(), 2U) << "the blob, and the image that needs it";
    // The tag may be another image by now: only the digest counts.
    test::add_image(*registry_, "app:v1", {{TarBuilder().file("other", "x").finish()}});
    EXPECT_TRUE(check(true).faults.back().repaired);
    expect_whole();
  }
}

TEST_F(CheckStore, WhatCameFromNoRegistryCantBeRepairedAndIsKept) {
  const auto tar = folder_->path() + "/a.tar";
  ASSERT_OK(write_file(tar, TarBuilder().file("a", "imported").finish()));
  const auto imported = store_->import_tar(open_file(tar, O_RDONLY).value(), {});
  ASSERT_OK(imported);
  overwrite(imported->layers[0].blob.digest);
  const auto checked = check(true);
  EXPECT_FALSE(checked.faults.back().repaired);
  EXPECT_THAT(checked.faults.back().fault, HasSubstr("it came from no registry"));
  EXPECT_TRUE(path_exists(store_->layer_directory(imported->layers[0].chain_id) + "/a"));
}

TEST_F(CheckStore, CollectionGoesOnWhenALayerIsLostButNotWhenNobodyKnowsWhatAnImageNeeds) {
  ASSERT_OK(remove_tree(root() + "/layers/" + image_.layers[1].chain_id.hex()));
  EXPECT_OK(store_->collect());
  EXPECT_TRUE(path_exists(layer_file("etc/a")));
  overwrite(image_.manifest_digest);
  EXPECT_ERROR(store_->collect(), ErrorKind::corrupt, HasSubstr("nothing is removed"));
  EXPECT_TRUE(path_exists(layer_file("etc/a")));
}

TEST_F(CheckStore, UsageCountsSharedLayersOnceAndSaysWhatNobodyHolds) {
  const auto alone = store_->usage().value();
  EXPECT_EQ(alone.images, 1U);
  EXPECT_EQ(alone.reclaimable, alone.size);
  ASSERT_OK(store_->tag("sha256:" + image_.id.hex(), oci::Reference::parse("second:v1").value()));
  EXPECT_EQ(store_->usage()->size, alone.size);
  ASSERT_OK(store_->hold(image_.id, "container"));
  const auto held = store_->usage().value();
  EXPECT_EQ(held.held_images, 1U);
  EXPECT_EQ(held.reclaimable, 0U);
}

TEST_F(CheckStore, PruningTakesUntaggedOnesOrAllThatMatchButNoneThatIsHeld) {
  EXPECT_EQ(store_->prune(false)->deleted.size(), 0U);
  EXPECT_EQ(store_->prune(true, [](const Image&) { return false; })->deleted.size(), 0U);
  ASSERT_OK(store_->hold(image_.id, "container"));
  EXPECT_EQ(store_->prune(true)->deleted.size(), 0U);
  ASSERT_OK(store_->release("container"));
  const auto pruned = store_->prune(true);
  ASSERT_OK(pruned);
  EXPECT_EQ(pruned->deleted, std::vector<oci::Digest>{image_.id});
  EXPECT_EQ(pruned->untagged.size(), 1U);
  EXPECT_GT(pruned->freed, 0U);
  EXPECT_EQ(list_directory(root() + "/layers").value_or({"?"}).size(), 0U);
}

TEST(TreeDifference, FindsEachKindOfChange) {
  const auto folder = TemporaryDirectory::make().value();
  const std::string a = folder.path() + "/a";
  const std::string b = folder.path() + "/b";
  const auto reset = [&] {
    for (const auto& root : {a, b}) {
      ASSERT_OK(remove_tree(root));
      ASSERT_OK(make_directories(root + "/d", 0755));
      ASSERT_OK(write_file(root + "/d/file", "text", 0644));
      ASSERT_EQ(link((root + "/d/file").c_str(), (root + "/d/hard").c_str()), 0);
      ASSERT_EQ(symlink("file", (root + "/d/link").c_str()), 0);
      const timespec times[] = {{1000, 0}, {1000, 0}};
      for (const char* path : {"/d/file", "/d/link"}) {
        ASSERT_EQ(utimensat(AT_FDCWD, (root + path).c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
      }
    }
  };
  const auto difference = [&] { return tree_difference(a, b).value_or("?").value_or("none"); };
  reset();
  EXPECT_EQ(difference(), "none");
  const std::string file = b + "/d/file";
  const std::pair<std::function<void()>, const char*> changes[] = {
      {[&] { chmod(file.c_str(), 0600); }, "d/file: mode 0600, should be 0644"},
      {[&] { EXPECT_EQ(chown(file.c_str(), 5, 0), 0); }, "d/file: owner 5, should be 0"},
      {[&] { EXPECT_EQ(chown(file.c_str(), 0, 6), 0); }, "d/file: group 6, should be 0"},
      {[&] { (void)write_file(b + "/d/new", ""); }, "new shouldn't be there"},
      {[&] { (void)remove_file(b + "/d/link"); }, "d/link: is missing"},
      {[&] { (void)remove_file(b + "/d/hard"); }, "links 1, should be 2"},
      {[&] { (void)setxattr(file.c_str(), "user.a", "1", 1, 0); }, "d/file: other extended attributes"},
      {[&] {
         const timespec times[] = {{5, 0}, {5, 0}};
         (void)utimensat(AT_FDCWD, file.c_str(), times, 0);
       },
       "d/file: modification time 5, should be 1000"},
      {[&] {
         const UniqueFd open = open_file(file, O_WRONLY).value();
         EXPECT_EQ(pwrite(open.get(), "T", 1, 0), 1);
         const timespec times[] = {{1000, 0}, {1000, 0}};
         futimens(open.get(), times);
       },
       "d/file: its content differs"},
  };
  for (const auto& [change, expected] : changes) {
    reset();
    change();
    EXPECT_THAT(difference(), HasSubstr(expected));
  }
}

}  // namespace
}  // namespace gantry::images
