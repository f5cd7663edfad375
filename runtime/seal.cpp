#include "runtime/seal.h"

#include <cstdint>
#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/mount.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

// The program's entry point (-e gantry_seal_start) lies here, before libc's own. For the commands that let a
// container see our process (create, run, exec) it executes the program again from a read-only copy of its
// own mount, and only that second run starts libc: the seal costs one execve of next to nothing, not two
// start-ups.
//
// Nothing of libc may be called in here: not even memset works before its start-up. Hence system calls by
// hand.

namespace {

#if defined(__x86_64__)
long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) {
  long result = 0;
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
               : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) {
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = a;
  register long x1 asm("x1") = b;
  register long x2 asm("x2") = c;
  register long x3 asm("x3") = d;
  register long x4 asm("x4") = e;
  asm volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
  return x0;
}
#else
#error "the seal's system calls are not written for this architecture"
#endif

template <class T>
long address(const T* pointer) {
  return reinterpret_cast<long>(pointer);
}

constexpr char own_program[] = "/proc/self/exe";
constexpr char nothing[] = "";
constexpr char memory_name[] = "gantry-oci";

bool same(const char* left, const char* right) {
  while (*left != '\0' && *left == *right) {
    ++left;
    ++right;
  }
  return *left == *right;
}

bool shows_us_to_a_container(const char* argument) {
  return same(argument, "create") || same(argument, "run") || same(argument, "exec");
}

// Set before main, which only asks.
bool sealed = false;

bool is_on_readonly_mount() {
  struct statfs info;  // NOLINT: left unset, since setting it is a call of memset
  return call(SYS_statfs, address(own_program), address(&info)) == 0 && (info.f_flags & ST_RDONLY) != 0;
}

bool is_sealed_memory() {
  const long self = call(SYS_openat, AT_FDCWD, address(own_program), O_RDONLY | O_CLOEXEC);
  if (self < 0) return false;
  const long seals = call(SYS_fcntl, self, F_GET_SEALS);
  call(SYS_close, self);
  return seals >= 0 && (seals & F_SEAL_WRITE) != 0;
}

void execute(long fd, char** argv, char** envp) {
  call(SYS_execveat, fd, address(nothing), address(argv), address(envp), AT_EMPTY_PATH);
}

void execute_readonly_mount(char** argv, char** envp) {
  const long tree = call(SYS_open_tree, AT_FDCWD, address(own_program), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (tree < 0) return;
  volatile uint64_t attributes[4];  // struct mount_attr
  attributes[0] = MOUNT_ATTR_RDONLY;
  attributes[1] = 0;
  attributes[2] = 0;
  attributes[3] = 0;
  const long done = call(SYS_mount_setattr, tree, address(nothing), AT_EMPTY_PATH,
                         reinterpret_cast<long>(&attributes[0]), sizeof attributes);
  if (done == 0) execute(tree, argv, envp);
  call(SYS_close, tree);
}

// Where mounts may not be made (rootless): a copy in memory that nobody can write to.
void execute_sealed_memory(char** argv, char** envp) {
  const long from = call(SYS_openat, AT_FDCWD, address(own_program), O_RDONLY | O_CLOEXEC);
  const long to = call(SYS_memfd_create, address(memory_name), MFD_CLOEXEC | MFD_ALLOW_SEALING);
  long sent = from < 0 || to < 0 ? -1 : 1;
  while (sent > 0) sent = call(SYS_sendfile, to, from, 0, 1 << 30);
  if (sent == 0 &&
      call(SYS_fcntl, to, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0) {
    execute(to, argv, envp);
  }
  call(SYS_close, from);
  call(SYS_close, to);
}

}  // namespace

// `stack` as the kernel left it: argc, argv, null, envp, null. Returns to libc's start when there is nothing
// to seal, or it isn't possible; main refuses the latter.
extern "C" [[gnu::used]] void gantry_seal(long* stack) {
  char** argv = reinterpret_cast<char**>(stack + 1);
  char** envp = argv + stack[0] + 1;
  bool wanted = false;
  for (long i = 1; i < stack[0] && !wanted; ++i) wanted = shows_us_to_a_container(argv[i]);
  if (!wanted) return;
  sealed = is_on_readonly_mount();
  if (sealed) return;
  execute_readonly_mount(argv, envp);
  // After that, as a file in memory is on no mount that could be copied: it is here only where mounts may not
  // be made.
  sealed = is_sealed_memory();
  if (!sealed) execute_sealed_memory(argv, envp);
}

#if defined(__x86_64__)
asm(R"(
  .text
  .globl gantry_seal_start
  .type gantry_seal_start, @function
gantry_seal_start:
  xorl %ebp, %ebp
  movq %rsp, %rdi
  pushq %rdx
  pushq %rdx
  call gantry_seal
  popq %rdx
  popq %rdx
  jmp _start
)");
#elif defined(__aarch64__)
asm(R"(
  .text
  .globl gantry_seal_start
  .type gantry_seal_start, %function
gantry_seal_start:
  mov x19, x0
  mov x0, sp
  bl gantry_seal
  mov x0, x19
  b _start
)");
#endif

namespace gantry::runtime {

bool program_is_sealed() {
  return sealed;
}

}  // namespace gantry::runtime
