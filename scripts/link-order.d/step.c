/* Runs a command one instruction at a time, its children too, and prints the addresses in the range [FIRST, LAST) that
   they executed, in the order in which each was first met. usage: step FIRST LAST OUTPUT COMMAND… */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static void fail(const char* what) {
  perror(what);
  exit(1);
}

static void start(char** command) {
  if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) fail("ptrace");
  raise(SIGSTOP);
  execvp(command[0], command);
  fail(command[0]);
}

/* The signal to hand on: none for the stops that come from tracing. */
static int signal_of(int status) {
  int signal = WSTOPSIG(status);
  return status >> 16 != 0 || signal == SIGTRAP || signal == SIGSTOP ? 0 : signal;
}

enum { most_processes = 64 };
static pid_t traced[most_processes];

static void remember(pid_t pid) {
  for (int i = 0; i < most_processes; ++i) {
    if (traced[i] == pid) return;
    if (traced[i] != 0) continue;
    traced[i] = pid;
    return;
  }
}

/* What outlives the command goes on without us: a container that waits for its start. */
static void let_go(pid_t ended) {
  int status;
  for (int i = 0; i < most_processes && traced[i] != 0; ++i) {
    if (traced[i] == ended || kill(traced[i], SIGSTOP) != 0) continue;
    if (waitpid(traced[i], &status, __WALL) != traced[i] || !WIFSTOPPED(status)) continue;
    ptrace(PTRACE_DETACH, traced[i], NULL, NULL);
    kill(traced[i], SIGCONT);
  }
}

int main(int argc, char** argv) {
  int status, code = 0;
  if (argc < 5) return 2;
  unsigned long long first = strtoull(argv[1], NULL, 16), last = strtoull(argv[2], NULL, 16);
  FILE* output = fopen(argv[3], "w");
  if (output == NULL) fail(argv[3]);
  unsigned char* seen = calloc(last - first, 1);
  pid_t main_pid = fork();
  if (main_pid == 0) start(argv + 4);
  if (waitpid(main_pid, &status, 0) != main_pid) fail("wait");
  long options = PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC;
  if (ptrace(PTRACE_SETOPTIONS, main_pid, NULL, options) != 0) fail("ptrace options");
  if (ptrace(PTRACE_SINGLESTEP, main_pid, NULL, NULL) != 0) fail("step");
  for (pid_t pid; (pid = waitpid(-1, &status, __WALL)) > 0;) {
    if (!WIFSTOPPED(status)) {
      if (pid != main_pid) continue;
      code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      let_go(main_pid);
      break;
    }
    remember(pid);
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, pid, NULL, &registers) == 0 && registers.rip >= first && registers.rip < last &&
        !seen[registers.rip - first]) {
      seen[registers.rip - first] = 1;
      fprintf(output, "%llx\n", registers.rip);
    }
    ptrace(PTRACE_SINGLESTEP, pid, NULL, (void*)(long)signal_of(status));
  }
  return fclose(output) != 0 ? 1 : code;
}
