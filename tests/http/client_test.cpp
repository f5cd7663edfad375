#include "http/client.h"

#include "base/files.h"
#include "tests/http/test_server.h"
#include "tests/support/results.h"

#include <fcntl.h>
#include <thread>

namespace gantry::http::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

struct StringSink : BodySink {
  std::string text;
  Result<void> write(std::string_view bytes) override {
    text += bytes;
    return {};
  }
};

struct FullSink : BodySink {
  Result<void> write(std::string_view) override { return Error(ErrorKind::system, "disk is full"); }
};

TEST(Client, ReusesItsConnection) {
  auto handler = std::make_shared<TestHandler>();
  handler->answer = [](Request& request) { return Response::text(200, request.remote_address); };
  const auto server = start_server(handler);
  Client client;
  const auto first = client.send({.url = url_of(*server)});
  const auto second = client.send({.url = url_of(*server)});
  ASSERT_OK(first);
  ASSERT_OK(second);
  EXPECT_EQ(first->body, second->body);
}

TEST(Client, SendsNoContentTypeOfItsOwn) {
  auto handler = std::make_shared<TestHandler>();
  handler->answer = [](Request& request) {
    return Response::text(200, request.headers.get("Content-Type", "none"));
  };
  const auto server = start_server(handler);
  const auto response = Client().send({.method = "POST", .url = url_of(*server), .body = "x"});
  ASSERT_OK(response);
  EXPECT_EQ(response->body, "none");
}

TEST(Client, UploadsAPartOfAFile) {
  const auto folder = TemporaryDirectory::make();
  ASSERT_OK(folder);
  const auto path = join_path(folder->path(), "file");
  ASSERT_OK(write_file(path, "0123456789"));
  const auto server = start_server(std::make_shared<TestHandler>());
  ClientRequest request{.method = "PUT", .url = url_of(*server)};
  auto file = open_file(path, O_RDONLY);
  ASSERT_OK(file);
  request.upload = FileBody{std::move(*file), 3, 4};
  uint64_t sent = 0;
  const auto response = Client().send(request, {.on_sent = [&](uint64_t bytes) { sent = bytes; }});
  ASSERT_OK(response);
  EXPECT_EQ(response->body, "3456");
  EXPECT_EQ(sent, 4u);
}

TEST(Client, StreamsGoodAnswersIntoTheSinkAndKeepsErrors) {
  auto handler = std::make_shared<TestHandler>();
  handler->answer = [](Request& request) {
    return Response::text(request.path == "/bad" ? 404 : 200, "content");
  };
  const auto server = start_server(handler);
  StringSink sink;
  int status = 0;
  SendOptions options{.sink = &sink, .on_head = [&](const Response& head) -> Result<void> {
                        status = head.status;
                        return {};
                      }};
  ASSERT_OK(Client().send({.url = url_of(*server)}, options));
  EXPECT_EQ(sink.text, "content");
  EXPECT_EQ(status, 200);
  const auto bad = Client().send({.url = url_of(*server, "/bad")}, options);
  ASSERT_OK(bad);
  EXPECT_EQ(bad->body, "content");
  EXPECT_EQ(sink.text, "content");
}

TEST(Client, ReturnsTheSinksOwnError) {
  auto handler = std::make_shared<TestHandler>();
  handler->answer = [](Request&) { return Response::text(200, "content"); };
  const auto server = start_server(handler);
  FullSink sink;
  EXPECT_ERROR(Client().send({.url = url_of(*server, "/x?secret=1")}, {.sink = &sink}), ErrorKind::system,
               AllOf(HasSubstr("/x: disk is full"), Not(HasSubstr("secret"))));
}

TEST(Client, LimitsWhatItKeepsInMemory) {
  auto handler = std::make_shared<TestHandler>();
  handler->answer = [](Request&) { return Response::text(200, "content"); };
  const auto server = start_server(handler);
  EXPECT_ERROR(Client().send({.url = url_of(*server)}, {.max_body_size = 6}), ErrorKind::invalid,
               HasSubstr("longer than 6 bytes"));
}

TEST(Client, FollowsRedirectsWithoutTellingOthersTheSecret) {
  auto other_handler = std::make_shared<TestHandler>();
  other_handler->answer = [](Request& request) {
    return Response::text(200, request.path + " " + request.headers.get("Authorization", "none"));
  };
  const auto other = start_server(other_handler);
  auto handler = std::make_shared<TestHandler>();
  handler->answer = [&](Request& request) {
    auto response = Response::text(307, "");
    response.headers.set("Location", request.path == "/other" ? url_of(*other, "/there") : "/here");
    if (request.path == "/here") response = Response::text(200, request.headers.get("Authorization", "none"));
    if (request.path == "/loop") response.headers.set("Location", "/loop");
    return response;
  };
  const auto server = start_server(handler);
  const auto get = [&](const std::string& path, int most) {
    return Client().send({.url = url_of(*server, path), .headers = {{"Authorization", "secret"}}},
                         {.max_redirects = most});
  };
  const auto unfollowed = get("/other", 0);
  ASSERT_OK(unfollowed);
  EXPECT_EQ(unfollowed->status, 307);
  const auto same = get("/same", 3);
  ASSERT_OK(same);
  EXPECT_EQ(same->body, "secret");
  const auto foreign = get("/other", 3);
  ASSERT_OK(foreign);
  EXPECT_EQ(foreign->body, "/there none");
  EXPECT_ERROR(get("/loop", 3), ErrorKind::invalid, HasSubstr("more than 3 redirects"));
}

TEST(Client, TellsWhyThereIsNoAnswer) {
  auto server = start_server(std::make_shared<TestHandler>());
  const auto url = url_of(*server);
  server->stop();
  EXPECT_ERROR(Client().send({.url = url}), ErrorKind::unavailable, HasSubstr("GET " + url));
  EXPECT_ERROR(Client().send({.url = "gopher://x"}), ErrorKind::invalid, HasSubstr("scheme"));
  EXPECT_ERROR(Client().send({.url = url, .headers = {{"A", "b\r\nC: d"}}}), ErrorKind::invalid,
               HasSubstr("line breaks"));
}

TEST(Client, GivesUpOnASilentServer) {
  auto handler = std::make_shared<TestHandler>();
  std::atomic<bool> release = false;
  handler->answer = [&](Request&) {
    while (!release) std::this_thread::yield();
    return Response::text(200, "");
  };
  const auto server = start_server(handler);
  EXPECT_ERROR(Client().send({.url = url_of(*server)}, {.limit = std::chrono::milliseconds(100)}),
               ErrorKind::timeout, HasSubstr("timed out"));
  release = true;
}

TEST(Client, IsSharedByThreads) {
  const auto server = start_server(std::make_shared<TestHandler>());
  Client client;
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      for (int j = 0; j < 20; ++j) {
        const auto body = format("{}-{}", i, j);
        const auto response = client.send({.method = "POST", .url = url_of(*server), .body = body});
        if (response && response->body == body) ++good;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 160);
}

}  // namespace
}  // namespace gantry::http::test
