#pragma once

#include "base/address.h"
#include "base/result.h"
#include "http/server.h"

#include <string>
#include <string_view>

namespace gantry::http {

// "127.0.0.1:5000", "[::1]:5000", ":5000" (all IPv4 addresses), "localhost:5000" (127.0.0.1).
struct ListenAddress {
  std::string address;
  uint16_t port = 0;

  static Result<ListenAddress> parse(std::string_view text);
  std::string string() const;
};

using gantry::is_loopback;  // beyond it plain HTTP is refused

// What a program's --listen, --tls-cert and --tls-key come to: fills address, port, certificate and key of
// `options`. Errors: invalid when only one of cert and key is given; denied for plain HTTP on an address that
// isn't loopback, which would send tokens and signed requests in the clear.
Result<void> set_listen_address(std::string_view listen, const std::string& certificate_file,
                                const std::string& key_file, ServerOptions& options);

}  // namespace gantry::http
