#pragma once

#include "base/result.h"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace gantry::fuzz {

// Ends the fuzzer with what was wrong, so that it keeps the input. https://llvm.org/docs/LibFuzzer.html
[[noreturn]] inline void fail(const std::string& what) {
  std::fprintf(stderr, "fuzz: %s\n", what.c_str());
  std::abort();
}

// What was read is written, read again and written again: the two texts must be the same.
template <class Value, class Parse>
void check_round_trip(const Value& value, Parse parse) {
  const std::string text = to_json_text(value);
  const auto again = parse(text, "again");
  if (!again) fail("what was written can't be read: " + again.error().message() + ": " + text);
  const std::string second = to_json_text(*again);
  if (second != text) fail("written again it is another text: " + text + " and " + second);
}

// An error names its place: "input: $.a.b: …", "input: not a line".
template <class T>
void check_error(const Result<T>& result, std::string_view source) {
  if (result) return;
  if (result.error().message().rfind(source, 0) != 0) fail("no place in: " + result.error().message());
}

}  // namespace gantry::fuzz

#define FUZZ_TARGET(text)                                                   \
  static void fuzz_one(std::string_view text);                              \
  extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) { \
    fuzz_one(std::string_view(reinterpret_cast<const char*>(data), size));  \
    return 0;                                                               \
  }                                                                         \
  static void fuzz_one(std::string_view text)
