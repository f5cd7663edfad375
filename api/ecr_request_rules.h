#pragma once

#include "http/aws_error.h"

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// What ECR's service model (API version 2015-09-21) says of the requests of its 58 operations.
namespace gantry::api::ecr {

namespace rules {

enum class Kind : uint8_t { text, number, flag, blob, choice, list, structure };
inline constexpr int64_t unbounded = std::numeric_limits<int64_t>::max();
inline constexpr int64_t lowest = std::numeric_limits<int64_t>::min();

struct Member;

struct Shape {
  Kind kind;
  int64_t least;  // of a text's characters, a blob's bytes, a list's elements; a number's value
  int64_t most;
  std::string_view pattern;         // of a whole text, ECMAScript; a choice's values: "A|B"; empty: any
  std::span<const Member> members;  // of a structure
  const Shape* element;             // of a list
};

struct Member {
  std::string_view name;
  const Shape* shape;
  bool required;
};

struct Operation {
  std::string_view name;
  std::span<const Member> members;
};

std::span<const Operation> operations();  // sorted by name

}  // namespace rules

// `operation` is one of the model's. Errors: InvalidParameterException, in ECR's words, when a required
// member is missing, a value breaks a rule, or a member isn't the operation's; SerializationException when a
// value has another type. null is the same as absent.
http::AwsResult<void> check_request(std::string_view operation, std::string_view body);

// "Invalid parameter at 'NAME' failed to satisfy constraint: 'RULE'".
http::AwsError constraint_error(std::string_view name, std::string_view rule);

std::vector<std::string> operation_names();

}  // namespace gantry::api::ecr
