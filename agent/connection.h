#pragma once

#include "agent/config.h"
#include "agent/control_plane.h"
#include "http/sigv4.h"
#include "http/websocket.h"

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace gantry::agent {

// The endpoints of ACS and TCS, asked for anew every 12 hours; while the control plane can't be asked, the
// last answer holds. Thread-safe.
class Endpoints {
 public:
  Endpoints(ControlPlane& control, const Clock& clock, std::string cluster, std::string instance)
      : control_(control), clock_(clock), cluster_(std::move(cluster)), instance_(std::move(instance)) {}
  Result<PollEndpoints> get();

 private:
  ControlPlane& control_;
  const Clock& clock_;
  const std::string cluster_;
  const std::string instance_;
  std::mutex mutex_;
  std::optional<PollEndpoints> known_;
  TimePoint asked_at_;
};

// ENDPOINT/ws?QUERY with the query's values encoded.
std::string websocket_url(std::string endpoint, const std::vector<http::QueryParameter>& query);

struct Refusal {
  std::string exception;  // "InactiveInstanceException", empty when the answer names none
  std::string message;
};

// Opens a websocket whose upgrade is signed. Errors: as WebSocketClient::connect; `refusal` is filled when
// the server answered the upgrade otherwise.
Result<std::unique_ptr<http::WebSocketClient>> open_websocket(const std::string& url,
                                                              const http::Credentials& credentials,
                                                              const Config& config, const Clock& clock,
                                                              Refusal& refusal);

// {"NAME":"text"}, or the envelope of a frame {"type":"NAME","message":…}.
Refusal parse_refusal(const std::string& body);

inline constexpr std::chrono::milliseconds socket_wake_up{500};  // of a reader, to see that the agent ends
inline constexpr std::chrono::seconds steady_connection{60};     // one that lived so long resets the waits

// When a websocket has been silent, or open, for too long. Times are chosen anew for each connection.
struct ConnectionLimits {
  std::chrono::milliseconds silence;   // 1 minute and up to one more
  std::chrono::milliseconds lifetime;  // 30 minutes and up to 5 more
  static ConnectionLimits choose();
};

}  // namespace gantry::agent
