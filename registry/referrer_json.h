#pragma once

#include "oci/descriptor.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::registry {

// A referrer's descriptor as the referrers list has it. distribution-spec "Listing Referrers".
std::string referrer_descriptor(const std::string& media_type, const oci::Digest& digest, size_t size,
                                const std::string& artifact_type,
                                const std::map<std::string, std::string>& annotations);
// The index that lists `descriptors` (JSON each).
std::string referrers_index(const std::vector<std::string>& descriptors);
struct Referrer {
  std::string media_type;
  std::string digest;
  uint64_t size = 0;
  std::string artifact_type;
  std::map<std::string, std::string> annotations;
  std::string artifact_status;  // in ECR's lists only
};
Referrer parse_referrer(const std::string& descriptor);
// The descriptor as ECR's ListImageReferrers has it: "ACTIVE", "ARCHIVED".
std::string with_artifact_status(const std::string& descriptor, std::string_view status);
// A descriptor's artifactType; empty when it has none.
std::string artifact_type_of(const std::string& descriptor);

}  // namespace gantry::registry
