#pragma once

#include "agent/acs_protocol.h"
#include "agent/connection.h"
#include "agent/stopping.h"

#include <functional>

namespace gantry::agent {

// Keeps a connection to ACS open and feeds the protocol. One thread.
class AcsSession {
 public:
  AcsSession(const Config& config, const http::Credentials& credentials, Endpoints& endpoints,
             const Clock& clock, AcsProtocol& protocol)
      : config_(config),
        credentials_(credentials),
        endpoints_(endpoints),
        clock_(clock),
        protocol_(protocol) {}

  // Until `stopping`. `register_again` is called when the control plane doesn't know the instance.
  void run(Stopping& stopping, const std::function<void()>& register_again);

 private:
  enum class End { reconnect, back_off, inactive, unknown_instance };
  End connect_once(Stopping& stopping);
  End serve(http::WebSocketClient& socket, Stopping& stopping);
  std::string url(const std::string& endpoint) const;

  const Config& config_;
  const http::Credentials& credentials_;
  Endpoints& endpoints_;
  const Clock& clock_;
  AcsProtocol& protocol_;
  bool send_credentials_ = true;  // until the first success of this process
};

}  // namespace gantry::agent
