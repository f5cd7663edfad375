#pragma once

#include "base/fd.h"
#include "base/process.h"
#include "oci/runtime_config.h"
#include "oci/state.h"
#include "runtime/configuration.h"
#include "runtime/root_mount.h"

#include <map>
#include <string>
#include <vector>

namespace gantry::runtime {

// What state.json in ROOT/ID holds.
struct Record {
  std::string id;
  std::string bundle;
  std::string rootfs;
  std::string oci_version;
  std::string created;  // RFC 3339
  std::map<std::string, std::string> annotations;
  std::string cgroup;       // path below the cgroup2 mount; empty: none was made
  std::string scope;        // systemd's unit that holds it: "gantry-oci-ID.scope"; empty: it is ours alone
  bool user_scope = false;  // of the user's manager
  pid_t pid = 0;            // 0: creation didn't get that far
  uint64_t start_time = 0;
  bool own_pid_namespace = true;
  bool new_keyring = true;  // it joined a session keyring of its own, as exec's processes will
  uint32_t owner = 0;       // uid of the creator
  std::string rdt_group;    // resctrl folders to remove with the container; empty: none
  std::string rdt_monitor;
  MountIdentity root_mount;  // attached at rootfs in the caller's mount namespace; none: it has its own

  ProcessIdentity process() const { return {pid, start_time}; }
};

std::string to_json_text(const Record& record);
Result<Record> parse_record(std::string_view text, std::string_view source);

// Errors: "invalid container ID format".
Result<void> check_id(const std::string& id);

// One container's folder, ROOT/ID: state.json (0600), config.json (the configuration as it was at creation),
// and start.sock while the container waits for `start`. flock(2) on the folder serializes the commands that
// change it; the kernel drops the lock when a command dies, whatever it was doing.
class ContainerFolder {
 public:
  // Makes it, locked. Errors: exists, "container with given ID already exists".
  static Result<ContainerFolder> claim(const std::string& root, const std::string& id);
  // Errors: not_found, "container does not exist".
  static Result<ContainerFolder> open(const std::string& root, const std::string& id);
  static Result<std::vector<std::string>> list(const std::string& root);

  Result<void> lock();  // waits for other commands, at most 60 s
  void unlock();
  void unlock_in_child() { fd_.reset(); }
  const std::string& path() const { return path_; }
  const UniqueFd& fd() const { return fd_; }
  std::string file(std::string_view name) const;

  // Errors: not_found when creation never got to writing it.
  Result<Record> load() const;
  Result<void> save(const Record& record) const;
  // The same in two steps: nobody sees it before it is published, which costs one call.
  Result<void> prepare(const Record& record) const;
  Result<void> publish() const;
  Result<oci::RuntimeConfig> load_config() const;
  Result<Configuration> load_configuration(const std::string& seccomp_cache) const;
  Result<void> save_config(const std::string& text) const;
  bool waits_for_start() const;
  Result<void> remove();

 private:
  ContainerFolder(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  std::string path_;
  UniqueFd fd_;
};

// created, running, paused or stopped, from the process, its start time, start.sock and the cgroup's freezer.
oci::Status current_status(const ContainerFolder& folder, const Record& record);
oci::State describe(const Record& record, oci::Status status);

}  // namespace gantry::runtime
