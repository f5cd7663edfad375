#pragma once

#include "base/time.h"
#include "http/server.h"
#include "registry/access_log.h"
#include "registry/metrics.h"
#include "registry/registry.h"

#include <memory>
#include <optional>

namespace gantry::registry {

struct FrontOptions {
  bool read_only = false;     // pushes, deletes and changes are refused: 405, AccessDeniedException
  bool open_metrics = false;  // GET /metrics for all; else for clients on loopback only
};

// What stands before the registry for who operates it: /metrics, the access log, and read-only mode.
class Front final : public http::Handler {
 public:
  // `clock` must outlive it; no log when it is null.
  Front(std::shared_ptr<Registry> registry, std::shared_ptr<AccessLog> log, const FrontOptions& options,
        const Clock& clock)
      : registry_(std::move(registry)), log_(std::move(log)), options_(options), clock_(clock) {}

  http::BodyPlan plan_body(const http::Request& head) override;
  http::Response handle(http::Request& request) override;

 private:
  using Start = std::chrono::steady_clock::time_point;
  std::optional<http::Response> refuse_change(const http::Request& head) const;
  http::Response metrics(const http::Request& request) const;
  void answered(const http::Request& request, const http::Response& response, Start start);

  std::shared_ptr<Registry> registry_;
  std::shared_ptr<AccessLog> log_;
  const FrontOptions options_;
  const Clock& clock_;
  Metrics metrics_;
};

}  // namespace gantry::registry
