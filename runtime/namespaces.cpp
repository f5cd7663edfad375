#include "runtime/namespaces.h"

#include "base/files.h"
#include "base/process.h"
#include "runtime/procfs.h"

#include <algorithm>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace gantry::runtime {
namespace {

#ifndef CLONE_NEWTIME
constexpr int CLONE_NEWTIME = 0x80;
#endif

struct NamespaceKind {
  oci::NamespaceType type;
  int flag;
  const char* file;     // in /proc/self/ns: what children get
  const char* message;  // for errors
};

constexpr NamespaceKind kinds[] = {
    {oci::NamespaceType::pid, CLONE_NEWPID, "/proc/self/ns/pid", "pid"},
    {oci::NamespaceType::network, CLONE_NEWNET, "/proc/self/ns/net", "network"},
    {oci::NamespaceType::mount, CLONE_NEWNS, "/proc/self/ns/mnt", "mount"},
    {oci::NamespaceType::ipc, CLONE_NEWIPC, "/proc/self/ns/ipc", "ipc"},
    {oci::NamespaceType::uts, CLONE_NEWUTS, "/proc/self/ns/uts", "uts"},
    {oci::NamespaceType::user, CLONE_NEWUSER, "/proc/self/ns/user", "user"},
    {oci::NamespaceType::cgroup, CLONE_NEWCGROUP, "/proc/self/ns/cgroup", "cgroup"},
    {oci::NamespaceType::time, CLONE_NEWTIME, "/proc/self/ns/time", "time"},
};

const NamespaceKind& kind_of(int flag) {
  return *std::find_if(std::begin(kinds), std::end(kinds),
                       [&](const auto& kind) { return kind.flag == flag; });
}

Result<Join> open_namespace(const oci::Namespace& space, int flag) {
  Join join;
  join.flag = flag;
  join.fd = TRY(open_file(space.path, O_RDONLY).context("{} namespace", kind_of(flag).message));
  const int type = ::ioctl(join.fd.get(), NS_GET_NSTYPE);
  if (type < 0) {
    return Error::make(ErrorKind::invalid, "{} namespace: {} is not a namespace", kind_of(flag).message,
                       space.path);
  }
  if (type != flag) {
    return Error::make(ErrorKind::invalid, "{} namespace: {} is not of that type", kind_of(flag).message,
                       space.path);
  }
  return join;
}

Result<std::string> offset_lines(const oci::Linux& config) {
  std::string lines;
  for (const auto& [clock, offset] : config.time_offsets) {
    if (clock != "monotonic" && clock != "boottime") {
      return Error::make(ErrorKind::invalid,
                         "$.linux.timeOffsets: unknown clock \"{}\" in time namespace offsets", clock);
    }
    lines += format("{} {} {}\n", clock, offset.secs, offset.nanosecs);
  }
  return lines;
}

std::string map_lines(const std::vector<oci::IdMapping>& mappings) {
  std::string lines;
  for (const auto& mapping : mappings) {
    lines += format("{} {} {}\n", mapping.container_id, mapping.host_id, mapping.size);
  }
  return lines;
}

Result<void> write_map(BorrowedFd procfs, pid_t pid, const char* file, const char* helper,
                       const std::vector<oci::IdMapping>& mappings) {
  auto written = write_process_file(procfs, pid, file, map_lines(mappings));
  if (written || written.error().system_errno() != EPERM || ::geteuid() == 0) return written;
  Command command{{helper, std::to_string(pid)}, {}, {}, {}, {}};
  for (const auto& mapping : mappings) {
    for (const uint32_t number : {mapping.container_id, mapping.host_id, mapping.size}) {
      command.arguments.push_back(std::to_string(number));
    }
  }
  auto done = check_command(command);
  if (done) return {};
  if (done.error().kind() != ErrorKind::not_found) return std::move(done).error();
  return std::move(done).error().context("more than the caller's own id needs {} (package uidmap)", helper);
}

}  // namespace

Join* NamespacePlan::find_join(int flag) {
  const auto found =
      std::find_if(joins.begin(), joins.end(), [&](const Join& join) { return join.flag == flag; });
  return found == joins.end() ? nullptr : &*found;
}

int namespace_flag(oci::NamespaceType type) {
  return std::find_if(std::begin(kinds), std::end(kinds), [&](const auto& kind) { return kind.type == type; })
      ->flag;
}

bool has_mount_namespace(const oci::Linux& config) {
  return std::any_of(config.namespaces.begin(), config.namespaces.end(),
                     [](const auto& space) { return space.type == oci::NamespaceType::mount; });
}

Result<NamespacePlan> plan_namespaces(const oci::Linux& config, bool user_entered) {
  NamespacePlan plan;
  plan.user_entered = user_entered;
  for (size_t i = 0; i < config.namespaces.size(); ++i) {
    const oci::Namespace& space = config.namespaces[i];
    const int flag = namespace_flag(space.type);
    if (user_entered && flag == CLONE_NEWUSER) continue;
    if (space.path.empty()) {
      plan.created |= static_cast<uint64_t>(flag);
    } else {
      plan.joins.push_back(TRY(open_namespace(space, flag).context("$.linux.namespaces[{}].path", i)));
    }
  }
  plan.time_offsets = TRY(offset_lines(config));
  return plan;
}

Result<ForChildren> ForChildren::enter(NamespacePlan& plan, BorrowedFd procfs) {
  ForChildren children;
  for (auto& join : plan.joins) {
    if (join.flag == CLONE_NEWUSER || join.flag == CLONE_NEWNS) continue;
    const auto& kind = kind_of(join.flag);
    Join own;
    own.flag = join.flag;
    own.fd = TRY(open_file(kind.file, O_RDONLY));
    if (::setns(join.fd.get(), join.flag) != 0) {
      if (errno == EPERM && plan.joins_user()) continue;
      return Error::system(errno, "join the {} namespace", kind.message);
    }
    join.joined_by_parent = true;
    children.own_.push_back(std::move(own));
  }
  if (plan.creates(CLONE_NEWTIME) && !plan.time_offsets.empty()) {
    Join own;
    own.flag = CLONE_NEWTIME;
    own.fd = TRY(open_file("/proc/self/ns/time", O_RDONLY));
    if (::unshare(CLONE_NEWTIME) != 0) return Error::system(errno, "make a time namespace");
    children.own_.push_back(std::move(own));
    plan.created &= ~static_cast<uint64_t>(CLONE_NEWTIME);
    const UniqueFd file(::openat(procfs.get(), "self/timens_offsets", O_WRONLY | O_CLOEXEC));
    if (!file) return Error::system(errno, "open timens_offsets");
    TRY(write_all(file, plan.time_offsets).context("set time namespace offsets"));
  }
  return children;
}

ForChildren::~ForChildren() {
  for (const auto& own : own_) (void)::setns(own.fd.get(), own.flag);
}

Failure join_user_namespace(NamespacePlan& plan) {
  Join* user = plan.find_join(CLONE_NEWUSER);
  if (user == nullptr) return {};
  if (::setns(user->fd.get(), CLONE_NEWUSER) != 0) return {"join the user namespace", errno};
  return become_namespace_root();
}

Failure join_rest(NamespacePlan& plan) {
  for (const auto& join : plan.joins) {
    if (join.joined_by_parent || join.flag == CLONE_NEWUSER || join.flag == CLONE_NEWNS) continue;
    if (::setns(join.fd.get(), join.flag) != 0) {
      return {"join the %s namespace", errno, kind_of(join.flag).message};
    }
  }
  const Join* mount = plan.find_join(CLONE_NEWNS);
  if (mount != nullptr && ::setns(mount->fd.get(), CLONE_NEWNS) != 0) {
    return {"join the mount namespace", errno};
  }
  return {};
}

Failure become_namespace_root() {
  if (::setresgid(0, 0, 0) != 0) return {"become group 0 of the user namespace", errno};
  if (::setresuid(0, 0, 0) != 0) return {"become user 0 of the user namespace", errno};
  return {};
}

Failure bring_loopback_up() {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return {"open a socket for the loopback interface", errno};
  ifreq request{};
  request.ifr_name[0] = 'l';
  request.ifr_name[1] = 'o';
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) return {"bring the loopback interface up", errno};
  return {};
}

Result<void> write_id_maps(BorrowedFd procfs, pid_t pid, const std::vector<oci::IdMapping>& uids,
                           const std::vector<oci::IdMapping>& gids) {
  const bool own_group_only = ::geteuid() != 0 && gids.size() == 1 && gids[0].size == 1;
  if (own_group_only) TRY(write_process_file(procfs, pid, "setgroups", "deny"));
  TRY(write_map(procfs, pid, "gid_map", "newgidmap", gids).context("map the groups of the user namespace"));
  TRY(write_map(procfs, pid, "uid_map", "newuidmap", uids).context("map the users of the user namespace"));
  return {};
}

}  // namespace gantry::runtime
