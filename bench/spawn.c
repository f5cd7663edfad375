/* Runs commands in turn, ROUNDS times each, AT_ONCE copies at a time, and prints for each: index, wall ns, CPU µs, peak
   RSS in KiB, page faults. Small and static, since a child's peak RSS starts with that of the process that forked it.

   usage: spawn ROUNDS AT_ONCE COMMAND… [+ COMMAND…] [-- COMMAND… [+ COMMAND…]]…

   "--" separates the commands that are compared, "+" the steps of one. "@" in an argument becomes a number that no other
   copy has. Processes that a command leaves behind are waited for, and their CPU is the command's. The benches
   build it. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { most_commands = 16, most_words = 64 };

static long long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int is_word(char** word, const char* text) {
  return *word != NULL && strcmp(*word, text) == 0;
}

static void execute(char** words, int count, int number) {
  char* arguments[most_words + 1];
  for (int i = 0; i < count; ++i) {
    char* at = strchr(words[i], '@');
    arguments[i] = words[i];
    if (at != NULL && asprintf(&arguments[i], "%.*s%d%s", (int)(at - words[i]), words[i], number, at + 1) < 0) _exit(1);
  }
  arguments[count] = NULL;
  execvp(arguments[0], arguments);
  perror(arguments[0]);
  _exit(127);
}

/* One copy of a command: its steps, one after the other. */
static int run_steps(char** words, int number) {
  while (*words != NULL && !is_word(words, "--")) {
    int count = 0;
    while (words[count] != NULL && !is_word(words + count, "--") && !is_word(words + count, "+")) ++count;
    if (count > most_words) return 1;
    pid_t pid = fork();
    if (pid == 0) execute(words, count, number);
    int status;
    if (pid < 0 || waitpid(pid, &status, 0) != pid) return 1;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
      fprintf(stderr, "%s failed with status %d\n", words[0], status);
      return 1;
    }
    words += count;
    if (is_word(words, "+")) ++words;
  }
  return 0;
}

static int run(int index, char** command, int at_once, int* number) {
  long long start = now();
  /* A process of its own adopts and waits for all, so that its children's usage is theirs and no other's. */
  pid_t pid = fork();
  if (pid == 0) {
    int failed = 0, status;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (int i = 1; i < at_once; ++i) {
      if (fork() == 0) _exit(run_steps(command, *number + i));
    }
    failed = run_steps(command, *number);
    while (wait(&status) > 0) failed |= at_once > 1 && WIFEXITED(status) && WEXITSTATUS(status) != 0;
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    long long cpu = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000LL + usage.ru_utime.tv_usec +
                    usage.ru_stime.tv_usec;
    printf("%d %lld %lld %ld %ld\n", index, now() - start, cpu, usage.ru_maxrss, usage.ru_minflt);
    fflush(stdout);
    _exit(failed);
  }
  int status;
  *number += at_once;
  return pid < 0 || waitpid(pid, &status, 0) != pid || status != 0;
}

int main(int argc, char** argv) {
  char** commands[most_commands];
  int count = 0, number = 0;
  if (argc < 4) return 2;
  for (char** word = argv + 3; *word != NULL && count < most_commands;) {
    commands[count++] = word;
    while (*word != NULL && !is_word(word, "--")) ++word;
    if (*word != NULL) ++word;
  }
  for (int round = 0; round < atoi(argv[1]); ++round) {
    for (int i = 0; i < count; ++i) {
      int index = round % 2 == 0 ? i : count - 1 - i;
      if (run(index, commands[index], atoi(argv[2]), &number) != 0) return 1;
    }
  }
  return 0;
}
