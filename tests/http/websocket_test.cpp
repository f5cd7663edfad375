#include "base/files.h"
#include "base/text.h"
#include "http/credentials_file.h"
#include "http/sigv4.h"
#include "tests/http/raw_connection.h"
#include "tests/http/test_server.h"
#include "tests/support/results.h"
#include "tests/support/wait.h"

#include <arpa/inet.h>
#include <openssl/sha.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace gantry::http::test {
namespace {

using gantry::test::wait_until;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

// Echoes, and obeys "close" and "flood".
struct Echo : WebSocketHandler {
  std::shared_ptr<WebSocket> socket;
  std::mutex mutex;
  std::optional<CloseReason> closed;

  void on_open(std::shared_ptr<WebSocket> opened) override { socket = std::move(opened); }
  void on_message(std::string text) override {
    if (text == "close") return socket->close(1008, "as you wish");
    if (text == "flood") {
      for (int i = 0; i < 1000; ++i) socket->send(std::string(100'000, 'f'));
      return;
    }
    socket->send("echo " + text);
  }
  void on_close(const CloseReason& reason) override {
    const std::lock_guard lock(mutex);
    closed = reason;
    socket = nullptr;
  }
  bool is_closed() {
    const std::lock_guard lock(mutex);
    return closed.has_value();
  }
};

// A server of one connection that upgrades it and then breaks it off, as one does that is killed.
class VanishingServer {
 public:
  VanishingServer() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_.get(), 1), 0);
    EXPECT_EQ(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    url_ = format("http://127.0.0.1:{}/ws", ntohs(address.sin_port));
    thread_ = std::thread([this] { serve(); });
  }
  VanishingServer(const VanishingServer&) = delete;
  VanishingServer& operator=(const VanishingServer&) = delete;
  ~VanishingServer() { thread_.join(); }
  const std::string& url() const { return url_; }

 private:
  void serve() {
    const UniqueFd peer(::accept(listener_.get(), nullptr, nullptr));
    std::string request;
    char byte = 0;
    while (request.find("\r\n\r\n") == std::string::npos && ::read(peer.get(), &byte, 1) == 1)
      request += byte;
    const std::string name = "Sec-WebSocket-Key: ";
    const auto at = request.find(name) + name.size();
    const auto key = request.substr(at, request.find('\r', at) - at) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char digest[20];
    ::SHA1(reinterpret_cast<const unsigned char*>(key.data()), key.size(), digest);
    const std::string accept = base64_encode({reinterpret_cast<char*>(digest), sizeof digest});
    EXPECT_OK(write_all(peer,
                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Accept: " +
                            accept + "\r\n\r\n"));
  }

  UniqueFd listener_;
  std::string url_;
  std::thread thread_;
};

class WebSockets : public testing::Test {
 protected:
  void start(ServerOptions options = {}) {
    handler_->open = [this](const Request& request) -> Upgrade {
      if (request.path != "/ws") return Response::json(400, "{\"InvalidClusterException\":\"no\"}");
      return echo_;
    };
    server_ = start_server(handler_, options);
  }
  std::unique_ptr<WebSocketClient> connect(milliseconds idle = seconds(60)) {
    auto client = WebSocketClient::connect({.url = url_of(*server_, "/ws?a=b"), .idle_limit = idle});
    EXPECT_OK(client);
    return client ? std::move(*client) : nullptr;
  }

  std::shared_ptr<Echo> echo_ = std::make_shared<Echo>();
  std::shared_ptr<TestHandler> handler_ = std::make_shared<TestHandler>();
  std::unique_ptr<Server> server_;
};

TEST_F(WebSockets, CarryMessagesBothWays) {
  start();
  const auto client = connect();
  for (const auto& text : {std::string("hello"), std::string(1'000'000, 'x')}) {
    ASSERT_OK(client->send(text));
    const auto answer = client->receive(seconds(10));
    ASSERT_OK(answer);
    EXPECT_TRUE(*answer == "echo " + text);
  }
  EXPECT_ERROR(client->receive(milliseconds(20)), ErrorKind::timeout, HasSubstr("no message"));
  ASSERT_OK(client->send("still there"));
  EXPECT_OK(client->receive(seconds(10)));
}

TEST_F(WebSockets, AreClosedByTheServerWithItsReason) {
  start();
  const auto client = connect();
  ASSERT_OK(client->send("close"));
  EXPECT_ERROR(client->receive(seconds(10)), ErrorKind::unavailable, HasSubstr("1008 as you wish"));
  ASSERT_TRUE(client->closed().has_value());
  EXPECT_EQ(client->closed()->code, 1008);
  EXPECT_ERROR(client->send("x"), ErrorKind::unavailable, HasSubstr("closed"));
  EXPECT_TRUE(wait_until([&] { return echo_->is_closed(); }));
}

TEST_F(WebSockets, AreClosedByTheClientWithItsReason) {
  start();
  const auto client = connect();
  ASSERT_OK(client->send("x"));
  client->close(1000, "ConnectionExpired: Reconnect to continue");
  ASSERT_TRUE(wait_until([&] { return echo_->is_closed(); }));
  EXPECT_EQ(echo_->closed->code, 1000);
  EXPECT_EQ(echo_->closed->text, "ConnectionExpired: Reconnect to continue");
}

TEST_F(WebSockets, RefusalsKeepStatusAndBody) {
  start();
  Response refusal;
  EXPECT_ERROR(WebSocketClient::connect({.url = url_of(*server_, "/other")}, &refusal), ErrorKind::denied,
               HasSubstr("InvalidClusterException"));
  EXPECT_EQ(refusal.status, 400);
  EXPECT_EQ(refusal.body, "{\"InvalidClusterException\":\"no\"}");
}

TEST_F(WebSockets, CarryASignature) {
  MemoryCredentialStore store;
  const Credentials keys{"AK", Secret("sk"), {}, {}};
  store.add(keys);
  SystemClock clock;
  const SigV4Verifier verifier(store, {"us-east-1", {"ecs"}, std::chrono::minutes(5)}, clock);
  start();
  handler_->open = [&](const Request& request) -> Upgrade {
    const auto identity = verifier.verify(request);
    if (!identity) return Response::text(403, identity.error().name);
    return echo_;
  };
  const auto url = url_of(*server_, "/ws?containerInstanceArn=arn%3Aaws&v=Docker%3A+25");
  EXPECT_ERROR(WebSocketClient::connect({.url = url}), ErrorKind::denied,
               HasSubstr("MissingAuthenticationToken"));
  const auto headers = sign_upgrade(url, keys, "us-east-1", "ecs", clock.now());
  ASSERT_OK(headers);
  EXPECT_OK(WebSocketClient::connect({.url = url, .headers = *headers}));
}

TEST_F(WebSockets, EndWith1001WhenTheServerStops) {
  start();
  const auto client = connect();
  ASSERT_OK(client->send("x"));
  ASSERT_OK(client->receive(seconds(10)));
  server_->stop();  // closes with 1001
  EXPECT_ERROR(client->receive(seconds(10)), ErrorKind::unavailable, HasSubstr("1001 server stops"));
  EXPECT_TRUE(echo_->is_closed());
}

TEST_F(WebSockets, EndWith1006AndAreSoonGoneWhenTheServerVanishes) {
  VanishingServer server;
  auto client = WebSocketClient::connect({.url = server.url(), .idle_limit = seconds(60)});
  ASSERT_OK(client);
  EXPECT_ERROR((*client)->receive(seconds(10)), ErrorKind::unavailable, HasSubstr("1006"));
  const auto begin = std::chrono::steady_clock::now();
  client->reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(3)) << "it waits for the idle timer";
}

TEST_F(WebSockets, ArePingedWhileIdleAndCutWhenThePeerIsDead) {
  ServerOptions options;
  options.websocket_idle_limit = milliseconds(300);
  start(options);
  const auto client = connect();
  RawConnection dead(server_->port());
  ASSERT_TRUE(
      dead.send("GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"));
  EXPECT_THAT(dead.receive_until("\r\n\r\n"), HasSubstr("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
  EXPECT_TRUE(dead.closes());  // it answered no ping
  EXPECT_FALSE(client->closed().has_value());
}

TEST_F(WebSockets, ThatDoNotReadAreCutOff) {
  ServerOptions options;
  options.max_websocket_backlog = 1'000'000;
  start(options);
  RawConnection lazy(server_->port());
  ASSERT_TRUE(
      lazy.send("GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"));
  ASSERT_THAT(lazy.receive_until("\r\n\r\n"), HasSubstr("101"));
  ASSERT_TRUE(lazy.send(std::string("\x81\x85\0\0\0\0", 6) + "flood"));
  EXPECT_TRUE(wait_until([&] { return echo_->is_closed(); }));
}

TEST_F(WebSockets, NeedNoThreadOfTheServersEach) {
  start();
  handler_->open = [](const Request&) -> Upgrade { return std::make_shared<Echo>(); };
  std::vector<std::unique_ptr<RawConnection>> many;
  for (int i = 0; i < 300; ++i) {
    many.push_back(std::make_unique<RawConnection>(server_->port()));
    ASSERT_TRUE(many.back()->send(
        "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"));
  }
  for (const auto& one : many)
    ASSERT_THAT(one->receive_until("\r\n\r\n"), HasSubstr("101 Switching Protocols"));
  for (const auto& one : many) {
    ASSERT_TRUE(one->send(std::string("\x81\x82\0\0\0\0", 6) + "hi"));
    ASSERT_THAT(one->receive_until("hi"), HasSubstr("echo hi"));
  }
}

}  // namespace
}  // namespace gantry::http::test
