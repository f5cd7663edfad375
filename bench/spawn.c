/* Runs commands in turn, ROUNDS times each, and prints for each run: index, wall ns, CPU µs, peak RSS in KiB.
   Commands come on the command line, separated by "--". Small and static, since a child's peak RSS starts with that of
   the process that forked it. Built by bench/runtime. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int run(int index, char** command) {
  struct rusage usage;
  int status;
  long long start = now();
  pid_t pid = fork();
  if (pid == 0) {
    execvp(command[0], command);
    perror(command[0]);
    _exit(127);
  }
  if (pid < 0 || wait4(pid, &status, 0, &usage) != pid) return 1;
  long long wall = now() - start;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    fprintf(stderr, "%s failed with status %d\n", command[0], status);
    return 1;
  }
  long long cpu = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000LL + usage.ru_utime.tv_usec +
                  usage.ru_stime.tv_usec;
  printf("%d %lld %lld %ld\n", index, wall, cpu, usage.ru_maxrss);
  return 0;
}

int main(int argc, char** argv) {
  char** commands[16];
  int count = 0;
  int rounds = argc > 1 ? atoi(argv[1]) : 0;
  for (int i = 2; i < argc && count < 16; ++i) {
    commands[count++] = argv + i;
    while (i < argc && strcmp(argv[i], "--") != 0) ++i;
    if (i < argc) argv[i] = NULL;
  }
  for (int round = 0; round < rounds; ++round) {
    for (int i = 0; i < count; ++i) {
      if (run(i, commands[i]) != 0) return 1;
    }
  }
  return 0;
}
