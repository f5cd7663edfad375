#pragma once

#include "base/result.h"
#include "http/message.h"
#include "http/websocket.h"

#include <chrono>
#include <memory>
#include <string>
#include <variant>

namespace gantry::http {

// Keep the body in Request::body, up to `limit` bytes (413 beyond); 0: ServerOptions::max_body_size.
struct BufferBody {
  size_t limit = 0;
};
using BodyPlan = std::variant<BufferBody, std::shared_ptr<BodySink>, Response>;
using Upgrade = std::variant<Response, std::shared_ptr<WebSocketHandler>>;

// What a server does. All calls come on worker threads, several at once for different requests, and may
// block.
class Handler {
 public:
  virtual ~Handler() = default;
  // Called when a request's head is there, before any of its body. A sink gets the body of any length as it
  // arrives (on worker threads, one write at a time), and is then Request::sink in handle(). A Response
  // refuses the request without reading its body: the connection closes after it.
  virtual BodyPlan plan_body(const Request& head);
  // The answer to a whole request. A sink is let go when this returns, before the answer is sent; a sink's
  // error was answered with 500 instead of this.
  virtual Response handle(Request& request) = 0;
  // A websocket upgrade: the handler of the new websocket, or the answer that refuses it (default: 400).
  virtual Upgrade upgrade(const Request& request);
};

struct ServerOptions {
  std::string address = "127.0.0.1";  // IPv4 or IPv6, no name
  uint16_t port = 0;                  // 0: any, see Server::port()
  std::string certificate_file;  // PEM, with the chain; with key_file: TLS >= 1.2. Both empty: plain HTTP
  std::string key_file;
  unsigned worker_threads = 8;
  size_t max_header_size = size_t{64} << 10;                          // 431 beyond
  size_t max_body_size = size_t{1} << 20;                             // 413 beyond
  std::chrono::milliseconds header_limit = std::chrono::seconds(20);  // TLS handshake and head, else closed
  std::chrono::milliseconds stall_limit = std::chrono::seconds(60);   // no byte of a body or answer moved
  std::chrono::milliseconds idle_limit = std::chrono::seconds(75);    // between requests
  std::chrono::milliseconds websocket_idle_limit = std::chrono::minutes(5);  // pinged at half of it
  size_t max_websocket_message = size_t{4} << 20;
  size_t max_websocket_backlog = size_t{16} << 20;
  size_t max_connections = 20000;  // more wait in the kernel's queue
};

// HTTP/1.1 (and 1.0) with keep-alive, Expect: 100-continue, TLS and websockets: one event-loop thread and a
// pool of workers. An idle connection or websocket costs a descriptor and a few KiB, no thread.
class Server {
 public:
  // Listens when it returns. Errors: system (the address is in use), invalid (address, certificate, key).
  static Result<std::unique_ptr<Server>> start(const ServerOptions& options,
                                               std::shared_ptr<Handler> handler);
  virtual ~Server() = default;  // stop()

  virtual uint16_t port() const = 0;
  // Reads certificate and key again, for the connections that come from now on. After an error (invalid) the
  // old ones stay. Without TLS: nothing. Safe on any thread.
  virtual Result<void> reload_certificate() = 0;
  // Stops listening, closes websockets with 1001 and idle connections, lets running handlers end (their
  // answers are sent for up to 5 s), and joins all threads. Safe to call twice; not from a handler.
  virtual void stop() = 0;
};

}  // namespace gantry::http
