#include "agent/state_files.h"

namespace gantry::agent {

template <class Visitor>
void members(Visitor& visit, InstanceState& state) {
  visit("cluster", state.cluster);
  visit("containerInstanceArn", state.container_instance_arn);
  visit("sequence", state.sequence);
}

std::string to_json_text(const InstanceState& state) {
  return to_json(state);
}

Result<InstanceState> parse_instance_state(std::string_view text, std::string_view source) {
  return parse_json<InstanceState>(text, source);
}

}  // namespace gantry::agent
