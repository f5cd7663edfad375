#include "controlplane/instance_identity.h"

#include "base/json.h"

namespace gantry::controlplane {

template <class Visitor>
void members(Visitor& visit, InstanceIdentity& identity) {
  visit("instanceId", identity.instance_id);
  visit("instanceType", identity.instance_type);
  visit("availabilityZone", identity.availability_zone);
  visit("imageId", identity.image_id);
}

InstanceIdentity parse_instance_identity(std::string_view document) {
  if (document.empty()) return {};
  return parse_json<InstanceIdentity>(document, "instance identity document").value_or(InstanceIdentity{});
}

}  // namespace gantry::controlplane
