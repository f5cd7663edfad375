#pragma once

#include "base/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace gantry::runtime {

// A message in protocol buffers' wire format, built field by field; the few that criu needs are no reason for
// a library. Source: protobuf.dev "Encoding"; the field numbers are those of criu's images/rpc.proto.
class CriuMessage {
 public:
  void add(uint32_t field, uint64_t value);  // numbers, enums and bools
  void add_flag(uint32_t field, bool value) {
    if (value) add(field, uint64_t{1});
  }
  void add_text(uint32_t field, std::string_view bytes);  // strings
  void add_text_if(uint32_t field, const std::string& bytes) {
    if (!bytes.empty()) add_text(field, bytes);
  }
  void add_message(uint32_t field, const CriuMessage& message) { add_text(field, message.bytes_); }

  const std::string& bytes() const { return bytes_; }

 private:
  void add_number(uint64_t number);
  std::string bytes_;
};

// criu_req_type
enum class CriuRequest : uint64_t { dump = 1, restore = 2, pre_dump = 4, notify = 6 };

// criu_resp, as far as it is used.
struct CriuResponse {
  uint64_t type = 0;
  bool success = false;
  pid_t restored = 0;       // restore.pid
  std::string stage;        // notify.script: "setup-namespaces"
  pid_t stage_process = 0;  // notify.pid
  int error = 0;            // errno, or 0
  std::string text;         // cr_errmsg

  bool is_notice() const { return type == static_cast<uint64_t>(CriuRequest::notify); }
};

// Errors: corrupt.
Result<CriuResponse> parse_criu_response(std::string_view bytes);

}  // namespace gantry::runtime
