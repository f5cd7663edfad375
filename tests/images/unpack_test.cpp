#include "images/unpack.h"

#include "base/files.h"
#include "base/process.h"
#include "tests/images/memory_source.h"
#include "tests/images/tar_builder.h"
#include "tests/support/results.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

namespace gantry::images {
namespace {

using test::MemorySource;
using test::TarBuilder;
using testing::HasSubstr;

class Unpack : public testing::Test {
 protected:
  void SetUp() override {
    auto made = TemporaryDirectory::make();
    ASSERT_OK(made);
    folder_.emplace(std::move(made).value());
    ASSERT_OK(make_directories(root(), 0755));
    ASSERT_OK(write_file(outside("secret"), "untouched"));
  }
  std::string root() const { return folder_->path() + "/root"; }
  std::string inside(const std::string& path) const { return root() + "/" + path; }
  std::string outside(const std::string& path) const { return folder_->path() + "/" + path; }
  Result<Unpacked> unpack(const std::string& bytes) {
    MemorySource source(bytes);
    return unpack_layer(source, root());
  }
  struct stat stat_of(const std::string& path) const {
    struct stat info {};
    EXPECT_EQ(lstat(inside(path).c_str(), &info), 0) << path;
    return info;
  }
  std::string text_of(const std::string& path) const {
    return read_file(inside(path)).value_or("(unreadable)");
  }
  std::string xattr_of(const std::string& path, const char* name) const {
    std::string value(256, '\0');
    const ssize_t got = lgetxattr(inside(path).c_str(), name, value.data(), value.size());
    return got < 0 ? "" : value.substr(0, static_cast<size_t>(got));
  }
  // Nothing but "root" and "secret" stands beside the root, and the secret is whole.
  void expect_nothing_outside() const {
    EXPECT_EQ(list_directory(folder_->path()).value_or({}), (std::vector<std::string>{"root", "secret"}));
    EXPECT_EQ(read_file(outside("secret")).value_or(""), "untouched");
  }
  std::optional<TemporaryDirectory> folder_;
};

TEST_F(Unpack, KeepsKindsOwnersModesAndTimes) {
  TarBuilder tar;
  tar.folder("./", 0711)
      .folder("bin", 0755)
      .file("bin/a", "hello")
      .symlink("bin/b", "/bin/a")
      .hard_link("bin/c", "bin/a");
  tar.add({.path = "bin/su", .data = "s", .mode = 04755, .uid = 12, .gid = 34});
  tar.add({.path = "null", .type = '3', .mode = 0666, .major = 1, .minor = 3});
  tar.add({.path = "pipe", .type = '6', .mode = 0600});
  tar.folder("tmp", 01777);
  const auto result = unpack(tar.finish());
  ASSERT_OK(result);
  EXPECT_EQ(result->size, 6U);
  EXPECT_EQ(text_of("bin/a"), "hello");
  EXPECT_EQ(stat_of("bin/a").st_ino, stat_of("bin/c").st_ino);
  EXPECT_EQ(stat_of("bin/a").st_mtim.tv_sec, 1'700'000'000);
  EXPECT_EQ(stat_of("bin").st_mtim.tv_sec, 1'700'000'000) << "a folder's time must be set after its children";
  EXPECT_TRUE(S_ISLNK(stat_of("bin/b").st_mode));
  EXPECT_EQ(stat_of("bin/b").st_mtim.tv_sec, 1'700'000'000);
  EXPECT_EQ(stat_of("bin/su").st_mode & 07777U, 04755U) << "chown must come before chmod";
  EXPECT_EQ(stat_of("bin/su").st_uid, 12U);
  EXPECT_EQ(stat_of("null").st_rdev, makedev(1, 3));
  EXPECT_EQ(stat_of("null").st_mode & 0777U, 0666U);
  EXPECT_TRUE(S_ISFIFO(stat_of("pipe").st_mode));
  EXPECT_EQ(stat_of("tmp").st_mode & 07777U, 01777U);
  EXPECT_EQ(stat_of("").st_mode & 07777U, 0711U);
}

TEST_F(Unpack, WhiteoutRemovesFileOfLowerLayer) {
  TarBuilder tar;
  tar.file("etc/.wh.passwd", "").file("var/.wh..wh..opq", "").file(".wh..wh.aufs", "").file("var/new", "n");
  ASSERT_OK(unpack(tar.finish()));
  EXPECT_TRUE(S_ISCHR(stat_of("etc/passwd").st_mode));
  EXPECT_EQ(stat_of("etc/passwd").st_rdev, makedev(0, 0));
  EXPECT_EQ(xattr_of("var", "trusted.overlay.opaque"), "y");
  EXPECT_EQ(text_of("var/new"), "n");
  EXPECT_FALSE(path_exists(inside(".wh..wh.aufs")));
}

TEST_F(Unpack, FolderThatReplacesAWhiteoutHidesTheLowerOne) {
  for (const bool whiteout_first : {true, false}) {
    TarBuilder tar;
    const std::string name = whiteout_first ? "a" : "b";
    if (whiteout_first) tar.file(".wh." + name, "");
    tar.folder(name).file(name + "/f", "f");
    if (!whiteout_first) tar.file(".wh." + name, "");
    ASSERT_OK(unpack(tar.finish()));
    EXPECT_EQ(xattr_of(name, "trusted.overlay.opaque"), "y") << name;
    EXPECT_EQ(text_of(name + "/f"), "f");
  }
}

TEST_F(Unpack, AWhiteoutBelowAWhiteoutHidesNothingMore) {
  ASSERT_OK(unpack(TarBuilder().file(".wh.a", "").file("a/.wh.b", "").file("a/.wh..wh..opq", "").finish()));
  EXPECT_TRUE(S_ISCHR(stat_of("a").st_mode));
}

TEST_F(Unpack, AFileBelowAWhiteoutIsInAFolderThatHidesTheLowerOne) {
  ASSERT_OK(unpack(TarBuilder().file(".wh.a", "").file("a/b/f", "f").finish()));
  EXPECT_EQ(text_of("a/b/f"), "f");
  EXPECT_EQ(xattr_of("a", "trusted.overlay.opaque"), "y");
}

TEST_F(Unpack, TheLaterTimeOfAFolderCounts) {
  TarBuilder tar;
  tar.add({.path = "d", .type = '5', .mode = 0755, .mtime = 1000}).file("d/f");
  tar.add({.path = "d", .type = '5', .mode = 0755, .mtime = 2000});
  ASSERT_OK(unpack(tar.finish()));
  EXPECT_EQ(stat_of("d").st_mtim.tv_sec, 2000);
}

TEST_F(Unpack, AnEmptyPaxValueTakesTheArchivesAway) {
  TarBuilder tar;
  tar.add({.path = "g", .type = 'g', .data = "9 uid=77\n"}).file("all");
  tar.add({.path = "own", .data = "x", .uid = 5, .pax = {{"uid", ""}}});
  ASSERT_OK(unpack(tar.finish()));
  EXPECT_EQ(stat_of("all").st_uid, 77U);
  EXPECT_EQ(stat_of("own").st_uid, 5U);
}

TEST_F(Unpack, OnlyWhatHasNoTypeAtAllIsAFolderByItsSlash) {
  TarBuilder tar;
  tar.add({.path = "old/", .type = '\0', .mode = 0755}).add({.path = "new/", .data = "x"});
  ASSERT_OK(unpack(tar.finish()));
  EXPECT_TRUE(S_ISDIR(stat_of("old").st_mode));
  EXPECT_EQ(text_of("new"), "x");
}

TEST_F(Unpack, LabelsOfAnotherHostAreLeftOut) {
  ASSERT_OK(unpack(TarBuilder()
                       .add({.path = "f", .data = "x", .pax = {{"SCHILY.xattr.security.selinux", "a:b:c"}}})
                       .finish()));
  EXPECT_EQ(xattr_of("f", "security.selinux"), "");
}

TEST_F(Unpack, KeepsExtendedAttributesOfBothKinds) {
  TarBuilder tar;
  const std::string capability(
      "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 20);
  tar.add({.path = "ping", .data = "p", .uid = 5, .pax = {{"SCHILY.xattr.security.capability", capability}}});
  tar.add({.path = "note", .data = "n", .pax = {{"LIBARCHIVE.xattr.user.a%20b", "aGVsbG8"}}});
  ASSERT_OK(unpack(tar.finish()));
  EXPECT_EQ(xattr_of("ping", "security.capability"), capability) << "set last: chown and writes clear it";
  EXPECT_EQ(xattr_of("note", "user.a b"), "hello");
}

TEST_F(Unpack, ReplacesWhatIsThereWhereTheTypeDiffers) {
  TarBuilder tar;
  tar.file("a", "1").folder("a").file("a/b", "2").file("a", "3");           // file, folder, file
  tar.symlink("l", "/nowhere").folder("l").file("l/x", "4");                // link, folder
  tar.symlink("s", "a").file("s", "5").file("d/x", "6").symlink("d", "l");  // link, file; folder, link
  tar.file("p/q", "7").file("p/q", "8");
  ASSERT_OK(unpack(tar.finish()));
  EXPECT_EQ(text_of("a"), "3");
  EXPECT_EQ(text_of("l/x"), "4");
  EXPECT_EQ(text_of("s"), "5");
  EXPECT_TRUE(S_ISLNK(stat_of("d").st_mode));
  EXPECT_EQ(text_of("p/q"), "8");
}

TEST_F(Unpack, MakesMissingParentsAlsoThroughDanglingLinks) {
  TarBuilder tar;
  tar.symlink("var/run", "/run").file("var/run/lock/x", "x").file("deep/er/and/deeper/f", "f");
  ASSERT_OK(unpack(tar.finish()));
  EXPECT_EQ(text_of("run/lock/x"), "x");
  EXPECT_EQ(stat_of("deep/er/and").st_mode & 07777U, 0755U);
}

struct Attack {
  const char* name;
  TarBuilder tar;
};

// What went wrong for others. Each must stay inside, whether it is refused or cleaned.
TEST_F(Unpack, NothingOutsideTheRootIsReached) {
  const Attack attacks[] = {
      {"dots in a name", TarBuilder().file("../escape").file("a/../../../escape")},
      {"an absolute name", TarBuilder().file("/escape").file("//secret", "bad")},
      {"a link upwards, then a file through it", TarBuilder().symlink("up", "..").file("up/secret", "bad")},
      {"an absolute link out", TarBuilder().symlink("out", folder_->path()).file("out/secret", "bad")},
      {"a chain of links", TarBuilder().symlink("a", "b").symlink("b", "../..").file("a/secret", "bad")},
      {"a hard link out", TarBuilder().hard_link("h", "../secret").file("h", "bad")},
      {"a hard link through a link",
       TarBuilder().symlink("up", "..").hard_link("h", "up/secret").file("h", "bad")},
      {"a file over a link out", TarBuilder().symlink("s", folder_->path() + "/secret").file("s", "bad")},
      {"the root as a link", TarBuilder().symlink(".", "..").file("secret", "bad")},
      {"the root as a file", TarBuilder().file("./", "bad").file("x/..", "bad")},
      {"a folder over a link out", TarBuilder().symlink("d", "..").folder("d", 0777).file("d/secret", "in")},
      {"a magic link", TarBuilder().symlink("proc", "/proc/self/cwd").file("proc/escape", "bad")},
      {"a whiteout of the parent", TarBuilder().file(".wh...", "").file("a/.wh..", "")},
      {"a whiteout through a link", TarBuilder().symlink("up", "..").file("up/.wh.secret", "")},
      {"an opaque marker through a link", TarBuilder().symlink("up", "..").file("up/.wh..wh..opq", "")},
  };
  for (const auto& attack : attacks) {
    ASSERT_OK(remove_tree(root()));
    ASSERT_OK(make_directories(root(), 0755));
    const auto ended = unpack(attack.tar.finish());
    SCOPED_TRACE(std::string(attack.name) + ": " + (ended ? "accepted" : ended.error().message()));
    expect_nothing_outside();
    struct stat info {};
    ASSERT_EQ(stat(folder_->path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777U, 0700U);
  }
}

struct Refusal {
  const char* name;
  std::string bytes;
  ErrorKind kind;
  const char* says;
};

TEST_F(Unpack, RefusesWhatCantBeHonoured) {
  const std::string good = TarBuilder().file("a", std::string(5000, 'a')).finish();
  std::string damaged = good;
  damaged[10] = '?';
  const Refusal refusals[] = {
      {"truncated data", good.substr(0, 3000), ErrorKind::corrupt, "truncated"},
      {"truncated header", good.substr(0, 100), ErrorKind::corrupt, "truncated"},
      {"no tar", std::string(2048, 'z'), ErrorKind::corrupt, "checksum"},
      {"damaged header", damaged, ErrorKind::corrupt, "checksum"},
      {"unknown type", TarBuilder().add({.path = "a", .type = 'Q'}).finish(), ErrorKind::unsupported,
       "type \"Q\""},
      {"hard link to nothing", TarBuilder().hard_link("a", "b").finish(), ErrorKind::invalid,
       "isn't in this layer"},
      {"overlay's attribute",
       TarBuilder().add({.path = "a", .pax = {{"SCHILY.xattr.trusted.overlay.redirect", "/etc"}}}).finish(),
       ErrorKind::invalid, "overlay's own"},
      {"huge pax header", TarBuilder().add({.path = "a", .type = 'x', .size = int64_t{1} << 32}).finish(),
       ErrorKind::corrupt, "extended header"},
      {"huge long name", TarBuilder().add({.path = "a", .type = 'L', .size = int64_t{1} << 32}).finish(),
       ErrorKind::corrupt, "extended header"},
      {"bad pax record",
       TarBuilder().add({.path = "p", .type = 'x', .data = "99 path=a\n"}).file("a").finish(),
       ErrorKind::corrupt, "pax record"},
      {"sparse runs past the end",
       TarBuilder()
           .add({.path = "a", .data = "xy", .pax = {{"GNU.sparse.size", "3"}, {"GNU.sparse.map", "2,2"}}})
           .finish(),
       ErrorKind::corrupt, "sparse"},
      {"sparse runs that overlap",
       TarBuilder()
           .add({.path = "a", .data = "xy", .pax = {{"GNU.sparse.size", "9"}, {"GNU.sparse.map", "4,1,4,1"}}})
           .finish(),
       ErrorKind::corrupt, "sparse"},
      {"sparse map without an end",
       TarBuilder()
           .add({.path = "a",
                 .data = std::string(512, '1'),
                 .pax = {{"GNU.sparse.major", "1"}, {"GNU.sparse.minor", "0"}, {"GNU.sparse.realsize", "9"}}})
           .finish(),
       ErrorKind::corrupt, "sparse map"},
      {"huge size", TarBuilder().add({.path = "a", .pax = {{"size", "9223372036854775807"}}}).finish(),
       ErrorKind::invalid, "more than the limit"},
      {"uid out of range", TarBuilder().add({.path = "a", .pax = {{"uid", "4294967295"}}}).finish(),
       ErrorKind::corrupt, "uid"},
  };
  for (const auto& refusal : refusals) {
    SCOPED_TRACE(refusal.name);
    ASSERT_OK(remove_tree(root()));
    ASSERT_OK(make_directories(root(), 0755));
    EXPECT_ERROR(unpack(refusal.bytes), refusal.kind, HasSubstr(refusal.says));
  }
}

TEST_F(Unpack, ReadsAllSparseFormats) {
  const std::string map_1_0 = "2\n1\n2\n1000\n1\n";
  std::string block = map_1_0 + std::string(512 - map_1_0.size(), '\0') + "abc";
  TarBuilder tar;
  tar.add({.path = "GNUSparseFile.0/x",
           .data = block,
           .pax = {{"GNU.sparse.major", "1"},
                   {"GNU.sparse.minor", "0"},
                   {"GNU.sparse.name", "one"},
                   {"GNU.sparse.realsize", "2000"}}});
  tar.add(
      {.path = "two", .data = "abc", .pax = {{"GNU.sparse.size", "2000"}, {"GNU.sparse.map", "1,2,1000,1"}}});
  ASSERT_OK(unpack(tar.finish()));
  std::string expected(2000, '\0');
  expected.replace(1, 2, "ab").replace(1000, 1, "c");
  EXPECT_EQ(text_of("one"), expected);
  EXPECT_EQ(text_of("two"), expected);
}

TEST_F(Unpack, AFileThatClaimsMoreThanTheLimitIsRefusedBeforeItsData) {
  TarBuilder tar;
  tar.file("fits", std::string(1000, 'x'));
  tar.add({.path = "huge", .size = 5000});
  MemorySource source(tar.unfinished());
  EXPECT_ERROR(unpack_layer(source, root(), {.bytes = 5000}), ErrorKind::invalid,
               HasSubstr("unpack huge: its 5000 bytes make the layer unpack to more than the limit of 5000"));
}

TEST_F(Unpack, AClaimedSizeTakesNoSpaceBeforeItsDataComes) {
  constexpr int64_t claimed = int64_t{1} << 30;
  // Looks at the disk while the unpacker waits for more of the file's data.
  class Watching final : public ByteSource {
   public:
    Watching(std::string bytes, std::string file) : bytes_(std::move(bytes)), file_(std::move(file)) {}
    Result<std::string_view> next() override {
      struct stat info {};
      if (lstat(file_.c_str(), &info) == 0) most_ = std::max(most_, int64_t{info.st_blocks} * 512);
      const auto piece = std::string_view(bytes_).substr(at_, 512);
      at_ += piece.size();
      return piece;
    }
    int64_t most() const { return most_; }

   private:
    std::string bytes_;
    std::string file_;
    size_t at_ = 0;
    int64_t most_ = 0;
  };
  TarBuilder tar;
  tar.add({.path = "huge", .data = std::string(4096, 'x'), .size = claimed});
  Watching source(tar.unfinished(), inside("huge"));
  EXPECT_ERROR(unpack_layer(source, root()), ErrorKind::corrupt, HasSubstr("truncated"));
  EXPECT_LE(source.most(), int64_t{65} << 20);
  EXPECT_GT(source.most(), 0) << "the file wasn't looked at";
}

TEST_F(Unpack, AFolderOfAnyDepthIsReplacedByAFile) {
  TarBuilder tar;
  // A path goes to 4096 bytes; a link at its end takes the next one further down.
  std::string path = "top";
  for (int i = 0; i < 1900; ++i) path += "/d";
  tar.add({.path = "p", .type = '5', .mode = 0755, .pax = {{"path", path}}});
  tar.symlink("down", path);
  tar.add({.path = "p", .type = '5', .mode = 0755, .pax = {{"path", "down" + path.substr(3, 800)}}});
  tar.file("top", "flat");
  ASSERT_OK(unpack(tar.finish()));
  EXPECT_EQ(text_of("top"), "flat");
}

TEST_F(Unpack, AgreesWithGnuTarOnAllItsFormats) {
  // A tree with what makes formats differ: long names, holes, links, odd names, big ids.
  const std::string make =
      R"sh(
    set -e; mkdir tree; cd tree
    long=$(printf 'long%.0s' $(seq 30)); name=$(printf 'name%.0s' $(seq 40))
    mkdir -p "$long/$name"; echo x > "$long/$name/$(printf 'f%.0s' $(seq 200))"
    ln -s "$(printf 'target%.0s' $(seq 30))" longlink
    truncate -s 3M hole; printf data | dd of=hole bs=1 seek=1048576 conv=notrunc status=none
    for i in $(seq 40); do printf x | dd of=holes bs=1 seek=$((i * 65536)) conv=notrunc status=none; done
    echo a > a; ln a b; mkfifo fifo; mknod null c 1 3; chmod 4711 a; chown 3000000:7 hole; touch -d @1.5 a
    )sh";
  Command command{{"/bin/bash", "-c", make}};
  command.working_directory = folder_->path();
  ASSERT_OK(check_command(command));
  for (const char* tar_format : {"gnu", "oldgnu", "pax", "posix"}) {
    SCOPED_TRACE(tar_format);
    ASSERT_OK(remove_tree(root()));
    ASSERT_OK(make_directories(root(), 0755));
    const auto archive = check_command(
        {{"tar", "-C", outside("tree"), format("--format={}", tar_format), "--sparse", "-cf", "-", "."}});
    ASSERT_OK(archive);
    ASSERT_OK(unpack(*archive));
    const std::string list =
        "find . -printf '%p %y %m %U %G %s %l %n %T@\\n' | sed 's/\\.0000000000$//' | sort; find . -type f "
        "-exec sha256sum {} + | sort";
    Command ours{{"/bin/bash", "-c", list}};
    ours.working_directory = root();
    Command theirs = ours;
    const auto extract =
        std::string("rm -rf extracted && mkdir extracted && tar -C extracted -xpf - --numeric-owner");
    Command tar{{"/bin/bash", "-c", extract}};
    tar.working_directory = folder_->path();
    tar.input = *archive;
    ASSERT_OK(check_command(tar));
    theirs.working_directory = outside("extracted");
    EXPECT_EQ(check_command(ours).value_or("ours"), check_command(theirs).value_or("theirs"));
  }
}

}  // namespace
}  // namespace gantry::images
