#pragma once

#include <string>
#include <string_view>

namespace gantry::controlplane {

// What the instance identity document (EC2 metadata, JSON) says of a host. Its signature isn't checked: who
// may register is decided by the request's own signature.
struct InstanceIdentity {
  std::string instance_id;
  std::string instance_type;
  std::string availability_zone;
  std::string image_id;
};

// Empty members when `document` is empty or isn't such a document (hosts outside EC2 send none).
InstanceIdentity parse_instance_identity(std::string_view document);

}  // namespace gantry::controlplane
