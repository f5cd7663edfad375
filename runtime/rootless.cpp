#include "runtime/rootless.h"

#include "base/files.h"

#include <cstdlib>
#include <string_view>
#include <sys/auxv.h>
#include <sys/stat.h>

namespace gantry::runtime {
namespace {

constexpr ino_t initial_user_namespace = 0xEFFFFFFD;  // linux/nsfs.h USER_NS_INIT_INO
constexpr std::string_view runtime_folder_of_root = "/run/user/0";

// Without a system call: the kernel put it there for us.
bool is_user_zero() {
  return ::getauxval(AT_EUID) == 0;
}

std::string_view runtime_folder() {
  const char* folder = ::getenv("XDG_RUNTIME_DIR");
  return folder != nullptr ? folder : "";
}

bool has_runtime_folder_of_user() {
  return runtime_folder().starts_with('/') && runtime_folder() != runtime_folder_of_root;
}

}  // namespace

bool in_initial_user_namespace() {
  struct stat info {};
  return ::stat("/proc/self/ns/user", &info) == 0 && info.st_ino == initial_user_namespace;
}

bool is_rootless(Rootless choice) {
  if (choice != Rootless::automatic) return choice == Rootless::yes;
  return !is_user_zero() || (has_runtime_folder_of_user() && !in_initial_user_namespace());
}

std::string default_root(Rootless choice) {
  constexpr const char* of_host = "/run/gantry-oci";
  if (!is_rootless(choice)) return of_host;
  if (!has_runtime_folder_of_user()) return is_user_zero() ? of_host : "";
  auto root = join_path(runtime_folder(), "gantry-oci");
  (void)::mkdir(root.c_str(), 01700);  // there already, or the command's own attempt says why not
  return root;
}

}  // namespace gantry::runtime
