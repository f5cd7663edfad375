#include "tests/images/raw_server.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

namespace gantry::images::test {

bool RawServer::Client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

void RawServer::Client::wait_until_gone() {
  char byte = 0;
  while (recv(socket_.get(), &byte, 1, 0) > 0) continue;
}

std::unique_ptr<RawServer> RawServer::start(Answer answer) {
  std::unique_ptr<RawServer> server(new RawServer);
  server->answer_ = std::move(answer);
  server->listener_ = UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(bind(server->listener_.get(), any, size), 0);
  EXPECT_EQ(listen(server->listener_.get(), 64), 0);
  EXPECT_EQ(getsockname(server->listener_.get(), any, &size), 0);
  server->port_ = ntohs(address.sin_port);
  server->acceptor_ = std::thread([raw = server.get()] { raw->accept_all(); });
  return server;
}

RawServer::~RawServer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const auto& socket : sockets_) shutdown(socket.get(), SHUT_RDWR);
  }
  shutdown(listener_.get(), SHUT_RDWR);  // wakes accept
  acceptor_.join();
  for (auto& thread : threads_) thread.join();
}

void RawServer::accept_all() {
  while (true) {
    UniqueFd socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const std::lock_guard lock(mutex_);
    if (!socket || stopping_) return;
    sockets_.push_back(std::move(socket));
    threads_.emplace_back([this, fd = BorrowedFd(sockets_.back())] { serve(fd); });
  }
}

void RawServer::serve(BorrowedFd socket) {
  std::string head;
  while (head.find("\r\n\r\n") == std::string::npos) {
    char byte = 0;
    if (recv(socket.get(), &byte, 1, 0) <= 0) return;
    head += byte;
  }
  Client client(socket);
  answer_(head, client);
  shutdown(socket.get(), SHUT_RDWR);
}

}  // namespace gantry::images::test
