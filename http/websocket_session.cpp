#include "http/websocket_session.h"

#include "base/log.h"

#include <atomic>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <deque>

namespace gantry::http {
namespace {

namespace websocket = beast::websocket;

// The loop's thread owns all members but backlog_. Reading waits for the handler, so its calls never overlap.
class Session final : public WebSocket, public Peer, public std::enable_shared_from_this<Session> {
 public:
  Session(WebSocketStart from, Stream stream)
      : context_(std::move(from.context)),
        remote_address_(std::move(from.remote_address)),
        handler_(std::move(from.handler)),
        request_(std::move(from.head)),
        socket_(std::move(stream)) {
    context_->add(this);
  }
  ~Session() override = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void start();
  void send(std::string text) override;
  void close(uint16_t code, std::string reason) override;
  const std::string& remote_address() const override { return remote_address_; }
  void finish() override { begin_close({1001, "server stops"}); }
  void abort() override { beast::get_lowest_layer(socket_).close(); }

 private:
  void read();
  void received(const Code& code);
  void write_next();
  void begin_close(CloseReason reason);
  void ended(const Code& code);
  template <class Work, class Then>
  void run_on_worker(Work work, Then then);

  std::shared_ptr<ServerContext> context_;
  std::string remote_address_;
  std::shared_ptr<WebSocketHandler> handler_;
  beast::http::request<beast::http::empty_body> request_;
  websocket::stream<Stream, false> socket_;
  beast::flat_buffer buffer_;
  std::deque<std::string> queue_;
  std::atomic<size_t> backlog_ = 0;
  std::optional<CloseReason> closing_;
  bool writing_ = false;
  bool open_ = false;
  bool closed_ = false;
  bool cut_off_ = false;
};

template <class Work, class Then>
void Session::run_on_worker(Work work, Then then) {
  const bool posted = context_->pool.post([self = shared_from_this(), work, then]() mutable {
    try {
      work();
    } catch (const std::exception& error) {
      log::error("websocket handler failed error=\"{}\"", error.what());
    }
    auto& loop = self->context_->loop;
    asio::post(loop, [self = std::move(self), then] { then(); });
  });
  if (posted) return;
  work();  // the server has stopped its workers: only on_close comes here, and it must come
  then();
}

void Session::start() {
  websocket::stream_base::timeout limits{};
  limits.handshake_timeout = std::chrono::seconds(10);
  limits.idle_timeout = context_->options.websocket_idle_limit;
  limits.keep_alive_pings = true;
  socket_.set_option(limits);
  socket_.read_message_max(context_->options.max_websocket_message);
  socket_.text(true);
  socket_.async_accept(request_, [self = shared_from_this()](const Code& code) {
    if (code) {
      self->closed_ = true;
      return self->context_->remove(self.get());
    }
    self->open_ = true;
    if (self->context_->stopping) self->finish();
    self->run_on_worker([raw = self.get()] { raw->handler_->on_open(raw->shared_from_this()); },
                        [raw = self.get()] { raw->read(); });
  });
}

void Session::read() {
  if (buffer_.size() == 0) buffer_.shrink_to_fit();
  socket_.async_read(buffer_,
                     [self = shared_from_this()](const Code& code, size_t) { self->received(code); });
}

void Session::received(const Code& code) {
  if (code) return ended(code);
  auto text = std::make_shared<std::string>(static_cast<const char*>(buffer_.data().data()), buffer_.size());
  buffer_.consume(buffer_.size());
  run_on_worker([this, text] { handler_->on_message(std::move(*text)); }, [this] { read(); });
}

void Session::ended(const Code& code) {
  closed_ = true;
  queue_.clear();
  CloseReason reason{1006, code.message()};
  if (code == websocket::error::closed) {
    reason = {socket_.reason().code, std::string(socket_.reason().reason.c_str())};
    if (reason.code == 0) reason.code = 1005;
  }
  run_on_worker([this, reason] { handler_->on_close(reason); },
                [this] {
                  handler_ = nullptr;  // which holds us
                  context_->remove(this);
                });
}

void Session::send(std::string text) {
  const auto size = text.size();
  const bool too_much = backlog_.fetch_add(size) + size > context_->options.max_websocket_backlog;
  auto& loop = context_->loop;
  asio::post(loop, [self = shared_from_this(), text = std::move(text), too_much]() mutable {
    if (self->closed_ || self->closing_ || self->cut_off_) return;
    if (too_much) {
      self->cut_off_ = true;
      log::warning("websocket cut off, its peer doesn't read peer={}", self->remote_address_);
      return self->abort();
    }
    self->queue_.push_back(std::move(text));
    if (!self->writing_) self->write_next();
  });
}

void Session::write_next() {
  if (queue_.empty()) {
    writing_ = false;
    if (closing_) {
      const websocket::close_reason reason(websocket::close_code(closing_->code),
                                           closing_->text.substr(0, 123));
      socket_.async_close(reason, [self = shared_from_this()](const Code&) {});  // the read tells of the end
    }
    return;
  }
  writing_ = true;
  socket_.async_write(asio::buffer(queue_.front()), [self = shared_from_this()](const Code& code, size_t) {
    if (code || self->closed_) return;
    self->backlog_ -= self->queue_.front().size();
    self->queue_.pop_front();
    self->write_next();
  });
}

void Session::close(uint16_t code, std::string reason) {
  auto& loop = context_->loop;
  asio::post(loop, [self = shared_from_this(), close_reason = CloseReason{code, std::move(reason)}] {
    self->begin_close(close_reason);
  });
}

void Session::begin_close(CloseReason reason) {
  if (!open_ || closed_ || closing_) return;
  closing_ = std::move(reason);
  if (!writing_) write_next();
}

}  // namespace

void start_websocket(WebSocketStart from, Stream stream) {
  std::make_shared<Session>(std::move(from), std::move(stream))->start();
}

}  // namespace gantry::http
