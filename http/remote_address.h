#pragma once

#include "base/format.h"
#include "http/server_context.h"

namespace gantry::http {

// "127.0.0.1:41234", "[::1]:41234"; empty when the peer is gone already.
inline std::string describe_peer(const TcpSocket& socket) {
  boost::system::error_code code;
  const auto endpoint = socket.remote_endpoint(code);
  if (code) return {};
  const auto address = endpoint.address().to_string(code);
  return endpoint.address().is_v6() ? format("[{}]:{}", address, endpoint.port())
                                    : format("{}:{}", address, endpoint.port());
}

}  // namespace gantry::http
