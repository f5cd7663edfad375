#pragma once

#include "base/json.h"
#include "oci/descriptor.h"

// Tables shared by manifest_json.cpp and image_config_json.cpp; for this folder only.
namespace gantry::oci {

template <class Visitor>
void members(Visitor& visit, Platform& platform) {
  visit.required("architecture", platform.architecture);
  visit.required("os", platform.os);
  visit("os.version", platform.os_version);
  visit("os.features", platform.os_features);
  visit("variant", platform.variant);
}

template <class Visitor>
void members(Visitor& visit, Descriptor& descriptor) {
  visit.required("mediaType", descriptor.media_type);
  visit.required("digest", descriptor.digest);
  visit.required("size", descriptor.size);
  if (Visitor::reading && descriptor.size < 0) visit.fail("size must not be negative");
  visit("urls", descriptor.urls);
  visit("annotations", descriptor.annotations);
  visit("data", descriptor.data);
  visit("artifactType", descriptor.artifact_type);
  visit("platform", descriptor.platform);
}

}  // namespace gantry::oci
