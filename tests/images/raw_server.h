#pragma once

#include "base/fd.h"

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace gantry::images::test {

// A TCP server on a loopback port that answers requests with whatever bytes a test likes, HTTP or not.
class RawServer {
 public:
  // One request's way back. What is sent reaches a client at once.
  class Client {
   public:
    explicit Client(BorrowedFd socket) : socket_(socket) {}
    bool send(std::string_view bytes);  // false: the client has gone
    void wait_until_gone();             // says nothing more

   private:
    BorrowedFd socket_;
  };
  // Called with each request's head, in a thread for each connection; the connection ends when it returns.
  using Answer = std::function<void(const std::string& head, Client& client)>;

  static std::unique_ptr<RawServer> start(Answer answer);
  ~RawServer();
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  std::string host() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  RawServer() = default;
  void accept_all();
  void serve(BorrowedFd socket);

  Answer answer_;
  UniqueFd listener_;
  uint16_t port_ = 0;
  std::mutex mutex_;
  bool stopping_ = false;
  std::list<UniqueFd> sockets_;
  std::list<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace gantry::images::test
