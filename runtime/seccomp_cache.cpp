#include "runtime/seccomp_cache.h"

#include "base/files.h"
#include "base/hash.h"
#include "runtime/seccomp.h"

#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace gantry::runtime {
namespace {

// A file name, not a proof: the key is compared.
std::string path_of(const std::string& cache, const std::string& key) {
  return format("{}/{:016x}", cache, fnv1a(key));
}

class KeyText {
 public:
  template <class T>
  void number(T value) {
    text_ += std::to_string(value);
    text_ += ' ';
  }
  void string(const std::string& value) {
    number(value.size());
    text_ += value;
    text_ += ' ';
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

}  // namespace

std::string seccomp_cache_key(const oci::SeccompProfile& profile) {
  utsname host{};
  ::uname(&host);
  KeyText key;
  for (const std::string& part : {std::string(GANTRY_VERSION), libseccomp_version(),
                                  std::string(host.release), std::string(host.machine)}) {
    key.string(part);
  }
  key.number(static_cast<int>(profile.default_action));
  key.number(profile.default_errno_return ? static_cast<int64_t>(*profile.default_errno_return) : -1);
  key.number(profile.architectures.size());
  for (const auto& name : profile.architectures) key.string(name);
  for (const auto& rule : profile.syscalls) {
    key.number(static_cast<int>(rule.action));
    key.number(rule.errno_return ? static_cast<int64_t>(*rule.errno_return) : -1);
    key.number(rule.arguments.size());
    for (const auto& argument : rule.arguments) {
      key.number(argument.index);
      key.number(argument.value);
      key.number(argument.value_two);
      key.number(static_cast<int>(argument.op));
    }
    key.number(rule.names.size());
    for (const auto& name : rule.names) key.string(name);
  }
  return key.take();
}

std::optional<std::vector<sock_filter>> load_seccomp(const std::string& cache, const std::string& key) {
  const UniqueFd file(::open(path_of(cache, key).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  struct stat info {};
  if (!file || ::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_uid != ::geteuid() ||
      (info.st_mode & 0777) != 0600) {
    return std::nullopt;
  }
  const auto size = static_cast<size_t>(info.st_size);
  if (size <= key.size() || size > key.size() + longest_program * sizeof(sock_filter)) return std::nullopt;
  const size_t bytes = size - key.size();
  if (bytes % sizeof(sock_filter) != 0) return std::nullopt;
  std::string text(size, '\0');
  if (::read(file.get(), text.data(), size) != info.st_size) return std::nullopt;
  if (text.compare(0, key.size(), key) != 0) return std::nullopt;
  std::vector<sock_filter> program(bytes / sizeof(sock_filter));
  std::memcpy(program.data(), text.data() + key.size(), bytes);
  return program;
}

Result<void> store_seccomp(const std::string& cache, const std::string& key,
                           const std::vector<sock_filter>& program) {
  TRY(make_directories(cache, 0700));
  std::string text = key;
  text.append(reinterpret_cast<const char*>(program.data()), program.size() * sizeof(sock_filter));
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
