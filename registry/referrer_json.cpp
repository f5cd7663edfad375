#include "registry/referrer_json.h"

#include "base/json.h"

namespace gantry::registry {
template <class Visitor>
void members(Visitor& visit, Referrer& referrer) {
  visit.required("mediaType", referrer.media_type);
  visit.required("digest", referrer.digest);
  visit.required("size", referrer.size);
  visit("artifactType", referrer.artifact_type);
  visit("annotations", referrer.annotations);
  visit("artifactStatus", referrer.artifact_status);
}

namespace {

struct ReferrersIndex {
  int schema_version = 2;
  std::string media_type{oci::media_type::oci_index};
  std::vector<RawJson> manifests;
};

template <class Visitor>
void members(Visitor& visit, ReferrersIndex& index) {
  visit.required("schemaVersion", index.schema_version);
  visit.required("mediaType", index.media_type);
  visit.always("manifests", index.manifests);
}

}  // namespace

std::string referrer_descriptor(const std::string& media_type, const oci::Digest& digest, size_t size,
                                const std::string& artifact_type,
                                const std::map<std::string, std::string>& annotations) {
  return to_json(Referrer{media_type, digest.string(), size, artifact_type, annotations, {}});
}

std::string referrers_index(const std::vector<std::string>& descriptors) {
  ReferrersIndex index;
  for (const auto& text : descriptors) index.manifests.push_back({text});
  return to_json(index);
}

Referrer parse_referrer(const std::string& descriptor) {
  return parse_json<Referrer>(descriptor, "referrer").value_or({});
}

std::string with_artifact_status(const std::string& descriptor, std::string_view status) {
  auto referrer = parse_referrer(descriptor);
  referrer.artifact_status = status;
  return to_json(referrer);
}

std::string artifact_type_of(const std::string& descriptor) {
  return parse_referrer(descriptor).artifact_type;
}

}  // namespace gantry::registry
