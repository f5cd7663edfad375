#pragma once

#include "images/byte_source.h"

namespace gantry::images::test {

// A source that gives a text in pieces of `step` bytes.
class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::string bytes, size_t step = 700) : bytes_(std::move(bytes)), step_(step) {}
  Result<std::string_view> next() override {
    const auto piece = std::string_view(bytes_).substr(at_, step_);
    at_ += piece.size();
    return piece;
  }

 private:
  std::string bytes_;
  size_t step_;
  size_t at_ = 0;
};

}  // namespace gantry::images::test
