#include "images/content_store.h"

#include "base/files.h"
#include "tests/support/results.h"

#include <sys/resource.h>
#include <sys/stat.h>

namespace gantry::images {
namespace {

using testing::HasSubstr;

class Content : public testing::Test {
 protected:
  void SetUp() override {
    auto made = TemporaryDirectory::make();
    ASSERT_OK(made);
    folder_.emplace(std::move(made).value());
  }
  ContentStore open() { return ContentStore::open(root()).value(); }
  std::string root() const { return folder_->path() + "/store"; }
  size_t ingests() const { return list_directory(root() + "/ingest")->size(); }
  std::optional<TemporaryDirectory> folder_;
};

TEST_F(Content, KeepsBlobsUnderTheirDigestForItsOwnerOnly) {
  auto store = open();
  const auto blob = store.put("hello");
  ASSERT_OK(blob);
  EXPECT_EQ(blob->digest, oci::digest_of("hello"));
  EXPECT_EQ(store.read(blob->digest, 100).value_or(""), "hello");
  for (const char* path : {"/blobs", "/blobs/sha256", "/ingest", ""}) {
    struct stat info {};
    ASSERT_EQ(stat((root() + path).c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0700U) << path;
  }
  const auto sha512 = oci::digest_of("x", oci::DigestAlgorithm::sha512);
  ASSERT_OK(store.put("x", sha512));
  EXPECT_TRUE(store.exists(sha512));
  EXPECT_EQ(store.list()->size(), 2U);
}

TEST_F(Content, WhatDoesntMatchIsRefusedAndRemoved) {
  auto store = open();
  const auto expected = oci::digest_of("hello");
  EXPECT_ERROR(store.put("hellO", expected), ErrorKind::corrupt, HasSubstr("expected " + expected.string()));
  auto ingest = store.begin();
  ASSERT_OK(ingest);
  ASSERT_OK(ingest->write("hel"));
  EXPECT_ERROR(ingest->commit(expected, 5), ErrorKind::corrupt, HasSubstr("expected 5 bytes, got 3"));
  EXPECT_EQ(store.list()->size(), 0U);
  EXPECT_EQ(ingests(), 0U);
}

TEST_F(Content, ADamagedBlobIsNoticedWhenRead) {
  auto store = open();
  const auto digest = store.put("hello")->digest;
  ASSERT_OK(write_file(store.path(digest), "jello"));
  EXPECT_ERROR(store.read(digest, 100), ErrorKind::corrupt, HasSubstr(digest.string()));
}

TEST_F(Content, NamedIngestsGoOnAfterARestart) {
  {
    auto store = open();
    auto ingest = store.begin_named("upload-1");
    ASSERT_OK(ingest);
    ASSERT_OK(ingest->write("hel"));
    EXPECT_ERROR(store.resume("upload-1"), ErrorKind::conflict, HasSubstr("another request"));
    ingest->keep();
  }
  auto store = open();
  EXPECT_EQ(store.ingest_size("upload-1").value_or(0), 3U);
  auto ingest = store.resume("upload-1");
  ASSERT_OK(ingest);
  ASSERT_OK(ingest->write("lo"));
  ASSERT_OK(ingest->commit(oci::digest_of("hello"), 5));
  EXPECT_ERROR(store.resume("upload-1"), ErrorKind::not_found, HasSubstr("upload-1"));
  EXPECT_ERROR(store.begin_named("../escape"), ErrorKind::invalid, HasSubstr("letters"));
}

TEST_F(Content, OpeningSweepsWhatDeadWritersLeftAndNothingElse) {
  auto store = open();
  auto alive = store.begin();
  ASSERT_OK(alive);
  ASSERT_OK(write_file(root() + "/ingest/tmp-dead", "part"));
  ASSERT_OK(write_file(root() + "/leases/dead", oci::digest_of("x").string()));
  const auto lease = store.lease();
  ASSERT_OK(lease);
  open();
  EXPECT_EQ(ingests(), 1U) << "the live ingest stays, the dead one goes";
  EXPECT_EQ(list_directory(root() + "/leases")->size(), 1U);
  ASSERT_OK(alive->write("x"));
  EXPECT_OK(alive->commit());
}

TEST_F(Content, CollectionPassesByWhatIsLeasedOrUsed) {
  auto store = open();
  const auto used = store.put("used")->digest;
  const auto leased = store.put("leased")->digest;
  const auto garbage = store.put("garbage")->digest;
  const auto is_used = [&](const oci::Digest& digest) { return digest == used; };
  {
    auto lease = store.lease();
    ASSERT_OK(lease);
    ASSERT_OK(lease->add(leased));
    EXPECT_EQ(store.collect(is_used)->blobs, 1U);
    EXPECT_FALSE(store.exists(garbage));
    EXPECT_TRUE(store.exists(leased));
  }
  EXPECT_EQ(store.collect(is_used)->blobs, 1U);
  EXPECT_FALSE(store.exists(leased));
  EXPECT_TRUE(store.exists(used));
}

TEST_F(Content, CollectionWithoutDescriptorsRemovesNothingThatIsNeeded) {
  auto store = open();
  const auto used = store.put("used")->digest;
  const auto leased = store.put("leased")->digest;
  const auto garbage = store.put("garbage")->digest;
  auto lease = store.lease();
  ASSERT_OK(lease);
  ASSERT_OK(lease->add(leased));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  int refused = 0;
  bool done = false;
  for (rlim_t most = 0; !done && most < 64; ++most) {
    const rlimit few{most, before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
    const auto collected = store.collect([&](const oci::Digest& digest) { return digest == used; });
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    ASSERT_TRUE(store.exists(used)) << most;
    ASSERT_TRUE(store.exists(leased)) << most;
    refused += collected ? 0 : 1;
    EXPECT_EQ(store.exists(garbage), !collected) << most;
    done = bool(collected);
  }
  EXPECT_TRUE(done);
  EXPECT_GT(refused, 1);
}

}  // namespace
}  // namespace gantry::images
