/* The least that a container costs: new namespaces, the file systems of podman's default configuration, pivot_root and
   execve; no configuration, no state, no security. usage: floor ROOTFS PROGRAM. Built by bench/runtime. */
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

struct filesystem {
  const char *type, *target;
  unsigned long flags;
  const char* options;
};

static const struct filesystem filesystems[] = {
    {"proc", "proc", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL},
    {"tmpfs", "dev", MS_NOSUID | MS_NOEXEC | MS_STRICTATIME, "mode=755,size=65536k"},
    {"sysfs", "sys", MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY, NULL},
    {"devpts", "dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5"},
    {"mqueue", "dev/mqueue", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL},
    {"tmpfs", "dev/shm", MS_NOSUID | MS_NOEXEC | MS_NODEV, "size=65536k"},
    {"cgroup2", "sys/fs/cgroup", MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY, NULL},
};

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
  for (size_t i = 0; i < sizeof filesystems / sizeof *filesystems; ++i) {
    const struct filesystem* entry = &filesystems[i];
    if (i > 1 && entry->target[0] == 'd') mkdir(entry->target, 0755);
    check(mount(entry->type, entry->target, entry->type, entry->flags, entry->options), entry->target);
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
  arguments.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
  arguments.exit_signal = SIGCHLD;
  pid_t pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
  check(pid < 0, "clone3");
  if (pid == 0) become_container(argv[1], argv[2]);
  check(waitpid(pid, &status, 0) != pid, "wait");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
