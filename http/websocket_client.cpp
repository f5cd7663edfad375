#include "http/stream.h"
#include "http/websocket.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace gantry::http {
namespace {

namespace websocket = beast::websocket;
using asio::ip::tcp;
using Resolver = asio::ip::basic_resolver<tcp, asio::io_context::executor_type>;

constexpr size_t most_unread = 256;  // messages; reading pauses beyond

Error connect_error(const WebSocketOptions& options, const Code& code, std::string_view step) {
  const bool late = code == beast::error::timeout || code == asio::error::timed_out;
  const auto url = options.url.substr(0, options.url.find('?'));
  return Error::make(late ? ErrorKind::timeout : ErrorKind::unavailable, "websocket {}: {}: {}", url, step,
                     code.message());
}

Result<void> set_up_tls(asio::ssl::context& tls, const WebSocketOptions& options) {
  Code code;
  SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_2_VERSION);
  if (!options.verify) return {};
  tls.set_verify_mode(asio::ssl::verify_peer, code);
  if (options.ca_file.empty()) {
    tls.set_default_verify_paths(code);
  } else {
    tls.load_verify_file(options.ca_file, code);
  }
  if (code)
    return Error::make(ErrorKind::invalid, "certificate authorities {}: {}", options.ca_file, code.message());
  return {};
}

// Before the handshake is done, the caller's thread runs the loop; after it, the client's own thread.
class ClientSocket final : public WebSocketClient {
 public:
  ClientSocket(WebSocketOptions options, Url url)
      : options_(std::move(options)),
        url_(std::move(url)),
        tls_(asio::ssl::context::tls_client),
        resolver_(loop_) {}
  ~ClientSocket() override;
  ClientSocket(const ClientSocket&) = delete;
  ClientSocket& operator=(const ClientSocket&) = delete;

  Result<void> connect(Response* refusal);
  Result<std::string> receive(std::chrono::milliseconds limit) override;
  Result<void> send(std::string text) override;
  void close(uint16_t code, std::string reason) override;
  std::optional<CloseReason> closed() const override;

 private:
  auto& lowest() { return beast::get_lowest_layer(*socket_); }
  void make_socket();
  // Starts an operation and runs the loop until it has completed or the time for the handshake is over.
  Code run(const std::function<void(std::function<void(Code)>)>& start);
  Result<void> handshake_tls();
  Result<void> handshake_websocket(Response* refusal);
  void set_timeouts();
  void read();
  void received(const Code& code);
  void ended(CloseReason reason);

  struct Outgoing {
    std::string text;
    Result<void> result;
    bool done = false;
  };
  void write_next();

  WebSocketOptions options_;
  Url url_;
  std::chrono::steady_clock::time_point deadline_;
  asio::io_context loop_{1};
  asio::ssl::context tls_;
  Resolver resolver_;
  std::optional<websocket::stream<Stream, false>> socket_;
  beast::flat_buffer buffer_;
  std::deque<std::shared_ptr<Outgoing>> outgoing_;  // the loop's
  std::optional<CloseReason> closing_;              // the loop's
  bool paused_ = false;                             // the loop's
  std::thread thread_;
  mutable std::mutex mutex_;  // guards what follows, and Outgoing's result
  std::condition_variable changed_;
  std::deque<std::string> inbox_;
  std::optional<CloseReason> closed_;
};

void ClientSocket::make_socket() {
  TcpSocket socket(loop_);
  socket_.emplace(url_.secure() ? Stream(std::move(socket), tls_) : Stream(std::move(socket)));
}

Code ClientSocket::run(const std::function<void(std::function<void(Code)>)>& start) {
  auto result = std::make_shared<std::optional<Code>>();
  start([result](Code code) { *result = code; });
  loop_.restart();
  while (!*result) {
    if (loop_.run_one_until(deadline_) == 0 && std::chrono::steady_clock::now() >= deadline_) break;
  }
  if (*result) return **result;
  resolver_.cancel();
  if (socket_) lowest().close();
  return make_error_code(beast::error::timeout);
}

Result<void> ClientSocket::connect(Response* refusal) {
  deadline_ = std::chrono::steady_clock::now() + options_.handshake_limit;
  tcp::resolver::results_type addresses;
  auto code = run([&](const auto& done) {
    resolver_.async_resolve(url_.host, format("{}", url_.port),
                            [&addresses, done](Code failed, const auto& found) {
                              if (!failed) addresses = found;
                              done(failed);
                            });
  });
  if (code) return connect_error(options_, code, "look up the host");
  TRY(set_up_tls(tls_, options_));
  make_socket();
  lowest().expires_never();
  code = run([&](const auto& done) { lowest().connect(addresses, done); });
  if (code) return connect_error(options_, code, "connect");
  lowest().socket().set_option(tcp::no_delay(true), code);
  TRY(handshake_tls());
  TRY(handshake_websocket(refusal));
  read();
  thread_ = std::thread([this] {
    loop_.restart();
    loop_.run();
  });
  return {};
}

Result<void> ClientSocket::handshake_tls() {
  if (!url_.secure()) return {};
  auto code = lowest().expect_server(url_.host, options_.verify);
  if (!code) {
    code = run([&](const auto& done) { lowest().handshake(asio::ssl::stream_base::client, done); });
  }
  if (code) return connect_error(options_, code, "TLS handshake");
  return {};
}

void ClientSocket::set_timeouts() {
  websocket::stream_base::timeout limits{};
  limits.handshake_timeout = std::chrono::seconds(5);  // the closing one's; the opening one has deadline_
  limits.idle_timeout = options_.idle_limit;
  limits.keep_alive_pings = true;
  socket_->set_option(limits);
  socket_->read_message_max(options_.max_message_size);
  socket_->text(true);
}

Result<void> ClientSocket::handshake_websocket(Response* refusal) {
  socket_->set_option(
      websocket::stream_base::decorator([headers = options_.headers](websocket::request_type& request) {
        request.set(beast::http::field::user_agent, "gantry/" GANTRY_VERSION);
        for (const auto& field : headers) request.set(field.name, field.value);
      }));
  websocket::response_type answer;
  const auto code =
      run([&](const auto& done) { socket_->async_handshake(answer, url_.authority(), url_.target, done); });
  if (code == websocket::error::upgrade_declined) {
    if (refusal != nullptr) {
      *refusal = Response{};
      refusal->status = static_cast<int>(answer.result_int());
      refusal->body = answer.body();
      for (const auto& field : answer) {
        refusal->headers.add(std::string(field.name_string()), std::string(field.value()));
      }
    }
    return Error::make(ErrorKind::denied, "websocket {}: refused with status {}: {}",
                       options_.url.substr(0, options_.url.find('?')), answer.result_int(), answer.body());
  }
  if (code) return connect_error(options_, code, "upgrade");
  set_timeouts();
  return {};
}

void ClientSocket::read() {
  socket_->async_read(buffer_, [this](Code code, size_t) { received(code); });
}

void ClientSocket::received(const Code& code) {
  if (code == websocket::error::closed) {
    const auto& reason = socket_->reason();
    return ended(
        {static_cast<uint16_t>(reason.code == 0 ? 1005 : reason.code), std::string(reason.reason.c_str())});
  }
  if (code) return ended({1006, code.message()});
  size_t unread = 0;
  {
    const std::lock_guard lock(mutex_);
    inbox_.emplace_back(static_cast<const char*>(buffer_.data().data()), buffer_.size());
    unread = inbox_.size();
  }
  buffer_.consume(buffer_.size());
  changed_.notify_all();
  paused_ = unread >= most_unread;
  if (!paused_) read();
}

void ClientSocket::ended(CloseReason reason) {
  {
    const std::lock_guard lock(mutex_);
    if (!closed_) closed_ = std::move(reason);
    for (auto& message : outgoing_) {
      message->done = true;
      message->result = Error(ErrorKind::unavailable, "websocket is closed");
    }
  }
  outgoing_.clear();
  changed_.notify_all();
}

Result<std::string> ClientSocket::receive(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, limit, [this] { return !inbox_.empty() || closed_; });
  if (inbox_.empty()) {
    if (!closed_) return Error::make(ErrorKind::timeout, "no message within {} ms", limit.count());
    return Error::make(ErrorKind::unavailable, "websocket is closed: {} {}", closed_->code, closed_->text);
  }
  auto text = std::move(inbox_.front());
  inbox_.pop_front();
  if (inbox_.size() == most_unread / 2) {
    asio::post(loop_, [this] {
      if (std::exchange(paused_, false)) read();
    });
  }
  return text;
}

Result<void> ClientSocket::send(std::string text) {
  auto message = std::make_shared<Outgoing>();
  message->text = std::move(text);
  std::unique_lock lock(mutex_);
  if (closed_)
    return Error::make(ErrorKind::unavailable, "websocket is closed: {} {}", closed_->code, closed_->text);
  asio::post(loop_, [this, message] {
    outgoing_.push_back(message);
    if (outgoing_.size() == 1) write_next();
  });
  if (!changed_.wait_for(lock, options_.idle_limit, [&] { return message->done || closed_; })) {
    return Error(ErrorKind::timeout, "websocket send: the peer doesn't read");
  }
  if (!message->done) return Error(ErrorKind::unavailable, "websocket is closed");
  return message->result;
}

void ClientSocket::write_next() {
  if (outgoing_.empty()) {
    if (closing_) socket_->async_close({websocket::close_code(closing_->code), closing_->text}, [](Code) {});
    return;
  }
  const auto message = outgoing_.front();
  socket_->async_write(asio::buffer(message->text), [this, message](Code code, size_t) {
    if (!outgoing_.empty() && outgoing_.front() == message) outgoing_.pop_front();
    {
      const std::lock_guard lock(mutex_);
      message->done = true;
      if (code) message->result = Error::make(ErrorKind::unavailable, "websocket send: {}", code.message());
    }
    changed_.notify_all();
    if (!code) write_next();
  });
}

void ClientSocket::close(uint16_t code, std::string reason) {
  asio::post(loop_, [this, close_reason = CloseReason{code, reason.substr(0, 123)}] {
    if (closing_) return;
    closing_ = close_reason;
    if (std::exchange(paused_, false)) read();
    if (outgoing_.empty()) write_next();
  });
}

std::optional<CloseReason> ClientSocket::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

ClientSocket::~ClientSocket() {
  if (!thread_.joinable()) return;
  if (!closed()) close(1000, "");
  {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(6), [this] { return closed_.has_value(); });
  }
  // After an end without a closing handshake the stream's idle timer is still pending: run() would wait for
  // it.
  asio::post(loop_, [this] {
    lowest().close();
    loop_.stop();
  });
  thread_.join();
}

}  // namespace

Result<std::unique_ptr<WebSocketClient>> WebSocketClient::connect(const WebSocketOptions& options,
                                                                  Response* refusal) {
  auto url = TRY(Url::parse(options.url));
  auto client = std::make_unique<ClientSocket>(options, std::move(url));
  TRY(client->connect(refusal));
  return std::unique_ptr<WebSocketClient>(std::move(client));
}

}  // namespace gantry::http
