#include "registry/tokens.h"

#include "base/files.h"
#include "base/random.h"
#include "base/text.h"
#include "http/sigv4.h"

namespace gantry::registry {
namespace {

constexpr std::string_view prefix = "gantry1";
constexpr size_t key_digits = 64;

Error bad_token(std::string_view why) {
  return Error::make(ErrorKind::unauthenticated, "authorization token {}", why);
}

Result<std::string> load_or_make_key(const std::string& path) {
  if (!path_exists(path)) TRY(write_file(path, random_hex(key_digits / 2), 0600, Durability::durable));
  auto key = TRY(read_file(path, 4096));
  if (key.size() != key_digits) {
    return Error::make(ErrorKind::invalid, "token key {}: must be {} hex digits, found {} bytes", path,
                       key_digits, key.size());
  }
  return key;
}

}  // namespace

Result<TokenAuthority> TokenAuthority::open(const std::string& key_path, std::chrono::seconds lifetime,
                                            const Clock& clock) {
  return TokenAuthority(Secret(TRY(load_or_make_key(key_path))), lifetime, clock);
}

std::string TokenAuthority::mac(std::string_view text) const {
  return hex_encode(http::hmac_sha256(key_.reveal(), text));
}

Token TokenAuthority::issue(std::string_view access_key_id) const {
  const auto expires_at = clock_->now() + lifetime_;
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(expires_at.time_since_epoch()).count();
  const auto text = format("{}.{}.{}", prefix, seconds, access_key_id);
  return {text + "." + mac(text), expires_at};
}

Result<std::string> TokenAuthority::check(std::string_view token) const {
  const auto dot = token.rfind('.');
  if (dot == std::string_view::npos ||
      !http::equal_in_constant_time(mac(token.substr(0, dot)), token.substr(dot + 1))) {
    return bad_token("is not valid");
  }
  const auto parts = split(token.substr(0, dot), '.');  // ours, since the MAC fits
  if (parts.size() != 3 || parts[0] != prefix) return bad_token("is not valid");
  const auto expiry = TRY(parse_integer("expiry", parts[1], 0, INT64_MAX / 1'000'000'000));
  if (TimePoint(std::chrono::seconds(expiry)) <= clock_->now()) {
    return bad_token("has expired; get a new one with: aws ecr get-login-password");
  }
  return parts[2];
}

}  // namespace gantry::registry
