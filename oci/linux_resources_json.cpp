#include "oci/linux_resources_members.h"

namespace gantry::oci {

Result<LinuxResources> parse_linux_resources(std::string_view text, std::string_view source) {
  return parse_json<LinuxResources>(text, source);
}

std::string to_json_text(const LinuxResources& resources) {
  return to_json(resources);
}

}  // namespace gantry::oci
