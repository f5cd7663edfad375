// The program of containers that mean harm: static, so that it runs in any root.
//
//   hostile bomb            forks without end, and so do its children
//   hostile call WAY NUMBER makes a system call with arguments of 0 as a 64-bit ("64"), 32-bit ("32") or x32
//   ("x32")
//                           caller, and prints what it returned: a negative errno, or the result

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

namespace {

[[noreturn]] void fork_without_end() {
  for (;;) (void)::fork();
}

#if defined(__x86_64__)
constexpr long x32_bit = 0x40000000;

long call_64(long number) {
  long result = 0;
  asm volatile("syscall" : "=a"(result) : "a"(number), "D"(0L), "S"(0L), "d"(0L) : "rcx", "r11", "memory");
  return result;
}

long call_32(long number) {
  int result = 0;
  asm volatile("int $0x80" : "=a"(result) : "a"(number), "b"(0), "c"(0), "d"(0) : "memory");
  return result;
}

long call(const char* way, long number) {
  if (std::strcmp(way, "32") == 0) return call_32(number);
  return call_64(std::strcmp(way, "x32") == 0 ? number | x32_bit : number);
}
#else
long call(const char*, long number) {
  return ::syscall(number, 0, 0, 0);
}
#endif

}  // namespace

int main(int count, char** arguments) {
  if (count == 2 && std::strcmp(arguments[1], "bomb") == 0) fork_without_end();
  if (count != 4 || std::strcmp(arguments[1], "call") != 0) return 2;
  std::printf("%ld\n", call(arguments[2], std::atol(arguments[3])));
  return 0;
}
