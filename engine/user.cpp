#include "engine/user.h"

#include "base/text.h"
#include "engine/root_files.h"

#include <algorithm>
#include <optional>

namespace gantry::engine {

namespace {

constexpr uint64_t largest_id = 4294967294;  // -1 means "unchanged" to the kernel

struct PasswdEntry {
  std::string name;
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::string home;
};

struct GroupEntry {
  std::string name;
  uint32_t gid = 0;
  std::vector<std::string> members;
};

std::optional<uint32_t> as_id(const std::string& text) {
  const auto number = parse_unsigned("id", text, largest_id);
  if (!number) return std::nullopt;
  return static_cast<uint32_t>(*number);
}

// Lines that aren't as passwd(5) has them are passed by, as every libc does.
std::vector<PasswdEntry> parse_passwd(const std::string& text) {
  std::vector<PasswdEntry> entries;
  for (const auto& line : split(text, '\n')) {
    const auto fields = split(line, ':');
    if (fields.size() < 6) continue;
    const auto uid = as_id(fields[2]);
    const auto gid = as_id(fields[3]);
    if (uid && gid) entries.push_back({fields[0], *uid, *gid, fields[5]});
  }
  return entries;
}

std::vector<GroupEntry> parse_group(const std::string& text) {
  std::vector<GroupEntry> entries;
  for (const auto& line : split(text, '\n')) {
    const auto fields = split(line, ':');
    if (fields.size() < 3) continue;
    const auto gid = as_id(fields[2]);
    if (gid) entries.push_back({fields[0], *gid, split(fields.size() > 3 ? fields[3] : "", ',')});
  }
  return entries;
}

std::optional<PasswdEntry> find_user(const std::vector<PasswdEntry>& entries, const std::string& user) {
  for (const auto& entry : entries) {
    if (entry.name == user) return entry;
  }
  for (const auto& entry : entries) {
    if (as_id(user) == entry.uid) return entry;
  }
  return std::nullopt;
}

Result<uint32_t> find_group(const std::vector<GroupEntry>& entries, const std::string& group) {
  for (const auto& entry : entries) {
    if (entry.name == group) return entry.gid;
  }
  if (const auto id = as_id(group)) return *id;
  return Error::make(ErrorKind::not_found, "unable to find group {}: no matching entries in group file",
                     group);
}

Result<std::string> read_if_present(BorrowedFd root, const std::string& path) {
  auto text = read_in_root(root, path);
  if (!text && text.error().kind() == ErrorKind::not_found) return std::string();
  return text;
}

Result<void> set_user(ResolvedUser& resolved, std::string& name, const std::string& passwd,
                      const std::string& user) {
  const auto entry = find_user(parse_passwd(passwd), user.empty() ? "0" : user);
  if (entry) {
    resolved.uid = entry->uid;
    resolved.gid = entry->gid;
    name = entry->name;
    if (!entry->home.empty()) resolved.home = entry->home;
    return {};
  }
  const auto id = as_id(user.empty() ? "0" : user);
  if (!id) {
    return Error::make(ErrorKind::not_found, "unable to find user {}: no matching entries in passwd file",
                       user);
  }
  resolved.uid = *id;
  return {};
}

}  // namespace

Result<ResolvedUser> resolve_user(const std::string& passwd, const std::string& group,
                                  const std::string& user, const std::vector<std::string>& groups) {
  const size_t colon = user.find(':');
  const auto group_entries = parse_group(group);
  ResolvedUser resolved;
  std::string name;
  TRY(set_user(resolved, name, passwd, user.substr(0, colon)));
  if (colon != std::string::npos && colon + 1 < user.size()) {
    resolved.gid = TRY(find_group(group_entries, user.substr(colon + 1)));
  } else if (!name.empty()) {
    for (const auto& entry : group_entries) {
      const bool listed = std::find(entry.members.begin(), entry.members.end(), name) != entry.members.end();
      if (listed && entry.gid != resolved.gid) resolved.additional_gids.push_back(entry.gid);
    }
  }
  for (const auto& extra : groups) resolved.additional_gids.push_back(TRY(find_group(group_entries, extra)));
  return resolved;
}

Result<ResolvedUser> resolve_user(BorrowedFd root, const std::string& user,
                                  const std::vector<std::string>& groups) {
  const std::string passwd = TRY(read_if_present(root, "/etc/passwd"));
  const std::string group = TRY(read_if_present(root, "/etc/group"));
  return resolve_user(passwd, group, user, groups);
}

}  // namespace gantry::engine
