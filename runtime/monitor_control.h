#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "runtime/monitor_loop.h"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace gantry::runtime {

// control.sock: one request a packet, one answer a packet. monitor_files.h lists the requests.
class ControlServer {
 public:
  struct Callbacks {
    std::function<void()> stop;
    std::function<Result<void>(uint16_t rows, uint16_t columns)> resize;
    std::function<Result<void>()> reopen_log;
    // Answered later, by answer(), or by the monitor that comes after this one. `connection` is another
    // descriptor of it, so that whoever hangs up meanwhile doesn't leave its number to another file.
    std::function<void(const std::string& program, UniqueFd connection)> upgrade;
  };

  ControlServer(EventLoop& loop, Callbacks callbacks) : loop_(loop), callbacks_(std::move(callbacks)) {}
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  Result<void> listen(UniqueFd listener);
  BorrowedFd listener() const { return listener_; }
  // Lost, when the other side has hung up.
  void answer(BorrowedFd connection, const Result<void>& done);
  // Of the monitor before this one, whose request has come to this end.
  void take_over_answered(UniqueFd connection, const Result<void>& done);

 private:
  void accept();
  Result<void> add(UniqueFd connection);
  void on_request(BorrowedFd connection);
  Result<void> handle(std::string_view request);
  Result<void> resize(std::string_view size);

  EventLoop& loop_;
  Callbacks callbacks_;
  UniqueFd listener_;
  std::map<int, UniqueFd> connections_;  // by descriptor
};

}  // namespace gantry::runtime
