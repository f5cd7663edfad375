#include "runtime/user_namespace.h"

#include "base/files.h"
#include "base/text.h"
#include "runtime/log.h"
#include "runtime/namespaces.h"
#include "runtime/procfs.h"
#include "runtime/rootless.h"

#include <algorithm>
#include <fcntl.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gantry::runtime {
namespace {

constexpr const char* own_oom_score = "/proc/self/oom_score_adj";

const oci::Namespace* user_namespace_of(const oci::Linux& config) {
  const auto found = std::find_if(config.namespaces.begin(), config.namespaces.end(),
                                  [](const auto& space) { return space.type == oci::NamespaceType::user; });
  return found == config.namespaces.end() ? nullptr : &*found;
}

Result<void> join_at(const std::string& path) {
  const auto space = TRY(open_file(path, O_RDONLY).context("user namespace"));
  if (::setns(space.get(), CLONE_NEWUSER) == 0) return {};
  return Error::system(errno, "join the user namespace {}", path);
}

// Writes the maps of our parent, which waits in its new namespace; what fails goes to `errors` as text.
[[noreturn]] void write_maps_of_parent(const oci::Linux& config, pid_t parent, const Pipe& go,
                                       const Pipe& errors) {
  char byte = 0;
  if (::read(go.read.get(), &byte, 1) != 1) ::_exit(1);
  const auto write = [&]() -> Result<void> {
    const auto procfs = TRY(open_trusted_procfs());
    return write_id_maps(procfs, parent, config.uid_mappings, config.gid_mappings);
  };
  const auto written = write();
  if (!written) (void)write_all(errors.write, written.error().message());
  ::_exit(written ? 0 : 1);
}

// The helpers must run where the caller's ids are those of /etc/subuid: a child that stays behind runs them.
Result<void> make_mapped(const oci::Linux& config) {
  auto go = TRY(Pipe::make());
  auto errors = TRY(Pipe::make());
  const pid_t parent = ::getpid();
  const pid_t helper = ::fork();
  if (helper < 0) return Error::system(errno, "start a process that writes the id maps");
  if (helper == 0) {
    go.write.reset();
    errors.read.reset();
    write_maps_of_parent(config, parent, go, errors);
  }
  go.read.reset();
  errors.write.reset();
  const int error = ::unshare(CLONE_NEWUSER) == 0 ? 0 : errno;
  if (error == 0) TRY(write_all(go.write, "!"));
  go.write.reset();
  const auto text = read_all(errors.read);
  int status = 0;
  ::waitpid(helper, &status, 0);
  if (error != 0) return Error::system(error, "make a user namespace");
  if (status == 0) return {};
  return Error::make(ErrorKind::denied, "{}", text ? *text : text.error().message());
}

}  // namespace

bool is_ordinary_user() {
  return ::getauxval(AT_EUID) != 0;
}

bool has_user_namespace(const oci::Linux& config) {
  return user_namespace_of(config) != nullptr;
}

bool denies_groups(const oci::Linux& config) {
  return is_ordinary_user() && config.gid_mappings.size() == 1 && config.gid_mappings[0].size == 1;
}

Result<void> enter_user_namespace(const oci::Linux& config) {
  const auto* space = user_namespace_of(config);
  if (space == nullptr) {
    return Error::make(
        ErrorKind::unsupported,
        "without root's rights a container needs a user namespace: add one to linux.namespaces, "
        "with uidMappings and gidMappings (gantry-oci spec --rootless)");
  }
  if (!config.net_devices.empty()) {
    return Error::make(ErrorKind::unsupported, "network devices are not supported for rootless containers");
  }
  TRY(space->path.empty() ? make_mapped(config) : join_at(space->path));
  if (::unshare(CLONE_NEWNS) == 0) return {};
  return Error::system(errno, "make a mount namespace");
}

Result<bool> enter_user_namespace_of(const UniqueFd& pidfd, pid_t pid) {
  struct stat theirs {};
  struct stat ours {};
  if (::stat(format("/proc/{}/ns/user", pid).c_str(), &theirs) != 0 ||
      ::stat("/proc/self/ns/user", &ours) != 0) {
    return Error::system(errno, "read the user namespace of process {}", pid);
  }
  if (theirs.st_ino == ours.st_ino) return false;
  if (::setns(pidfd.get(), CLONE_NEWUSER) == 0) return true;
  return Error::system(errno, "join the container's user namespace");
}

Result<BorrowedOomScore> BorrowedOomScore::set(std::optional<int> score) {
  BorrowedOomScore borrowed;
  if (!score) return borrowed;
  auto before = TRY(read_file(own_oom_score));
  auto written = write_existing(own_oom_score, std::to_string(*score));
  if (written) {
    borrowed.before_ = std::string(trim(before));
  } else if (written.error().kind() == ErrorKind::denied) {
    log_warning(format("oomScoreAdj {} is below the caller's own: not set", *score));
  } else {
    return std::move(written).error().context("set oomScoreAdj to {}", *score);
  }
  return borrowed;
}

BorrowedOomScore::BorrowedOomScore(BorrowedOomScore&& other) noexcept : before_(std::move(other.before_)) {
  other.before_.clear();
}

BorrowedOomScore::~BorrowedOomScore() {
  if (!before_.empty()) (void)write_existing(own_oom_score, before_);
}

Result<BorrowedOomScore> lend_oom_score(ProcessPlan& plan, bool user_entered) {
  if (!plan.oom_score_adj || !(user_entered || is_rootless(Rootless::automatic)))
    return BorrowedOomScore::set({});
  return BorrowedOomScore::set(std::exchange(plan.oom_score_adj, std::nullopt));
}

}  // namespace gantry::runtime
