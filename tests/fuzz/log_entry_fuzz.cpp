#include "runtime/monitor_files.h"
#include "tests/fuzz/fuzz.h"

// A line of a log file: each input is tried as both formats.

namespace {

template <class Parse>
void check_entry(Parse parse, std::string_view text) {
  using namespace gantry;
  const auto entry = parse(text, "log");
  fuzz::check_error(entry, "log: ");
  if (!entry) return;
  if (entry->stream.empty() || entry->time.empty()) fuzz::fail("an entry without its stream or time");
  if (entry->log.size() > text.size()) fuzz::fail("more text than there was");
}

}  // namespace

FUZZ_TARGET(text) {
  check_entry(gantry::runtime::parse_log_entry, text);
  check_entry(gantry::runtime::parse_cri_log_entry, text);
}
