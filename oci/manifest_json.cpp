#include "base/text.h"
#include "oci/descriptor_members.h"
#include "oci/manifest.h"

namespace gantry::oci {
namespace {

// Just enough of a document to tell what it is.
struct Shape {
  int64_t schema_version = 0;
  std::string media_type;
  bool has_manifests = false;
  bool has_layers = false;
  bool has_config = false;
  bool has_history = false;
};

template <class Visitor>
void members(Visitor& visit, Shape& shape) {
  visit("schemaVersion", shape.schema_version);
  visit("mediaType", shape.media_type);
  if constexpr (Visitor::reading) {
    shape.has_manifests = visit.has("manifests");
    shape.has_layers = visit.has("layers");
    shape.has_config = visit.has("config");
    shape.has_history = visit.has("fsLayers") || visit.has("signatures");
  }
}

std::string_view without_parameters(std::string_view media_type) {
  return trim(media_type.substr(0, media_type.find(';')));
}

bool is_schema_1(std::string_view type, const Shape& shape) {
  return type.starts_with("application/vnd.docker.distribution.manifest.v1+") || shape.schema_version == 1 ||
         shape.has_history;
}

Result<DocumentKind> check_kind(DocumentKind kind, const Shape& shape, std::string_view source) {
  if (kind == DocumentKind::index && (shape.has_layers || shape.has_config)) {
    return Error::make(ErrorKind::invalid, "{}: an index must not have \"layers\" or \"config\"", source);
  }
  if (kind == DocumentKind::manifest && shape.has_manifests) {
    return Error::make(ErrorKind::invalid, "{}: an image manifest must not have \"manifests\"", source);
  }
  return kind;
}

}  // namespace

Result<DocumentKind> classify_document(std::string_view text, std::string_view served_type,
                                       std::string_view source) {
  const auto shape = TRY(parse_json<Shape>(text, source));
  std::string_view type = without_parameters(served_type);
  // Some registries serve everything as plain JSON or bytes, which says nothing.
  if (type == "application/json" || type == "application/octet-stream" || type == "text/plain") type = {};
  if (is_schema_1(type, shape)) {
    return Error::make(ErrorKind::unsupported, "{}: docker's manifest schema 1 is not supported", source);
  }
  if (shape.has_manifests && (shape.has_layers || shape.has_config)) {
    return Error::make(ErrorKind::invalid, "{}: has members of both an image manifest and an index", source);
  }
  if (!type.empty() && !shape.media_type.empty() && type != shape.media_type) {
    return Error::make(ErrorKind::invalid, "{}: served as {}, but its mediaType is {}", source, type,
                       shape.media_type);
  }
  if (type.empty()) type = shape.media_type;
  if (is_index_type(type)) return check_kind(DocumentKind::index, shape, source);
  if (is_manifest_type(type)) return check_kind(DocumentKind::manifest, shape, source);
  if (!type.empty()) {
    return Error::make(ErrorKind::unsupported, "{}: media type \"{}\" is not supported", source, type);
  }
  return shape.has_manifests ? DocumentKind::index : DocumentKind::manifest;
}

template <class Visitor>
void members(Visitor& visit, Manifest& manifest) {
  visit.required("schemaVersion", manifest.schema_version);
  visit("mediaType", manifest.media_type);
  visit("artifactType", manifest.artifact_type);
  visit.required("config", manifest.config);
  visit.always("layers", manifest.layers);
  visit("subject", manifest.subject);
  visit("annotations", manifest.annotations);
}

template <class Visitor>
void members(Visitor& visit, Index& index) {
  visit.required("schemaVersion", index.schema_version);
  visit("mediaType", index.media_type);
  visit("artifactType", index.artifact_type);
  visit.required("manifests", index.manifests);
  visit("subject", index.subject);
  visit("annotations", index.annotations);
}

Result<Manifest> parse_manifest(std::string_view text, std::string_view source) {
  return parse_json<Manifest>(text, source);
}

Result<Index> parse_index(std::string_view text, std::string_view source) {
  return parse_json<Index>(text, source);
}

std::string to_json_text(const Manifest& manifest) {
  return to_json(manifest);
}

std::string to_json_text(const Index& index) {
  return to_json(index);
}

}  // namespace gantry::oci
