#include "base/files.h"
#include "images/unpack.h"
#include "tests/images/canary.h"
#include "tests/images/memory_source.h"
#include "tests/images/tar_builder.h"
#include "tests/support/results.h"

#include <sys/stat.h>

// Archives that are made to do harm, or that are broken: each ends in an error that says why, or does no
// harm; what lies outside of the root is the same afterwards, to its times of change.
namespace gantry::images {
namespace {

using test::Canary;
using test::MemorySource;
using test::TarBuilder;
using test::TarItem;
using testing::HasSubstr;
using namespace std::string_literals;

constexpr const char* harmless = "";

struct Hostile {
  const char* name;
  std::string archive;
  const char* says;  // part of the error; `harmless`: it is accepted
};

class HostileArchives : public testing::Test {
 protected:
  void SetUp() override {
    auto made = TemporaryDirectory::make();
    ASSERT_OK(made);
    folder_.emplace(std::move(made).value());
    canary_.emplace(folder_->path());
  }
  std::string root() const { return folder_->path() + "/root"; }
  std::string canary(const std::string& path = "") const { return folder_->path() + "/canary" + path; }

  Result<Unpacked> unpack(const std::string& archive, const UnpackLimits& limits = {}) {
    EXPECT_OK(remove_tree(root()));
    EXPECT_OK(make_directories(root(), 0755));
    MemorySource source(archive, 4096);
    return unpack_layer(source, root(), limits);
  }
  void try_all(const std::vector<Hostile>& archives, const UnpackLimits& limits = {}) {
    for (const auto& each : archives) {
      SCOPED_TRACE(each.name);
      const auto before = canary_->look();
      const auto ended = unpack(each.archive, limits);
      expect_end(ended, each.says);
      EXPECT_EQ(canary_->look(), before);
      EXPECT_OK(remove_tree(root()));
    }
  }
  template <class T>
  static void expect_end(const Result<T>& ended, const std::string& says) {
    if (says.empty()) {
      EXPECT_OK(ended);
      return;
    }
    EXPECT_FALSE(bool(ended)) << "accepted";
    if (ended) return;
    EXPECT_THAT(ended.error().message(), HasSubstr(says));
    EXPECT_LT(ended.error().message().size(), 1500U) << "nobody reads that";
    for (const char c : ended.error().message()) EXPECT_GE(static_cast<unsigned char>(c), 0x20U);
  }
  std::optional<TemporaryDirectory> folder_;
  std::optional<Canary> canary_;
};

TarItem with_pax(const std::string& path, std::map<std::string, std::string> pax, std::string data = "x") {
  return {.path = path, .data = std::move(data), .pax = std::move(pax)};
}

TarItem with_bytes(const std::string& path, std::map<size_t, std::string> bytes, std::string data = "x") {
  return {.path = path, .data = std::move(data), .bytes = std::move(bytes)};
}

// A header about the next entry, of any content.
TarItem meta(char type, const std::string& body) {
  return {.path = "meta", .type = type, .data = body};
}

std::string repeated(const std::string& text, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i) all += text;
  return all;
}

TEST_F(HostileArchives, NamesThatLeadOut) {
  const std::string out = canary();
  try_all({
      {"dots before a name", TarBuilder().file("../canary/file", "bad").finish(), harmless},
      {"dots within a name", TarBuilder().file("a/../../../canary/file", "bad").finish(), harmless},
      {"dots at the end of a name", TarBuilder().file("canary/..", "bad").finish(), "root of a layer"},
      {"dots alone", TarBuilder().file("..", "bad").finish(), "root of a layer"},
      {"many dots", TarBuilder().file(repeated("../", 30) + "canary/file", "bad").finish(), harmless},
      {"an absolute name", TarBuilder().file(out + "/file", "bad").finish(), harmless},
      {"slashes in a row", TarBuilder().file("///" + out + "//file", "bad").finish(), harmless},
      {"an absolute name of pax", TarBuilder().add(with_pax("a", {{"path", out + "/file"}})).finish(),
       harmless},
      {"dots by GNU's long name",
       TarBuilder().add(meta('L', repeated("../", 50) + "canary/file\0"s)).file("a", "bad").finish(),
       harmless},
      {"dots by a global header",
       TarBuilder().add(meta('g', "26 path=../../canary/file\n")).file("a", "bad").finish(), harmless},
      {"dots by the name of a sparse file",
       TarBuilder().add(with_pax("a", {{"GNU.sparse.name", "../canary/file"}})).finish(), harmless},
      {"dots by ustar's prefix", TarBuilder().add(with_bytes("file", {{345, "../canary"}})).finish(),
       harmless},
      {"a folder above the root", TarBuilder().folder("..", 0777).folder("../canary", 0777).finish(),
       harmless},
      {"a device above the root",
       TarBuilder().add({.path = "../null", .type = '3', .major = 1, .minor = 3}).finish(), harmless},
      {"a backslash and a drive", TarBuilder().file("..\\canary\\file", "x").file("C:/file").finish(),
       harmless},
      {"no name", TarBuilder().file("", "bad").finish(), "root of a layer"},
      {"a slash as the name", TarBuilder().file("/", "bad").finish(), "root of a layer"},
  });
}

TEST_F(HostileArchives, LinksThatLeadOut) {
  const std::string out = canary();
  const auto via = [](const std::string& target) { return TarBuilder().symlink("l", target); };
  try_all({
      {"a file through a link upwards", via("../canary").file("l/file", "bad").finish(), harmless},
      {"a file through an absolute link", via(out).file("l/file", "bad").finish(), harmless},
      {"a file through a chain of links",
       TarBuilder()
           .symlink("a", "b")
           .symlink("b", "c")
           .symlink("c", "../canary")
           .file("a/file", "bad")
           .finish(),
       harmless},
      {"a file through a link below a link",
       TarBuilder()
           .folder("d")
           .symlink("d/up", "..")
           .symlink("out", "d/up/../canary")
           .file("out/file", "b")
           .finish(),
       "No such file"},
      {"a link to itself", TarBuilder().symlink("l", "l").file("l/file", "bad").finish(), "symbolic links"},
      {"two links in a circle", TarBuilder().symlink("a", "b").symlink("b", "a").file("a/x", "bad").finish(),
       "symbolic links"},
      {"a file over a link", via(out + "/file").file("l", "bad").finish(), harmless},
      {"a file through a link twice",
       via(out).file("l/a", "1").symlink("l", "..").file("l/canary/file", "2").finish(), harmless},
      {"a folder over a link", via(out).folder("l", 0777).file("l/file", "bad").finish(), harmless},
      {"a link over a folder",
       TarBuilder().folder("l").file("l/a").symlink("l", out).file("l/file", "b").finish(), harmless},
      {"a link that replaces a parent in use",
       TarBuilder().file("d/e/a").symlink("d", out).file("d/e/b").file("d/file", "bad").finish(), harmless},
      {"the root as a link", TarBuilder().symlink(".", out).file("file", "bad").finish(), "root of a layer"},
      {"a link through /proc", via("/proc/self/cwd").file("l/file", "bad").finish(), harmless},
      {"a link to a descriptor", via("/proc/self/fd/3").file("l/file", "bad").finish(), harmless},
      {"a hard link outside", TarBuilder().hard_link("h", "../canary/file").file("h", "bad").finish(),
       "isn't in this"},
      {"a hard link to an absolute name", TarBuilder().hard_link("h", out + "/file").finish(),
       "isn't in this layer"},
      {"a hard link through a link", via(out).hard_link("h", "l/file").file("h", "bad").finish(),
       "isn't in this layer"},
      {"a hard link to a link, written through",
       via(out + "/file").hard_link("h", "l").add({.path = "h", .data = "bad", .mode = 0777}).finish(),
       harmless},
      {"a hard link to the root", TarBuilder().hard_link("h", "/").finish(), "isn't in this layer"},
      {"a hard link to a folder", TarBuilder().folder("d").hard_link("h", "d").finish(), "hard link to"},
      {"a hard link to itself", TarBuilder().hard_link("h", "h").finish(), harmless},
      {"a hard link to what comes later", TarBuilder().hard_link("h", "f").file("f").finish(),
       "isn't in this layer"},
      {"a link without a target", TarBuilder().symlink("l", "").finish(), "symbolic link"},
      {"a link of 64 KiB",
       TarBuilder().add({.path = "l", .type = '2', .pax = {{"linkpath", std::string(65536, 'a')}}}).finish(),
       "File name too long"},
      {"attributes through a link",
       via(out + "/file")
           .add({.path = "l", .type = '2', .link = out + "/file", .mode = 0777, .uid = 7})
           .finish(),
       harmless},
  });
}

TEST_F(HostileArchives, WhiteoutsThatReachFurther) {
  const std::string out = canary();
  try_all({
      {"of the folder above", TarBuilder().file(".wh...", "").finish(), "without a name"},
      {"of the folder itself", TarBuilder().folder("a").file("a/.wh..", "").finish(), "without a name"},
      {"without a name", TarBuilder().file(".wh.", "").finish(), "without a name"},
      {"through a link", TarBuilder().symlink("l", out).file("l/.wh.file", "").finish(), harmless},
      {"beside the root", TarBuilder().file("../canary/.wh.file", "").finish(), harmless},
      {"an opaque marker through a link", TarBuilder().symlink("l", out).file("l/.wh..wh..opq", "").finish(),
       harmless},
      {"of a link, which stays one", TarBuilder().symlink("l", out).file(".wh.l", "").file("l/f").finish(),
       harmless},
      {"of a whiteout", TarBuilder().file(".wh..wh.a", "").finish(), harmless},
      {"as a folder", TarBuilder().folder(".wh.d").file(".wh.d/f").finish(), harmless},
      {"as a device", TarBuilder().add({.path = ".wh.null", .type = '3', .major = 1, .minor = 3}).finish(),
       harmless},
      {"below a file", TarBuilder().file("f").file("f/.wh.x", "").finish(), harmless},
      {"with more of a name", TarBuilder().file(".wh.." + std::string(90, 'a'), "").finish(), harmless},
  });
}

TEST_F(HostileArchives, EntriesInEachOthersWay) {
  try_all({
      {"a file below a file", TarBuilder().file("f").file("f/x").finish(), "Not a directory"},
      {"a file below a fifo", TarBuilder().add({.path = "p", .type = '6'}).file("p/x").finish(),
       "Not a directory"},
      {"a file over a fifo",
       TarBuilder().add({.path = "p", .type = '6'}).file("p", "not written into it").finish(), harmless},
      {"a file over a device",
       TarBuilder().add({.path = "d", .type = '4', .major = 7}).file("d", "bad").finish(), harmless},
      {"one name a thousand times",
       [] {
         TarBuilder tar;
         for (int i = 0; i < 1000; ++i) i % 2 == 0 ? tar.file("n", "f") : tar.folder("n").file("n/f");
         return tar.finish();
       }(),
       harmless},
      {"a hard link over its target's folder", TarBuilder().file("d/f").hard_link("d", "d/f").finish(),
       "hard link"},
      {"a device that is a disk",
       TarBuilder().add({.path = "sda", .type = '4', .mode = 0666, .major = 8}).finish(), harmless},
      {"a device with huge numbers",
       TarBuilder()
           .add({.path = "d", .type = '3', .bytes = {{329, "\xff\xff\xff\xff\xff\xff\xff\xff"}}})
           .finish(),
       "out of range"},
      {"a folder with data", TarBuilder().add({.path = "d", .type = '5', .data = "x", .size = 600}).finish(),
       "checksum"},
  });
}

TEST_F(HostileArchives, NamesThatNobodyCanHave) {
  const auto named = [](const std::string& name) {
    return TarBuilder().add(with_pax("a", {{"path", name}})).finish();
  };
  try_all({
      {"64 KiB, no slash", named(std::string(65536, 'n')), "longer than the 4095 bytes"},
      {"64 KiB of folders", named(repeated("d/", 32768) + "f"), "longer than the 4095 bytes"},
      {"64 KiB of dots", named(repeated("./", 32768) + "f"), harmless},
      {"256 bytes", named(std::string(256, 'n')), "File name too long"},
      {"300 bytes as a missing folder", named(std::string(300, 'n') + "/f"), "File name too long"},
      {"a NUL inside", named("a\0b"s), "holds a NUL"},
      {"a NUL in a link",
       TarBuilder().add({.path = "l", .type = '2', .pax = {{"linkpath", "a\0b"s}}}).finish(), "holds a NUL"},
      {"not UTF-8", TarBuilder().file("\xff\xfe\xc0\xaf", "x").finish(), harmless},
      {"not UTF-8, and an error", TarBuilder().file("\xff\xfe").file("\xff\xfe/x").finish(), "\\xff\\xfe"},
      {"overlong UTF-8 for dots", TarBuilder().file("\xc0\xae\xc0\xae/canary/file", "x").finish(), harmless},
      {"control characters in an error", TarBuilder().file("\x1b[2J\n").file("\x1b[2J\n/x").finish(),
       "\\x1b[2J\\x0a"},
      {"an attribute's name of 64 KiB",
       TarBuilder().add(with_pax("a", {{"SCHILY.xattr.user." + std::string(65536, 'n'), "v"}})).finish(),
       "extended attribute"},
      {"an attribute's value of 1 MiB",
       TarBuilder().add(with_pax("a", {{"SCHILY.xattr.user.n", std::string(1 << 20, 'v')}})).finish(),
       "extended attribute"},
      {"an attribute without a namespace",
       TarBuilder().add(with_pax("a", {{"SCHILY.xattr.n", "v"}})).finish(), harmless},
      {"an attribute that is overlay's",
       TarBuilder()
           .add({.path = "d", .type = '5', .pax = {{"SCHILY.xattr.trusted.overlay.opaque", "y"}}})
           .finish(),
       "overlay's own"},
      {"an attribute that is overlay's, of libarchive",
       TarBuilder().add(with_pax("a", {{"LIBARCHIVE.xattr.trusted%2Eoverlay.redirect", "L2V0Yw"}})).finish(),
       "overlay's own"},
      {"an attribute that is no base64",
       TarBuilder().add(with_pax("a", {{"LIBARCHIVE.xattr.user.a", "!?"}})).finish(),
       "LIBARCHIVE.xattr.user.a"},
  });
}

TEST_F(HostileArchives, HeadersThatLie) {
  const std::string minus_one(12, '\xff');
  const auto header = [&](std::map<size_t, std::string> bytes) {
    return TarBuilder().add(with_bytes("a", std::move(bytes))).finish();
  };
  std::string wrong_sum = TarBuilder().file("a").finish();
  wrong_sum[148] = wrong_sum[148] == '7' ? '0' : '7';
  std::string signed_sum = TarBuilder().file("\xe4\xf6\xfc").finish();
  int sum = 0;
  for (size_t i = 0; i < 512; ++i) sum += i >= 148 && i < 156 ? ' ' : static_cast<signed char>(signed_sum[i]);
  signed_sum.replace(148, 7, format("{:06o}", sum) + "\0"s);
  try_all({
      {"a wrong checksum", wrong_sum, "checksum"},
      {"a checksum of signed bytes", signed_sum, harmless},
      {"a checksum that is no number",
       TarBuilder().raw(std::string(148, 'a') + "zzzzzzzz" + std::string(356, 'a')).finish(), "checksum"},
      {"a negative size", header({{124, minus_one}}), "negative size"},
      {"a size that overflows", header({{124, "\x80\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff"s}}),
       "too large"},
      {"the largest size", header({{124, "\x80\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff"s}}),
       "more than the limit"},
      {"a size that is no octal number", header({{124, "99999999999\0"s}}), "octal"},
      {"a size of pax that is negative", TarBuilder().add(with_pax("a", {{"size", "-1"}})).finish(),
       "size is no number"},
      {"a size of pax beyond 64 bits",
       TarBuilder().add(with_pax("a", {{"size", "99999999999999999999"}})).finish(), "size is no number"},
      {"a size of pax of 1 MiB of digits",
       TarBuilder().add(with_pax("a", {{"size", std::string(1 << 20, '9')}})).finish(), "size is no number"},
      {"a negative owner", header({{108, "\xff\xff\xff\xff\xff\xff\xff\xff"}}), "out of range"},
      {"an owner that is -1 to the kernel", TarBuilder().add(with_pax("a", {{"uid", "4294967295"}})).finish(),
       "out of range"},
      {"an owner that wraps around to root",
       TarBuilder().add(with_pax("a", {{"uid", "4294967296"}})).finish(), "out of range"},
      {"a time that is none", TarBuilder().add(with_pax("a", {{"mtime", "yesterday"}})).finish(), "mtime"},
      {"a time of 1 MiB",
       TarBuilder().add(with_pax("a", {{"mtime", "1." + std::string(1 << 20, '1')}})).finish(), "no time"},
      {"the end of time", TarBuilder().add(with_pax("a", {{"mtime", "4611686018427387903"}})).finish(),
       harmless},
      {"before all time", TarBuilder().add(with_pax("a", {{"mtime", "-4611686018427387903.5"}})).finish(),
       harmless},
      {"an unknown type", TarBuilder().add({.path = "a", .type = 'Q'}).finish(), "type \"Q\""},
      {"an unknown type that isn't printable", TarBuilder().add({.path = "a", .type = '\xff'}).finish(),
       "\\xff"},
      {"a part of another volume", TarBuilder().add({.path = "a", .type = 'M'}).finish(), "type \"M\""},
      {"a folder's listing of GNU", TarBuilder().add({.path = "a", .type = 'D'}).finish(), "type \"D\""},
      {"zeros in the middle", TarBuilder().file("a").raw(std::string(512, '\0')).file("b").finish(), "zeros"},
      {"all bits set", std::string(10240, '\xff'), "checksum"},
      {"a program",
       "\x7f"
       "ELF" +
           std::string(2044, '\0'),
       "checksum"},
      {"an archive that ends in the middle of a block",
       TarBuilder().file("a").unfinished() + std::string(100, '\0'), "truncated"},
      {"garbage after the end", TarBuilder().file("a").finish() + std::string(5000, 'g'), harmless},
  });
}

TEST_F(HostileArchives, ExtendedHeadersThatLie) {
  const auto pax = [](const std::string& body) {
    return TarBuilder().add(meta('x', body)).file("a").finish();
  };
  std::string many;
  for (int i = 0; i < 20'000; ++i) many += format("{} u{:06}=v\n", 13, i);
  const std::string big_meta =
      TarBuilder().add(meta('x', "5242891 c=" + std::string(5'242'880, 'c') + "\n")).unfinished();
  const std::string half_meta =
      TarBuilder().add(meta('x', "3145739 c=" + std::string(3'145'728, 'c') + "\n")).unfinished();
  try_all({
      {"a record longer than its header", pax("99 path=b\n"), "pax record"},
      {"a record of no length", pax("0 path=b\n"), "pax record"},
      {"a record shorter than its length", pax("3 path=b\n"), "pax record"},
      {"a record of negative length", pax("-9 path=b\n"), "pax record"},
      {"a record whose length overflows", pax("18446744073709551626 path=b\n"), "pax record"},
      {"a record without a length", pax("path=b\n"), "pax record"},
      {"a record without an end", pax("9 path=bcd"), "pax record"},
      {"a record without a value's sign", pax("8 path0\n\n"), "pax record"},
      {"a record without a key", pax("5 =b\n"), "has no key"},
      {"a record of nothing", pax("3 \n"), "pax record"},
      {"an empty header", pax(""), harmless},
      {"20,000 records", pax(many), harmless},
      {"a header of 5 MiB", big_meta + TarBuilder().file("a").finish(), "extended header"},
      {"two headers of 3 MiB for one entry", half_meta + half_meta + TarBuilder().file("a").finish(),
       "extended header"},
      {"a global header of 300 KiB", TarBuilder().add(meta('g', many)).file("a").finish(), "global headers"},
      {"a global size for all", TarBuilder().add(meta('g', "8 size=1\n")).file("a", "").finish(),
       "pax record"},
      {"a header of 4 GiB", TarBuilder().add({.path = "p", .type = 'x', .size = int64_t{1} << 32}).finish(),
       "extended header"},
      {"a negative header",
       TarBuilder().add({.path = "p", .type = 'x', .bytes = {{124, std::string(12, '\xff')}}}).finish(),
       "negative size"},
      {"a long name of 4 GiB",
       TarBuilder().add({.path = "p", .type = 'L', .size = int64_t{1} << 32}).finish(), "extended header"},
      {"a long name of nothing", TarBuilder().add(meta('L', "")).file("a").finish(), harmless},
      {"a header about nothing", TarBuilder().add(meta('x', "10 path=b\n")).finish(), harmless},
      {"headers about headers",
       TarBuilder()
           .add(meta('x', "10 path=b\n"))
           .add(meta('L', "c\0"s))
           .add(meta('K', "d\0"s))
           .add(meta('g', "10 path=e\n"))
           .file("a")
           .finish(),
       harmless},
      {"a header cut short",
       TarBuilder().add({.path = "p", .type = 'x', .data = "1", .size = 2000}).unfinished(), "truncated"},
  });
}

// An old sparse header: its map in the header, the real size, and whether blocks of more map follow.
TarItem old_sparse(const std::vector<std::pair<std::string, std::string>>& map, const std::string& size,
                   const std::string& data, bool more = false) {
  TarItem item{.path = "s", .type = 'S', .data = data};
  size_t at = 386;
  for (const auto& [offset, length] : map) {
    item.bytes[at] = offset;
    item.bytes[at + 12] = length;
    at += 24;
  }
  item.bytes[257] = "ustar  \0"s;
  item.bytes[482] = more ? "\1" : "\0"s;
  item.bytes[483] = size;
  return item;
}

TEST_F(HostileArchives, SparseFilesThatLie) {
  const auto pax = [](std::map<std::string, std::string> keys, const std::string& data = "xy") {
    return TarBuilder().add(with_pax("s", std::move(keys), data)).finish();
  };
  const auto v1 = [&](const std::string& map, const std::string& size = "9") {
    std::string block = map;
    block.resize(512, '\0');
    return pax({{"GNU.sparse.major", "1"}, {"GNU.sparse.minor", "0"}, {"GNU.sparse.realsize", size}},
               block + "xy");
  };
  const std::string big = "\x80\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff"s;
  try_all({
      {"runs past the end", pax({{"GNU.sparse.size", "3"}, {"GNU.sparse.map", "2,2"}}), "sparse"},
      {"runs that overlap", pax({{"GNU.sparse.size", "9"}, {"GNU.sparse.map", "4,1,4,1"}}), "sparse"},
      {"runs in disorder", pax({{"GNU.sparse.size", "9"}, {"GNU.sparse.map", "4,1,1,1"}}), "sparse"},
      {"runs that overflow", pax({{"GNU.sparse.size", "9"}, {"GNU.sparse.map", "9223372036854775807,2"}}),
       "sparse"},
      {"runs that add up to less", pax({{"GNU.sparse.size", "9"}, {"GNU.sparse.map", "0,1"}}),
       "don't add up"},
      {"runs that add up to more", pax({{"GNU.sparse.size", "9"}, {"GNU.sparse.map", "0,3"}}),
       "don't add up"},
      {"an odd map", pax({{"GNU.sparse.size", "9"}, {"GNU.sparse.map", "0,1,2"}}), "odd number"},
      {"a map of letters", pax({{"GNU.sparse.size", "9"}, {"GNU.sparse.map", "a,b"}}), "no number"},
      {"a negative size", pax({{"GNU.sparse.size", "-9"}, {"GNU.sparse.map", "0,2"}}), "no number"},
      {"a length before its offset",
       TarBuilder().add(meta('x', "26 GNU.sparse.numbytes=1\n")).file("s").finish(), "pax record"},
      {"a version of tomorrow", pax({{"GNU.sparse.major", "2"}, {"GNU.sparse.minor", "0"}}),
       "sparse format 2.0"},
      {"1.0 without a size",
       pax({{"GNU.sparse.major", "1"}, {"GNU.sparse.minor", "0"}}, std::string(512, '\0')),
       "realsize is missing"},
      {"1.0 with a map without an end", v1(std::string(512, '1')), "map without an end"},
      {"1.0 with a million million runs", v1("1000000000000\n"), "million runs"},
      {"1.0 with a map past its data", v1("500\n" + repeated("1\n", 100)), "map without an end"},
      {"1.0 with a map of letters", v1("x\n"), "no number"},
      {"1.0 with a negative run", v1("1\n-1\n2\n"), "no number"},
      {"1.0 without data",
       pax({{"GNU.sparse.major", "1"}, {"GNU.sparse.minor", "0"}, {"GNU.sparse.realsize", "9"}}, ""),
       "map without an end"},
      {"8 EiB of nothing", pax({{"GNU.sparse.size", "9223372036854775807"}, {"GNU.sparse.map", "0,2"}}),
       "limit"},
      {"1 PiB of nothing", v1("1\n0\n2\n", "1125899906842624"), "limit"},
      {"old: a run past the end", TarBuilder().add(old_sparse({{"2", "2"}}, "3", "xy")).finish(), "sparse"},
      {"old: a negative offset",
       TarBuilder().add(old_sparse({{std::string(12, '\xff'), "2"}}, "11", "xy")).finish(), "negative"},
      {"old: a negative size",
       TarBuilder().add(old_sparse({{"0", "2"}}, std::string(12, '\xff'), "xy")).finish(), "negative"},
      {"old: 8 EiB of nothing", TarBuilder().add(old_sparse({{"0", "2"}}, big, "xy")).finish(), "limit"},
      {"old: more map, and none comes",
       TarBuilder().add(old_sparse({{"0", "2"}}, "2", "", true)).unfinished(), "truncated"},
      {"old: a map that is text", TarBuilder().add(old_sparse({{"zzz", "2"}}, "2", "xy")).finish(), "octal"},
  });
}

TEST_F(HostileArchives, TooMuch) {
  TarBuilder many;
  for (int i = 0; i < 300; ++i) many.file(format("f{}", i), "");
  std::string deep;
  for (int i = 0; i < 2000; ++i) deep += "d/";
  try_all(
      {{"entries", many.finish(), "limit of 100 entries"},
       {"folders that a name asks for",
        TarBuilder().add(with_pax("a", {{"path", deep + "f"}})).file("b").finish(), "limit of 100 entries"},
       {"data", TarBuilder().file("a", std::string(20'000, 'x')).finish(), "limit of 10000 bytes"},
       {"data in pieces",
        TarBuilder().file("a", std::string(6000, 'x')).file("b", std::string(6000, 'x')).finish(),
        "limit of 10000 bytes"},
       {"holes",
        TarBuilder().add(with_pax("s", {{"GNU.sparse.size", "99999"}, {"GNU.sparse.map", "0,1"}})).finish(),
        "limit of 10000 bytes"}},
      {.entries = 100, .bytes = 10'000});
}

TEST_F(HostileArchives, CutOffAtEveryBlockAndInIt) {
  TarBuilder tar;
  tar.folder("d").file("d/f", std::string(1500, 'f')).symlink("l", "../canary").hard_link("h", "d/f");
  tar.add(with_pax("p", {{"path", "long/" + std::string(200, 'p')}, {"SCHILY.xattr.user.a", "b"}}));
  tar.add(meta('L', std::string(150, 'x') + "/" + std::string(200, 'y') + "\0"s))
      .file("g")
      .file("l/file", "bad");
  tar.add(old_sparse({{"0", "2"}}, "11", "xy"));
  const std::string whole = tar.finish();
  for (size_t at = 0; at < whole.size(); at += 256) {
    SCOPED_TRACE(at);
    const auto before = canary_->look();
    const auto ended = unpack(whole.substr(0, at));
    const bool must_fail = at % 512 != 0;
    if (must_fail || !ended) expect_end(ended, "truncated");
    EXPECT_EQ(canary_->look(), before);
  }
}

}  // namespace
}  // namespace gantry::images
