#include "engine/capability_set.h"

#include "base/files.h"
#include "base/text.h"
#include "oci/capability.h"

#include <algorithm>
#include <array>
#include <set>

namespace gantry::engine {

namespace {

constexpr std::array<std::string_view, 14> default_names = {
    "CAP_CHOWN",      "CAP_DAC_OVERRIDE", "CAP_FSETID",           "CAP_FOWNER",     "CAP_MKNOD",
    "CAP_NET_RAW",    "CAP_SETGID",       "CAP_SETUID",           "CAP_SETFCAP",    "CAP_SETPCAP",
    "CAP_SYS_CHROOT", "CAP_KILL",         "CAP_NET_BIND_SERVICE", "CAP_AUDIT_WRITE"};

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text;
}

bool is_all(const std::string& name) {
  return upper(name) == "ALL" || upper(name) == "CAP_ALL";
}

// We can give away only what is in our own bounding set. proc(5) CapBnd.
std::set<std::string> our_bounding_set() {
  std::set<std::string> names;
  const auto status = read_file("/proc/self/status");
  if (!status) return names;
  const size_t at = status->find("CapBnd:");
  if (at == std::string::npos) return names;
  const uint64_t mask = std::stoull(status->substr(at + 7), nullptr, 16);
  for (size_t number = 0; number < oci::capability_names.size(); ++number) {
    if ((mask & oci::capability_bit(static_cast<int>(number))) != 0)
      names.emplace(oci::capability_names[number]);
  }
  return names;
}

}  // namespace

Result<std::string> capability_name(const std::string& text) {
  std::string name = upper(text);
  if (name.rfind("CAP_", 0) != 0) name = "CAP_" + name;
  if (oci::capability_number(name)) return name;
  return Error::make(ErrorKind::invalid, "unknown capability \"{}\"", text);
}

Result<std::vector<std::string>> capability_set(const std::vector<std::string>& added,
                                                const std::vector<std::string>& dropped, bool privileged) {
  const bool drop_all = std::any_of(dropped.begin(), dropped.end(), is_all);
  const bool add_all = privileged || std::any_of(added.begin(), added.end(), is_all);
  std::set<std::string> names;
  if (add_all) {
    names = our_bounding_set();
  } else if (!drop_all) {
    names.insert(default_names.begin(), default_names.end());
  }
  for (const auto& text : dropped) {
    if (!is_all(text)) names.erase(TRY(capability_name(text)));
  }
  for (const auto& text : added) {
    if (!is_all(text)) names.insert(TRY(capability_name(text)));
  }
  return std::vector<std::string>(names.begin(), names.end());
}

}  // namespace gantry::engine
