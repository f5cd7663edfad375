#include "base/time.h"

#include "base/text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>
#include <iterator>

namespace gantry {
namespace {

std::tm utc(TimePoint time, long* nanoseconds) {
  const auto since = time.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  if (nanoseconds != nullptr) *nanoseconds = static_cast<long>((since - seconds).count());
  // Not by gmtime_r, which reads the local time zone from its file first.
  const auto days = std::chrono::floor<std::chrono::days>(std::chrono::sys_seconds(seconds));
  const std::chrono::year_month_day date(days);
  const std::chrono::hh_mm_ss clock(std::chrono::sys_seconds(seconds) - days);
  std::tm parts{};
  parts.tm_year = static_cast<int>(date.year()) - 1900;
  parts.tm_mon = static_cast<int>(static_cast<unsigned>(date.month())) - 1;
  parts.tm_mday = static_cast<int>(static_cast<unsigned>(date.day()));
  parts.tm_wday = static_cast<int>(std::chrono::weekday(days).c_encoding());
  parts.tm_hour = static_cast<int>(clock.hours().count());
  parts.tm_min = static_cast<int>(clock.minutes().count());
  parts.tm_sec = static_cast<int>(clock.seconds().count());
  return parts;
}

// Nanoseconds in 64 bits reach from 1677 to 2262; documents reach from year 1, Go's zero, to 9999.
TimePoint nearest(std::chrono::seconds since_epoch) {
  using std::chrono::seconds;
  constexpr auto first = std::chrono::duration_cast<seconds>(TimePoint::min().time_since_epoch());
  constexpr auto last = std::chrono::duration_cast<seconds>(TimePoint::max().time_since_epoch()) - seconds(1);
  return TimePoint(std::clamp(since_epoch, first, last));
}

std::string format_tm(const std::tm& parts, const char* pattern) {
  char buffer[64];
  return {buffer, std::strftime(buffer, sizeof buffer, pattern, &parts)};
}

}  // namespace

TimePoint SystemClock::now() const {
  return std::chrono::system_clock::now();
}

std::string format_rfc3339(TimePoint time, bool with_fraction) {
  long nanoseconds = 0;
  const std::string text = format_tm(utc(time, &nanoseconds), "%Y-%m-%dT%H:%M:%S");
  return with_fraction ? format("{}.{:09}Z", text, nanoseconds) : text + "Z";
}

Result<TimePoint> parse_rfc3339(std::string_view text) {
  const auto fail = [&] { return Error::make(ErrorKind::invalid, "not an RFC 3339 time: \"{}\"", text); };
  std::tm parts{};
  const std::string copy(text);
  const char* rest = ::strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (rest == nullptr) return fail();
  long nanoseconds = 0;
  if (*rest == '.') {
    long scale = 100000000;
    for (++rest; *rest >= '0' && *rest <= '9'; ++rest, scale /= 10) nanoseconds += (*rest - '0') * scale;
  }
  long offset = 0;
  if (*rest == '+' || *rest == '-') {
    int hours = 0;
    int minutes = 0;
    int used = 0;
    if (std::sscanf(rest + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2) return fail();
    offset = (hours * 60L + minutes) * 60 * (*rest == '+' ? 1 : -1);
    rest += 1 + used;
  } else if (*rest == 'Z' || *rest == 'z') {
    ++rest;
  } else {
    return fail();
  }
  if (*rest != '\0') return fail();
  return nearest(std::chrono::seconds(::timegm(&parts) - offset)) + std::chrono::nanoseconds(nanoseconds);
}

std::string format_basic_iso8601(TimePoint time) {
  return format_tm(utc(time, nullptr), "%Y%m%dT%H%M%SZ");
}

Result<TimePoint> parse_basic_iso8601(std::string_view text) {
  std::tm parts{};
  const std::string copy(text);
  const char* rest = ::strptime(copy.c_str(), "%Y%m%dT%H%M%SZ", &parts);
  if (rest == nullptr || *rest != '\0') {
    return Error::make(ErrorKind::invalid, "not a time of the form YYYYMMDDTHHMMSSZ: \"{}\"", text);
  }
  return nearest(std::chrono::seconds(::timegm(&parts)));
}

std::string format_http_date(TimePoint time) {
  return format_tm(utc(time, nullptr), "%a, %d %b %Y %H:%M:%S GMT");
}

double to_epoch_seconds(TimePoint time) {
  const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count();
  return static_cast<double>(milliseconds) / 1000;
}

TimePoint from_epoch_seconds(double seconds) {
  constexpr double most = 9e9;  // the year 2255
  const double within = std::isnan(seconds) ? 0 : std::clamp(seconds, -most, most);
  return TimePoint(std::chrono::milliseconds(std::llround(within * 1000)));
}

Result<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  static constexpr std::pair<std::string_view, double> units[] = {{"ns", 1},  {"us", 1e3}, {"ms", 1e6},
                                                                  {"s", 1e9}, {"m", 6e10}, {"h", 3.6e12}};
  const auto error =
      Error::make(ErrorKind::invalid, "must be a duration such as 1m30s or 500ms, found \"{}\"", text);
  if (text == "0") return std::chrono::nanoseconds(0);
  if (text.empty()) return error;
  double total = 0;
  for (auto rest = text; !rest.empty();) {
    double count = 0;
    const auto [end, failed] =
        std::from_chars(rest.data(), rest.data() + rest.size(), count, std::chars_format::fixed);
    if (failed != std::errc() || !(count >= 0)) return error;
    rest.remove_prefix(static_cast<size_t>(end - rest.data()));
    const auto name = rest.substr(0, rest.find_first_of("0123456789."));
    const auto* unit = std::find_if(std::begin(units), std::end(units),
                                    [&](const auto& each) { return each.first == name; });
    if (unit == std::end(units)) return error;
    total += count * unit->second;
    rest.remove_prefix(name.size());
  }
  if (!(total <= 9e18)) return error;
  return std::chrono::nanoseconds(static_cast<int64_t>(total));
}

std::string human_duration(std::chrono::nanoseconds duration) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  const auto minutes = seconds / 60;
  const auto hours = (minutes + 30) / 60;
  if (seconds < 1) return "Less than a second";
  if (seconds == 1) return "1 second";
  if (seconds < 60) return format("{} seconds", seconds);
  if (minutes == 1) return "About a minute";
  if (minutes < 60) return format("{} minutes", minutes);
  if (hours == 1) return "About an hour";
  if (hours < 48) return format("{} hours", hours);
  if (hours < 24 * 14) return format("{} days", hours / 24);
  if (hours < 24 * 60) return format("{} weeks", hours / 24 / 7);
  if (hours < 24 * 365 * 2) return format("{} months", hours / 24 / 30);
  return format("{} years", hours / 24 / 365);
}

}  // namespace gantry
