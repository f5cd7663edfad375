#pragma once

#include "http/message.h"

#include <array>
#include <atomic>
#include <chrono>
#include <string>
#include <string_view>

namespace gantry::registry {

// What a request is about, as metrics and the access log name it: "manifest", "blob", "upload", "tags",
// "catalog", "referrers", "base", "ecr", "other".
enum class RequestKind { manifest, blob, upload, tags, catalog, referrers, base, ecr, other };
inline constexpr size_t request_kinds = 9;

RequestKind kind_of(const http::Request& request);
std::string_view kind_name(RequestKind kind);

// Counters since the start. Counting costs a few atomic additions; threads share it.
class Metrics {
 public:
  void count(RequestKind kind, int status, uint64_t sent_bytes, std::chrono::nanoseconds taken);

  struct Gauges {
    size_t events_waiting = 0;
    size_t repositories = 0;
    bool read_only = false;
  };
  // Prometheus's text format, version 0.0.4.
  std::string text(const Gauges& gauges) const;

 private:
  static constexpr std::array<double, 8> bounds = {0.0005, 0.001, 0.005, 0.025,
                                                   0.1,    0.5,   2.5,   10};  // seconds
  static constexpr int most_status = 600;

  struct Kind {
    std::array<std::atomic<uint64_t>, most_status> by_status{};
    std::array<std::atomic<uint64_t>, bounds.size() + 1> by_time{};  // the last: longer than all bounds
    std::atomic<uint64_t> nanoseconds = 0;
    std::atomic<uint64_t> sent_bytes = 0;
  };
  std::array<Kind, request_kinds> kinds_{};
};

}  // namespace gantry::registry
