#pragma once

#include "base/result.h"

#include <string>
#include <utility>
#include <variant>

namespace gantry::registry {

// Why a request can't be done, in terms that both OCI's and ECR's errors can be made of.
enum class FailureKind {
  repository_unknown,
  repository_name_invalid,
  repository_exists,
  repository_not_empty,
  manifest_unknown,
  manifest_invalid,
  manifest_too_big,
  manifest_blob_unknown,
  manifest_reference_unknown,  // an index names a manifest that isn't there
  image_exists,                // ECR only: the same manifest under the same tag
  tag_invalid,
  tag_immutable,
  blob_unknown,
  upload_unknown,
  upload_busy,
  upload_out_of_order,
  digest_invalid,
  parameter_invalid,
  denied,          // by a policy
  image_archived,  // can't be pulled before it is restored
  internal,
};

struct Failure {
  FailureKind kind = FailureKind::internal;
  std::string message;
};

// A value or a Failure; works with TRY. A plain Error becomes `internal`.
template <class T>
class [[nodiscard]] Outcome {
 public:
  using value_type = T;
  Outcome(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Outcome(Failure failure) : state_(std::in_place_index<1>, std::move(failure)) {}
  Outcome(const Error& error) : Outcome(Failure{FailureKind::internal, error.message()}) {}

  explicit operator bool() const { return state_.index() == 0; }
  T& value() & { return *std::get_if<0>(&state_); }
  const T& value() const& { return *std::get_if<0>(&state_); }
  T&& value() && { return std::move(*std::get_if<0>(&state_)); }
  const Failure& error() const& { return *std::get_if<1>(&state_); }
  Failure&& error() && { return std::move(*std::get_if<1>(&state_)); }
  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }

 private:
  std::variant<T, Failure> state_;
};

struct Done {};

}  // namespace gantry::registry
