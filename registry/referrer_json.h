#pragma once

#include "oci/descriptor.h"

#include <string>
#include <vector>

namespace gantry::registry {

// A referrer's descriptor as the referrers list has it. distribution-spec "Listing Referrers".
std::string referrer_descriptor(const std::string& media_type, const oci::Digest& digest, size_t size,
                                const std::string& artifact_type,
                                const std::map<std::string, std::string>& annotations);
// The index that lists `descriptors` (JSON each).
std::string referrers_index(const std::vector<std::string>& descriptors);
// A descriptor's artifactType; empty when it has none.
std::string artifact_type_of(const std::string& descriptor);

}  // namespace gantry::registry
