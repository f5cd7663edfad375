#include "tests/images/canary.h"

#include "base/files.h"
#include "tests/support/results.h"

#include <sys/stat.h>
#include <unistd.h>

namespace gantry::images::test {
namespace {

void describe(const std::string& path, bool times, std::string& into) {
  struct stat info {};
  EXPECT_EQ(lstat(path.c_str(), &info), 0) << path;
  into += format("{} {:o} {}:{} {}", path, info.st_mode, info.st_uid, info.st_gid, info.st_nlink);
  // The folder around loses and gets the root that is unpacked into.
  if (times) into += format(" {} {}.{}", info.st_size, info.st_ctim.tv_sec, info.st_ctim.tv_nsec);
  if (S_ISREG(info.st_mode)) into += " " + read_file(path).value_or("(unreadable)");
  into += "\n";
}

void describe_below(const std::string& folder, std::string& into) {
  for (const auto& name : list_directory(folder).value_or({"(unreadable)"})) {
    const std::string path = join_path(folder, name);
    describe(path, true, into);
    struct stat info {};
    if (lstat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) describe_below(path, into);
  }
}

}  // namespace

Canary::Canary(const std::string& folder) : folder_(folder) {
  const std::string tree = folder + "/canary";
  EXPECT_OK(make_directories(tree + "/folder", 0700));
  EXPECT_OK(write_file(tree + "/file", "untouched", 0600));
  EXPECT_OK(write_file(tree + "/folder/file", "untouched too", 0600));
  EXPECT_EQ(symlink("file", (tree + "/link").c_str()), 0);
}

std::string Canary::look() const {
  std::string all;
  for (const auto& name : list_directory(folder_).value_or({"(unreadable)"})) {
    if (name == "root") continue;
    describe(join_path(folder_, name), true, all);
  }
  describe_below(folder_ + "/canary", all);
  return all;
}

}  // namespace gantry::images::test
