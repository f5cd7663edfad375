#pragma once

#include "engine/container_info.h"
#include "engine/container_spec.h"
#include "oci/reference.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gantry::images {
class ImageStore;
struct Image;
}  // namespace gantry::images

namespace gantry::engine {

struct Context;
class BuildRoot;
struct BuildRootOptions;

// What happens to a limit that this host can't enforce.
enum class LimitPolicy { required /* an error that says why */, best_effort /* left out */ };

struct EngineOptions {
  std::string root = "/var/lib/gantry";  // images, containers, volumes; an overlay upper must work on it
  std::string run_root = "/run/gantry";  // network and runtime state; gone after a reboot
  // Paths of the programs; empty: $GANTRY_OCI, $GANTRY_MONITOR and $GANTRY_CLI, else beside our own
  // executable, else in PATH. The command line is what the monitor calls once a container has ended, to clean
  // up; without it that waits for the next command.
  std::string runtime;
  std::string monitor;
  std::string command_line;
  LimitPolicy limits = LimitPolicy::required;
  std::string ca_file;  // further CA certificates for registries, PEM; empty: the system's
  std::string bridge = "gantry0";
  std::string subnet;  // of the bridge network, IPv4 CIDR; empty: the first of a list that no route overlaps
  // Host ports for PortSpec::host_port 0, both included; 0: the kernel's net.ipv4.ip_local_port_range.
  uint16_t dynamic_port_first = 0;
  uint16_t dynamic_port_last = 0;
};

// What containers and volumes take on disk, in bytes.
struct EngineUsage {
  size_t containers = 0;
  size_t running_containers = 0;
  uint64_t container_size = 0;         // what they wrote over their images
  uint64_t container_reclaimable = 0;  // of it, by those that don't run
  size_t volumes = 0;
  size_t used_volumes = 0;  // by any container
  uint64_t volume_size = 0;
  uint64_t volume_reclaimable = 0;
};

struct RemoveOptions {
  bool force = false;              // kill it first when it runs
  bool anonymous_volumes = false;  // those made for this container
};

enum class LogStream { standard_output, standard_error };

struct LogQuery {
  bool follow = false;           // until the container has ended and all is read
  std::optional<uint64_t> tail;  // the last N lines; absent: all
  std::optional<TimePoint> since;
  std::optional<TimePoint> until;
};

struct LogLine {
  LogStream stream = LogStream::standard_output;
  TimePoint time;
  std::string text;  // with its newline, unless it is part of a longer one
};

// False stops the reading.
using LogSink = std::function<bool(const LogLine&)>;

struct ExecSpec {
  std::vector<std::string> command;
  std::vector<std::string> environment;  // NAME=VALUE, added to the container's
  std::string user;                      // as in ContainerSpec; empty: the container's
  std::string working_directory;         // empty: the container's
  bool terminal = false;
  bool open_stdin = false;  // false: /dev/null
  bool privileged = false;
  bool detach = false;
};

struct AttachOptions {
  bool open_stdin = true;
  std::vector<char> detach_keys = {16, 17};  // ctrl-p ctrl-q; only with a terminal
  bool forward_signals = true;               // without a terminal: INT, TERM, … go to the container
};

// How it ended: the container's exit code, or absent when the detach keys were typed.
struct AttachResult {
  std::optional<int> exit_code;
};

enum class FileChangeKind { added, changed, deleted };

struct FileChange {
  FileChangeKind kind = FileChangeKind::changed;
  std::string path;  // absolute, in the container
};

struct CommitOptions {
  std::vector<oci::Reference> tags;
  std::vector<std::string> changes;  // instructions, as `gantry import --change` takes them
  std::string author;
  std::string message;
  bool pause = true;  // a running container, while its files are read
};

// What this host's cgroup v2 controllers let us enforce.
struct HostLimits {
  struct Limit {
    std::string controller;  // cpu, memory, pids, io, cpuset
    bool enforced = false;
  };
  std::string mount;  // of cgroup2; empty: none
  std::vector<Limit> limits;
  std::string reason;  // "/sys/fs/cgroup/unified offers hugetlb"
  bool all_enforced() const;
};
HostLimits host_limits();

// Containers and images of one host. It keeps nothing in memory: all is on disk below the root, guarded by
// file locks, so that any number of processes and threads may use one root at once, and each may be killed at
// any moment. Every method is safe to call from any thread. A `reference` is an id, a unique prefix of one,
// or a name. Errors of every method that takes one: not_found "no such container: X"; invalid for an
// ambiguous prefix.
class Engine {
 public:
  // Makes the folders if need be and sweeps up what a crash left. Errors: denied unless root; not_found when
  // the runtime or the monitor is missing.
  static Result<Engine> open(EngineOptions options);
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine();

  // Makes a container of an image that is in the store, and returns its id. Errors: not_found "no such image:
  // X"; exists when the name is taken; invalid, naming the option; unsupported for limits that the host can't
  // enforce (LimitPolicy::required).
  Result<std::string> create(const ContainerSpec& spec);

  // Mounts its root, attaches its network and lets its monitor start it; returns when the program runs.
  // A running one is left alone. Errors: conflict for a port in use; not_found (the program isn't there) and
  // denied (it can't be run) after which inspect() shows exit code 127 and 126; others are 125's. Nothing but
  // the container's files is left behind after an error.
  Result<void> start(const std::string& reference);

  // Sends the stop signal, waits as long as `timeout` (absent: the spec's), then kills. It isn't restarted by
  // its policy. Returns when it has ended and is cleaned up. A container that doesn't run is left alone.
  Result<void> stop(const std::string& reference, std::optional<std::chrono::seconds> timeout = {});
  Result<void> restart(const std::string& reference, std::optional<std::chrono::seconds> timeout = {});

  // Errors: conflict "container X is not running".
  Result<void> kill(const std::string& reference, int signal);

  // Removes it with all it owns on the host. Errors: conflict when it runs and `force` isn't set.
  Result<void> remove(const std::string& reference, const RemoveOptions& options = {});

  Result<std::vector<ContainerInfo>> list() const;  // newest first
  Result<ContainerInfo> inspect(const std::string& reference) const;
  Result<EngineUsage> usage() const;
  Result<std::string> resolve(const std::string& reference) const;  // the id

  // Blocks until it doesn't run and won't be restarted; returns the exit code. Errors: timeout.
  Result<int> wait(const std::string& reference, std::optional<std::chrono::milliseconds> limit = {}) const;
  // Blocks until something about it has changed since `seen` was read (state, pid, health, restarts, its
  // removal), or `limit` has passed; false: it hasn't.
  Result<bool> wait_for_change(const ContainerInfo& seen, std::chrono::milliseconds limit) const;

  // Errors: unsupported with the log driver none.
  Result<void> logs(const std::string& reference, const LogQuery& query, const LogSink& sink) const;

  // Runs a command in a running container with our own stdin, stdout and stderr; returns its exit code (0 at
  // once when detached). With `terminal`, our own terminal is put into raw mode meanwhile. Errors: conflict
  // when it doesn't run; not_found and denied for 127 and 126.
  Result<int> exec(const std::string& reference, const ExecSpec& spec) const;

  // Joins our stdin, stdout and stderr to a running container until it ends or the detach keys are typed.
  Result<AttachResult> attach(const std::string& reference, const AttachOptions& options) const;
  // start(), with attach() already listening, so that no output is lost.
  Result<AttachResult> start_attached(const std::string& reference, const AttachOptions& options);
  // Sets the size of its terminal.
  Result<void> resize(const std::string& reference, unsigned rows, unsigned columns) const;

  // Errors: conflict when it doesn't run.
  Result<ContainerStats> stats(const std::string& reference) const;

  // Errors: conflict when it doesn't run.
  Result<std::vector<ContainerProcess>> processes(const std::string& reference) const;

  // What its files differ in from its image's, sorted; a folder whose content changed is changed too.
  Result<std::vector<FileChange>> changes(const std::string& reference) const;
  // Its files and settings as a new image. Errors: those of the changes; invalid for files that no layer can
  // hold.
  Result<images::Image> commit(const std::string& reference, const CommitOptions& options) const;

  // Frees what an ended container needs no longer (mounts, network, cgroup), and removes it with auto_remove.
  // Does nothing for one that runs.
  Result<void> clean_up(const std::string& reference);
  // clean_up() for all, and removes what has no owner: half-made containers, their network, mounts. Cheap
  // when there is nothing to do.
  Result<void> sweep();

  // A root to work on for a build's step; see build_root.h. The engine must outlive it.
  Result<BuildRoot> make_build_root(const BuildRootOptions& options) const;

  // Its remove() knows of the containers, which hold their images.
  images::ImageStore& images() const;
  const EngineOptions& options() const;

 private:
  explicit Engine(std::unique_ptr<Context> context);
  std::unique_ptr<Context> context_;
};

}  // namespace gantry::engine
