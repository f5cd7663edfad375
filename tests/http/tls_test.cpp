#include "base/files.h"
#include "base/process.h"
#include "http/client.h"
#include "tests/http/test_server.h"
#include "tests/support/results.h"

namespace gantry::http::test {
namespace {

using testing::HasSubstr;

struct SecureEcho : WebSocketHandler {
  std::shared_ptr<WebSocket> socket;
  void on_open(std::shared_ptr<WebSocket> opened) override { socket = std::move(opened); }
  void on_message(std::string text) override { socket->send("echo " + text); }
  void on_close(const CloseReason&) override { socket = nullptr; }
};

class Tls : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(folder_);
    ASSERT_OK(make_certificate());
    handler_->open = [](const Request&) -> Upgrade { return std::make_shared<SecureEcho>(); };
    handler_->answer = [](Request& request) {
      return Response::text(request.secure ? 200 : 500, request.method == "PUT"
                                                            ? format("{}", request.body.size())
                                                            : std::string(3'000'000, 'x'));
    };
    ServerOptions options;
    options.certificate_file = certificate();
    options.key_file = key();
    options.max_body_size = 10'000'000;
    server_ = start_server(handler_, options);
  }
  Result<void> make_certificate() {
    TRY(check_command(
        {.arguments = {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                       "-nodes", "-days", "2", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1",
                       "-keyout", key(), "-out", certificate()}}));
    return {};
  }
  std::string key() { return join_path(folder_->path(), "key.pem"); }
  std::string certificate() { return join_path(folder_->path(), "cert.pem"); }
  std::string url(const std::string& scheme) { return format("{}://127.0.0.1:{}/", scheme, server_->port()); }

  Result<TemporaryDirectory> folder_ = TemporaryDirectory::make();
  std::shared_ptr<TestHandler> handler_ = std::make_shared<TestHandler>();
  std::unique_ptr<Server> server_;
};

TEST_F(Tls, ServesClientsThatTrustTheCertificate) {
  Client trusting({.ca_file = certificate()});
  const auto big = trusting.send({.url = url("https")});
  ASSERT_OK(big);
  EXPECT_EQ(big->status, 200);
  EXPECT_EQ(big->body.size(), 3'000'000u);
  const auto upload =
      trusting.send({.method = "PUT", .url = url("https"), .body = std::string(5'000'000, 'y')});
  ASSERT_OK(upload);
  EXPECT_EQ(upload->body, "5000000");
  EXPECT_ERROR(Client().send({.url = url("https")}), ErrorKind::denied, HasSubstr("certificate"));
}

TEST_F(Tls, TakesANewCertificateForNewConnectionsOnly) {
  Client old_one({.ca_file = certificate() + ".old"});
  ASSERT_OK(write_file(certificate() + ".old", read_file(certificate()).value()));
  ASSERT_OK(old_one.send({.url = url("https")}));
  ASSERT_OK(write_file(certificate(), "no certificate"));
  EXPECT_ERROR(server_->reload_certificate(), ErrorKind::invalid, HasSubstr("TLS certificate"));
  EXPECT_OK(Client({.ca_file = certificate() + ".old"}).send({.url = url("https")}));
  ASSERT_OK(make_certificate());
  ASSERT_OK(server_->reload_certificate());
  EXPECT_OK(Client({.ca_file = certificate()}).send({.url = url("https")}));
  EXPECT_FALSE(Client({.ca_file = certificate() + ".old"}).send({.url = url("https")}));
  EXPECT_OK(old_one.send({.url = url("https")}));  // its connection is there already
}

TEST_F(Tls, CarriesWebsockets) {
  const auto client = WebSocketClient::connect({.url = url("wss"), .ca_file = certificate()});
  ASSERT_OK(client);
  ASSERT_OK((*client)->send(std::string(200'000, 'z')));
  const auto answer = (*client)->receive(std::chrono::seconds(10));
  ASSERT_OK(answer);
  EXPECT_EQ(answer->size(), 200'005u);
  EXPECT_ERROR(WebSocketClient::connect({.url = url("wss")}), ErrorKind::unavailable,
               HasSubstr("TLS handshake"));
}

TEST_F(Tls, RefusesCertificatesThatDoNotFit) {
  ServerOptions options;
  options.certificate_file = certificate();
  options.key_file = certificate();
  EXPECT_ERROR(Server::start(options, handler_), ErrorKind::invalid, HasSubstr("TLS key"));
  options.certificate_file = key() + ".none";
  EXPECT_ERROR(Server::start(options, handler_), ErrorKind::invalid, HasSubstr(".none"));
}

}  // namespace
}  // namespace gantry::http::test
