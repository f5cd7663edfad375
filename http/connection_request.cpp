#include "base/log.h"
#include "base/text.h"
#include "http/connection.h"
#include "http/websocket_session.h"

#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <limits>

namespace gantry::http {
namespace {

constexpr size_t read_size = size_t{64} << 10;

}  // namespace

void Connection::start() {
  if (!stream_.secure()) return read_head();
  limit(options().header_limit);
  stream_.handshake(asio::ssl::stream_base::server, [self = shared_from_this()](const Code& code) {
    if (!code) self->read_head();
  });
}

void Connection::finish() {
  close_after_ = true;
  if (idle_) abort();
}

void Connection::read_head() {
  request_ = Request{};
  complete_ = false;
  request_.remote_address = remote_address_;
  request_.secure = context_->tls.has_value();
  if (buffer_.size() == 0) buffer_.shrink_to_fit();
  parser_.emplace();
  parser_->header_limit(static_cast<uint32_t>(options().max_header_size));
  parser_->body_limit(std::numeric_limits<uint64_t>::max());  // the plan for the body has its own
  idle_ = true;
  limit(first_ ? options().header_limit : options().idle_limit);
  beast::http::async_read_some(stream_, buffer_, *parser_, bind(&Connection::head_bytes_read));
}

void Connection::head_bytes_read(const Code& code) {
  idle_ = false;
  if (code || parser_->is_header_done()) return head_read(code);
  if (!first_) limit(options().header_limit);
  beast::http::async_read_header(stream_, buffer_, *parser_, bind(&Connection::head_read));
}

void Connection::head_read(const Code& code) {
  if (code && !parser_->is_header_done()) return refuse_head(code);
  const auto taken = take_head();
  if (!taken) return refuse(400, taken.error().message() + "\n");
  if (beast::websocket::is_upgrade(parser_->get())) return begin_upgrade();
  begin_request();
}

// Answers what can't be read, if there is anyone to answer.
void Connection::refuse_head(const Code& code) {
  using beast::http::error;
  if (code == error::end_of_stream || code == error::partial_message || code == beast::error::timeout) return;
  if (code == error::header_limit || code == error::buffer_overflow) {
    return refuse(431, "request header fields too large\n");
  }
  if (code.category() == beast::http::make_error_code(error::bad_method).category()) {
    return refuse(400, format("malformed request: {}\n", code.message()));
  }
}

Result<void> Connection::take_head() {
  const auto& head = parser_->get();
  first_ = false;
  request_.method = std::string(head.method_string());
  request_.target = std::string(head.target());
  for (const auto& field : head) {
    request_.headers.add(std::string(field.name_string()),
                         std::string(trim({field.value().data(), field.value().size()})));
  }
  if (head.version() == 11 && request_.headers.all("Host").size() != 1) {
    return Error(ErrorKind::invalid, "an HTTP/1.1 request must have exactly one Host header");
  }
  if (request_.headers.has("Transfer-Encoding") && !parser_->chunked()) {
    return Error(ErrorKind::invalid, "the only transfer encoding supported is chunked");
  }
  return split_target(request_);
}

void Connection::begin_upgrade() {
  run_on_worker([this] { return context_->handler->upgrade(request_); },
                [this](Upgrade upgrade) { upgraded(std::move(upgrade)); });
}

void Connection::upgraded(Upgrade upgrade) {
  if (auto* response = std::get_if<Response>(&upgrade)) {
    close_after_ = true;
    return respond(std::move(*response));
  }
  stream_.expires_never();  // the websocket has time limits of its own
  WebSocketStart from{context_, remote_address_,
                      std::get<std::shared_ptr<WebSocketHandler>>(std::move(upgrade)), parser_->get().base()};
  start_websocket(std::move(from), std::move(stream_));
}

void Connection::begin_request() {
  const auto expect = request_.headers.get("Expect");
  if (!expect.empty() && !equals_ignoring_case(expect, "100-continue")) {
    return refuse(417, format("expectation {} isn't supported\n", expect));
  }
  const auto length = parser_->content_length();
  if (!parser_->chunked() && (!length || *length == 0)) return plan_and_handle();
  run_on_worker([this] { return context_->handler->plan_body(request_); },
                [this](BodyPlan plan) { follow_plan(std::move(plan)); });
}

// A request without a body: both calls in one step on the worker.
void Connection::plan_and_handle() {
  const auto work = [this]() -> Response {
    auto plan = context_->handler->plan_body(request_);
    if (auto* refusal = std::get_if<Response>(&plan)) return std::move(*refusal);
    if (auto* sink = std::get_if<std::shared_ptr<BodySink>>(&plan)) request_.sink = std::move(*sink);
    return answer();
  };
  run_on_worker(work, [this](Response response) { respond(std::move(response)); });
}

void Connection::follow_plan(BodyPlan plan) {
  if (auto* refusal = std::get_if<Response>(&plan)) {
    close_after_ = true;
    return respond(std::move(*refusal));
  }
  if (auto* sink = std::get_if<std::shared_ptr<BodySink>>(&plan)) {
    request_.sink = std::move(*sink);
  } else {
    const auto given = std::get<BufferBody>(plan).limit;
    body_limit_ = given == 0 ? options().max_body_size : given;
    const auto length = parser_->content_length();
    if (length && *length > body_limit_)
      return refuse(413, format("body is longer than {} bytes\n", body_limit_));
  }
  continue_or_read();
}

void Connection::continue_or_read() {
  chunk_.resize(request_.sink ? chunk_size : std::min(chunk_size, body_limit_ + 1));
  chunk_used_ = 0;
  if (request_.sink) buffer_.reserve(read_size);  // Beast reads no more at once than its buffer takes
  if (!request_.headers.has("Expect") || buffer_.size() > 0 || parser_->get().version() < 11)
    return read_body();
  head_ = "HTTP/1.1 100 Continue\r\n\r\n";
  limit(options().stall_limit);
  asio::async_write(stream_, asio::buffer(head_), [self = shared_from_this()](const Code& code, size_t) {
    if (!code) self->read_body();
  });
}

void Connection::read_body() {
  if (request_.sink && can_go_direct() && !parser_->chunked()) return receive_directly();
  auto& body = parser_->get().body();
  body.data = chunk_.data() + chunk_used_;
  body.size = chunk_.size() - chunk_used_;
  limit(options().stall_limit);
  beast::http::async_read_some(stream_, buffer_, *parser_, bind(&Connection::body_bytes_read));
}

void Connection::body_bytes_read(const Code& code) {
  chunk_used_ = chunk_.size() - parser_->get().body().size;
  if (code && code != beast::http::error::need_buffer) {
    if (code.category() == beast::http::make_error_code(beast::http::error::bad_method).category() &&
        code != beast::http::error::partial_message && code != beast::http::error::end_of_stream) {
      return refuse(400, format("malformed body: {}\n", code.message()));
    }
    return;  // the client went away; a sink learns it by its destructor
  }
  if (parser_->is_done() || chunk_used_ == chunk_.size()) return chunk_is_full();
  read_body();
}

void Connection::chunk_is_full() {
  if (request_.sink) return hand_chunk_to_sink();
  if (request_.body.size() + chunk_used_ > body_limit_) {
    return refuse(413, format("body is longer than {} bytes\n", body_limit_));
  }
  request_.body.append(chunk_, 0, chunk_used_);
  chunk_used_ = 0;
  if (parser_->is_done()) return handle();
  read_body();
}

void Connection::hand_chunk_to_sink() {
  run_on_worker(
      [this] {
        return request_.sink->write({chunk_.data(), chunk_used_});
      },
      [this](Result<void> written) {
        if (!written) return refuse_body(written.error());
        chunk_used_ = 0;
        if (parser_->is_done()) return handle();
        read_body();
      });
}

void Connection::refuse_body(const Error& error) {
  log::error("request body not taken path={} error=\"{}\"", request_.path, error.message());
  refuse(500, "the request's body could not be stored\n");
}

// On a worker. The sink goes before the answer does, so that the client's next request finds it gone.
Response Connection::answer() {
  auto response = context_->handler->handle(request_);
  request_.sink.reset();
  return response;
}

void Connection::handle() {
  std::string().swap(chunk_);
  run_on_worker([this] { return answer(); }, [this](Response response) { respond(std::move(response)); });
}

}  // namespace gantry::http
