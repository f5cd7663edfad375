#pragma once

namespace gantry::runtime {

// The memory of a process that clones and soon ends. After the clone each page that either side writes to is
// copied first, and free(3) writes to what it takes back.

// Makes the pages present that a start will touch, in two calls instead of a page fault for each. madvise(2)
// MADV_POPULATE_WRITE, Linux 5.14; without it nothing happens.
void populate_memory();

// While false, what is deleted is not given back, in gantry-oci (heap_delete.cpp). For spans whose work is
// bounded: a loop that a container keeps going frees again first.
void set_frees_memory(bool frees);
bool frees_memory();

}  // namespace gantry::runtime
