#pragma once

// Internal to the server: one connection, from its first byte to its last: connection_request.cpp reads,
// connection_answer.cpp writes, connection_direct.cpp moves large bodies past Beast. All members belong to
// the loop's thread; while a worker has the request, the loop leaves request_, response_ and chunk_ alone.

#include "base/fd.h"
#include "base/log.h"
#include "http/response_head.h"
#include "http/server_context.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

namespace gantry::http {

class Connection final : public Peer, public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<ServerContext> context, Stream stream, std::string remote_address)
      : context_(std::move(context)),
        stream_(std::move(stream)),
        remote_address_(std::move(remote_address)),
        ready_timer_(context_->loop) {
    context_->add(this);
  }
  ~Connection() override { context_->remove(this); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void start();  // with the handshake, if there is TLS
  void finish() override;
  void abort() override { stream_.close(); }

 private:
  using Parser = beast::http::request_parser<beast::http::buffer_body>;
  static constexpr size_t chunk_size = size_t{256} << 10;

  const ServerOptions& options() const { return context_->options; }
  // The time until the current step must be done, else the socket is closed.
  void limit(std::chrono::milliseconds time) { stream_.expires_after(time); }

  // One request, in this order.
  void read_head();
  void head_bytes_read(const Code& code);
  void head_read(const Code& code);
  void refuse_head(const Code& code);
  Result<void> take_head();
  void begin_upgrade();
  void upgraded(Upgrade upgrade);
  void begin_request();
  void plan_and_handle();
  void follow_plan(BodyPlan plan);
  void continue_or_read();
  void read_body();
  void body_bytes_read(const Code& code);
  void chunk_is_full();
  void hand_chunk_to_sink();
  void refuse_body(const Error& error);
  void handle();
  Response answer();

  // Its answer.
  void refuse(int status, const std::string& text);
  void respond(Response response);
  void write_head();
  void write_body();
  void write_file();
  void read_file();
  void response_written();
  void linger();
  void drain();

  // Large bodies between the socket and a sink or a file, without TLS: a worker moves what the kernel has,
  // and waits for no client; when there is no more for now, the loop does.
  struct Moved {
    Result<void> result;
    bool ended = false;  // the client is gone
    uint64_t bytes = 0;
  };
  bool can_go_direct() const { return !stream_.secure(); }
  bool take_direct();
  void receive_directly();
  Moved receive_some();
  void received(Moved moved);
  void send_directly();
  void send_more();
  Moved send_some();
  void sent(const Moved& moved);
  // Waits until the socket is ready, for `stall_limit` at most; then `then(whether it is)`.
  void wait_until_ready(asio::socket_base::wait_type what, std::function<void(bool)> then);
  void set_low_water(uint64_t bytes);

  template <class Member>
  auto bind(Member member) {
    return [self = shared_from_this(), member](const Code& code, size_t) { ((*self).*member)(code); };
  }
  // Runs `work` on a worker, then `then(result)` on the loop's thread. An exception becomes a 500.
  template <class Work, class Then>
  void run_on_worker(Work work, Then then);

  std::shared_ptr<ServerContext> context_;
  Stream stream_;
  std::string remote_address_;
  beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  Request request_;
  size_t body_limit_ = 0;
  std::string chunk_;  // a part of a body on its way to or from a worker
  size_t chunk_used_ = 0;
  Response response_;
  std::string head_;
  uint64_t written_ = 0;  // of the answer's body
  uint64_t left_ = 0;     // of the request's body, when it is received directly
  UniqueFd direct_;       // the socket's duplicate, for a worker: the loop may close the socket meanwhile
  asio::steady_timer ready_timer_;
  bool complete_ = false;  // the request's body was read to its end, past the parser
  size_t drained_ = 0;
  bool first_ = true;  // no request yet on this connection
  bool idle_ = false;  // waits for the first byte of a request
  bool close_after_ = false;
};

template <class Work, class Then>
void Connection::run_on_worker(Work work, Then then) {
  stream_.expires_never();
  context_->pool.post([self = shared_from_this(), work, then]() mutable {
    auto value = std::make_shared<std::optional<std::invoke_result_t<Work>>>();
    try {
      value->emplace(work());
    } catch (const std::exception& error) {
      log::error("handler failed path={} error=\"{}\"", self->request_.path, error.what());
    }
    auto& loop = self->context_->loop;
    asio::post(loop, [self = std::move(self), then, value]() mutable {  // so that it is destroyed on the loop
      if (*value) return then(std::move(**value));
      self->refuse(500, "internal error\n");
    });
  });
}

}  // namespace gantry::http
