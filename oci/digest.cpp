#include "oci/digest.h"

#include "base/format.h"

#include <algorithm>

namespace gantry::oci {
namespace {

bool is_lower_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

Result<Digest> Digest::parse(std::string_view text) {
  const size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  const std::string_view hex = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  if (name == "sha256" && hex.size() == 64 && is_lower_hex(hex)) {
    return Digest(DigestAlgorithm::sha256, std::string(hex));
  }
  if (name == "sha512" && hex.size() == 128 && is_lower_hex(hex)) {
    return Digest(DigestAlgorithm::sha512, std::string(hex));
  }
  return Error::make(
      ErrorKind::invalid,
      "digest must be sha256: and 64, or sha512: and 128, lower-case hexadecimal digits, found \"{}\"",
      text.substr(0, 200));
}

std::string_view Digest::algorithm_name() const {
  return algorithm_ == DigestAlgorithm::sha256 ? "sha256" : "sha512";
}

std::string Digest::string() const {
  return empty() ? std::string() : format("{}:{}", algorithm_name(), hex_);
}

}  // namespace gantry::oci
