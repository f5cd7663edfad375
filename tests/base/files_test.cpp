#include "base/files.h"

#include "base/lock.h"
#include "base/root_path.h"
#include "tests/support/results.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <thread>
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

// At most `most` descriptors for as long as it lives.
class DescriptorLimit {
 public:
  explicit DescriptorLimit(rlim_t most) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit lower{most, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &lower);
  }
  DescriptorLimit(const DescriptorLimit&) = delete;
  DescriptorLimit& operator=(const DescriptorLimit&) = delete;
  ~DescriptorLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

// As a container makes it with mkdir and cd, deeper than any path, descriptor limit or stack goes.
void make_deep_tree(const std::string& top, int depth) {
  UniqueFd folder = open_file(top, O_RDONLY | O_DIRECTORY).value();
  for (int i = 0; i < depth; ++i) {
    ASSERT_EQ(::mkdirat(folder.get(), "below", 0700), 0);
    ASSERT_EQ(::mkdirat(folder.get(), "beside", 0700), 0);
    folder = UniqueFd(::openat(folder.get(), "below", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(folder);
    ASSERT_TRUE(UniqueFd(::openat(folder.get(), "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600)));
  }
}

TEST_F(Files, RemoveTreeTakesTreesOfAnyDepth) {
  ASSERT_OK(make_directories(in("deep")));
  make_deep_tree(in("deep"), 1000);
  const DescriptorLimit limit(64);
  EXPECT_OK(remove_tree(in("deep")));
  EXPECT_FALSE(path_exists(in("deep")));
}

TEST_F(Files, RemoveTreeStopsAtMounts) {
  ASSERT_OK(make_directories(in("outside")));
  ASSERT_OK(write_file(in("outside/file"), "x"));
  ASSERT_OK(make_directories(in("tree/mounted")));
  // Of the same file system, so that the device number doesn't tell.
  if (::mount(in("outside").c_str(), in("tree/mounted").c_str(), nullptr, MS_BIND, nullptr) != 0) {
    GTEST_SKIP() << "mounting isn't allowed here";
  }
  const auto removed = remove_tree(in("tree"));
  const bool kept = path_exists(in("outside/file"));
  ASSERT_EQ(::umount2(in("tree/mounted").c_str(), MNT_DETACH), 0);
  EXPECT_ERROR(removed, ErrorKind::conflict, HasSubstr("mounted: something is mounted there"));
  EXPECT_TRUE(kept);
  EXPECT_OK(remove_tree(in("tree")));
}

TEST_F(Files, RemoveTreeByTwoAtOnceIsFine) {
  for (int i = 0; i < 30; ++i) {
    ASSERT_OK(make_directories(in(format("tree/{}/a/b/c", i))));
    ASSERT_OK(write_file(in(format("tree/{}/a/b/file", i)), ""));
  }
  Result<void> first;
  Result<void> second;
  std::thread other([&] { second = remove_tree(in("tree")); });
  first = remove_tree(in("tree"));
  other.join();
  EXPECT_OK(first);
  EXPECT_OK(second);
  EXPECT_FALSE(path_exists(in("tree")));
}

TEST_F(Files, PathsInARootStayInIt) {
  ASSERT_OK(make_directories(in("root/etc")));
  ASSERT_OK(write_file(in("root/secret"), "inside"));
  ASSERT_OK(write_file(in("secret"), "outside"));
  ASSERT_EQ(::symlink("../../secret", in("root/etc/link").c_str()), 0);
  const auto root = open_file(in("root"), O_PATH | O_DIRECTORY);
  ASSERT_OK(root);
  const auto file = open_in_root(*root, "etc/link", O_RDONLY);
  ASSERT_OK(file);
  EXPECT_EQ(read_all(*file).value(), "inside");
  EXPECT_ERROR(open_in_root(*root, "etc/none", O_RDONLY), ErrorKind::not_found, HasSubstr("open etc/none"));
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
