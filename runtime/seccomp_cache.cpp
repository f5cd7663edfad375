#include "runtime/seccomp_cache.h"

#include "base/files.h"

#include <fcntl.h>
#include <functional>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace gantry::runtime {
namespace {

// A file name, not a proof: the key is compared.
std::string path_of(const std::string& cache, const std::string& key) {
  return format("{}/{:016x}", cache, std::hash<std::string_view>()(key));
}

}  // namespace

std::string seccomp_cache_key(std::string_view profile) {
  utsname host{};
  ::uname(&host);
  return format("{} {} {} {} {}", GANTRY_VERSION, libseccomp_version(), host.release, host.machine, profile);
}

std::optional<SeccompPlan> load_seccomp(const std::string& cache, const std::string& key) {
  const UniqueFd file(::open(path_of(cache, key).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  struct stat info {};
  if (!file || ::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_uid != ::geteuid() ||
      (info.st_mode & 0777) != 0600) {
    return std::nullopt;
  }
  const size_t before = key.size() + sizeof(uint32_t);
  const auto size = static_cast<size_t>(info.st_size);
  if (size <= before || size > before + longest_program * sizeof(sock_filter)) return std::nullopt;
  if ((size - before) % sizeof(sock_filter) != 0) return std::nullopt;
  std::string found(key.size(), '\0');
  SeccompPlan plan;
  uint32_t flags = 0;
  plan.program.resize((size - before) / sizeof(sock_filter));
  const iovec parts[] = {{found.data(), found.size()},
                         {&flags, sizeof flags},
                         {plan.program.data(), plan.program.size() * sizeof(sock_filter)}};
  if (::readv(file.get(), parts, 3) != info.st_size || found != key) return std::nullopt;
  plan.flags = flags;
  return plan;
}

Result<void> store_seccomp(const std::string& cache, const std::string& key, const SeccompPlan& plan) {
  TRY(make_directories(cache, 0700));
  const uint32_t flags = plan.flags;
  std::string text = key;
  text.append(reinterpret_cast<const char*>(&flags), sizeof flags);
  text.append(reinterpret_cast<const char*>(plan.program.data()), plan.program.size() * sizeof(sock_filter));
  const std::string path = path_of(cache, key);
  // Without a name until it is whole, so that a command that is killed leaves nothing here. open(2)
  // O_TMPFILE.
  const UniqueFd file(::open(cache.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  if (!file) return write_file(path, text, 0600);  // a file system that has none
  TRY(write_all(file, text).context("write {}", path));
  if (::fchmod(file.get(), 0600) != 0) return Error::system(errno, "chmod {}", path);
  (void)::unlink(path.c_str());  // it couldn't be used
  const std::string unnamed = format("/proc/self/fd/{}", file.get());
  if (::linkat(AT_FDCWD, unnamed.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) == 0) return {};
  return Error::system(errno, "name {}", path);
}

}  // namespace gantry::runtime
