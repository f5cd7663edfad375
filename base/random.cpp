#include "base/random.h"

#include <cerrno>
#include <cstdlib>
#include <sys/random.h>

namespace gantry {
namespace {

void fill(void* data, size_t size) {
  auto* at = static_cast<unsigned char*>(data);
  while (size > 0) {
    const ssize_t got = ::getrandom(at, size, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) std::abort();  // getrandom(2) without flags can't fail otherwise on a supported kernel
    at += got;
    size -= static_cast<size_t>(got);
  }
}

}  // namespace

std::string random_hex(size_t bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string raw(bytes, '\0');
  fill(raw.data(), raw.size());
  std::string text;
  text.reserve(bytes * 2);
  for (const char c : raw) {
    const auto byte = static_cast<unsigned char>(c);
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

std::string random_uuid() {
  std::string hex = random_hex(16);
  hex[12] = '4';
  hex[16] = "89ab"[random_below(4)];
  return hex.substr(0, 8) + '-' + hex.substr(8, 4) + '-' + hex.substr(12, 4) + '-' + hex.substr(16, 4) + '-' +
         hex.substr(20);
}

uint64_t random_below(uint64_t bound) {
  if (bound == 0) return 0;
  const uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
  uint64_t value = 0;
  do {
    fill(&value, sizeof value);
  } while (value >= limit);
  return value % bound;
}

}  // namespace gantry
