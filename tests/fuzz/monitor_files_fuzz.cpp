#include "runtime/monitor_files.h"
#include "tests/fuzz/fuzz.h"

// monitor.json, status.json, health.json and the message of the sync descriptor: each input is tried as all
// of them.

FUZZ_TARGET(text) {
  using namespace gantry;
  const auto check = [&](auto parse) {
    const auto value = parse(text, "file");
    fuzz::check_error(value, "file: $");
    if (value) fuzz::check_round_trip(*value, parse);
  };
  check(runtime::parse_monitor_config);
  check(runtime::parse_monitor_status);
  check(runtime::parse_health_status);
  check(runtime::parse_sync_message);
}
