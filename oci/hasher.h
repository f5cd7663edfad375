#pragma once

#include "oci/digest.h"

#include <memory>
#include <string_view>

// Kept apart from digest.h in the library gantry_oci_digest, the only part of oci that needs OpenSSL:
// a program that computes digests lists oci_digest among its modules, the static runtime doesn't.
namespace gantry::oci {

// A running SHA-256 or SHA-512. Source: FIPS 180-4, by OpenSSL's EVP interface.
class Hasher {
 public:
  explicit Hasher(DigestAlgorithm algorithm = DigestAlgorithm::sha256);
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;
  ~Hasher();

  void update(std::string_view bytes);
  // The digest of all bytes so far; the hasher starts anew after it.
  Digest finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

Digest digest_of(std::string_view bytes, DigestAlgorithm algorithm = DigestAlgorithm::sha256);

// ChainID(L0…Ln) = SHA-256(ChainID(L0…Ln-1) + " " + DiffID(Ln)); of the first layer it is its diff id (give
// an empty parent). Source: image-spec config.md "Layer ChainID".
Digest chain_id(const Digest& parent, const Digest& diff_id);

}  // namespace gantry::oci
