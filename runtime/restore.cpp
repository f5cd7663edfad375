#include "runtime/restore.h"

#include "base/files.h"
#include "base/json.h"
#include "base/time.h"
#include "runtime/checkpoint.h"
#include "runtime/clean_path.h"
#include "runtime/container_cgroup.h"
#include "runtime/destroy.h"
#include "runtime/devices.h"
#include "runtime/hooks.h"
#include "runtime/labels.h"
#include "runtime/log.h"
#include "runtime/root_path.h"
#include "runtime/syscalls.h"
#include "runtime/terminal.h"
#include "runtime/validate.h"

#include <algorithm>
#include <functional>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gantry::runtime {
namespace {

constexpr const char* restore_log = "restore.log";
constexpr const char* criu_root = "criu-root";  // below the container's folder

Record make_restored_record(const oci::RuntimeConfig& config, const RestoreOptions& options) {
  Record record;
  record.id = options.id;
  record.bundle = options.bundle;
  const std::string& path = config.root->path;
  record.rootfs = clean_path(path.front() == '/' ? path : join_path(options.bundle, path));
  record.oci_version = config.oci_version;
  record.created = format_rfc3339(SystemClock().now());
  record.annotations = config.annotations;
  record.own_pid_namespace = std::any_of(
      config.linux_->namespaces.begin(), config.linux_->namespaces.end(),
      [](const auto& entry) { return entry.type == oci::NamespaceType::pid && entry.path.empty(); });
  record.owner = ::getuid();
  return record;
}

std::string source_of(const oci::Mount& mount, const std::string& bundle) {
  return mount.source.empty() || mount.source[0] == '/' ? mount.source : join_path(bundle, mount.source);
}

// Whether criu fills what `destination` lies in, or it is another mount's to have it.
bool lies_in_a_mount(const std::string& destination, const std::vector<oci::Mount>& mounts) {
  return std::any_of(mounts.begin(), mounts.end(), [&](const oci::Mount& other) {
    const std::string folder = clean_path(other.destination) + "/";
    return folder != "//" && destination.rfind(folder, 0) == 0;
  });
}

// As at creation: what a new root lacks is made. What lies in other mounts was there when it was dumped.
Result<void> make_mount_targets(const std::string& rootfs, const oci::RuntimeConfig& config,
                                const std::string& bundle) {
  const UniqueFd root = TRY(open_file(rootfs, O_PATH | O_DIRECTORY).context("$.root.path: invalid rootfs"));
  for (const auto& mount : config.mounts) {
    const std::string destination = clean_path(mount.destination);
    if (destination == "/" || lies_in_a_mount(destination, config.mounts)) continue;
    bool folder = true;
    if (is_bind(mount)) {
      struct stat info {};
      const std::string source = source_of(mount, bundle);
      if (::stat(source.c_str(), &info) != 0)
        return Error::system(errno, "mount {}: open source {}", destination, source);
      folder = S_ISDIR(info.st_mode);
    }
    if (make_target_in_root(root, destination.c_str(), folder)) continue;
    return Error::system(errno, "make the target of mount {}", destination);
  }
  return {};
}

Result<void> check_restored_terminal(const oci::RuntimeConfig& config, const RestoreOptions& options) {
  const bool terminal = config.process && config.process->terminal;
  if (terminal && options.detached && options.console_socket.empty()) {
    return Error::make(ErrorKind::invalid,
                       "cannot allocate tty if gantry-oci will detach without setting console socket");
  }
  if (options.console_socket.empty() || (terminal && options.detached)) return {};
  return Error::make(ErrorKind::invalid,
                     "cannot use console socket if gantry-oci will not detach or allocate tty");
}

// criu's strict mode wants to make the cgroup itself; ours is there before criu, which lives in it.
Result<void> check_restored_cgroups(const CriuOptions& options) {
  if (options.cgroups_mode != "strict") return {};
  return Error::make(
      ErrorKind::unsupported,
      "--manage-cgroups-mode strict can't be restored with: it forbids a cgroup that is there, "
      "and the container's is made before its processes; use full");
}

// A mount namespace for the time of a restore: criu wants the root to be a mount, and what is mounted for it
// goes with us and criu, whoever is killed. It must be ours too, as criu reaches its folders by our
// descriptors.
class OwnMounts {
 public:
  static Result<OwnMounts> enter() {
    OwnMounts mounts;
    mounts.host_ = TRY(open_file("/proc/self/ns/mnt", O_RDONLY));
    mounts.working_directory_ = TRY(open_file(".", O_PATH | O_DIRECTORY));
    if (::unshare(CLONE_NEWNS) != 0) return Error::system(errno, "make a mount namespace for criu");
    mounts.inside_ = TRY(open_file("/proc/self/ns/mnt", O_RDONLY));
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0)
      return Error::system(errno, "cut propagation to the host");
    return mounts;
  }
  OwnMounts(OwnMounts&&) = default;
  OwnMounts& operator=(OwnMounts&&) = delete;
  OwnMounts(const OwnMounts&) = delete;
  OwnMounts& operator=(const OwnMounts&) = delete;
  ~OwnMounts() {
    if (!host_) return;
    log_result(go(host_));
    (void)::fchdir(working_directory_.get());
  }

  // Hooks mount things for the host to see.
  Result<void> on_host(const std::function<Result<void>()>& action) const {
    TRY(go(host_));
    auto done = action();
    TRY(go(inside_));
    return done;
  }

 private:
  OwnMounts() = default;
  static Result<void> go(BorrowedFd space) {
    if (::setns(space.get(), CLONE_NEWNS) == 0) return {};
    return Error::system(errno, "change the mount namespace");
  }
  UniqueFd host_;
  UniqueFd inside_;
  UniqueFd working_directory_;
};

// The rootfs mounted at criu's root.
class CriuRoot {
 public:
  static Result<CriuRoot> mount(const std::string& rootfs, const std::string& path) {
    if (::mkdir(path.c_str(), 0700) != 0) return Error::system(errno, "make {}", path);
    CriuRoot root(path);
    if (::mount(rootfs.c_str(), path.c_str(), nullptr, MS_BIND | MS_REC, nullptr) == 0) return root;
    return Error::system(errno, "mount the rootfs {} for criu", rootfs);
  }
  CriuRoot(CriuRoot&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  CriuRoot& operator=(CriuRoot&&) = delete;
  CriuRoot(const CriuRoot&) = delete;
  CriuRoot& operator=(const CriuRoot&) = delete;
  ~CriuRoot() {
    if (path_.empty()) return;
    (void)::umount2(path_.c_str(), MNT_DETACH);
    (void)::rmdir(path_.c_str());
  }

 private:
  explicit CriuRoot(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// One restore under way. Until commit, the destructor undoes all of it.
class Restoration {
 public:
  Restoration(const OwnMounts& mounts, oci::RuntimeConfig config, ContainerFolder folder, Record record)
      : mounts_(mounts), config_(std::move(config)), folder_(std::move(folder)), record_(std::move(record)) {}
  Restoration(const Restoration&) = delete;
  Restoration& operator=(const Restoration&) = delete;
  ~Restoration() {
    if (!committed_) log_result(destroy_container(folder_, record_, nullptr));
  }

  Result<void> keep_config(const std::string& text) { return folder_.save_config(text); }
  Result<void> make_cgroup(const GlobalOptions& global);
  Result<void> restore(const GlobalOptions& global, const RestoreOptions& options,
                       const CriuFolders& folders);
  Result<Created> commit(const RestoreOptions& options);

 private:
  Result<void> place_criu(pid_t criu, bool in_cgroup, Limits limits, CriuCall& call);
  Result<void> add_mounts(CriuMessage& message, const RestoreOptions& options);
  Result<void> add_namespaces(CriuCall& call);
  Result<void> add_stdio(CriuMessage& message, const std::string& images);
  Result<void> take_notice(const CriuResponse& notice, UniqueFd came_along, const UniqueFd& console);

  const OwnMounts& mounts_;
  oci::RuntimeConfig config_;
  ContainerFolder folder_;
  Record record_;
  std::optional<cgroups::Cgroup> cgroup_;
  UniqueFd pidfd_;
  UniqueFd terminal_;
  bool committed_ = false;
};

Result<void> Restoration::make_cgroup(const GlobalOptions& global) {
  cgroup_ = TRY(make_container_cgroup(*config_.linux_, global, folder_, record_));
  return {};
}

// criu lives in the container's cgroup, so that whatever mode of cgroups was chosen, what it restores is
// there.
Result<void> Restoration::place_criu(pid_t criu, bool in_cgroup, Limits limits, CriuCall& call) {
  if (!record_.scope.empty()) {
    auto made = create_scope(record_, *config_.linux_, criu, limits);
    if (!made) {
      record_.scope.clear();
      return std::move(made).error();
    }
    cgroup_ = std::move(*made);
    TRY(folder_.save(record_));
  } else if (cgroup_ && !in_cgroup) {
    TRY(cgroup_->attach(criu));
  }
  if (record_.cgroup.empty()) return {};
  CriuMessage place;
  place.add_text(2, record_.cgroup);
  call.options.add_message(25, place);  // cg_root
  return {};
}

Result<void> Restoration::add_mounts(CriuMessage& message, const RestoreOptions& options) {
  TRY(make_mount_targets(record_.rootfs, config_, options.bundle));
  for (const auto& mount : config_.mounts) {
    if (!is_bind(mount)) continue;
    add_criu_mount(message, clean_path(mount.destination), source_of(mount, options.bundle));
  }
  if (!config_.linux_->masked_paths.empty()) add_criu_mount(message, "/dev/null", "/dev/null");
  for (const auto& path : device_paths(config_)) {
    if (path != "/dev/null") add_criu_mount(message, path, path);
  }
  return {};
}

Result<void> Restoration::add_namespaces(CriuCall& call) {
  for (const auto& entry : config_.linux_->namespaces) {
    if (entry.path.empty()) continue;
    const bool network = entry.type == oci::NamespaceType::network;
    if (network || entry.type == oci::NamespaceType::pid) {
      const int number = first_inherited_by_criu + static_cast<int>(call.inherited.size());
      call.inherited.push_back(TRY(open_file(entry.path, O_RDONLY).context("$.linux.namespaces")));
      add_criu_inherited(call.options, network ? "extRootNetNS" : "extRootPidNS", number);
      continue;
    }
    CriuMessage join;
    join.add_text(1, entry.type == oci::NamespaceType::ipc   ? "ipc"
                     : entry.type == oci::NamespaceType::uts ? "uts"
                                                             : "time");
    join.add_text(2, entry.path);
    call.options.add_message(39, join);
  }
  return {};
}

// Our stdio takes the place of what lay outside of the container when it was dumped.
Result<void> Restoration::add_stdio(CriuMessage& message, const std::string& images) {
  const std::string source = join_path(images, descriptors_file);
  const std::string text = TRY(read_file(source));
  const auto names = TRY(parse_json<std::vector<std::string>>(text, source));
  for (size_t fd = 0; fd < names.size() && fd < 3; ++fd) {
    const bool outside = names[fd].rfind("pipe:[", 0) == 0 || names[fd].rfind("file[", 0) == 0;
    if (outside) add_criu_inherited(message, names[fd], static_cast<int>(fd));
  }
  return {};
}

Result<void> Restoration::take_notice(const CriuResponse& notice, UniqueFd came_along,
                                      const UniqueFd& console) {
  if (notice.stage == "orphan-pts-master" && came_along) {
    if (console) return pass_terminal(console, came_along);
    terminal_ = std::move(came_along);
  }
  // Now, while it is still stopped: it may end before criu does.
  if (notice.stage == "post-restore") {
    const auto identity = TRY(identify_process(notice.stage_process));
    record_.pid = identity.pid;
    record_.start_time = identity.start_time;
    pidfd_ = TRY(open_process(identity));
  }
  if (notice.stage != "setup-namespaces" || !config_.hooks) return {};
  oci::State state = describe(record_, oci::Status::creating);
  state.pid = notice.stage_process;
  const auto prestart = TRY(plan_hooks("prestart", config_.hooks->prestart, config_.annotations));
  const auto create_runtime =
      TRY(plan_hooks("createRuntime", config_.hooks->create_runtime, config_.annotations));
  return mounts_.on_host([&]() -> Result<void> {
    TRY(run_hooks_here(prestart, state));
    return run_hooks_here(create_runtime, state);
  });
}

Result<void> Restoration::restore(const GlobalOptions& global, const RestoreOptions& options,
                                  const CriuFolders& folders) {
  CriuCall call;
  call.request = CriuRequest::restore;
  call.log = join_path(folders.work_path, restore_log);
  call.options = TRY(common_criu_options(options.criu, folders, config_, restore_log));
  call.keyring = "_ses." + record_.id;
  call.options.add(6, uint64_t{1});  // evasive_devices
  call.options.add_text(13, folder_.file(criu_root));
  call.options.add(26, uint64_t{1});  // rst_sibling: a child of ours, not of criu's
  call.options.add_text_if(53, options.lsm_profile);
  call.options.add_text_if(63, options.lsm_mount_context);
  TRY(add_mounts(call.options, options));
  TRY(add_namespaces(call));
  TRY(add_stdio(call.options, folders.image_path));
  UniqueFd console;
  if (!options.console_socket.empty())
    console = TRY(connect_stream_socket("console socket", options.console_socket));
  call.notice = [&](const CriuResponse& notice, UniqueFd came_along) {
    return take_notice(notice, std::move(came_along), console);
  };
  UniqueFd cgroup_folder;
  if (cgroup_) cgroup_folder = TRY(cgroup_->open_directory());
  call.cgroup = cgroup_ ? &cgroup_folder : nullptr;
  call.before = [&](pid_t criu, bool in_cgroup) { return place_criu(criu, in_cgroup, global.limits, call); };
  const auto root = TRY(CriuRoot::mount(record_.rootfs, folder_.file(criu_root)));
  TRY(call_criu(call));
  if (pidfd_) return {};
  return Error::make(ErrorKind::system, "criu named no restored process");
}

Result<Created> Restoration::commit(const RestoreOptions& options) {
  TRY(folder_.save(record_));
  if (!options.pid_file.empty()) {
    TRY(write_file(options.pid_file, std::to_string(record_.pid), 0644).context("write pid file"));
  }
  committed_ = true;
  return Created{std::move(folder_), std::move(record_),   std::move(config_),
                 std::move(pidfd_),  std::move(terminal_), {}};
}

}  // namespace

Result<Created> restore_container(const GlobalOptions& global, const RestoreOptions& options) {
  TRY(check_id(options.id));
  const std::string text = TRY(read_file(join_path(options.bundle, "config.json")));
  auto config = TRY(oci::parse_runtime_config(text, "config.json"));
  TRY(check_config(config, "config.json"));
  TRY(check_for_criu(config, "config.json"));
  TRY(check_restored_terminal(config, options));
  TRY(check_restored_cgroups(options.criu));
  TRY(check_lsm_flags(options.lsm_profile, options.lsm_mount_context));
  TRY(find_criu());
  const auto mounts = TRY(OwnMounts::enter());
  const auto folders = TRY(open_criu_folders(options.criu, false));
  auto folder = TRY(ContainerFolder::claim(global.root, options.id));
  Record record = make_restored_record(config, options);
  Restoration restoration(mounts, std::move(config), std::move(folder), std::move(record));
  TRY(restoration.keep_config(text));
  TRY(restoration.make_cgroup(global));
  TRY(restoration.restore(global, options, folders).context("restore container {}", options.id));
  return restoration.commit(options);
}

}  // namespace gantry::runtime
