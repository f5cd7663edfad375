#pragma once

#include "base/result.h"
#include "runtime/monitor_files.h"

#include <string>
#include <sys/types.h>
#include <vector>

// How the monitor calls the OCI runtime, and how it reads what came of it.
namespace gantry::runtime {

class RuntimeCommands {
 public:
  RuntimeCommands(const MonitorConfig& config, std::string directory)
      : config_(config), directory_(std::move(directory)) {}

  // `console_path` empty: no terminal.
  std::vector<std::string> create(const std::string& console_path) const;
  std::vector<std::string> start() const;
  // The process of an exec session; its stdio is what the runtime inherits, or the terminal at
  // `console_path`.
  std::vector<std::string> exec_session(const std::string& console_path) const;
  std::vector<std::string> remove() const;  // delete --force
  std::vector<std::string> exec(const std::vector<std::string>& program) const;

  void clear_log() const;
  // The runtime's last error in its log, or a sentence with its exit status.
  std::string last_error(int status) const;
  Result<pid_t> container_pid() const;
  Result<pid_t> exec_pid() const;

 private:
  std::vector<std::string> command() const;
  std::string file(std::string_view name) const;

  const MonitorConfig& config_;
  std::string directory_;
};

// docker's exit code for a container that couldn't be started: 127 when its program isn't there, 126 when it
// can't be executed, else 125.
int start_failure_code(const std::string& error);

}  // namespace gantry::runtime
