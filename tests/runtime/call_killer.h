#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

namespace gantry::runtime {

// Who is killed: the program itself, or the first child that it makes (a container's init).
enum class Victim { program, child };

struct Killed {
  bool reached = false;  // the victim came to that call, and was killed before the kernel ran it
  int status = 0;        // the program's, as waitpid(2) has it
};

// Runs the program, with /dev/null as its stdio, and kills -9 its `victim` at the entry of its `number`-th
// system call, from 1 on. The other one goes on as it likes. ptrace(2); from one thread only.
Killed run_and_kill(const std::vector<std::string>& command, Victim victim, int number);

// As above for a process that is there already, init of a created container, which is killed at a call that
// it makes while the program runs. Its execve(2) is the last call that counts.
Killed run_and_kill_other(const std::vector<std::string>& command, pid_t victim, int number);

}  // namespace gantry::runtime
