#pragma once

#include "base/result.h"

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace gantry::http {

// An AWS service's error: {"__type": name, "message": message} with an HTTP status. status 0: there was no
// answer at all (name is then empty, and message is the transport's).
struct AwsError {
  std::string name;
  std::string message;
  int status = 400;

  bool reached() const { return status != 0; }
  // For code that goes on with plain errors: "NAME: message"; kind unavailable without an answer and for 5xx
  // and throttling, unauthenticated for signature and token errors, denied, not_found (…NotFoundException),
  // else invalid.
  Error to_error() const;
};

// A value or an AwsError; works with TRY. From a plain Error it becomes a ServerException with status 500.
template <class T>
class [[nodiscard]] AwsResult {
 public:
  using value_type = T;
  AwsResult(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  AwsResult(AwsError error) : state_(std::in_place_index<1>, std::move(error)) {}
  AwsResult(const Error& error) : AwsResult(AwsError{"ServerException", error.message(), 500}) {}

  explicit operator bool() const { return state_.index() == 0; }
  T& value() & { return *std::get_if<0>(&state_); }
  const T& value() const& { return *std::get_if<0>(&state_); }
  T&& value() && { return std::move(*std::get_if<0>(&state_)); }
  const AwsError& error() const& { return *std::get_if<1>(&state_); }
  AwsError&& error() && { return std::move(*std::get_if<1>(&state_)); }
  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }

 private:
  std::variant<T, AwsError> state_;
};

template <>
class [[nodiscard]] AwsResult<void> {
 public:
  using value_type = void;
  AwsResult() = default;
  AwsResult(AwsError error) : error_(std::move(error)) {}
  AwsResult(const Error& error) : AwsResult(AwsError{"ServerException", error.message(), 500}) {}

  explicit operator bool() const { return !error_.has_value(); }
  void value() const {}
  const AwsError& error() const& { return *error_; }
  AwsError&& error() && { return std::move(*error_); }

 private:
  std::optional<AwsError> error_;
};

}  // namespace gantry::http
