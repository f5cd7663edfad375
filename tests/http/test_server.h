#pragma once

#include "http/server.h"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace gantry::http::test {

// A handler made of functions; by default it answers with the request's body.
struct TestHandler : Handler {
  std::function<BodyPlan(const Request&)> plan = [](const Request&) -> BodyPlan { return BufferBody{}; };
  std::function<Response(Request&)> answer = [](Request& request) {
    return Response::text(200, request.body);
  };
  std::function<Upgrade(const Request&)> open = [](const Request&) -> Upgrade {
    return Response::text(404, "no");
  };

  BodyPlan plan_body(const Request& head) override { return plan(head); }
  Response handle(Request& request) override { return answer(request); }
  Upgrade upgrade(const Request& request) override { return open(request); }
};

struct CountingSink : BodySink {
  std::atomic<uint64_t> size = 0;
  Result<void> write(std::string_view bytes) override {
    size += bytes.size();
    return {};
  }
};

// Starts or aborts the test program: a test can't go on without its server.
std::unique_ptr<Server> start_server(std::shared_ptr<Handler> handler, ServerOptions options = {});
std::string url_of(const Server& server, const std::string& target = "/");

}  // namespace gantry::http::test
