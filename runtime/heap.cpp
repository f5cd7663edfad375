#include "runtime/heap.h"

#include <cstdint>
#include <cstdlib>
#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

namespace gantry::runtime {
namespace {

constexpr uintptr_t page = 4096;
// Measured on podman's configuration; what is more is touched one by one.
constexpr uintptr_t stack_of_a_start = 11 * page;
constexpr uintptr_t heap_of_a_start = 16 * page;

bool frees = true;

void populate(uintptr_t begin, uintptr_t size) {
  (void)::madvise(reinterpret_cast<void*>(begin), size, MADV_POPULATE_WRITE);
}

}  // namespace

void populate_memory() {
  const auto here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0)) & ~(page - 1);
  populate(here - stack_of_a_start, stack_of_a_start);
  void* first = std::malloc(1);  // the heap's end: what is allocated next stands behind it
  populate((reinterpret_cast<uintptr_t>(first) & ~(page - 1)) + page, heap_of_a_start);
  std::free(first);
}

void set_frees_memory(bool wanted) {
  frees = wanted;
}

bool frees_memory() {
  return frees;
}

}  // namespace gantry::runtime
