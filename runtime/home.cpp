#include "runtime/home.h"

#include "runtime/root_path.h"

#include <climits>
#include <cstring>
#include <fcntl.h>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

namespace gantry::runtime {
namespace {

constexpr size_t longest_passwd = 256 * 1024;
char passwd[longest_passwd];
char home[PATH_MAX + 8] = "HOME=/";

std::string_view next_part(std::string_view& text, char separator) {
  const size_t end = text.find(separator);
  const std::string_view part = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return part;
}

bool is_number(std::string_view text, uid_t number) {
  uint64_t value = 0;
  if (text.empty() || text.size() > 10) return false;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  return value == number;
}

size_t read_passwd(BorrowedFd root) {
  const UniqueFd file = open_in_root(root, "/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY);
  struct stat info {};
  if (!file || ::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) return 0;
  size_t used = 0;
  while (used < longest_passwd) {
    const ssize_t got = ::read(file.get(), passwd + used, longest_passwd - used);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    used += static_cast<size_t>(got);
  }
  return used;
}

}  // namespace

char* find_home(BorrowedFd root, uid_t uid) {
  std::string_view text(passwd, read_passwd(root));
  while (!text.empty()) {
    std::string_view line = next_part(text, '\n');
    next_part(line, ':');
    next_part(line, ':');
    if (!is_number(next_part(line, ':'), uid)) continue;
    next_part(line, ':');
    next_part(line, ':');
    const std::string_view folder = next_part(line, ':');
    const bool whole = folder.find('\0') == std::string_view::npos;  // no path holds a NUL
    if (whole && !folder.empty() && folder.size() < PATH_MAX) {
      std::memcpy(home + 5, folder.data(), folder.size());
      home[5 + folder.size()] = '\0';
    }
    break;
  }
  return home;
}

}  // namespace gantry::runtime
