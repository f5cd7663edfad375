#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "runtime/monitor_handover.h"
#include "runtime/monitor_log.h"
#include "runtime/monitor_loop.h"
#include "runtime/monitor_socket.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace gantry::runtime {

// One run's stdio, on the monitor's side: pipes, or the terminal that the runtime hands over.
class ContainerStdio {
 public:
  struct Callbacks {
    std::function<void(Stream, std::string_view)> output;
    std::function<void()> ended;         // all output has been read
    std::function<void()> input_closed;  // who else holds it must let go, or the container sees no end
    std::function<void(bool)>
        input_full;  // the container doesn't take its input: hold it back; or it does again
  };

  ContainerStdio(EventLoop& loop, Callbacks callbacks) : loop_(loop), callbacks_(std::move(callbacks)) {}
  ContainerStdio(const ContainerStdio&) = delete;
  ContainerStdio& operator=(const ContainerStdio&) = delete;
  ~ContainerStdio() { close(); }

  Result<void> open_pipes(bool with_stdin);
  // Listens on console.sock for the one message with the terminal; `path()` goes to --console-socket.
  Result<void> open_console(const SocketFolder& folder);
  const std::string& console_path() const { return console_path_; }

  // For the runtime to inherit.
  BorrowedFd child_input() const { return child_input_; }
  BorrowedFd child_output() const { return child_output_; }
  BorrowedFd child_errors() const { return child_errors_; }
  void close_child_ends();  // or end-of-file is never seen

  void write_input(std::string_view data);
  void end_input();  // after what is waiting; a terminal has no end
  void pause_reading(bool pause);
  Result<void> resize(uint16_t rows, uint16_t columns);
  // What another monitor needs to go on: always the descriptors, and what waits for the container.
  void hand_over(Handover& handover, std::vector<BorrowedFd>& descriptors) const;
  Result<void> take_over(const Handover& handover, HandedDescriptors& descriptors);
  // Some of its output may still come.
  bool has_output() const { return output_ || errors_ || terminal_; }
  // Reads what is there now, without waiting; no more than a few MiB, should somebody write for ever.
  void drain();
  void close();

 private:
  Result<void> watch_input();
  Result<void> watch_output(const UniqueFd& fd, Stream stream);
  void accept_terminal();
  void watch_terminal();
  bool read_some(UniqueFd& fd, Stream stream);
  void read_output(UniqueFd& fd, Stream stream);
  void close_output(UniqueFd& fd);
  void flush_input();
  void close_input();
  const UniqueFd& input_end() const { return terminal_ ? terminal_ : input_; }
  uint32_t terminal_events() const;

  EventLoop& loop_;
  Callbacks callbacks_;
  UniqueFd child_input_, child_output_, child_errors_;
  UniqueFd input_, output_, errors_;
  UniqueFd console_listener_, terminal_;
  std::string console_path_;
  std::string pending_input_;
  bool input_ended_ = false;
  bool paused_ = false;
  bool writing_ = false;
};

}  // namespace gantry::runtime
