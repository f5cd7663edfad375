#include "registry/front.h"

#include "base/text.h"
#include "http/listen.h"

#include <algorithm>
#include <array>

namespace gantry::registry {
namespace {

// ECR's operations that change nothing, by how their names begin.
bool only_reads(std::string_view operation) {
  constexpr std::array<std::string_view, 6> beginnings = {
      "Get", "Describe", "List", "BatchGet", "BatchCheck", "StartLifecyclePolicyPreview"};
  return std::any_of(beginnings.begin(), beginnings.end(),
                     [&](std::string_view beginning) { return operation.starts_with(beginning); });
}

// The key that an ECR request is signed with, by its own word: one that wasn't let in may say anything.
std::string signer_of(const http::Request& request) {
  const auto authorization = request.headers.get("Authorization");
  constexpr std::string_view credential = "Credential=";
  if (const auto at = authorization.find(credential); at != std::string::npos) {
    return authorization.substr(at + credential.size(), authorization.find('/', at) - at - credential.size());
  }
  return {};
}

uint64_t body_size(const http::Request& request, const http::Response& response) {
  if (request.method == "HEAD") return 0;
  return response.file ? response.file->length : response.body.size();
}

}  // namespace

std::optional<http::Response> Front::refuse_change(const http::Request& head) const {
  if (!options_.read_only) return std::nullopt;
  if (http::AwsJsonDispatcher::handles(head)) {
    const auto target = head.headers.get("X-Amz-Target");
    if (only_reads(std::string_view(target).substr(target.rfind('.') + 1))) return std::nullopt;
    return http::Response::json(
        400, R"({"__type":"AccessDeniedException","message":"the registry is read-only at the moment"})");
  }
  if (head.method == "GET" || head.method == "HEAD") return std::nullopt;
  return error_response(405, "UNSUPPORTED", "the registry is read-only at the moment");
}

http::Response Front::metrics(const http::Request& request) const {
  const auto host = request.remote_address.substr(0, request.remote_address.rfind(':'));
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (!options_.open_metrics && !http::is_loopback(bracketed ? host.substr(1, host.size() - 2) : host)) {
    return http::Response::text(404, "metrics are for this host only: see --open-metrics\n");
  }
  return http::Response::text(
      200, metrics_.text({registry_->events_waiting(), registry_->repository_count(), options_.read_only}),
      "text/plain; version=0.0.4");
}

http::BodyPlan Front::plan_body(const http::Request& head) {
  const auto start = std::chrono::steady_clock::now();
  auto refusal = refuse_change(head);
  auto plan = refusal ? http::BodyPlan(std::move(*refusal)) : registry_->plan_body(head);
  if (const auto* response = std::get_if<http::Response>(&plan)) answered(head, *response, start);
  return plan;
}

http::Response Front::handle(http::Request& request) {
  const auto start = std::chrono::steady_clock::now();
  if (request.path == "/metrics" && request.method == "GET") return metrics(request);
  auto response = registry_->handle(request);
  answered(request, response, start);
  return response;
}

void Front::answered(const http::Request& request, const http::Response& response, Start start) {
  const auto taken = std::chrono::steady_clock::now() - start;
  const auto kind = kind_of(request);
  const auto bytes = body_size(request, response);
  metrics_.count(kind, response.status, bytes, taken);
  if (!log_) return;
  const auto user = kind == RequestKind::ecr ? signer_of(request) : registry_->caller(request).value_or("");
  log_->write({.time = format_rfc3339(clock_.now()),
               .remote = request.remote_address,
               .user = user,
               .method = request.method,
               .path = request.path,
               .kind = std::string(kind_name(kind)),
               .status = response.status,
               .sent_bytes = bytes,
               .milliseconds = std::chrono::duration<double, std::milli>(taken).count(),
               .user_agent = request.headers.get("User-Agent")});
}

}  // namespace gantry::registry
