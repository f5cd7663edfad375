#pragma once

#include "base/result.h"
#include "http/message.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace gantry::http {

// A close frame's content. 1006 stands for a connection that broke without one. RFC 6455 section 7.4.
struct CloseReason {
  uint16_t code = 1006;
  std::string text;
};

// The server's end of a websocket. Callable from any thread; does nothing once the connection is closed.
class WebSocket {
 public:
  virtual ~WebSocket() = default;
  // Queues a text message. A peer that doesn't read is cut off when more than
  // ServerOptions::max_websocket_backlog bytes wait for it.
  virtual void send(std::string text) = 0;
  // Sends what is queued, then a close frame (`reason` at most 123 bytes).
  virtual void close(uint16_t code, std::string reason) = 0;
  virtual const std::string& remote_address() const = 0;
};

// What a server does with one websocket. The three calls come one after another, never two at once, on
// worker threads; on_close is the last, and always comes if on_open came.
class WebSocketHandler {
 public:
  virtual ~WebSocketHandler() = default;
  virtual void on_open(std::shared_ptr<WebSocket> socket) = 0;
  virtual void on_message(std::string text) = 0;
  virtual void on_close(const CloseReason& reason) = 0;
};

struct WebSocketOptions {
  std::string url;  // ws, wss, http or https
  Headers headers;  // besides Host and the upgrade's own; see sign() in sigv4.h
  std::chrono::milliseconds handshake_limit = std::chrono::seconds(30);  // name, connect, TLS and upgrade
  std::chrono::milliseconds idle_limit = std::chrono::minutes(3);  // nothing received, pongs included: 1006
  size_t max_message_size = size_t{16} << 20;
  std::string ca_file;  // empty: the system's
  bool verify = true;   // the server's certificate
};

// The client's end. Owns a thread that reads and answers pings; receive(), send() and close() may be called
// from different threads.
class WebSocketClient {
 public:
  // Errors: unavailable or timeout when there is no connection; denied when the server answered the upgrade
  // with something else than 101: then `refusal`, if given, is filled with that answer.
  static Result<std::unique_ptr<WebSocketClient>> connect(const WebSocketOptions& options,
                                                          Response* refusal = nullptr);
  virtual ~WebSocketClient() = default;  // closes with 1000 if still open

  // The next text message. Errors: timeout when none came within `limit` (the connection stays usable);
  // unavailable when the connection is closed: closed() says how.
  virtual Result<std::string> receive(std::chrono::milliseconds limit) = 0;
  // Returns when the message is handed to the kernel. Errors: unavailable, timeout (idle_limit).
  virtual Result<void> send(std::string text) = 0;
  // Starts the closing handshake; a receive() that waits returns when it is done, at the latest in 5 s.
  virtual void close(uint16_t code, std::string reason) = 0;
  virtual std::optional<CloseReason> closed() const = 0;
};

}  // namespace gantry::http
