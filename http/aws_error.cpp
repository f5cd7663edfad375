#include "http/aws_error.h"

#include <algorithm>
#include <array>

namespace gantry::http {
namespace {

constexpr std::array unauthenticated_names = {
    std::string_view("InvalidSignatureException"),           std::string_view("IncompleteSignatureException"),
    std::string_view("UnrecognizedClientException"),         std::string_view("ExpiredTokenException"),
    std::string_view("MissingAuthenticationTokenException"), std::string_view("SignatureDoesNotMatch"),
};
constexpr std::array throttling_names = {
    std::string_view("ThrottlingException"),
    std::string_view("TooManyRequestsException"),
    std::string_view("RequestLimitExceeded"),
};

template <class List>
bool contains(const List& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

ErrorKind kind_of(const AwsError& error) {
  if (!error.reached() || error.status >= 500 || contains(throttling_names, error.name)) {
    return ErrorKind::unavailable;
  }
  if (contains(unauthenticated_names, error.name)) return ErrorKind::unauthenticated;
  if (error.name == "AccessDeniedException") return ErrorKind::denied;
  if (error.name.ends_with("NotFoundException")) return ErrorKind::not_found;
  return ErrorKind::invalid;
}

}  // namespace

Error AwsError::to_error() const {
  if (!reached()) return {ErrorKind::unavailable, message};
  return {kind_of(*this), name.empty() ? message : format("{}: {}", name, message)};
}

}  // namespace gantry::http
