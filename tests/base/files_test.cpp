#include "base/files.h"

#include "base/lock.h"
#include "tests/support/results.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gantry {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Files : public testing::Test {
 protected:
  void SetUp() override {
    auto made = TemporaryDirectory::make();
    ASSERT_OK(made);
    folder_.emplace(std::move(made).value());
  }
  std::string in(const std::string& name) const { return join_path(folder_->path(), name); }
  std::optional<TemporaryDirectory> folder_;
};

TEST_F(Files, WriteReplacesWholeFileWithModeAndLeavesNothingElse) {
  ASSERT_OK(write_file(in("a"), "first, longer"));
  ASSERT_OK(write_file(in("a"), "second", 0640, Durability::durable));
  EXPECT_EQ(read_file(in("a")).value(), "second");
  struct stat info {};
  ASSERT_EQ(::stat(in("a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640U);
  EXPECT_THAT(list_directory(folder_->path()).value(), ElementsAre("a"));
}

TEST_F(Files, ReadErrorsNameFileAndRule) {
  EXPECT_ERROR(read_file(in("none")), ErrorKind::not_found, HasSubstr("none: No such file"));
  ASSERT_OK(write_file(in("big"), std::string(100, 'x')));
  EXPECT_ERROR(read_file(in("big"), 99), ErrorKind::invalid, HasSubstr("limit of 99 bytes"));
}

TEST_F(Files, RemoveTreeDoesNotFollowLinks) {
  ASSERT_OK(make_directories(in("keep")));
  ASSERT_OK(write_file(in("keep/file"), "x"));
  ASSERT_OK(make_directories(in("gone/deep/er")));
  ASSERT_EQ(::symlink(in("keep").c_str(), in("gone/deep/link").c_str()), 0);
  ASSERT_OK(remove_tree(in("gone")));
  EXPECT_FALSE(path_exists(in("gone")));
  EXPECT_TRUE(path_exists(in("keep/file")));
  EXPECT_OK(remove_tree(in("gone")));
}

TEST_F(Files, TemporaryDirectoryGoesWithItsOwner) {
  std::string path;
  {
    auto made = TemporaryDirectory::make(folder_->path());
    ASSERT_OK(made);
    path = made->path();
    ASSERT_OK(write_file(join_path(path, "x"), "x"));
  }
  EXPECT_FALSE(path_exists(path));
}

TEST_F(Files, LockExcludesAndEnds) {
  {
    const auto held = FileLock::acquire(in("lock"));
    ASSERT_OK(held);
    EXPECT_FALSE(FileLock::try_acquire(in("lock")).value().has_value());
    EXPECT_ERROR(FileLock::acquire(in("lock"), LockMode::shared, std::chrono::milliseconds(20)),
                 ErrorKind::timeout, HasSubstr("lock: still held"));
  }
  EXPECT_TRUE(FileLock::try_acquire(in("lock")).value().has_value());
}

TEST(Paths, Join) {
  EXPECT_EQ(join_path("/a", "b"), "/a/b");
  EXPECT_EQ(join_path("/a/", "/b"), "/a/b");
  EXPECT_EQ(join_path("", "b"), "b");
}

}  // namespace
}  // namespace gantry
