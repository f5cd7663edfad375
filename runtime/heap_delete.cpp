#include "runtime/heap.h"

#include <cstdlib>
#include <new>

// gantry-oci's own operator delete: see heap.h. Not in the module, whose users have heaps of their own.

void operator delete(void* memory) noexcept {
  if (gantry::runtime::frees_memory()) std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept {
  if (gantry::runtime::frees_memory()) std::free(memory);
}
