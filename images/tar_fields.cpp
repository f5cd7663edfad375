#include "images/tar_fields.h"

#include "base/json_document.h"
#include "base/text.h"

#include <algorithm>
#include <charconv>

namespace gantry::images::tar {
namespace {

Result<int64_t> base_256(std::string_view field) {
  const bool negative = (static_cast<unsigned char>(field[0]) & 0x40U) != 0;
  uint64_t value = negative ? UINT64_MAX : 0;
  for (size_t i = 0; i < field.size(); ++i) {
    auto byte = static_cast<unsigned char>(field[i]);
    if (i == 0) byte = negative ? byte | 0x80U : byte & 0x7fU;
    const uint64_t top = value >> 55U;
    if (top != 0 && top != 0x1ff) return Error(ErrorKind::corrupt, "a base-256 number is too large");
    value = value << 8U | byte;
  }
  const auto result = static_cast<int64_t>(value);
  if ((result < 0) != negative) return Error(ErrorKind::corrupt, "a base-256 number is too large");
  return result;
}

// Takes one record off `body`.
Result<std::string_view> take_record(std::string_view& body) {
  size_t length = 0;
  const auto [end, error] = std::from_chars(body.data(), body.data() + body.size(), length);
  const auto digits = static_cast<size_t>(end - body.data());
  const bool sound = error == std::errc() && digits < body.size() && *end == ' ' && length > digits + 2 &&
                     length <= body.size() && body[length - 1] == '\n';
  if (!sound) return Error(ErrorKind::corrupt, "a pax record is malformed");
  const std::string_view record = body.substr(digits + 1, length - digits - 2);
  body.remove_prefix(length);
  return record;
}

}  // namespace

std::string_view field(std::string_view block, size_t offset, size_t size) {
  return block.substr(offset, size);
}

std::string text(std::string_view field) {
  return std::string(field.substr(0, field.find('\0')));
}

std::string printable(std::string_view name) {
  constexpr size_t most = 256;
  std::string shown;
  std::string_view rest = name.substr(0, most);
  while (!rest.empty()) {
    const bool control = static_cast<unsigned char>(rest[0]) < ' ' || rest[0] == '\x7f';
    const size_t length = control ? 0 : json_detail::utf8_length(rest);
    shown += length > 0 ? std::string(rest.substr(0, length))
                        : format("\\x{:02x}", static_cast<unsigned char>(rest[0]));
    rest.remove_prefix(std::max<size_t>(1, length));
  }
  return name.size() > most ? format("{}… ({} bytes)", shown, name.size()) : shown;
}

Result<int64_t> number(std::string_view field) {
  if ((static_cast<unsigned char>(field[0]) & 0x80U) != 0) return base_256(field);
  std::string_view digits = field.substr(0, field.find('\0'));
  while (!digits.empty() && digits.front() == ' ') digits.remove_prefix(1);
  while (!digits.empty() && digits.back() == ' ') digits.remove_suffix(1);
  if (digits.empty()) return 0;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 8);
  if (error != std::errc() || end != digits.data() + digits.size() || value < 0) {
    return Error::make(ErrorKind::corrupt, "\"{}\" is no octal number", printable(digits));
  }
  return value;
}

bool checksum_holds(std::string_view block) {
  constexpr size_t at = 148;
  constexpr size_t size = 8;
  const auto stored = number(field(block, at, size));
  if (!stored) return false;
  int64_t unsigned_sum = 0;
  int64_t signed_sum = 0;
  for (size_t i = 0; i < block_size; ++i) {
    const char c = i >= at && i < at + size ? ' ' : block[i];
    unsigned_sum += static_cast<unsigned char>(c);
    signed_sum += static_cast<signed char>(c);
  }
  return *stored == unsigned_sum || *stored == signed_sum;
}

Result<uint64_t> pax_number(std::string_view key, std::string_view text) {
  uint64_t value = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  if (error == std::errc() && end == last && value <= INT64_MAX) return value;
  return Error::make(ErrorKind::corrupt, "{} is no number: \"{}\"", key, printable(text));
}

Result<timespec> pax_time(std::string_view text) {
  constexpr size_t longest = 64;
  const size_t dot = text.find('.');
  std::string fraction(dot == std::string_view::npos ? "" : text.substr(dot + 1));
  if (text.size() > longest || fraction.find_first_not_of("0123456789") != std::string::npos) {
    return Error::make(ErrorKind::corrupt, "\"{}\" is no time", printable(text));
  }
  fraction.resize(9, '0');
  const int64_t seconds = TRY(parse_integer("mtime", text.substr(0, dot), INT64_MIN / 2, INT64_MAX / 2));
  const auto nanoseconds = static_cast<int64_t>(TRY(parse_unsigned("mtime", fraction)));
  if (!text.starts_with('-') || nanoseconds == 0) return timespec{seconds, nanoseconds};
  return timespec{seconds - 1, 1'000'000'000 - nanoseconds};
}

Result<void> pax_records(std::string_view body,
                         const std::function<Result<void>(std::string, std::string)>& take) {
  while (!body.empty()) {
    if (body.front() == '\0') return {};  // some writers pad inside the size
    const std::string_view record = TRY(take_record(body));
    const size_t equals = record.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      return Error(ErrorKind::corrupt, "a pax record has no key");
    }
    TRY(take(std::string(record.substr(0, equals)), std::string(record.substr(equals + 1))));
  }
  return {};
}

}  // namespace gantry::images::tar
