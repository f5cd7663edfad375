#include "runtime/id_mapped_mounts.h"

#include "base/files.h"
#include "base/text.h"
#include "runtime/init.h"
#include "runtime/namespaces.h"
#include "runtime/syscalls.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

namespace gantry::runtime {
namespace {

bool is_same(const std::vector<oci::IdMapping>& left, const std::vector<oci::IdMapping>& right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](const auto& a, const auto& b) {
    return a.container_id == b.container_id && a.host_id == b.host_id && a.size == b.size;
  });
}

// A process that only is there, in a user namespace of its own.
class Sleeper {
 public:
  static Result<Sleeper> spawn() {
    Sleeper sleeper;
    sleeper.child_ = TRY(runtime::spawn(CLONE_NEWUSER, nullptr).context("make a user namespace for id maps"));
    if (sleeper.child_.pid == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (;;) ::pause();
    }
    return sleeper;
  }
  Sleeper(Sleeper&& other) noexcept : child_(std::exchange(other.child_, {})) {}
  Sleeper& operator=(Sleeper&&) = delete;
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  ~Sleeper() {
    if (child_.pid <= 0) return;
    ::kill(child_.pid, SIGKILL);
    ::waitpid(child_.pid, nullptr, 0);
  }
  pid_t pid() const { return child_.pid; }

 private:
  Sleeper() = default;
  Spawned child_;
};

Result<UniqueFd> make_user_namespace(BorrowedFd procfs, const std::vector<oci::IdMapping>& uids,
                                     const std::vector<oci::IdMapping>& gids) {
  const Sleeper sleeper = TRY(Sleeper::spawn());
  TRY(write_id_maps(procfs, sleeper.pid(), uids, gids));
  const std::string path = format("{}/ns/user", sleeper.pid());
  UniqueFd space(::openat(procfs.get(), path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!space) return Error::system(errno, "open the user namespace of the id maps");
  return space;
}

// The host's id of a range of the container's, which must be mapped as a whole.
Result<uint32_t> host_id(const std::vector<oci::IdMapping>& maps, uint32_t id, uint32_t size) {
  for (const auto& map : maps) {
    if (id < map.container_id || id - map.container_id > map.size) continue;
    if (size > map.size - (id - map.container_id)) continue;
    return map.host_id + (id - map.container_id);
  }
  return Error::make(ErrorKind::invalid, "idmap: the container's ids {} to {} are not mapped", id,
                     uint64_t{id} + size - 1);
}

Result<oci::IdMapping> parse_range(std::string_view text, const std::vector<oci::IdMapping>& container) {
  const bool relative = !text.empty() && text[0] == '@';
  const auto numbers = split(relative ? text.substr(1) : text, '-');
  if (numbers.size() != 3) {
    return Error::make(ErrorKind::invalid, "idmap: must be CONTAINER-HOST-SIZE, found \"{}\"", text);
  }
  oci::IdMapping map;
  map.container_id = static_cast<uint32_t>(TRY(parse_unsigned("idmap: an id", numbers[0], UINT32_MAX - 1)));
  map.host_id = static_cast<uint32_t>(TRY(parse_unsigned("idmap: an id", numbers[1], UINT32_MAX - 1)));
  map.size = static_cast<uint32_t>(TRY(parse_unsigned("idmap: a size", numbers[2], UINT32_MAX)));
  if (relative) map.host_id = TRY(host_id(container, map.host_id, map.size));
  return map;
}

Result<std::vector<oci::IdMapping>> parse_ranges(std::string_view text,
                                                 const std::vector<oci::IdMapping>& container) {
  std::vector<oci::IdMapping> maps;
  for (const auto& range : split(text, '#')) maps.push_back(TRY(parse_range(range, container)));
  return maps;
}

}  // namespace

Result<IdMapText> parse_id_map_text(const std::string& text, const oci::Linux& container) {
  IdMapText maps;
  for (const auto& part : split(text, ';')) {
    if (part.rfind("uids=", 0) == 0) {
      maps.uids = TRY(parse_ranges(std::string_view(part).substr(5), container.uid_mappings));
    } else if (part.rfind("gids=", 0) == 0) {
      maps.gids = TRY(parse_ranges(std::string_view(part).substr(5), container.gid_mappings));
    } else {
      return Error::make(ErrorKind::invalid, "idmap: must be uids=… and gids=…, found \"{}\"", part);
    }
  }
  return maps;
}

bool MountIdMaps::wanted(const oci::Mount& mount, const MountOptions& options) {
  return options.id_map != IdMapOption::none || !mount.uid_mappings.empty() || !mount.gid_mappings.empty();
}

Result<void> MountIdMaps::apply(const oci::Mount& mount, const MountOptions& options, const UniqueFd& tree) {
  if (::geteuid() != 0) {
    return Error::make(ErrorKind::unsupported, "id-mapped mounts are not supported for rootless containers");
  }
  const BorrowedFd space = TRY(namespace_for(mount, options));
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<uint64_t>(space.get());
  const int flags = AT_EMPTY_PATH | (options.id_map == IdMapOption::recursive ? AT_RECURSIVE : 0);
  if (::mount_setattr(tree.get(), "", static_cast<unsigned>(flags), &attributes, sizeof attributes) == 0) {
    return {};
  }
  const int error = errno;
  return Error::system(error, "set the id map{}",
                       error == EINVAL ? " (likely a file system that takes none on this kernel)" : "");
}

Result<BorrowedFd> MountIdMaps::namespace_for(const oci::Mount& mount, const MountOptions& options) {
  if (!options.id_map_text.empty()) {
    const IdMapText maps = TRY(parse_id_map_text(options.id_map_text, container_));
    return find_or_make(maps.uids, maps.gids);
  }
  if (mount.uid_mappings.empty() && mount.gid_mappings.empty()) return container_namespace();
  return find_or_make(mount.uid_mappings, mount.gid_mappings);
}

Result<BorrowedFd> MountIdMaps::container_namespace() {
  for (const auto& space : container_.namespaces) {
    if (space.type != oci::NamespaceType::user || space.path.empty()) continue;
    if (!joined_) joined_ = TRY(open_file(space.path, O_RDONLY));
    return BorrowedFd(joined_);
  }
  return find_or_make(container_.uid_mappings, container_.gid_mappings);
}

Result<BorrowedFd> MountIdMaps::find_or_make(const std::vector<oci::IdMapping>& uids,
                                             const std::vector<oci::IdMapping>& gids) {
  if (uids.empty() || gids.empty()) {
    return Error::make(ErrorKind::invalid, "id-mapped mounts must have both uid and gid mappings specified");
  }
  for (const auto& entry : entries_) {
    if (is_same(entry.uids, uids) && is_same(entry.gids, gids)) return BorrowedFd(entry.user_namespace);
  }
  entries_.push_back({uids, gids, TRY(make_user_namespace(procfs_, uids, gids))});
  return BorrowedFd(entries_.back().user_namespace);
}

}  // namespace gantry::runtime
