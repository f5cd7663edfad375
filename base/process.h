#pragma once

#include "base/fd.h"

#include <chrono>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace gantry {

// A process named so that a reused pid isn't mistaken for it: start time is field 22 of /proc/PID/stat, in
// clock ticks since boot. proc(5).
struct ProcessIdentity {
  pid_t pid = 0;
  uint64_t start_time = 0;
};

// Errors: not_found when there is no such process.
Result<ProcessIdentity> identify_process(pid_t pid);
// There is such a process, with that start time, and it isn't a zombie.
bool is_alive(const ProcessIdentity& process);
// How it ended, as waitpid(2) tells it, while nobody has reaped it: of a process that isn't our child. Field
// 52 of /proc/PID/stat, which is 0 for who may not trace it. Errors: not_found.
Result<int> unreaped_wait_status(const ProcessIdentity& process);
// Opens a pidfd and checks the start time after it, so that the descriptor names the right process.
// Errors: not_found. pidfd_open(2).
Result<UniqueFd> open_process(const ProcessIdentity& process);

struct Command {
  std::vector<std::string> arguments;  // [0] is the program: a path, or a name looked up in PATH
  std::optional<std::vector<std::string>> environment;  // NAME=VALUE; absent: our own
  std::string input;                                    // given on stdin
  std::string working_directory;
  std::optional<std::chrono::milliseconds> limit;  // killed after it, with its process group
};

struct CommandResult {
  int status = 0;      // exit status, or 128 + n when signal n ended it
  std::string output;  // stdout, at most 16 MiB kept
  std::string errors;  // stderr, at most 16 MiB kept
};

// Runs a command to its end. Errors: not_found when the program isn't there, timeout. A non-zero status isn't
// an error here.
Result<CommandResult> run_command(const Command& command);

// The same, but a non-zero status is an error that quotes the last line of stderr.
Result<std::string> check_command(const Command& command);

}  // namespace gantry
