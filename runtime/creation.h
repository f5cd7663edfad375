#pragma once

#include "cgroups/cgroup.h"
#include "runtime/create.h"
#include "runtime/init.h"

#include <optional>
#include <string>

namespace gantry::runtime {

// One creation under way, whose steps are called in the order that create.cpp has them in. Until commit, the
// destructor undoes all of it: process, cgroup, folder, and poststop hooks for a container that had begun to
// exist.
class Creation {
 public:
  Creation(oci::RuntimeConfig config, ContainerFolder folder, Record record)
      : config_(std::move(config)), folder_(std::move(folder)), record_(std::move(record)) {}
  Creation(const Creation&) = delete;
  Creation& operator=(const Creation&) = delete;
  ~Creation() {
    if (!committed_) undo();
  }

  Result<void> keep_config(const std::string& text) { return folder_.save_config(text); }
  Result<void> bind_notify_folder(InitPlan& plan);
  // state.json names it before it is there. None, for systemd's driver, which makes it around init.
  Result<void> make_cgroup(const GlobalOptions& global);
  // In its cgroup, with its id maps; it is told to go on. From here on memory isn't freed: heap.h.
  Result<void> spawn_init(InitPlan& plan, bool starts_here, const GlobalOptions& global);
  // While init works: state.json as it will be, for commit to publish, unless something changes until then.
  Result<void> write_ahead();
  // What init asks for on its way, until it is ready. Errors: what init reports, with runc's words before it.
  Result<void> follow_init(InitPlan& plan);
  // Others see the container: state, pid file, pidfds. Nothing is undone after this.
  Result<Created> commit(const CreateOptions& options);

 private:
  Result<void> move_to_cgroup(const GlobalOptions& global);
  Result<void> make_scope(Limits limits);
  Result<void> move_devices(const InitPlan& plan);
  Result<void> run_runtime_hooks();
  Result<void> join_rdt();
  Result<void> take_over(pid_t pid);
  void undo();

  oci::RuntimeConfig config_;
  ContainerFolder folder_;
  Record record_;
  std::optional<cgroups::Cgroup> cgroup_;
  Spawned init_;
  UniqueFd channel_;
  UniqueFd terminal_socket_;
  bool written_ahead_ = false;
  bool committed_ = false;
};

}  // namespace gantry::runtime
