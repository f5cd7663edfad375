#include "runtime/criu_message.h"

#include <optional>

namespace gantry::runtime {
namespace {

constexpr uint32_t wire_number = 0;
constexpr uint32_t wire_fixed64 = 1;
constexpr uint32_t wire_bytes = 2;
constexpr uint32_t wire_fixed32 = 5;

struct WireField {
  uint64_t field = 0;
  uint64_t number = 0;
  std::string_view bytes;
};

// Takes a message apart, field by field.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : rest_(bytes) {}

  // Absent: the end.
  Result<std::optional<WireField>> next() {
    if (rest_.empty()) return std::optional<WireField>();
    const uint64_t key = TRY(number());
    WireField field;
    field.field = key >> 3;
    switch (key & 7) {
      case wire_number:
        field.number = TRY(number());
        break;
      case wire_bytes:
        field.number = TRY(number());
        field.bytes = TRY(take(field.number));
        break;
      case wire_fixed64:
        TRY(take(8));
        break;
      case wire_fixed32:
        TRY(take(4));
        break;
      default:
        return broken();
    }
    return std::optional<WireField>(field);
  }

 private:
  static Error broken() { return Error::make(ErrorKind::corrupt, "criu's answer can't be read"); }

  Result<uint64_t> number() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= uint64_t{byte & 0x7fU} << shift;
      if ((byte & 0x80U) == 0) return value;
    }
    return broken();
  }

  Result<std::string_view> take(uint64_t size) {
    if (size > rest_.size()) return broken();
    const auto taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  std::string_view rest_;
};

Result<void> read_notice(std::string_view bytes, CriuResponse& response) {
  WireReader reader(bytes);
  while (const auto field = TRY(reader.next())) {
    if (field->field == 1) response.stage = field->bytes;
    if (field->field == 2) response.stage_process = static_cast<pid_t>(field->number);
  }
  return {};
}

Result<void> read_restored(std::string_view bytes, CriuResponse& response) {
  WireReader reader(bytes);
  while (const auto field = TRY(reader.next())) {
    if (field->field == 1) response.restored = static_cast<pid_t>(field->number);
  }
  return {};
}

}  // namespace

void CriuMessage::add_number(uint64_t number) {
  for (; number >= 0x80; number >>= 7) bytes_ += static_cast<char>((number & 0x7f) | 0x80);
  bytes_ += static_cast<char>(number);
}

void CriuMessage::add(uint32_t field, uint64_t value) {
  add_number(uint64_t{field} << 3 | wire_number);
  add_number(value);
}

void CriuMessage::add_text(uint32_t field, std::string_view bytes) {
  add_number(uint64_t{field} << 3 | wire_bytes);
  add_number(bytes.size());
  bytes_ += bytes;
}

Result<CriuResponse> parse_criu_response(std::string_view bytes) {
  CriuResponse response;
  WireReader reader(bytes);
  while (const auto field = TRY(reader.next())) {
    switch (field->field) {
      case 1:
        response.type = field->number;
        break;
      case 2:
        response.success = field->number != 0;
        break;
      case 4:
        TRY(read_restored(field->bytes, response));
        break;
      case 5:
        TRY(read_notice(field->bytes, response));
        break;
      case 7:
        response.error = static_cast<int>(field->number);
        break;
      case 9:
        response.text = field->bytes;
        break;
      default:
        break;
    }
  }
  return response;
}

}  // namespace gantry::runtime
