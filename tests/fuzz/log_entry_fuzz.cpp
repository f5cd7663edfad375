#include "runtime/monitor_files.h"
#include "tests/fuzz/fuzz.h"

// A line of a log file.

FUZZ_TARGET(text) {
  using namespace gantry;
  const auto entry = runtime::parse_log_entry(text, "log");
  fuzz::check_error(entry, "log: ");
  if (!entry) return;
  if (entry->stream.empty() || entry->time.empty()) fuzz::fail("an entry without its stream or time");
  if (entry->log.size() > text.size()) fuzz::fail("more text than there was");
}
