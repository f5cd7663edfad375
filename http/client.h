#pragma once

#include "base/result.h"
#include "http/message.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace gantry::http {

struct ClientRequest {
  std::string method = "GET";
  std::string url;
  Headers headers;
  std::string body;
  std::optional<FileBody> upload;  // instead of `body`: read with pread, so the descriptor's offset is kept
};

struct ClientOptions {
  std::chrono::milliseconds connect_limit = std::chrono::seconds(10);
  std::chrono::milliseconds stall_limit = std::chrono::seconds(60);  // below 1 byte/s for so long: timeout
  std::string ca_file;                                               // empty: the system's
  bool verify = true;                                                // the server's certificate
  std::string user_agent;                                            // empty: gantry/VERSION
};

struct SendOptions {
  std::optional<std::chrono::milliseconds> limit;  // for the whole exchange; absent: none
  size_t max_body_size = size_t{64} << 20;         // of a body kept in memory; beyond: an error (invalid)
  // A 2xx answer's body goes here instead of Response::body; other answers' bodies stay in Response::body.
  BodySink* sink = nullptr;
  // Called with the head of a 2xx answer before its body; an error ends the exchange and is returned.
  std::function<Result<void>(const Response& head)> on_head;
  // Bytes of the request's body handed to the kernel so far, for progress.
  std::function<void(uint64_t sent)> on_sent;
  // 0: redirects are returned as they are. GET and HEAD follow 301, 302, 303, 307, 308; other methods only
  // 307 and 308. Authorization and Cookie are dropped when scheme, host or port change; https to http is
  // refused.
  int max_redirects = 0;
};

// An HTTP/1.1 client over libcurl that reuses connections. Threads may share it: each exchange that runs at
// the same time has its own connection.
class Client {
 public:
  explicit Client(ClientOptions options = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Any status is an answer, not an error. Errors: invalid (URL), unavailable (refused, unknown host, broken
  // off), timeout, denied (certificate not trusted), a sink's own.
  Result<Response> send(const ClientRequest& request, const SendOptions& options = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gantry::http
