#include "cgroups/host.h"

#include "base/files.h"
#include "base/format.h"
#include "base/text.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

namespace gantry::cgroups {

namespace {

constexpr const char* unified_mount = "/sys/fs/cgroup";
constexpr const char* hybrid_mount = "/sys/fs/cgroup/unified";

bool is_cgroup2(const char* path) {
  struct statfs info {};
  return statfs(path, &info) == 0 && info.f_type == CGROUP2_SUPER_MAGIC;
}

// mountinfo writes space, tab, newline and backslash as \040 and the like.
std::string unescape(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

}  // namespace

namespace {

HostSupport find_mount() {
  // The two usual places first: one statfs each, instead of a mountinfo of a thousand lines.
  if (is_cgroup2(unified_mount)) return {unified_mount, true, {}};
  if (is_cgroup2(hybrid_mount)) return {hybrid_mount, false, {}};
  const auto text = read_file("/proc/self/mountinfo");
  return text ? parse_mountinfo(*text) : HostSupport{};
}

}  // namespace

HostSupport detect_mount() {
  static const HostSupport found = find_mount();  // where it is doesn't change while a program runs
  return found;
}

HostSupport detect_host() {
  auto host = detect_mount();
  if (host.mount.empty()) return host;
  const auto file = open_file(join_path(host.mount, "cgroup.controllers"), O_RDONLY);
  if (const auto text = file ? read_piece(*file) : Result<std::string>(file.error())) {
    for (const auto& name : split(trim(*text), ' ')) {
      if (!name.empty()) host.controllers.insert(name);
    }
  }
  return host;
}

HostSupport parse_mountinfo(std::string_view mountinfo) {
  HostSupport best;
  for (const auto& line : split(mountinfo, '\n')) {
    const auto fields = split(line, ' ');
    const auto dash = line.find(" - ");
    if (fields.size() < 6 || dash == std::string::npos) continue;
    if (line.compare(dash + 3, 8, "cgroup2 ") != 0) continue;
    const auto mount = unescape(fields[4]);
    if (mount == unified_mount) return {mount, true, {}};
    if (best.mount.empty() || mount == hybrid_mount) best.mount = mount;
  }
  return best;
}

std::optional<std::string> parse_cgroup_membership(std::string_view text) {
  for (const auto& line : split(text, '\n')) {
    if (line.rfind("0::", 0) == 0) return line.substr(3);
  }
  return std::nullopt;
}

std::string HostSupport::describe() const {
  if (mount.empty()) return "no cgroup2 file system is mounted";
  const std::string& folder = giver.empty() ? mount : giver;
  if (controllers.empty()) return format("{} offers no controllers", folder);
  return format("{} offers {}", folder,
                join(std::vector<std::string>(controllers.begin(), controllers.end()), ", "));
}

}  // namespace gantry::cgroups
