#pragma once

#include "base/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::oci {

enum class DigestAlgorithm { sha256, sha512 };

// "sha256:HEX" or "sha512:HEX", lower-case and of the right length: what has this type is safe as a file's
// name. A default-made one is empty. Source: image-spec descriptor.md "Digests".
class Digest {
 public:
  Digest() = default;
  // Errors: invalid, naming the rule broken.
  static Result<Digest> parse(std::string_view text);

  DigestAlgorithm algorithm() const { return algorithm_; }
  std::string_view algorithm_name() const;         // "sha256", "sha512"
  const std::string& hex() const { return hex_; }  // 64 or 128 digits; empty when the digest is
  std::string string() const;                      // "" when empty
  bool empty() const { return hex_.empty(); }

  auto operator<=>(const Digest&) const = default;

 private:
  friend class Hasher;
  Digest(DigestAlgorithm algorithm, std::string hex) : algorithm_(algorithm), hex_(std::move(hex)) {}

  DigestAlgorithm algorithm_ = DigestAlgorithm::sha256;
  std::string hex_;
};

}  // namespace gantry::oci
