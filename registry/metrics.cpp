#include "registry/metrics.h"

#include "base/format.h"
#include "http/aws_json.h"
#include "registry/distribution.h"

#include <algorithm>

namespace gantry::registry {
namespace {

constexpr std::array<std::string_view, request_kinds> kind_names = {
    "manifest", "blob", "upload", "tags", "catalog", "referrers", "base", "ecr", "other"};

void head(std::string& text, std::string_view name, std::string_view type, std::string_view help) {
  text += format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

}  // namespace

std::string_view kind_name(RequestKind kind) {
  return kind_names[static_cast<size_t>(kind)];
}

RequestKind kind_of(const http::Request& request) {
  if (http::AwsJsonDispatcher::handles(request)) return RequestKind::ecr;
  if (request.path != "/v2" && !request.path.starts_with("/v2/")) return RequestKind::other;
  switch (Route::parse(request.path).resource) {
    case Resource::base:
      return RequestKind::base;
    case Resource::catalog:
      return RequestKind::catalog;
    case Resource::tags:
      return RequestKind::tags;
    case Resource::manifest:
      return RequestKind::manifest;
    case Resource::blob:
      return RequestKind::blob;
    case Resource::upload:
      return RequestKind::upload;
    case Resource::referrers:
      return RequestKind::referrers;
    case Resource::unknown:
      break;
  }
  return RequestKind::other;
}

void Metrics::count(RequestKind kind, int status, uint64_t sent_bytes, std::chrono::nanoseconds taken) {
  constexpr auto relaxed = std::memory_order_relaxed;
  auto& counters = kinds_[static_cast<size_t>(kind)];
  counters.by_status[static_cast<size_t>(std::clamp(status, 0, most_status - 1))].fetch_add(1, relaxed);
  const double seconds = std::chrono::duration<double>(taken).count();
  const auto bound = std::lower_bound(bounds.begin(), bounds.end(), seconds) - bounds.begin();
  counters.by_time[static_cast<size_t>(bound)].fetch_add(1, relaxed);
  counters.nanoseconds.fetch_add(static_cast<uint64_t>(taken.count()), relaxed);
  counters.sent_bytes.fetch_add(sent_bytes, relaxed);
}

std::string Metrics::text(const Gauges& gauges) const {
  std::string text;
  head(text, "gantry_registry_requests_total", "counter",
       "Requests answered, by what they were about and status.");
  for (size_t kind = 0; kind < request_kinds; ++kind) {
    for (int status = 0; status < most_status; ++status) {
      const uint64_t count = kinds_[kind].by_status[static_cast<size_t>(status)];
      if (count == 0) continue;
      text += format("gantry_registry_requests_total{{kind=\"{}\",code=\"{}\"}} {}\n", kind_names[kind],
                     status, count);
    }
  }
  head(text, "gantry_registry_request_seconds", "histogram",
       "Time from a request's last byte until its answer was known.");
  for (size_t kind = 0; kind < request_kinds; ++kind) {
    uint64_t count = 0;
    for (size_t i = 0; i < bounds.size(); ++i) {
      count += kinds_[kind].by_time[i];
      text += format("gantry_registry_request_seconds_bucket{{kind=\"{}\",le=\"{}\"}} {}\n", kind_names[kind],
                     bounds[i], count);
    }
    count += kinds_[kind].by_time.back();
    text += format(
        "gantry_registry_request_seconds_bucket{{kind=\"{0}\",le=\"+Inf\"}} {1}\n"
        "gantry_registry_request_seconds_sum{{kind=\"{0}\"}} {2}\n"
        "gantry_registry_request_seconds_count{{kind=\"{0}\"}} {1}\n",
        kind_names[kind], count, static_cast<double>(kinds_[kind].nanoseconds) / 1e9);
  }
  head(text, "gantry_registry_sent_bytes_total", "counter", "Bytes of answers' bodies.");
  for (size_t kind = 0; kind < request_kinds; ++kind) {
    text += format("gantry_registry_sent_bytes_total{{kind=\"{}\"}} {}\n", kind_names[kind],
                   kinds_[kind].sent_bytes.load());
  }
  head(text, "gantry_registry_events_waiting", "gauge", "Events that weren't delivered yet.");
  text += format("gantry_registry_events_waiting {}\n", gauges.events_waiting);
  head(text, "gantry_registry_repositories", "gauge", "Repositories.");
  text += format("gantry_registry_repositories {}\n", gauges.repositories);
  head(text, "gantry_registry_read_only", "gauge", "1 while pushes and deletes are refused.");
  text += format("gantry_registry_read_only {}\n", gauges.read_only ? 1 : 0);
  return text;
}

}  // namespace gantry::registry
