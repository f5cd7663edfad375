#include "base/json.h"
#include "engine/container_spec.h"
#include "engine/container_spec_members.h"

namespace gantry::engine {

Result<ContainerSpec> parse_container_spec(std::string_view text, std::string_view source) {
  return parse_json<ContainerSpec>(text, source);
}

std::string to_json_text(const ContainerSpec& spec) {
  return to_json(spec, 2);
}

}  // namespace gantry::engine
