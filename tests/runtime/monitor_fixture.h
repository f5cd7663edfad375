#pragma once

#include "base/files.h"
#include "base/process.h"
#include "base/text.h"
#include "runtime/monitor_client.h"
#include "runtime/monitor_files.h"
#include "tests/runtime/container_fixture.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::runtime {

// A container folder with a monitor of its own. What a test leaves running is killed.
class Monitored : public Containers {
 protected:
  void TearDown() override;

  // Configures the container to run `script` and starts a monitor; the sync message, once it came.
  SyncMessage launch(
      const std::string& script, const std::function<void(MonitorConfig&)>& change = [](MonitorConfig&) {},
      const std::function<void(oci::RuntimeConfig&)>& change_container = [](oci::RuntimeConfig&) {});
  // The same, with an attached client from the start.
  SyncMessage launch_attached(
      const std::string& script, const std::function<void(MonitorConfig&)>& change = {},
      const std::function<void(oci::RuntimeConfig&)>& change_container = [](oci::RuntimeConfig&) {});

  // From here on all is about another container and its monitor, beside those that are there.
  void speak_of(const std::string& name);
  const std::string& id() const { return id_; }

  std::string directory();
  MonitorStatus monitor_status();
  // Of the process's smaps_rollup, such as "Anonymous:".
  static uint64_t memory_kib(pid_t pid, std::string_view field);
  // Waits for the monitor's end.
  MonitorStatus ended();
  bool reaches(MonitorState state);
  std::vector<LogEntry> log();
  std::string log_text();
  // All output up to the end of the run, as "2…" and "3…" packets' text: stdout and stderr apart.
  struct Output {
    std::string out, err;
  };
  Output read_client(const UniqueFd& client);

  UniqueFd client_;  // of launch_attached

 private:
  void prepare(const std::string& script, const std::function<void(MonitorConfig&)>& change,
               const std::function<void(oci::RuntimeConfig&)>& change_container, bool open_stdin);
  SyncMessage start_monitor(int attach);

  std::string name_ = "container";
  std::string id_ = test_id;
  std::vector<std::string> others_;  // names spoken of before
};

}  // namespace gantry::runtime
