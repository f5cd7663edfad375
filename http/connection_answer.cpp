#include "base/log.h"
#include "http/connection.h"

#include <array>
#include <boost/asio/write.hpp>
#include <unistd.h>
namespace gantry::http {

// An answer to a request that wasn't read to its end: the connection can't be used again.
void Connection::refuse(int status, const std::string& text) {
  close_after_ = true;
  respond(Response::text(status, text));
}

void Connection::respond(Response response) {
  response_ = std::move(response);
  const auto& head = parser_->get();
  const bool complete = complete_ || parser_->is_done() || !parser_->is_header_done() || close_after_;
  if (!complete || !head.keep_alive() || context_->stopping) close_after_ = true;
  head_ = response_head(response_, {.keep_alive = !close_after_, .http_1_0 = head.version() == 10});
  if (request_.method == "HEAD") {
    response_.body.clear();
    response_.file.reset();
  }
  written_ = 0;
  write_head();
}

void Connection::write_head() {
  const auto first_part = std::min(response_.body.size(), chunk_size);
  const std::array<asio::const_buffer, 2> parts = {asio::buffer(head_),
                                                   asio::buffer(response_.body.data(), first_part)};
  limit(options().stall_limit);
  asio::async_write(stream_, parts, [self = shared_from_this(), first_part](const Code& code, size_t) {
    if (code) return;
    self->written_ = first_part;
    if (self->response_.file) return self->write_file();
    self->write_body();
  });
}

void Connection::write_body() {
  const auto part = std::min<uint64_t>(response_.body.size() - written_, chunk_size);
  if (part == 0) return response_written();
  limit(options().stall_limit);
  asio::async_write(stream_, asio::buffer(response_.body.data() + written_, part),
                    [self = shared_from_this()](const Code& code, size_t size) {
                      if (code) return;
                      self->written_ += size;
                      self->write_body();
                    });
}

void Connection::write_file() {
  if (can_go_direct()) return send_directly();
  read_file();
}

// Reads a part on a worker (the disk may be slow), writes it, and so on.
void Connection::read_file() {
  const auto part = std::min<uint64_t>(response_.file->length - written_, chunk_size);
  if (part == 0) return response_written();
  chunk_.resize(part);
  const auto read_part = [this]() -> ssize_t {
    return pread(response_.file->fd.get(), chunk_.data(), chunk_.size(),
                 static_cast<off_t>(response_.file->offset + written_));
  };
  run_on_worker(read_part, [this](ssize_t got) {
    if (got <= 0) {  // shorter than promised: only a broken connection tells the client
      log::error("answer's file can't be read path={} offset={}", request_.path, written_);
      return abort();
    }
    limit(options().stall_limit);
    asio::async_write(stream_, asio::buffer(chunk_.data(), static_cast<size_t>(got)),
                      [self = shared_from_this()](const Code& code, size_t size) {
                        if (code) return;
                        self->written_ += size;
                        self->read_file();
                      });
  });
}

void Connection::response_written() {
  response_ = Response{};
  std::string().swap(chunk_);
  if (close_after_) return linger();
  read_head();
}

// Closing a socket with unread input resets it, and the client might never see the answer: so our side is
// shut first, and what still comes is thrown away for a moment.
void Connection::linger() {
  Code ignored;
  stream_.socket().shutdown(asio::socket_base::shutdown_send, ignored);
  if (complete_ || parser_->is_done()) return;
  chunk_.resize(size_t{64} << 10);
  limit(std::chrono::seconds(2));
  drain();
}

void Connection::drain() {
  if (drained_ > (size_t{8} << 20)) return;
  stream_.read_raw(asio::buffer(chunk_), [self = shared_from_this()](const Code& code, size_t size) {
    if (code) return;
    self->drained_ += size;
    self->drain();
  });
}

}  // namespace gantry::http
