#include "runtime/store.h"

#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "cgroups/cgroup.h"

#include <algorithm>
#include <chrono>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace gantry::runtime {

template <class Visitor>
void members(Visitor& visit, Record& record) {
  visit.required("id", record.id);
  visit.required("bundle", record.bundle);
  visit("rootfs", record.rootfs);
  visit.required("ociVersion", record.oci_version);
  visit("created", record.created);
  visit("annotations", record.annotations);
  visit("cgroup", record.cgroup);
  visit("systemdScope", record.scope);
  visit("userScope", record.user_scope);
  visit("pid", record.pid);
  visit("startTime", record.start_time);
  visit("ownPidNamespace", record.own_pid_namespace);
  visit("newKeyring", record.new_keyring);
  visit("owner", record.owner);
  visit("rdtGroup", record.rdt_group);
  visit("rdtMonitor", record.rdt_monitor);
  visit("rootMount", record.root_mount.id);
  visit("rootMountUnique", record.root_mount.unique);
}

std::string to_json_text(const Record& record) {
  return to_json(record);
}

Result<Record> parse_record(std::string_view text, std::string_view source) {
  return parse_json<Record>(text, source);
}

namespace {

// A name of its own, as the folder is locked: what a command that was killed left there is overwritten.
constexpr const char* next_state = ".state.json.tmp";

std::string fault_of_id(const std::string& id) {
  if (id.empty()) return "it must not be empty";
  if (id.size() > 1024) return "it must not be longer than 1024 characters";
  for (const char c : id) {
    if (!is_plain({&c, 1}, "_+-.")) return format("invalid character '{}'", c);
  }
  return "it must not begin with a dot";
}

}  // namespace

Result<void> check_id(const std::string& id) {
  // A leading dot is kept for names of our own, and covers "." and "..".
  if (is_plain(id, "_+-.") && id.size() <= 1024 && id.front() != '.') return {};
  return Error::make(ErrorKind::invalid, "invalid container ID format: \"{}\": {}", id, fault_of_id(id));
}

Result<ContainerFolder> ContainerFolder::claim(const std::string& root, const std::string& id) {
  TRY(check_id(id));
  const std::string path = join_path(root, id);
  int made = ::mkdir(path.c_str(), 0711);
  if (made != 0 && errno == ENOENT) {
    TRY(make_directories(root, 0711));
    made = ::mkdir(path.c_str(), 0711);
  }
  if (made != 0) {
    if (errno == EEXIST)
      return Error::make(ErrorKind::exists, "container with given ID already exists: {}", id);
    return Error::system(errno, "make {}", path);
  }
  auto folder = open(root, id);
  if (!folder) {
    ::rmdir(path.c_str());
    return folder;
  }
  TRY(folder->lock());
  return folder;
}

Result<ContainerFolder> ContainerFolder::open(const std::string& root, const std::string& id) {
  TRY(check_id(id));
  const std::string path = join_path(root, id);
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd && errno == ENOENT) return Error::make(ErrorKind::not_found, "container does not exist: {}", id);
  if (!fd) return Error::system(errno, "open {}", path);
  return ContainerFolder(path, std::move(fd));
}

Result<std::vector<std::string>> ContainerFolder::list(const std::string& root) {
  if (!path_exists(root)) return std::vector<std::string>();
  auto names = TRY(list_directory(root));
  std::erase_if(names, [](const std::string& name) { return !check_id(name); });
  return names;
}

Result<void> ContainerFolder::lock() {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  for (auto pause = std::chrono::milliseconds(1);;
       pause = std::min(pause * 2, std::chrono::milliseconds(50))) {
    if (::flock(fd_.get(), LOCK_EX | LOCK_NB) == 0) break;
    if (errno != EWOULDBLOCK && errno != EINTR) return Error::system(errno, "lock {}", path_);
    if (std::chrono::steady_clock::now() > deadline) {
      return Error::make(ErrorKind::timeout, "{} is busy with another command", path_);
    }
    std::this_thread::sleep_for(pause);
  }
  // Another command may have removed the folder while this one waited.
  struct stat info {};
  if (::fstat(fd_.get(), &info) != 0 || info.st_nlink == 0) {
    return Error::make(ErrorKind::not_found, "container does not exist");
  }
  return {};
}

void ContainerFolder::unlock() {
  (void)::flock(fd_.get(), LOCK_UN);
}

std::string ContainerFolder::file(std::string_view name) const {
  return join_path(path_, name);
}

Result<Record> ContainerFolder::load() const {
  const std::string source = file("state.json");
  return parse_record(TRY(read_file(source)), source);
}

Result<void> ContainerFolder::save(const Record& record) const {
  TRY(prepare(record));
  return publish();
}

Result<void> ContainerFolder::prepare(const Record& record) const {
  const UniqueFd written(::openat(fd_.get(), next_state, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!written) return Error::system(errno, "make {}", file(next_state));
  return write_all(written, to_json_text(record)).context("write {}", file(next_state));
}

Result<void> ContainerFolder::publish() const {
  if (::renameat(fd_.get(), next_state, fd_.get(), "state.json") == 0) return {};
  return Error::system(errno, "rename {}", file(next_state));
}

Result<oci::RuntimeConfig> ContainerFolder::load_config() const {
  const std::string source = file("config.json");
  return oci::parse_runtime_config(TRY(read_file(source)), source);
}

Result<Configuration> ContainerFolder::load_configuration(const std::string& seccomp_cache) const {
  const std::string source = file("config.json");
  return parse_configuration(TRY(read_file(source)), source, seccomp_cache);
}

Result<void> ContainerFolder::save_config(const std::string& text) const {
  // In place, since nobody looks at it before state.json is there.
  const UniqueFd written(::openat(fd_.get(), "config.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!written) return Error::system(errno, "make {}", file("config.json"));
  return write_all(written, text).context("write {}", file("config.json"));
}

bool ContainerFolder::waits_for_start() const {
  return path_exists(file("start.sock"));
}

Result<void> ContainerFolder::remove() {
  // What is known to be there; a tree walk only for what a killed command left. state.json last, so that
  // until then the container can be found.
  for (const char* name : {"config.json", "start.sock", "state.json"}) {
    if (::unlinkat(fd_.get(), name, 0) != 0 && errno != ENOENT) break;
  }
  if (::rmdir(path_.c_str()) == 0 || errno == ENOENT) return {};
  return remove_tree(path_);
}

oci::Status current_status(const ContainerFolder& folder, const Record& record) {
  if (record.pid == 0) return oci::Status::creating;
  if (!is_alive(record.process())) return oci::Status::stopped;
  if (!record.cgroup.empty()) {
    const auto cgroup = cgroups::Cgroup::open(record.cgroup);
    const auto frozen =
        cgroup ? read_file(cgroup->directory() + "/cgroup.freeze", 16) : Result<std::string>(std::string());
    if (frozen && frozen->rfind("1", 0) == 0) return oci::Status::paused;
  }
  return folder.waits_for_start() ? oci::Status::created : oci::Status::running;
}

oci::State describe(const Record& record, oci::Status status) {
  oci::State state;
  state.oci_version = record.oci_version;
  state.id = record.id;
  state.status = status;
  state.pid = status == oci::Status::stopped || status == oci::Status::creating ? 0 : record.pid;
  state.bundle = record.bundle;
  state.rootfs = record.rootfs;
  state.created = record.created;
  state.annotations = record.annotations;
  return state;
}

}  // namespace gantry::runtime
