#include "http/stream.h"

#include <boost/asio/post.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/beast/websocket/teardown.hpp>
#include <variant>

namespace gantry::http {
namespace {

using Plain = beast::basic_stream<asio::ip::tcp, asio::io_context::executor_type>;
using Tls = asio::ssl::stream<Plain>;

}  // namespace

struct Stream::Impl {
  std::variant<Plain, Tls> stream;

  Plain& lowest() {
    auto* tls = std::get_if<Tls>(&stream);
    return tls != nullptr ? tls->next_layer() : std::get<Plain>(stream);
  }
};

// A completion as Asio moves it about.
struct Stream::OnceDone {
  std::unique_ptr<Completion> done;
  void operator()(const Code& code, size_t size = 0) const { done->call(code, size); }
};

Stream::Stream(TcpSocket socket)
    : impl_(new Impl{std::variant<Plain, Tls>(std::in_place_type<Plain>, std::move(socket))}) {}

Stream::Stream(TcpSocket socket, asio::ssl::context& tls)
    : impl_(new Impl{std::variant<Plain, Tls>(std::in_place_type<Tls>, Plain(std::move(socket)), tls)}) {}

Stream::~Stream() = default;
Stream::Stream(Stream&&) noexcept = default;
Stream& Stream::operator=(Stream&&) noexcept = default;

Stream::executor_type Stream::get_executor() const {
  return impl_->lowest().get_executor();
}

TcpSocket& Stream::socket() {
  return impl_->lowest().socket();
}

bool Stream::secure() const {
  return std::holds_alternative<Tls>(impl_->stream);
}

Code Stream::expect_server(const std::string& host, bool verify) {
  auto& tls = std::get<Tls>(impl_->stream);
  SSL_set_tlsext_host_name(tls.native_handle(), host.c_str());
  Code code;
  if (verify) tls.set_verify_callback(asio::ssl::host_name_verification(host), code);
  return code;
}

void Stream::expires_after(std::chrono::milliseconds time) {
  impl_->lowest().expires_after(time);
}

void Stream::expires_never() {
  impl_->lowest().expires_never();
}

void Stream::close() {
  impl_->lowest().close();
}

void Stream::connect(const Endpoints& endpoints, std::function<void(const Code&)> done) {
  impl_->lowest().async_connect(endpoints,
                                [done = std::move(done)](const Code& code, const auto&) { done(code); });
}

void Stream::handshake(asio::ssl::stream_base::handshake_type side, std::function<void(const Code&)> done) {
  if (auto* tls = std::get_if<Tls>(&impl_->stream)) return tls->async_handshake(side, std::move(done));
  asio::post(get_executor(), [done = std::move(done)] { done({}); });
}

void Stream::read_raw(asio::mutable_buffer into, std::function<void(const Code&, size_t)> done) {
  impl_->lowest().async_read_some(into, std::move(done));
}

void Stream::read(const MutableBuffers& into, std::unique_ptr<Completion> done) {
  std::visit([&](auto& stream) { stream.async_read_some(into, OnceDone{std::move(done)}); }, impl_->stream);
}

void Stream::write(const ConstBuffers& from, std::unique_ptr<Completion> done) {
  std::visit([&](auto& stream) { stream.async_write_some(from, OnceDone{std::move(done)}); }, impl_->stream);
}

void Stream::end(beast::role_type role, std::unique_ptr<Completion> done) {
  using beast::websocket::async_teardown;
  std::visit([&](auto& stream) { async_teardown(role, stream, OnceDone{std::move(done)}); }, impl_->stream);
}

}  // namespace gantry::http
