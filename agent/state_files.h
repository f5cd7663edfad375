#pragma once

#include "agent/state_store.h"

namespace gantry::agent {

std::string to_json_text(const InstanceState& state);
Result<InstanceState> parse_instance_state(std::string_view text, std::string_view source);

std::string to_json_text(const std::vector<TrackedImage>& images);
Result<std::vector<TrackedImage>> parse_tracked_images(std::string_view text, std::string_view source);

}  // namespace gantry::agent
