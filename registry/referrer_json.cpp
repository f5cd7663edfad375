#include "registry/referrer_json.h"

#include "base/json.h"

namespace gantry::registry {
namespace {

struct Referrer {
  std::string media_type;
  std::string digest;
  uint64_t size = 0;
  std::string artifact_type;
  std::map<std::string, std::string> annotations;
};

template <class Visitor>
void members(Visitor& visit, Referrer& referrer) {
  visit.required("mediaType", referrer.media_type);
  visit.required("digest", referrer.digest);
  visit.required("size", referrer.size);
  visit("artifactType", referrer.artifact_type);
  visit("annotations", referrer.annotations);
}

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
  return to_json(Referrer{media_type, digest.string(), size, artifact_type, annotations});
}

std::string referrers_index(const std::vector<std::string>& descriptors) {
  ReferrersIndex index;
  for (const auto& text : descriptors) index.manifests.push_back({text});
  return to_json(index);
}

std::string artifact_type_of(const std::string& descriptor) {
  const auto referrer = parse_json<Referrer>(descriptor, "referrer");
  return referrer ? referrer->artifact_type : "";
}

}  // namespace gantry::registry
