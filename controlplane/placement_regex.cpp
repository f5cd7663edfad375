#include "controlplane/placement_regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace gantry::controlplane {

namespace {

constexpr uint32_t max_steps = 100'000;
constexpr uint32_t max_heap_kib = 1024;

}  // namespace

struct PlacementRegex::Code {
  pcre2_code* code = nullptr;
  pcre2_match_context* context = nullptr;

  Code() = default;
  Code(const Code&) = delete;
  Code& operator=(const Code&) = delete;
  ~Code() {
    pcre2_match_context_free(context);
    pcre2_code_free(code);
  }
};

Result<PlacementRegex> PlacementRegex::compile(std::string_view pattern) {
  auto code = std::make_shared<Code>();
  int error = 0;
  PCRE2_SIZE offset = 0;
  code->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                             PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_NEVER_BACKSLASH_C, &error,
                             &offset, nullptr);
  if (code->code == nullptr) {
    PCRE2_UCHAR text[128] = {};
    pcre2_get_error_message(error, text, sizeof text);
    return Error::make(ErrorKind::invalid, "regular expression \"{}\": {} at position {}", pattern,
                       reinterpret_cast<const char*>(text), offset + 1);
  }
  code->context = pcre2_match_context_create(nullptr);
  pcre2_set_match_limit(code->context, max_steps);
  pcre2_set_heap_limit(code->context, max_heap_kib);
  PlacementRegex regex;
  regex.code_ = std::move(code);
  return regex;
}

bool PlacementRegex::matches_all(std::string_view text) const {
  pcre2_match_data* data = pcre2_match_data_create(1, nullptr);
  const int outcome = pcre2_match(code_->code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0, 0,
                                  data, code_->context);
  pcre2_match_data_free(data);
  return outcome >= 0;
}

}  // namespace gantry::controlplane
