#include "builder/tree_copy.h"

#include "base/files.h"
#include "tests/support/results.h"
#include "tests/support/wait.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gantry::builder {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class TreeCopyTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = TemporaryDirectory::make();
    ASSERT_OK(made);
    folder_ = std::make_unique<TemporaryDirectory>(std::move(made).value());
    ASSERT_OK(make_directories(path("source"), 0755));
    ASSERT_OK(make_directories(path("target"), 0755));
    ASSERT_OK(write_file(path("secret"), "outside"));
  }

  std::string path(const std::string& name) const { return folder_->path() + "/" + name; }
  void put(const std::string& name, const std::string& text = "text") const {
    ASSERT_OK(make_directories(path(name).substr(0, path(name).rfind('/')), 0755));
    ASSERT_OK(write_file(path(name), text, 0644));
  }
  SourceRoot source() const {
    return {open_file(path("source"), O_RDONLY | O_DIRECTORY).value(), nullptr, nullptr};
  }
  Result<void> copy(const std::string& name, const std::string& destination, CopyRules rules = {}) const {
    const SourceRoot root = source();
    const auto tree = TRY(read_source_tree(root, name, {}));
    const UniqueFd target = TRY(open_file(path("target"), O_PATH | O_DIRECTORY));
    return TreeCopy(target, std::move(rules)).copy(root, tree, destination);
  }
  std::string text(const std::string& name) const { return read_file(path(name)).value_or("none"); }
  uint32_t mode(const std::string& name) const {
    struct stat info {};
    return lstat(path(name).c_str(), &info) == 0 ? info.st_mode & 07777U : 0;
  }

  std::unique_ptr<TemporaryDirectory> folder_;
};

TEST_F(TreeCopyTest, MergesFoldersAndReplacesFiles) {
  put("source/d/a", "new");
  put("source/d/sub/b");
  put("target/d/a", "old");
  put("target/d/kept");
  ASSERT_OK(copy("d", "/d"));
  EXPECT_EQ(text("target/d/a"), "new");
  EXPECT_EQ(text("target/d/sub/b"), "text");
  EXPECT_EQ(text("target/d/kept"), "text");
}

TEST_F(TreeCopyTest, KeepsModesTimesAndHardLinks) {
  put("source/d/a");
  ASSERT_EQ(chmod(path("source/d/a").c_str(), 04711), 0);
  ASSERT_EQ(link(path("source/d/a").c_str(), path("source/d/b").c_str()), 0);
  const timespec times[] = {{1000, 0}, {1000, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, path("source/d/a").c_str(), times, 0), 0);
  ASSERT_OK(copy("d", "/d"));
  struct stat first {};
  struct stat second {};
  ASSERT_EQ(stat(path("target/d/a").c_str(), &first), 0);
  ASSERT_EQ(stat(path("target/d/b").c_str(), &second), 0);
  EXPECT_EQ(first.st_mode & 07777U, 04711U);
  EXPECT_EQ(first.st_mtim.tv_sec, 1000);
  EXPECT_EQ(first.st_ino, second.st_ino);
}

TEST_F(TreeCopyTest, FollowsASourceThatIsALinkInsideTheRootOnly) {
  put("source/real", "inside");
  ASSERT_EQ(symlink("real", path("source/link").c_str()), 0);
  ASSERT_EQ(symlink("../secret", path("source/up").c_str()), 0);
  ASSERT_EQ(symlink(path("secret").c_str(), path("source/away").c_str()), 0);
  ASSERT_OK(copy("link", "/a"));
  EXPECT_EQ(text("target/a"), "inside");
  EXPECT_ERROR(copy("up", "/b"), ErrorKind::not_found, HasSubstr("up: not found"));
  EXPECT_ERROR(copy("away", "/b"), ErrorKind::not_found, HasSubstr("away: not found"));
  EXPECT_ERROR(copy("../secret", "/b"), ErrorKind::not_found, HasSubstr("not found"));
}

TEST_F(TreeCopyTest, CopiesLinksInFoldersAsLinks) {
  put("source/d/a");
  ASSERT_EQ(symlink(path("secret").c_str(), path("source/d/away").c_str()), 0);
  ASSERT_OK(copy("d", "/d"));
  struct stat info {};
  ASSERT_EQ(lstat(path("target/d/away").c_str(), &info), 0);
  EXPECT_TRUE(S_ISLNK(info.st_mode));
}

TEST_F(TreeCopyTest, ResolvesTheDestinationInsideTheRoot) {
  put("source/a", "new");
  ASSERT_OK(make_directories(path("outside")));
  ASSERT_EQ(symlink("../../../../..", path("target/up").c_str()), 0);
  ASSERT_EQ(symlink(path("outside").c_str(), path("target/away").c_str()), 0);
  ASSERT_EQ(symlink(path("secret").c_str(), path("target/file").c_str()), 0);
  ASSERT_OK(copy("a", "/up/a"));
  EXPECT_EQ(text("target/a"), "new");
  EXPECT_FALSE(bool(copy("a", "/away/a")));  // a dangling link inside of the root
  ASSERT_OK(copy("a", "/file"));
  EXPECT_EQ(text("secret"), "outside");
  EXPECT_TRUE(list_directory(path("outside")).value().empty());
}

TEST_F(TreeCopyTest, FollowsNoLinkBelowTheDestination) {
  put("source/d/sub/a", "new");
  ASSERT_OK(make_directories(path("target/d"), 0755));
  ASSERT_OK(make_directories(path("target/elsewhere"), 0755));
  ASSERT_EQ(symlink("/elsewhere", path("target/d/sub").c_str()), 0);
  EXPECT_ERROR(copy("d", "/d"), ErrorKind::invalid, HasSubstr("cannot copy to non-directory: sub"));
  EXPECT_TRUE(list_directory(path("target/elsewhere")).value().empty());
}

TEST_F(TreeCopyTest, RefusesAFileInAFoldersPlace) {
  put("source/d/a");
  put("source/f");
  put("target/f/x");
  put("target/d/a/x");
  put("target/file");
  EXPECT_ERROR(copy("f", "/f"), ErrorKind::invalid, HasSubstr("cannot replace folder f"));
  EXPECT_ERROR(copy("d", "/d"), ErrorKind::invalid, HasSubstr("cannot replace folder a"));
  EXPECT_ERROR(copy("d", "/file"), ErrorKind::invalid, HasSubstr("cannot copy to non-directory: /file"));
}

TEST_F(TreeCopyTest, GivesOwnersAndModes) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  put("source/d/sub/a");
  ASSERT_OK(copy("d", "/new/d", {Owner{7, 8}, ModeChange::parse("u=rwX,go=").value()}));
  struct stat info {};
  for (const char* name : {"target/new", "target/new/d", "target/new/d/sub", "target/new/d/sub/a"}) {
    ASSERT_EQ(stat(path(name).c_str(), &info), 0);
    EXPECT_EQ(info.st_uid, 7U) << name;
    EXPECT_EQ(info.st_gid, 8U) << name;
  }
  EXPECT_EQ(mode("target/new/d"), 0755U);
  EXPECT_EQ(mode("target/new/d/sub"), 0700U);
  EXPECT_EQ(mode("target/new/d/sub/a"), 0600U);
}

TEST_F(TreeCopyTest, MatchesWildcardsInOrder) {
  put("source/b.txt");
  put("source/a.txt");
  put("source/x/c.txt");
  put("source/.hidden.txt");
  EXPECT_THAT(match_sources(source(), "*.txt").value(), ElementsAre(".hidden.txt", "a.txt", "b.txt"));
  EXPECT_THAT(match_sources(source(), "/*/c.*").value(), ElementsAre("x/c.txt"));
  EXPECT_THAT(match_sources(source(), "none*").value(), ElementsAre());
  EXPECT_THAT(match_sources(source(), "../a.txt").value(), ElementsAre("a.txt"));
}

TEST_F(TreeCopyTest, LeavesOutWhatIsIgnored) {
  put("source/a");
  put("source/drop/b");
  put("source/part/c");
  put("source/part/keep");
  const auto ignore = IgnoreRules::parse("drop\npart\n!part/keep\n", "x").value();
  SourceRoot root = source();
  root.ignore = &ignore;
  const auto tree = read_source_tree(root, "", {});
  ASSERT_OK(tree);
  std::vector<std::string> names;
  for (const auto& entry : tree->entries) names.push_back(entry.path);
  EXPECT_THAT(names, ElementsAre("", "a", "part", "part/keep"));
  EXPECT_ERROR(read_source_tree(root, "part/c", {}), ErrorKind::not_found,
               HasSubstr("excluded by .dockerignore"));
}

TEST_F(TreeCopyTest, DigestsContentNotTimes) {
  put("source/a", "one");
  const auto digest = [&](Owners owners = Owners::ignored) {
    const SourceRoot root = source();
    const auto tree = read_source_tree(root, "", {}).value();
    return digest_of_tree(root, tree, owners).value();
  };
  const auto first = digest();
  const timespec times[] = {{5, 0}, {5, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, path("source/a").c_str(), times, 0), 0);
  EXPECT_EQ(digest(), first);
  ASSERT_EQ(chmod(path("source/a").c_str(), 0755), 0);
  const auto second = digest();
  EXPECT_NE(second, first);
  put("source/a", "two");
  ASSERT_EQ(chmod(path("source/a").c_str(), 0755), 0);
  EXPECT_NE(digest(), second);
}

TEST_F(TreeCopyTest, ReadsAFileAgainOnlyOnceItChanged) {
  put("source/a", "one");
  const std::string file = path("digests");
  const auto digest = [&] {
    auto digests = FileDigests::load(file);
    SourceRoot root = source();
    root.digests = &digests;
    const auto tree = read_source_tree(root, "", {}).value();
    const auto found = digest_of_tree(root, tree, Owners::ignored).value();
    EXPECT_OK(digests.save());
    return found;
  };
  const auto first = digest();
  EXPECT_FALSE(path_exists(file)) << "a file that has just changed must not be kept";
  ASSERT_TRUE(test::wait_until([&] {
    EXPECT_EQ(digest(), first);
    return path_exists(file);
  }));
  // Whose digest is kept isn't read.
  auto text = read_file(file).value();
  text.replace(text.size() - 3, 2, text.substr(text.size() - 3, 2) == "00" ? "11" : "00");
  ASSERT_OK(write_file(file, text));
  EXPECT_NE(digest(), first);
  ASSERT_OK(write_file(file, "damaged\n"));
  EXPECT_EQ(digest(), first);
  // The same size and mtime, but another ctime.
  struct stat info {};
  ASSERT_EQ(stat(path("source/a").c_str(), &info), 0);
  const UniqueFd same = open_file(path("source/a"), O_WRONLY).value();
  ASSERT_OK(write_all(same, "two"));
  const timespec times[] = {info.st_atim, info.st_mtim};
  ASSERT_EQ(futimens(same.get(), times), 0);
  EXPECT_NE(digest(), first);
}

TEST(ModeChange, TakesOctalAndSymbolicNotation) {
  const std::tuple<const char*, uint32_t, bool, uint32_t> cases[] = {
      {"755", 0600, false, 0755},         {"4755", 0600, false, 04755}, {"u=rwX,go=rX", 0600, true, 0755},
      {"u=rwX,go=rX", 0600, false, 0644}, {"a+x", 0644, false, 0755},   {"go-w", 0666, false, 0644},
      {"+X", 0744, false, 0755},          {"u+s", 0755, false, 04755},  {"=r", 0777, false, 0444}};
  for (const auto& [text, before, folder, after] : cases) {
    const auto change = ModeChange::parse(text);
    ASSERT_OK(change);
    EXPECT_EQ(change->apply(before, folder), after) << text;
  }
  for (const char* text : {"", "8", "77777", "u", "u~x", "u=q", "755,"}) {
    EXPECT_ERROR(ModeChange::parse(text), ErrorKind::invalid, testing::_);
  }
}

}  // namespace
}  // namespace gantry::builder
