#include "controlplane/control_server.h"

#include "base/random.h"
#include "controlplane/deployment_loop.h"
#include "controlplane/retention.h"
#include "http/listen.h"

namespace gantry::controlplane {
namespace {

class ControlHandler final : public http::Handler {
 public:
  ControlHandler(const http::AwsJsonDispatcher& dispatcher, std::shared_ptr<AgentServer> agents)
      : dispatcher_(dispatcher), agents_(std::move(agents)) {}

  http::Response handle(http::Request& request) override {
    if (http::AwsJsonDispatcher::handles(request)) return dispatcher_.handle(request);
    return http::aws_error_response({"UnknownOperationException", "not a call of the ECS API"},
                                    random_uuid());
  }

  http::Upgrade upgrade(const http::Request& request) override {
    if (request.path == "/ws") return agents_->upgrade(request);
    return http::Response::text(404, "no websocket here\n");
  }

 private:
  const http::AwsJsonDispatcher& dispatcher_;
  std::shared_ptr<AgentServer> agents_;
};

}  // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::start(const ControlOptions& options) {
  http::ServerOptions server_options;
  TRY(http::set_listen_address(options.listen, options.tls_certificate, options.tls_key, server_options));
  auto self = std::unique_ptr<ControlServer>(new ControlServer());
  self->credentials_ = TRY(http::FileCredentialStore::open(options.credentials_file));
  http::VerifierOptions verifying;
  verifying.region = options.identity.region;
  verifying.services = {"ecs", "events"};
  self->verifier_ = std::make_unique<http::SigV4Verifier>(*self->credentials_, verifying, self->clock_);
  auto store = TRY(open_sqlite_store(options.state_directory));
  self->controller_ = TRY(Controller::open({options.identity, nullptr}, std::move(store)));
  OperationsOptions operations;
  operations.endpoint_url = options.endpoint_url;
  operations.secure = !options.tls_certificate.empty();
  self->context_ = std::make_unique<OperationContext>(OperationContext{*self->controller_, operations});
  self->dispatcher_ = std::make_unique<http::AwsJsonDispatcher>(*self->verifier_);
  add_operations(*self->dispatcher_, *self->context_);
  AgentServerOptions agents;
  agents.registries = options.registries;
  self->agents_ = AgentServer::create(*self->controller_, *self->verifier_, agents);
  LoopSettings loop;
  loop.host_lost_after = options.host_lost_after;
  loop.deployment.healthy_after = options.healthy_after;
  self->controller_->add(std::make_shared<DeploymentLoop>(loop));
  self->controller_->add(std::make_shared<Retention>());
  self->controller_->start();
  self->server_ = TRY(http::Server::start(
      server_options, std::make_shared<ControlHandler>(*self->dispatcher_, self->agents_)));
  return self;
}

ControlServer::~ControlServer() {
  stop();
}

void ControlServer::stop() {
  if (agents_) agents_->stop();
  if (server_) server_->stop();
  if (controller_) controller_->stop();
}

}  // namespace gantry::controlplane
