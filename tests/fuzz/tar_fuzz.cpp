#include "images/tar_reader.h"
#include "tests/fuzz/fuzz.h"
#include "tests/images/memory_source.h"

// A tar archive, read in blocks of a size that the first byte says.

namespace {

using namespace gantry;
using namespace gantry::images;

void check(const TarEntry& entry, uint64_t stored) {
  if (entry.path.find('\0') != std::string::npos) fuzz::fail("a NUL in a name");
  if (entry.link.find('\0') != std::string::npos) fuzz::fail("a NUL in a link");
  if (entry.mtime.tv_nsec < 0 || entry.mtime.tv_nsec > 999'999'999) fuzz::fail("no nanoseconds");
  if ((entry.mode & ~07777U) != 0) fuzz::fail("more than permissions in the mode");
  if (!entry.is_sparse) return;
  uint64_t end = 0;
  uint64_t data = 0;
  for (const auto& run : entry.runs) {
    if (run.offset < end || run.length > entry.size || run.offset > entry.size - run.length) {
      fuzz::fail("a run outside of its file, or before the last one");
    }
    end = run.offset + run.length;
    data += run.length;
  }
  if (data != stored) fuzz::fail("runs for more or less data than there is");
}

}  // namespace

FUZZ_TARGET(text) {
  fuzz::Choices choices(text);
  const size_t step = choices.byte() + size_t{1};
  test::MemorySource source(std::string(choices.rest()), step);
  TarReader reader(source);
  while (true) {
    const auto entry = reader.next();
    if (!entry || !*entry) return;
    check(**entry, (*entry)->stored_size);
    uint64_t got = 0;
    while (true) {
      const auto piece = reader.data();
      fuzz::check_error(piece, "tar: ");
      if (!piece) return;
      if (piece->empty()) break;
      got += piece->size();
    }
    if ((*entry)->type == TarType::file && got != (*entry)->stored_size) fuzz::fail("data lost");
  }
}
