#include "base/log.h"
#include "http/connection.h"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

namespace gantry::http {
namespace {

// What one turn of a worker moves at most, so that a fast client leaves room for others.
constexpr uint64_t turn = uint64_t{16} << 20;
// So many bytes are worth a worker's turn.
constexpr uint64_t low_water = uint64_t{512} << 10;

}  // namespace

// False: out of descriptors; the connection is given up.
bool Connection::take_direct() {
  if (!stream_.socket().is_open()) return false;  // aborted: the server stops
  direct_ = UniqueFd(fcntl(stream_.socket().native_handle(), F_DUPFD_CLOEXEC, 0));
  if (direct_) return true;
  log::error("connection given up path={} error=\"{}\"", request_.path, strerror(errno));
  abort();
  return false;
}

// socket(7): the socket is readable only when so much has come, or the client has closed it.
void Connection::set_low_water(uint64_t bytes) {
  const int value = static_cast<int>(std::clamp<uint64_t>(bytes, 1, low_water));
  (void)setsockopt(direct_.get(), SOL_SOCKET, SO_RCVLOWAT, &value, sizeof value);
}

// From where Beast has left off: what it has read already is in its buffer, the rest in the socket.
void Connection::receive_directly() {
  if (!take_direct()) return;
  left_ = parser_->content_length_remaining().value_or(0);
  chunk_.resize(low_water);
  const auto first = std::min<uint64_t>(buffer_.size(), left_);
  const auto* begin = static_cast<const char*>(buffer_.data().data());
  std::string early(begin, first);
  buffer_.consume(first);
  left_ -= first;
  run_on_worker(
      [this, early = std::move(early)]() -> Moved {
        if (const auto written = request_.sink->write(early); !written) return {written.error()};
        return receive_some();
      },
      [this](Moved moved) { received(std::move(moved)); });
}

// On a worker.
Connection::Moved Connection::receive_some() {
  Moved moved;
  while (left_ > 0 && moved.bytes < turn) {
    const ssize_t got =
        recv(direct_.get(), chunk_.data(), std::min<uint64_t>(chunk_.size(), left_), MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) break;
    if (got <= 0) {
      moved.ended = true;
      break;
    }
    const auto size = static_cast<size_t>(got);
    if (auto written = request_.sink->write({chunk_.data(), size}); !written) {
      moved.result = written.error();
      break;
    }
    left_ -= size;
    moved.bytes += size;
  }
  return moved;
}

void Connection::received(Moved moved) {
  if (!moved.result) return refuse_body(moved.result.error());
  if (moved.ended) return;  // the client went away; a sink learns it by its destructor
  if (left_ == 0) {
    set_low_water(1);
    direct_.reset();
    complete_ = true;
    return handle();
  }
  const auto again = [this] {
    run_on_worker([this] { return receive_some(); }, [this](Moved more) { received(std::move(more)); });
  };
  if (moved.bytes >= turn) return again();
  set_low_water(left_);
  wait_until_ready(asio::socket_base::wait_read, [this, again](bool ready) {
    // A slow client may have sent less than is worth a turn: that is taken, and counts as life.
    int waiting = 0;
    if (!ready && (ioctl(direct_.get(), FIONREAD, &waiting) != 0 || waiting == 0)) return abort();
    again();
  });
}

void Connection::send_directly() {
  if (!take_direct()) return;
  send_more();
}

void Connection::send_more() {
  run_on_worker([this] { return send_some(); }, [this](const Moved& moved) { sent(moved); });
}

// On a worker. sendfile(2).
Connection::Moved Connection::send_some() {
  Moved moved;
  const auto& file = *response_.file;
  while (written_ < file.length && moved.bytes < turn) {
    auto offset = static_cast<off_t>(file.offset + written_);
    const auto wanted = std::min(file.length - written_, turn);
    const ssize_t put = sendfile(direct_.get(), file.fd.get(), &offset, wanted);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno == EAGAIN) break;
    if (put <= 0) {  // shorter than promised: only a broken connection tells the client
      const auto* reason = put == 0 ? "it is shorter than promised" : strerror(errno);
      if (put == 0 || (errno != EPIPE && errno != ECONNRESET)) {
        log::error("answer's file can't be sent path={} offset={} error=\"{}\"", request_.path, written_,
                   reason);
      }
      moved.ended = true;
      break;
    }
    written_ += static_cast<uint64_t>(put);
    moved.bytes += static_cast<uint64_t>(put);
  }
  return moved;
}

void Connection::sent(const Moved& moved) {
  if (moved.ended) return abort();
  if (written_ == response_.file->length) {
    direct_.reset();
    return response_written();
  }
  if (moved.bytes >= turn) return send_more();
  wait_until_ready(asio::socket_base::wait_write, [this](bool ready) {
    if (!ready) return abort();
    send_more();
  });
}

void Connection::wait_until_ready(asio::socket_base::wait_type what, std::function<void(bool)> then) {
  ready_timer_.expires_after(options().stall_limit);
  ready_timer_.async_wait([self = shared_from_this()](const Code& code) {
    if (!code) self->stream_.socket().cancel();
  });
  stream_.socket().async_wait(what, [self = shared_from_this(), then = std::move(then)](const Code& code) {
    const bool in_time = self->ready_timer_.cancel() > 0;
    if (!self->stream_.socket().is_open()) return;  // aborted meanwhile
    then(!code && in_time);
  });
}

}  // namespace gantry::http
