#pragma once

#include "base/fd.h"

#include <chrono>
#include <string>

namespace gantry::http::test {

// A TCP connection for sending what no proper client would.
class RawConnection {
 public:
  explicit RawConnection(uint16_t port);
  bool connected() const { return bool(socket_); }
  bool send(const std::string& bytes);
  // What came until `marker` was seen, the peer closed, or `limit` passed.
  std::string receive_until(const std::string& marker,
                            std::chrono::milliseconds limit = std::chrono::seconds(10));
  // The peer closes within `limit`.
  bool closes(std::chrono::milliseconds limit = std::chrono::seconds(10));

 private:
  UniqueFd socket_;
  std::string pending_;
};

}  // namespace gantry::http::test
