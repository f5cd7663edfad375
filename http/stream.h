#pragma once

// Internal to http: a TCP connection, plain or with TLS, as one type, so that all that is built on Beast is
// compiled once. An AsyncStream in Asio's sense; all calls on its loop's thread. Includes Boost.

#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream_base.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/container/static_vector.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace gantry::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
using Code = boost::system::error_code;
// Asio's default type-erased executor costs an indirection on each step; the loop's own doesn't.
using TcpSocket = asio::basic_stream_socket<asio::ip::tcp, asio::io_context::executor_type>;
using Endpoints = asio::ip::tcp::resolver::results_type;

class Stream {
 public:
  using executor_type = asio::io_context::executor_type;

  explicit Stream(TcpSocket socket);
  Stream(TcpSocket socket, asio::ssl::context& tls);
  ~Stream();
  Stream(Stream&& other) noexcept;
  Stream& operator=(Stream&& other) noexcept;

  executor_type get_executor() const;
  TcpSocket& socket();
  bool secure() const;
  // Before a client's handshake: the name it asks for, and whether the certificate must be that host's.
  Code expect_server(const std::string& host, bool verify);

  // The time limit of the operations that start from now on; beyond it they end with beast::error::timeout
  // and the socket is closed.
  void expires_after(std::chrono::milliseconds time);
  void expires_never();
  void close();

  void connect(const Endpoints& endpoints, std::function<void(const Code&)> done);
  // Done at once, in a later step of the loop, when there is no TLS.
  void handshake(asio::ssl::stream_base::handshake_type side, std::function<void(const Code&)> done);

  template <class Buffers, class Handler>
  auto async_read_some(const Buffers& buffers, Handler&& handler) {
    return asio::async_initiate<Handler, void(Code, size_t)>(
        [this](auto&& done, const MutableBuffers& into) { read(into, completion(std::move(done))); }, handler,
        first_of<MutableBuffers>(buffers));
  }
  template <class Buffers, class Handler>
  auto async_write_some(const Buffers& buffers, Handler&& handler) {
    return asio::async_initiate<Handler, void(Code, size_t)>(
        [this](auto&& done, const ConstBuffers& from) { write(from, completion(std::move(done))); }, handler,
        first_of<ConstBuffers>(buffers));
  }
  // Past TLS, what the socket itself brings: to throw it away.
  void read_raw(asio::mutable_buffer into, std::function<void(const Code&, size_t)> done);

 private:
  // Enough for a frame's or a chunk's head and body; a longer sequence is written in several calls.
  static constexpr size_t most_buffers = 8;
  using MutableBuffers = boost::container::static_vector<asio::mutable_buffer, most_buffers>;
  using ConstBuffers = boost::container::static_vector<asio::const_buffer, most_buffers>;

  struct Completion {
    virtual ~Completion() = default;
    virtual void call(const Code& code, size_t size) = 0;
  };
  template <class Handler>
  struct CompletionOf final : Completion {
    explicit CompletionOf(Handler&& from) : handler(std::move(from)) {}
    void call(const Code& code, size_t size) override { handler(code, size); }
    Handler handler;
  };
  struct OnceDone;
  template <class Handler>
  static std::unique_ptr<Completion> completion(Handler&& handler) {
    return std::make_unique<CompletionOf<std::decay_t<Handler>>>(std::forward<Handler>(handler));
  }
  template <class List, class Buffers>
  static List first_of(const Buffers& buffers) {
    List list;
    const auto end = asio::buffer_sequence_end(buffers);
    for (auto at = asio::buffer_sequence_begin(buffers); at != end && list.size() < most_buffers; ++at) {
      list.push_back(*at);
    }
    return list;
  }

  void read(const MutableBuffers& into, std::unique_ptr<Completion> done);
  void write(const ConstBuffers& from, std::unique_ptr<Completion> done);
  void end(beast::role_type role, std::unique_ptr<Completion> done);

  // The two that Beast's websocket looks for by their arguments.
  friend void beast_close_socket(Stream& stream) { stream.close(); }
  template <class Handler>
  friend void async_teardown(beast::role_type role, Stream& stream, Handler&& handler) {
    auto done = [kept = std::decay_t<Handler>(std::forward<Handler>(handler))](
                    const Code& code, size_t) mutable { kept(code); };
    stream.end(role, completion(std::move(done)));
  }

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gantry::http
