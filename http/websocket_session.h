#pragma once

// Internal to the server: a websocket from its upgrade to its close.

#include "http/server_context.h"

#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/http/message.hpp>

namespace gantry::http {

using TlsStream = asio::ssl::stream<TcpStream>;

struct WebSocketStart {
  std::shared_ptr<ServerContext> context;
  std::string remote_address;
  std::shared_ptr<WebSocketHandler> handler;
  beast::http::request_header<> head;  // the upgrade request
};

// Both on the loop's thread.
void start_websocket(WebSocketStart from, TcpStream stream);
void start_websocket(WebSocketStart from, TlsStream stream);

}  // namespace gantry::http
