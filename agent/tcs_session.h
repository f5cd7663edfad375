#pragma once

#include "agent/connection.h"
#include "agent/metrics.h"
#include "agent/stopping.h"
#include "agent/task_manager.h"
#include "agent/telemetry.h"

#include <atomic>

namespace gantry::agent {

// Keeps a connection to TCS open. One thread reads, one publishes: health when it changes and every 20 s,
// metrics every 20 s.
class TcsSession {
 public:
  TcsSession(const Config& config, const http::Credentials& credentials, Endpoints& endpoints,
             const Clock& clock, TaskManager& manager, ContainerDriver& driver, TelemetryNames names)
      : config_(config),
        credentials_(credentials),
        endpoints_(endpoints),
        clock_(clock),
        manager_(manager),
        driver_(driver),
        names_(std::move(names)) {}

  void run(Stopping& stopping);

 private:
  bool connect_once(Stopping& stopping);  // true: it was connected for a while
  void publish(http::WebSocketClient& socket, const std::string& url, const std::atomic<bool>& ending);
  bool send(http::WebSocketClient& socket, const std::string& url, const std::string& body);
  bool send_health(http::WebSocketClient& socket, const std::string& url);
  bool send_metrics(http::WebSocketClient& socket, const std::string& url);
  void read(http::WebSocketClient& socket, Stopping& stopping, const std::atomic<bool>& ending);

  const Config& config_;
  const http::Credentials& credentials_;
  Endpoints& endpoints_;
  const Clock& clock_;
  TaskManager& manager_;
  ContainerDriver& driver_;
  const TelemetryNames names_;
  Metrics metrics_;  // of the publishing thread
};

// A frame as the ECS agent sends it: the header lines of a signed GET of `url` with the frame as its body,
// an empty line, the frame.
Result<std::string> signed_frame(const std::string& url, const std::string& body,
                                 const http::Credentials& credentials, const std::string& region,
                                 TimePoint now);

}  // namespace gantry::agent
