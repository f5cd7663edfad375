#pragma once

#include "controlplane/controller.h"
#include "controlplane/registry_logins.h"
#include "http/server.h"
#include "http/sigv4.h"

#include <chrono>
#include <memory>
#include <string>

// The control plane's side of the agent protocol: GET /ws with ACS's query (clusterArn,
// containerInstanceArn) or TCS's (cluster, containerInstance). Source: amazon-ecs-agent 1.105.1.

namespace gantry::controlplane {

struct AgentServerOptions {
  std::chrono::milliseconds heartbeat = std::chrono::seconds(30);
  std::chrono::milliseconds redeliver_after =
      std::chrono::seconds(20);  // payloads without an acknowledgement
  int missed_heartbeats = 3;     // unacknowledged heartbeats until the socket is closed
  RegistryLogins registries;     // how hosts pull from them
};

class AgentServer {
 public:
  // Before controller.start(): adds its listener. `controller` and `verifier` must outlive it.
  static std::shared_ptr<AgentServer> create(Controller& controller, const http::SigV4Verifier& verifier,
                                             const AgentServerOptions& options = {});
  virtual ~AgentServer() = default;

  // For Handler::upgrade of requests to /ws. Refuses with {"<ExceptionName>":"<text>"}: a bad signature
  // (AccessDeniedException), an unknown instance (InvalidInstanceException), a deregistered one
  // (InactiveInstanceException).
  virtual http::Upgrade upgrade(const http::Request& request) = 0;
  // Ends the timers and closes the sockets with 1001. Before the http server stops.
  virtual void stop() = 0;
};

}  // namespace gantry::controlplane
