#include "base/text.h"
#include "runtime/monitor_handover.h"
#include "runtime/monitor_restart.h"
#include "runtime/monitor_runtime.h"
#include "tests/fuzz/fuzz.h"

// monitor.json, status.json, health.json, the message of the sync descriptor and what one monitor leaves to
// the next: each input is tried as all of them.

namespace {

using namespace gantry;

template <class Parse>
auto read(Parse parse, std::string_view text) {
  auto value = parse(text, "file");
  fuzz::check_error(value, "file: ");
  if (value) fuzz::check_round_trip(*value, parse);
  return value;
}

void use(const runtime::MonitorConfig& config) {
  const runtime::RuntimeCommands commands(config, "/dir");
  for (const auto& command : {commands.create("/console"), commands.start(), commands.exec({"true"})}) {
    if (command.at(0) != config.runtime) fuzz::fail("another runtime: " + command[0]);
  }
  for (const int status : {0, 1}) {
    (void)runtime::should_restart(config.restart, {status, std::chrono::hours(1), UINT32_MAX, false});
  }
}

void use(const runtime::Handover& handover) {
  runtime::RestartBackOff back_off;
  back_off.resume(std::chrono::milliseconds(handover.back_off_ms));
  if (back_off.next({}).count() > 60'000) fuzz::fail("a wait of more than a minute");
  for (const auto& text : {handover.begun_output, handover.begun_errors, handover.pending_input}) {
    (void)base64_decode(text);
  }
}

}  // namespace

FUZZ_TARGET(text) {
  if (const auto config = read(runtime::parse_monitor_config, text)) use(*config);
  if (const auto handover = read(runtime::parse_handover, text)) use(*handover);
  (void)read(runtime::parse_monitor_status, text);
  (void)read(runtime::parse_health_status, text);
  (void)read(runtime::parse_sync_message, text);
}
