#pragma once

// The JSON tables of ECR's shapes. Only .cpp files that read or write them include it.

#include "api/ecr_model.h"
#include "base/json.h"

namespace gantry::api::ecr {

inline constexpr EnumName<TagMutability> tag_mutability_names[] = {
    {TagMutability::mutable_tags, "MUTABLE"},
    {TagMutability::immutable_tags, "IMMUTABLE"},
    {TagMutability::mutable_with_exclusion, "MUTABLE_WITH_EXCLUSION"},
    {TagMutability::immutable_with_exclusion, "IMMUTABLE_WITH_EXCLUSION"}};
inline std::span<const EnumName<TagMutability>> enum_names(TagMutability) {
  return tag_mutability_names;
}

inline constexpr EnumName<TagStatus> tag_status_names[] = {
    {TagStatus::any, "ANY"}, {TagStatus::tagged, "TAGGED"}, {TagStatus::untagged, "UNTAGGED"}};
inline std::span<const EnumName<TagStatus>> enum_names(TagStatus) {
  return tag_status_names;
}

inline constexpr EnumName<ImageStatus> image_status_names[] = {{ImageStatus::active, "ACTIVE"},
                                                               {ImageStatus::archived, "ARCHIVED"},
                                                               {ImageStatus::activating, "ACTIVATING"},
                                                               {ImageStatus::any, "ANY"}};
inline std::span<const EnumName<ImageStatus>> enum_names(ImageStatus) {
  return image_status_names;
}

inline constexpr EnumName<FailureCode> failure_code_names[] = {
    {FailureCode::invalid_image_digest, "InvalidImageDigest"},
    {FailureCode::invalid_image_tag, "InvalidImageTag"},
    {FailureCode::image_tag_does_not_match_digest, "ImageTagDoesNotMatchDigest"},
    {FailureCode::image_not_found, "ImageNotFound"},
    {FailureCode::missing_digest_and_tag, "MissingDigestAndTag"},
    {FailureCode::image_referenced_by_manifest_list, "ImageReferencedByManifestList"},
    {FailureCode::image_inaccessible, "ImageInaccessible"}};
inline std::span<const EnumName<FailureCode>> enum_names(FailureCode) {
  return failure_code_names;
}

template <class Visitor>
void members(Visitor& visit, Tag& tag) {
  visit.required("Key", tag.key);
  visit.always("Value", tag.value);
}

template <class Visitor>
void members(Visitor& visit, ExclusionFilter& filter) {
  visit.required("filterType", filter.filter_type);
  visit.required("filter", filter.filter);
}

template <class Visitor>
void members(Visitor& visit, ImageScanningConfiguration& configuration) {
  visit("scanOnPush", configuration.scan_on_push);
}

template <class Visitor>
void members(Visitor& visit, EncryptionConfiguration& configuration) {
  visit.required("encryptionType", configuration.encryption_type);
  visit("kmsKey", configuration.kms_key);
}

template <class Visitor>
void members(Visitor& visit, ImageIdentifier& id) {
  visit("imageDigest", id.image_digest);
  visit("imageTag", id.image_tag);
}

template <class T>
Result<T> parse_request(std::string_view text) {
  return parse_json<T>(text, "request body");
}

template <class T>
std::string to_json_text(const T& response) {
  return to_json(response);
}

}  // namespace gantry::api::ecr
