#pragma once

#include "base/result.h"

#include <chrono>
#include <string>
#include <string_view>

namespace gantry {

using TimePoint = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;

// The clock comes in as a parameter wherever a decision depends on it, so that tests turn its hands.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint now() const = 0;
};

class SystemClock final : public Clock {
 public:
  TimePoint now() const override;
};

// A clock that stands still until told otherwise. For tests and simulations.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(TimePoint start) : now_(start) {}
  TimePoint now() const override { return now_; }
  void advance(std::chrono::nanoseconds by) { now_ += by; }

 private:
  TimePoint now_;
};

// "2026-11-24T11:01:05.123456789Z", RFC 3339 in UTC; without the fraction when `with_fraction` is false.
std::string format_rfc3339(TimePoint time, bool with_fraction = true);
// Accepts Z and offsets, fractions of 0 to 9 digits.
Result<TimePoint> parse_rfc3339(std::string_view text);
// "20261124T110105Z", as SigV4's X-Amz-Date has it.
std::string format_basic_iso8601(TimePoint time);
Result<TimePoint> parse_basic_iso8601(std::string_view text);
// "Tue, 24 Nov 2026 11:01:05 GMT". RFC 9110 section 5.6.7.
std::string format_http_date(TimePoint time);

double to_epoch_seconds(TimePoint time);  // AWS JSON timestamps: 1764000000.123, milliseconds kept
TimePoint from_epoch_seconds(double seconds);

// "1m30s", "500ms", "1.5h", "0": as Go's time.ParseDuration, not negative. Errors: invalid.
Result<std::chrono::nanoseconds> parse_duration(std::string_view text);
// "2 seconds", "5 minutes", "About an hour", "3 days": as docker's ps says it.
std::string human_duration(std::chrono::nanoseconds duration);

}  // namespace gantry
