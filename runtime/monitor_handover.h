#pragma once

#include "base/fd.h"
#include "base/result.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

// What a monitor leaves to the one that comes after it, in the guard's stash: at each change of the run for
// the case that it is killed, and with all that it has in memory when it is replaced by a newer version of
// itself. Beside it there is status.json.
namespace gantry::runtime {

struct HandedClient {
  bool foreground = false;
  bool sent_input = false;
  bool input_open = true;
  std::vector<std::string> queue;  // base64 of packets that wait for it
};

struct Handover {
  uint32_t version = 1;  // a monitor reads those up to its own
  // Names of the descriptors that come with it, in their order: "lock", "attach", "control", "output",
  // "errors", "input", "terminal", "answer" (of who asked for the replacement), "client" as often as there
  // are.
  std::vector<std::string> descriptors;
  std::string oom_score;     // what the container gets; empty: unchanged
  int64_t run_began_ns = 0;  // steady clock
  uint64_t back_off_ms = 0;
  uint64_t lost_log_lines = 0;
  // Only when it is replaced, base64.
  std::string begun_output;
  std::string begun_errors;
  std::string pending_input;
  bool input_ended = false;
  std::vector<HandedClient> clients;
};

// The descriptors by their names.
using HandedDescriptors = std::multimap<std::string, UniqueFd>;

// Errors: unsupported for a later version.
Result<Handover> parse_handover(std::string_view text, std::string_view source);
std::string to_json_text(const Handover& handover);

// The first of that name, or an empty one.
UniqueFd take(HandedDescriptors& descriptors, const std::string& name);

}  // namespace gantry::runtime
