#include "oci/hasher.h"

#include "base/format.h"
#include "base/text.h"

#include <array>
#include <openssl/evp.h>
#include <utility>

namespace gantry::oci {

struct Hasher::Context {
  explicit Context(DigestAlgorithm chosen) : algorithm(chosen), evp(EVP_MD_CTX_new()) { start(); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { EVP_MD_CTX_free(evp); }

  void start() {
    EVP_DigestInit_ex(evp, algorithm == DigestAlgorithm::sha256 ? EVP_sha256() : EVP_sha512(), nullptr);
  }

  DigestAlgorithm algorithm;
  EVP_MD_CTX* evp;
};

Hasher::Hasher(DigestAlgorithm algorithm) : context_(std::make_unique<Context>(algorithm)) {}
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;
Hasher::~Hasher() = default;

void Hasher::update(std::string_view bytes) {
  EVP_DigestUpdate(context_->evp, bytes.data(), bytes.size());
}

Digest Hasher::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
  unsigned int size = 0;
  EVP_DigestFinal_ex(context_->evp, raw.data(), &size);
  context_->start();
  return {context_->algorithm, hex_encode({reinterpret_cast<const char*>(raw.data()), size})};
}

Digest digest_of(std::string_view bytes, DigestAlgorithm algorithm) {
  Hasher hasher(algorithm);
  hasher.update(bytes);
  return hasher.finish();
}

Digest chain_id(const Digest& parent, const Digest& diff_id) {
  if (parent.empty()) return diff_id;
  return digest_of(format("{} {}", parent.string(), diff_id.string()));
}

}  // namespace gantry::oci
