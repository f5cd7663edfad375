#include "base/files.h"
#include "http/client.h"
#include "tests/http/raw_connection.h"
#include "tests/http/test_server.h"
#include "tests/support/results.h"
#include "tests/support/wait.h"

#include <fcntl.h>
#include <thread>

namespace gantry::http::test {
namespace {

using std::chrono::milliseconds;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(Server, KeepsTheConnectionForTheNextRequest) {
  const auto server = start_server(std::make_shared<TestHandler>());
  RawConnection connection(server->port());
  for (const std::string body : {"one", "two"}) {
    ASSERT_TRUE(connection.send(format("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n{}", body)));
    const auto answer = connection.receive_until(body);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\nDate: "));
    EXPECT_THAT(answer, EndsWith(body));
  }
}

TEST(Server, AnswersPipelinedRequestsInOrder) {
  const auto server = start_server(std::make_shared<TestHandler>());
  RawConnection connection(server->port());
  const std::string request = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n";
  ASSERT_TRUE(connection.send(request + "a" + request + "b" +
                              "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
  const auto answers = connection.receive_until("Connection: close\r\n\r\n");
  EXPECT_LT(answers.find("\r\n\r\na"), answers.find("\r\n\r\nb"));
  EXPECT_TRUE(connection.closes());
}

TEST(Server, ReadsChunkedBodies) {
  const auto server = start_server(std::make_shared<TestHandler>());
  RawConnection connection(server->port());
  ASSERT_TRUE(connection.send(
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"));
  EXPECT_THAT(connection.receive_until("abcde"), EndsWith("abcde"));
}

TEST(Server, DecodesPathAndQuery) {
  auto handler = std::make_shared<TestHandler>();
  handler->answer = [](Request& request) {
    return Response::text(
        200, format("{}|{}|{}", request.path, *request.parameter("k ey"), request.remote_address));
  };
  const auto server = start_server(handler);
  const auto response = Client().send({.url = url_of(*server, "/a%20b/c?k+ey=v%2F1&z")});
  ASSERT_OK(response);
  EXPECT_THAT(response->body, StartsWith("/a b/c|v/1|127.0.0.1:"));
}

TEST(Server, AsksForTheBodyOnlyOnceItIsWanted) {
  auto handler = std::make_shared<TestHandler>();
  handler->plan = [](const Request& head) -> BodyPlan {
    if (head.path == "/no") return Response::text(401, "who are you?");
    return BufferBody{};
  };
  const auto server = start_server(handler);
  RawConnection wanted(server->port());
  ASSERT_TRUE(
      wanted.send("PUT /yes HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
  EXPECT_EQ(wanted.receive_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(wanted.send("ok"));
  EXPECT_THAT(wanted.receive_until("\r\n\r\nok"), StartsWith("HTTP/1.1 200 OK"));
  RawConnection refused(server->port());
  ASSERT_TRUE(
      refused.send("PUT /no HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
  EXPECT_THAT(refused.receive_until("you?"), StartsWith("HTTP/1.1 401 Unauthorized"));
  EXPECT_TRUE(refused.closes());
}

TEST(Server, StreamsABigBodyIntoASink) {
  auto handler = std::make_shared<TestHandler>();
  handler->plan = [](const Request&) -> BodyPlan { return std::make_shared<CountingSink>(); };
  handler->answer = [](Request& request) {
    return Response::text(200, format("{}", dynamic_cast<CountingSink&>(*request.sink).size.load()));
  };
  ServerOptions options;
  options.max_body_size = 10;  // doesn't hold for sinks
  const auto server = start_server(handler, options);
  const auto response =
      Client().send({.method = "PUT", .url = url_of(*server), .body = std::string(20'000'000, 'x')});
  ASSERT_OK(response);
  EXPECT_EQ(response->body, "20000000");
}

// A sink that keeps what it gets.
struct KeepingSink : BodySink {
  std::string bytes;
  Result<void> write(std::string_view more) override {
    bytes += more;
    return {};
  }
};

std::shared_ptr<TestHandler> keeping_handler() {
  auto handler = std::make_shared<TestHandler>();
  handler->plan = [](const Request& head) -> BodyPlan {
    if (head.method == "GET") return BufferBody{};
    return std::make_shared<KeepingSink>();
  };
  handler->answer = [](Request& request) {
    const auto* sink = dynamic_cast<KeepingSink*>(request.sink.get());
    return Response::text(200, sink == nullptr ? "none" : sink->bytes + "!");
  };
  return handler;
}

TEST(Server, ABodyForASinkEndsWhereTheNextRequestBegins) {
  const auto server = start_server(keeping_handler());
  RawConnection connection(server->port());
  const std::string put = "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: ";
  ASSERT_TRUE(connection.send(put + "5\r\n\r\nfirst" + put + "6\r\n\r\nsecond" + put + "5\r\n\r\nth"));
  const auto answers = connection.receive_until("second!");
  EXPECT_THAT(answers, HasSubstr("\r\n\r\nfirst!HTTP/1.1 200"));
  EXPECT_THAT(answers, EndsWith("\r\n\r\nsecond!"));
  ASSERT_TRUE(connection.send("irdGET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  const auto rest = connection.receive_until("none");
  EXPECT_THAT(rest, HasSubstr("\r\n\r\nthird!HTTP/1.1 200"));
  EXPECT_THAT(rest, EndsWith("\r\n\r\nnone"));
}

TEST(Server, ASlowClientsBodyIsTakenAsLongAsItComes) {
  ServerOptions options;
  options.stall_limit = milliseconds(300);
  const auto server = start_server(keeping_handler(), options);
  RawConnection connection(server->port());
  ASSERT_TRUE(connection.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n"));
  for (const char* piece : {"a", "b", "c", "d", "e", "f", "g", "h"}) {
    std::this_thread::sleep_for(milliseconds(100));
    ASSERT_TRUE(connection.send(piece));
  }
  EXPECT_THAT(connection.receive_until("!"), EndsWith("abcdefgh!"));
  RawConnection stalled(server->port());
  ASSERT_TRUE(stalled.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nabc"));
  EXPECT_TRUE(stalled.closes());
}

TEST(Server, AClientThatLeavesInTheMiddleOfAFileEndsOnlyItsConnection) {
  const auto folder = TemporaryDirectory::make();
  ASSERT_OK(folder);
  const auto path = join_path(folder->path(), "file");
  ASSERT_OK(write_file(path, std::string(64 << 20, 'a')));
  auto handler = std::make_shared<TestHandler>();
  handler->answer = [&](Request& request) {
    if (request.path != "/file") return Response::text(200, "here");
    Response response;
    response.file = FileBody{open_file(path, O_RDONLY).value_or(UniqueFd{}), 0, 64 << 20};
    return response;
  };
  const auto server = start_server(handler);
  for (int i = 0; i < 5; ++i) {
    RawConnection connection(server->port());
    ASSERT_TRUE(connection.send("GET /file HTTP/1.1\r\nHost: x\r\n\r\n"));
    EXPECT_THAT(connection.receive_until("aaaa"), StartsWith("HTTP/1.1 200 OK"));
  }
  EXPECT_EQ(Client().send({.url = url_of(*server)})->body, "here");
}

TEST(Server, StopsInTheMiddleOfDirectTransfers) {
  const auto folder = TemporaryDirectory::make();
  ASSERT_OK(folder);
  const auto path = join_path(folder->path(), "file");
  ASSERT_OK(write_file(path, std::string(64 << 20, 'a')));
  auto handler = keeping_handler();
  handler->answer = [&](Request&) {
    Response response;
    response.file = FileBody{open_file(path, O_RDONLY).value_or(UniqueFd{}), 0, 64 << 20};
    return response;
  };
  auto server = start_server(handler);
  RawConnection down(server->port());
  ASSERT_TRUE(down.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_THAT(down.receive_until("aaaa"), StartsWith("HTTP/1.1 200 OK"));
  RawConnection up(server->port());
  ASSERT_TRUE(up.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nabc"));
  server->stop();
  EXPECT_TRUE(up.closes());
}

TEST(Server, SendsAPartOfAFileAndItsLengthToHead) {
  const auto folder = TemporaryDirectory::make();
  ASSERT_OK(folder);
  const auto path = join_path(folder->path(), "file");
  ASSERT_OK(write_file(path, std::string(700'000, 'a') + std::string(700'000, 'b') + "tail"));
  auto handler = std::make_shared<TestHandler>();
  handler->answer = [&](Request&) {
    Response response;
    response.file = FileBody{open_file(path, O_RDONLY).value_or(UniqueFd{}), 700'000, 700'001};
    return response;
  };
  const auto server = start_server(handler);
  Client client;
  const auto response = client.send({.url = url_of(*server)});
  ASSERT_OK(response);
  EXPECT_TRUE(response->body == std::string(700'000, 'b') + "t") << response->body.size();
  const auto head = client.send({.method = "HEAD", .url = url_of(*server)});
  ASSERT_OK(head);
  EXPECT_EQ(head->headers.get("Content-Length"), "700001");
  EXPECT_EQ(head->body, "");
}

TEST(Server, RefusesOversizedHeadersAndBodies) {
  ServerOptions options;
  options.max_header_size = 8192;
  options.max_body_size = 100;
  const auto server = start_server(std::make_shared<TestHandler>(), options);
  RawConnection header(server->port());
  ASSERT_TRUE(header.send("GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + std::string(9000, 'h') + "\r\n\r\n"));
  EXPECT_THAT(header.receive_until("large\n"), StartsWith("HTTP/1.1 431 "));
  RawConnection body(server->port());
  ASSERT_TRUE(body.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n"));
  EXPECT_THAT(body.receive_until("bytes\n"), StartsWith("HTTP/1.1 413 "));
  RawConnection chunked(server->port());
  ASSERT_TRUE(chunked.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n80\r\n" +
                           std::string(128, 'c') + "\r\n"));
  EXPECT_THAT(chunked.receive_until("bytes\n"), StartsWith("HTTP/1.1 413 "));
}

struct BadRequest {
  const char* name;
  const char* text;
};

TEST(Server, RefusesMalformedRequests) {
  const auto server = start_server(std::make_shared<TestHandler>());
  for (const auto& bad :
       {BadRequest{"no HTTP", "hello\r\n\r\n"}, BadRequest{"no Host", "GET / HTTP/1.1\r\n\r\n"},
        BadRequest{"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
        BadRequest{"bad escape", "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n"},
        BadRequest{"NUL in path", "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n"},
        BadRequest{"two lengths",
                   "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"},
        BadRequest{
            "smuggling",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        BadRequest{"bad chunk", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}}) {
    RawConnection connection(server->port());
    ASSERT_TRUE(connection.send(bad.text));
    EXPECT_THAT(connection.receive_until("\n\n"), StartsWith("HTTP/1.1 400 Bad Request")) << bad.name;
  }
}

TEST(Server, ClosesOnClientsThatDribble) {
  ServerOptions options;
  options.header_limit = milliseconds(200);
  options.stall_limit = milliseconds(200);
  const auto server = start_server(std::make_shared<TestHandler>(), options);
  RawConnection silent(server->port());
  RawConnection half_head(server->port());
  RawConnection half_body(server->port());
  ASSERT_TRUE(half_head.send("GET / HTTP/1.1\r\nHost:"));
  ASSERT_TRUE(half_body.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"));
  EXPECT_TRUE(silent.closes());
  EXPECT_TRUE(half_head.closes());
  EXPECT_TRUE(half_body.closes());
}

TEST(Server, TurnsAHandlersExceptionInto500) {
  auto handler = std::make_shared<TestHandler>();
  handler->answer = [](Request&) -> Response { throw std::runtime_error("boom"); };
  const auto server = start_server(handler);
  const auto response = Client().send({.url = url_of(*server)});
  ASSERT_OK(response);
  EXPECT_EQ(response->status, 500);
  EXPECT_THAT(response->body, Not(HasSubstr("boom")));
}

TEST(Server, StopsWhileRequestsRunAndConnectionsIdle) {
  auto handler = std::make_shared<TestHandler>();
  std::atomic<bool> running = false;
  std::atomic<bool> release = false;
  handler->answer = [&](Request&) {
    running = true;
    EXPECT_TRUE(gantry::test::wait_until([&] { return release.load(); }));
    return Response::text(200, "late");
  };
  auto server = start_server(handler);
  RawConnection idle(server->port());
  RawConnection busy(server->port());
  ASSERT_TRUE(busy.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  ASSERT_TRUE(gantry::test::wait_until([&] { return running.load(); }));
  std::thread stopper([&] { server->stop(); });
  EXPECT_TRUE(idle.closes());
  release = true;
  EXPECT_THAT(busy.receive_until("late"), EndsWith("late"));
  stopper.join();
  EXPECT_FALSE(RawConnection(server->port()).connected());
}

TEST(Server, ServesFurtherClientsWhenTheLimitOfConnectionsEases) {
  ServerOptions options;
  options.max_connections = 1;
  const auto server = start_server(std::make_shared<TestHandler>(), options);
  auto first = std::make_unique<RawConnection>(server->port());
  ASSERT_TRUE(first->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_THAT(first->receive_until("\r\n\r\n"), StartsWith("HTTP/1.1 200"));
  RawConnection second(server->port());
  ASSERT_TRUE(second.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_EQ(second.receive_until("\r\n\r\n", milliseconds(100)), "");
  first.reset();
  EXPECT_THAT(second.receive_until("\r\n\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST(Server, NamesAnAddressInUse) {
  const auto server = start_server(std::make_shared<TestHandler>());
  ServerOptions options;
  options.port = server->port();
  EXPECT_ERROR(Server::start(options, std::make_shared<TestHandler>()), ErrorKind::system,
               HasSubstr(format("listen on 127.0.0.1 port {}: Address already in use", server->port())));
}

}  // namespace
}  // namespace gantry::http::test
