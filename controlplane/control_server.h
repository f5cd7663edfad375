#pragma once

#include "controlplane/agent_session.h"
#include "controlplane/control_options.h"
#include "controlplane/controller.h"
#include "controlplane/operations.h"
#include "http/credentials_file.h"
#include "http/server.h"

#include <memory>

namespace gantry::controlplane {

// Everything of gantry-control but signals: store, loop, deployments, operations, agent sockets, HTTP.
class ControlServer {
 public:
  // Serves when it returns. Errors name the file, address or option.
  static Result<std::unique_ptr<ControlServer>> start(const ControlOptions& options);
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  uint16_t port() const { return server_->port(); }
  Controller& controller() { return *controller_; }
  void stop();

 private:
  ControlServer() = default;

  // In the order in which they need each other; destroyed in reverse.
  SystemClock clock_;
  std::unique_ptr<http::CredentialStore> credentials_;
  std::unique_ptr<http::SigV4Verifier> verifier_;
  std::unique_ptr<Controller> controller_;
  std::unique_ptr<OperationContext> context_;
  std::unique_ptr<http::AwsJsonDispatcher> dispatcher_;
  std::shared_ptr<AgentServer> agents_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace gantry::controlplane
