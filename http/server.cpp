#include "http/server.h"

#include "base/log.h"
#include "http/connection.h"
#include "http/remote_address.h"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/steady_timer.hpp>
#include <thread>

namespace gantry::http {
namespace {

using asio::ip::tcp;
using Acceptor = asio::basic_socket_acceptor<tcp, asio::io_context::executor_type>;

Error boost_error(const Code& code, std::string what) {
  if (code.category() == boost::system::system_category()) return Error::system(code.value(), "{}", what);
  return {ErrorKind::invalid, format("{}: {}", what, code.message())};
}

// Of one kind: OpenSSL 3.5 tells a missing file from a broken one, 3.0 doesn't.
Error tls_error(std::string_view what, const std::string& file, const Code& code) {
  return Error::make(ErrorKind::invalid, "TLS {} {}: {}", what, file, code.message());
}

Result<asio::ssl::context> load_tls(const ServerOptions& options) {
  Code code;
  asio::ssl::context tls(asio::ssl::context::tls_server);
  SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_mode(tls.native_handle(), SSL_MODE_RELEASE_BUFFERS);  // idle websockets are many
  tls.use_certificate_chain_file(options.certificate_file, code);
  if (code) return tls_error("certificate", options.certificate_file, code);
  tls.use_private_key_file(options.key_file, asio::ssl::context::pem, code);
  if (code) return tls_error("key", options.key_file, code);
  if (SSL_CTX_check_private_key(tls.native_handle()) != 1) {
    return Error::make(ErrorKind::invalid, "TLS key {}: isn't the key of certificate {}", options.key_file,
                       options.certificate_file);
  }
  return tls;
}

class TcpServer final : public Server {
 public:
  TcpServer(const ServerOptions& options, std::shared_ptr<Handler> handler)
      : context_(std::make_shared<ServerContext>(options, std::move(handler))),
        acceptor_(context_->loop),
        retry_(context_->loop),
        work_(context_->loop.get_executor()) {}
  ~TcpServer() override { TcpServer::stop(); }
  TcpServer(const TcpServer&) = delete;
  TcpServer& operator=(const TcpServer&) = delete;

  Result<void> listen();
  void run();
  uint16_t port() const override { return port_; }
  Result<void> reload_certificate() override;
  void stop() override;

 private:
  void accept();
  void accepted(const Code& code, TcpSocket socket);
  bool wait_until_empty(std::chrono::milliseconds limit);

  std::shared_ptr<ServerContext> context_;
  Acceptor acceptor_;
  asio::basic_waitable_timer<std::chrono::steady_clock> retry_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;
  uint16_t port_ = 0;
  bool waiting_for_room_ = false;
};

Result<void> TcpServer::listen() {
  const auto& options = context_->options;
  const auto where = format("listen on {} port {}", options.address, options.port);
  Code code;
  const auto address = asio::ip::make_address(options.address, code);
  if (code) return Error::make(ErrorKind::invalid, "{}: the address must be an IPv4 or IPv6 address", where);
  if (!options.certificate_file.empty()) context_->tls.emplace(TRY(load_tls(options)));
  const tcp::endpoint endpoint(address, options.port);
  acceptor_.open(endpoint.protocol(), code);
  if (!code) acceptor_.set_option(asio::socket_base::reuse_address(true), code);
  if (!code) acceptor_.bind(endpoint, code);
  if (!code) acceptor_.listen(asio::socket_base::max_listen_connections, code);
  if (code) return boost_error(code, where);
  port_ = acceptor_.local_endpoint(code).port();
  return {};
}

void TcpServer::run() {
  context_->on_peer_gone = [this] {
    if (std::exchange(waiting_for_room_, false)) accept();
  };
  asio::post(context_->loop, [this] { accept(); });
  thread_ = std::thread([context = context_] { context->loop.run(); });
}

Result<void> TcpServer::reload_certificate() {
  if (context_->options.certificate_file.empty()) return {};
  auto fresh = std::make_shared<asio::ssl::context>(TRY(load_tls(context_->options)));
  // Connections that are there hold what they were made with.
  asio::post(context_->loop, [context = context_, fresh] { context->tls.emplace(std::move(*fresh)); });
  return {};
}

void TcpServer::accept() {
  if (context_->stopping) return;
  if (context_->peers.size() >= context_->options.max_connections) {
    waiting_for_room_ = true;
    return;
  }
  acceptor_.async_accept([this](const Code& code, TcpSocket socket) { accepted(code, std::move(socket)); });
}

void TcpServer::accepted(const Code& code, TcpSocket socket) {
  if (context_->stopping) return;
  if (code) {  // out of descriptors, most likely: those who wait are served when others leave
    log::warning("accept failed error=\"{}\"", code.message());
    retry_.expires_after(std::chrono::milliseconds(100));
    retry_.async_wait([this](const Code& cancelled) {
      if (!cancelled) accept();
    });
    return;
  }
  Code ignored;  // a peer that is gone already is found at the first read
  socket.set_option(tcp::no_delay(true), ignored);
  auto remote_address = describe_peer(socket);
  auto stream = context_->tls ? Stream(std::move(socket), *context_->tls) : Stream(std::move(socket));
  std::make_shared<Connection>(context_, std::move(stream), std::move(remote_address))->start();
  accept();
}

bool TcpServer::wait_until_empty(std::chrono::milliseconds limit) {
  std::unique_lock lock(context_->live_mutex);
  return context_->live_changed.wait_for(lock, limit, [this] { return context_->live == 0; });
}

void TcpServer::stop() {
  if (!thread_.joinable()) return;
  const auto on_each_peer = [this](void (Peer::*action)()) {
    asio::post(context_->loop, [this, action] {
      context_->stopping = true;
      Code ignored;
      acceptor_.close(ignored);
      retry_.cancel();
      const auto peers = context_->peers;  // they leave the set as they go
      for (auto* peer : peers) {
        if (context_->peers.contains(peer)) (peer->*action)();
      }
    });
  };
  on_each_peer(&Peer::finish);
  if (!wait_until_empty(std::chrono::seconds(5))) {
    on_each_peer(&Peer::abort);
    wait_until_empty(std::chrono::seconds(1));
  }
  context_->pool.stop();
  work_.reset();  // the loop ends when the last socket's last step has; what it holds is freed then
  thread_.join();
}

}  // namespace

BodyPlan Handler::plan_body(const Request&) {
  return BufferBody{};
}

Upgrade Handler::upgrade(const Request& request) {
  return Response::text(400, format("{} is not a websocket\n", request.path));
}

Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options,
                                              std::shared_ptr<Handler> handler) {
  auto server = std::make_unique<TcpServer>(options, std::move(handler));
  TRY(server->listen());
  server->run();
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace gantry::http
