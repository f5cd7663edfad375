#pragma once

#include "base/result.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <sys/types.h>

// The state that a runtime tells about a container: output of `state`, stdin of hooks.
// Source: runtime-spec runtime.md "State".

namespace gantry::oci {

enum class Status { creating, created, running, paused, stopped };
std::string_view status_name(Status status);

struct State {
  std::string oci_version;
  std::string id;
  Status status = Status::creating;
  pid_t pid = 0;  // 0 when stopped
  std::string bundle;
  std::string rootfs;                              // as runc adds it; empty: left out
  std::string created;                             // RFC 3339, as runc adds it; empty: left out
  std::string owner;                               // as runc adds it, in `list`
  std::map<std::string, std::string> annotations;  // left out when empty
};

std::string to_json_text(const State& state, int indent = -1);
Result<State> parse_state(std::string_view text, std::string_view source);

}  // namespace gantry::oci
