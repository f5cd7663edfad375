#pragma once

#include "oci/descriptor.h"

#include <cstddef>

namespace gantry::oci {

inline constexpr size_t manifest_size_limit = size_t{4} << 20;

// Source: image-spec manifest.md; docker's manifest v2 schema 2 has the same shape.
struct Manifest {
  int schema_version = 2;
  std::string media_type;
  std::string artifact_type;
  Descriptor config;
  std::vector<Descriptor> layers;
  std::optional<Descriptor> subject;
  std::map<std::string, std::string> annotations;
};

// Source: image-spec image-index.md; docker's manifest list has the same shape.
struct Index {
  int schema_version = 2;
  std::string media_type;
  std::string artifact_type;
  std::vector<Descriptor> manifests;
  std::optional<Descriptor> subject;
  std::map<std::string, std::string> annotations;
};

// What a manifest document is, from its media type (the one it was served or pushed with; parameters such as
// charset are cut off; may be empty) and its members. Refused: a document with both `layers` or `config` and
// `manifests` (CVE-2021-41190), a mediaType member that contradicts `served_type`, schema 1, unknown types.
// `source` names the document in errors.
enum class DocumentKind { manifest, index };
Result<DocumentKind> classify_document(std::string_view text, std::string_view served_type,
                                       std::string_view source);

Result<Manifest> parse_manifest(std::string_view text, std::string_view source);
Result<Index> parse_index(std::string_view text, std::string_view source);
std::string to_json_text(const Manifest& manifest);
std::string to_json_text(const Index& index);

// The first entry that runs on `wanted`, an exact variant before a lesser one. Entries for unknown/unknown
// and attestations are passed over; an entry without a platform is taken only when it is the only one.
// Errors: not_found, listing what the index offers.
Result<Descriptor> choose_platform(const Index& index, const Platform& wanted, std::string_view source);

}  // namespace gantry::oci
