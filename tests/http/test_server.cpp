#include "tests/http/test_server.h"

#include <cstdio>
#include <cstdlib>

namespace gantry::http::test {

std::unique_ptr<Server> start_server(std::shared_ptr<Handler> handler, ServerOptions options) {
  auto server = Server::start(options, std::move(handler));
  if (!server) {
    std::fprintf(stderr, "test server: %s\n", server.error().message().c_str());
    std::abort();
  }
  return std::move(server).value();
}

std::string url_of(const Server& server, const std::string& target) {
  return format("http://127.0.0.1:{}{}", server.port(), target);
}

}  // namespace gantry::http::test
