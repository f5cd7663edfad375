/* The least that a container of a configuration costs: its namespaces, the mounts that it asks for, pivot_root and execve;
   nothing is read, checked or kept, and there is no security. usage: floor ROOTFS PROGRAM. Built by bench/runtime, which
   writes floor_mounts.h: the configuration as calls of mount(2). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct clone_arguments {
  uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
};

/* `in_dev`: the target lies in the new /dev, which is empty. */
struct mount_call {
  const char *source, *target, *type;
  unsigned long flags;
  const char* options;
  int in_dev;
};

#include "floor_mounts.h" /* namespace_flags, mount_calls[] */

static void check(int failed, const char* what) {
  if (!failed) return;
  perror(what);
  _exit(1);
}

static void become_container(const char* root, char* program) {
  char* const arguments[] = {program, NULL};
  check(mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL), "make / a slave");
  check(mount(root, root, NULL, MS_BIND | MS_REC, NULL), "bind the root");
  check(chdir(root), root);
  for (size_t i = 0; i < sizeof mount_calls / sizeof *mount_calls; ++i) {
    const struct mount_call* call = &mount_calls[i];
    if (call->in_dev) mkdir(call->target, 0755);
    check(mount(call->source, call->target, call->type, call->flags, call->options), call->target);
  }
  check((int)syscall(SYS_pivot_root, ".", "."), "pivot_root");
  check(umount2(".", MNT_DETACH), "detach the old root");
  execve(program, arguments, environ);
  check(1, program);
}

int main(int argc, char** argv) {
  struct clone_arguments arguments = {0};
  int status;
  if (argc != 3) return 2;
  arguments.flags = namespace_flags;
  arguments.exit_signal = SIGCHLD;
  pid_t pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
  check(pid < 0, "clone3");
  if (pid == 0) become_container(argv[1], argv[2]);
  check(waitpid(pid, &status, 0) != pid, "wait");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
