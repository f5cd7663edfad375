#pragma once

#include "base/files.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
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

template <class T>
T must(Result<T> result) {
  if (!result) fail(result.error().message());
  return std::move(result).value();
}

inline void must(const Result<void>& result) {
  if (!result) fail(result.error().message());
}

// Where files of the format lie that the code reads by a path. scripts/fuzz gives a $TMPDIR in memory.
inline const std::string& folder() {
  static const TemporaryDirectory made = must(TemporaryDirectory::make());
  return made.path();
}

// Replaces what is in the file, which stays the same one: no rename for each input.
inline void write_over(const std::string& path, std::string_view text) {
  const UniqueFd file = must(open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
  must(write_all(file, text));
}

// An input as a row of choices: numbers first, and what is left.
class Choices {
 public:
  explicit Choices(std::string_view bytes) : rest_(bytes) {}
  bool empty() const { return rest_.empty(); }
  uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto first = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return first;
  }
  std::string_view text(size_t size) {
    const auto taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  std::string_view rest() { return text(rest_.size()); }

 private:
  std::string_view rest_;
};

}  // namespace gantry::fuzz

#define FUZZ_TARGET(text)                                                   \
  static void fuzz_one(std::string_view text);                              \
  extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) { \
    fuzz_one(std::string_view(reinterpret_cast<const char*>(data), size));  \
    return 0;                                                               \
  }                                                                         \
  static void fuzz_one(std::string_view text)
