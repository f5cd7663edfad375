#pragma once

// Internal to the server: a websocket from its upgrade to its close.

#include "http/server_context.h"

#include <boost/beast/http/message.hpp>

namespace gantry::http {

struct WebSocketStart {
  std::shared_ptr<ServerContext> context;
  std::string remote_address;
  std::shared_ptr<WebSocketHandler> handler;
  beast::http::request_header<> head;  // the upgrade request
};

// On the loop's thread.
void start_websocket(WebSocketStart from, Stream stream);

}  // namespace gantry::http
