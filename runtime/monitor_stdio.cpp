#include "runtime/monitor_stdio.h"

#include "base/fd_passing.h"
#include "base/files.h"
#include "base/text.h"

#include <array>
#include <cstring>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace gantry::runtime {

namespace {

constexpr int most_drain_reads = 256;  // of 16 KiB each
constexpr size_t input_high = size_t{64} << 10;

void set_non_blocking(const UniqueFd& fd) {
  fcntl(fd.get(), F_SETFL, fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
}

// The descriptor in the one message of the console socket (runtime-spec's terminal hand-over).
UniqueFd receive_descriptor(const UniqueFd& socket) {
  char name[4096];
  UniqueFd fd;
  receive_with_fd(socket, name, fd);
  return fd;
}

}  // namespace

Result<void> ContainerStdio::open_pipes(bool with_stdin) {
  auto output = TRY(Pipe::make());
  auto errors = TRY(Pipe::make());
  output_ = std::move(output.read);
  errors_ = std::move(errors.read);
  child_output_ = std::move(output.write);
  child_errors_ = std::move(errors.write);
  if (with_stdin) {
    auto input = TRY(Pipe::make());
    input_ = std::move(input.write);
    child_input_ = std::move(input.read);
    TRY(watch_input());
  } else {
    child_input_ = TRY(open_file("/dev/null", O_RDONLY));
  }
  TRY(watch_output(output_, Stream::output));
  return watch_output(errors_, Stream::errors);
}

Result<void> ContainerStdio::watch_input() {
  set_non_blocking(input_);
  return loop_.watch(input_, 0, [this](uint32_t events) {
    (events & EPOLLERR) != 0 ? close_input() : flush_input();  // EPOLLERR: nobody reads it any more
  });
}

Result<void> ContainerStdio::watch_output(const UniqueFd& fd, Stream stream) {
  set_non_blocking(fd);
  auto& member = stream == Stream::output ? output_ : errors_;
  return loop_.watch(fd, EPOLLIN, [this, &member, stream](uint32_t) { read_output(member, stream); });
}

Result<void> ContainerStdio::open_console(const SocketFolder& folder) {
  child_input_ = TRY(open_file("/dev/null", O_RDWR));
  child_output_ = TRY(open_file("/dev/null", O_RDWR));
  child_errors_ = TRY(open_file("/dev/null", O_RDWR));
  console_listener_ = TRY(folder.listen("console.sock", SOCK_STREAM));
  console_path_ = folder.path_of("console.sock");
  return loop_.watch(console_listener_, EPOLLIN, [this](uint32_t) { accept_terminal(); });
}

void ContainerStdio::accept_terminal() {
  const UniqueFd connection(accept4(console_listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!connection) return;
  // The runtime sends at once; this bounds what a stranger on the socket could make us wait.
  const timeval limit{2, 0};
  setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  auto terminal = receive_descriptor(connection);
  if (!terminal || terminal_) return;
  terminal_ = std::move(terminal);
  set_non_blocking(terminal_);
  watch_terminal();
  flush_input();
  loop_.forget(console_listener_);
  console_listener_.reset();
  (void)remove_file(console_path_);
}

void ContainerStdio::watch_terminal() {
  (void)loop_.watch(terminal_, terminal_events(), [this](uint32_t events) {
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read_output(terminal_, Stream::output);
    if (terminal_ && (events & EPOLLOUT) != 0) flush_input();
  });
}

void ContainerStdio::close_child_ends() {
  child_input_.reset();
  child_output_.reset();
  child_errors_.reset();
}

bool ContainerStdio::read_some(UniqueFd& fd, Stream stream) {
  std::array<char, 16384> buffer;  // no more: what was touched stays ours
  const ssize_t length = ::read(fd.get(), buffer.data(), buffer.size());
  if (length > 0) {
    callbacks_.output(stream, {buffer.data(), static_cast<size_t>(length)});
    return true;
  }
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  close_output(fd);  // end-of-file; EIO on a terminal that nobody holds any more
  return false;
}

void ContainerStdio::read_output(UniqueFd& fd, Stream stream) {
  if (fd && !paused_) read_some(fd, stream);
}

void ContainerStdio::close_output(UniqueFd& fd) {
  loop_.forget(fd);
  fd.reset();
  if (!output_ && !errors_ && !terminal_) callbacks_.ended();
}

void ContainerStdio::drain() {
  for (auto* fd : {&output_, &errors_, &terminal_}) {
    const auto stream = fd == &errors_ ? Stream::errors : Stream::output;
    for (int reads = 0; reads < most_drain_reads && *fd && read_some(*fd, stream);) ++reads;
  }
}

// Forgotten, not masked: epoll reports a hang-up also to those who ask for nothing, over and over.
void ContainerStdio::pause_reading(bool pause) {
  if (paused_ == pause) return;
  paused_ = pause;
  for (auto* fd : {&output_, &errors_, &terminal_}) {
    if (!*fd) continue;
    if (pause) {
      loop_.forget(*fd);
    } else if (fd == &terminal_) {
      watch_terminal();
    } else {
      (void)watch_output(*fd, fd == &errors_ ? Stream::errors : Stream::output);
    }
  }
}

uint32_t ContainerStdio::terminal_events() const {
  return uint32_t{EPOLLIN} | (writing_ ? uint32_t{EPOLLOUT} : 0u);
}

void ContainerStdio::write_input(std::string_view data) {
  if (input_ended_) return;
  pending_input_ += data;
  flush_input();
}

void ContainerStdio::end_input() {
  if (!input_) return;
  input_ended_ = true;
  flush_input();
}

void ContainerStdio::flush_input() {
  const auto& end = input_end();
  if (!end) return;
  while (!pending_input_.empty()) {
    const ssize_t length = ::write(end.get(), pending_input_.data(), pending_input_.size());
    if (length < 0 && errno == EINTR) continue;
    if (length < 0 && errno != EAGAIN) return close_input();  // EPIPE: it reads no more
    if (length < 0) break;
    pending_input_.erase(0, static_cast<size_t>(length));
  }
  if (pending_input_.empty() && input_ended_) return close_input();
  writing_ = !pending_input_.empty();
  loop_.change(end, terminal_ ? terminal_events() : (writing_ ? uint32_t{EPOLLOUT} : 0u));
  callbacks_.input_full(pending_input_.size() > input_high);
}

void ContainerStdio::close_input() {
  pending_input_.clear();
  input_ended_ = true;
  if (input_) {
    loop_.forget(input_);
    input_.reset();
    callbacks_.input_closed();
  }
  callbacks_.input_full(false);
}

Result<void> ContainerStdio::resize(uint16_t rows, uint16_t columns) {
  if (!terminal_) return Error(ErrorKind::conflict, "the container has no terminal");
  const winsize size{rows, columns, 0, 0};
  if (ioctl(terminal_.get(), TIOCSWINSZ, &size) != 0) return Error::system(errno, "resize the terminal");
  return {};
}

void ContainerStdio::hand_over(Handover& handover, std::vector<BorrowedFd>& descriptors) const {
  const std::pair<const char*, const UniqueFd*> all[] = {
      {"output", &output_}, {"errors", &errors_}, {"input", &input_}, {"terminal", &terminal_}};
  for (const auto& [name, fd] : all) {
    if (!*fd) continue;
    handover.descriptors.emplace_back(name);
    descriptors.emplace_back(*fd);
  }
  handover.pending_input = base64_encode(pending_input_);
  handover.input_ended = input_ended_;
}

Result<void> ContainerStdio::take_over(const Handover& handover, HandedDescriptors& descriptors) {
  output_ = take(descriptors, "output");
  errors_ = take(descriptors, "errors");
  input_ = take(descriptors, "input");
  terminal_ = take(descriptors, "terminal");
  if (output_) TRY(watch_output(output_, Stream::output));
  if (errors_) TRY(watch_output(errors_, Stream::errors));
  if (input_) TRY(watch_input());
  if (terminal_) watch_terminal();
  input_ended_ = handover.input_ended;
  pending_input_ = TRY(base64_decode(handover.pending_input));
  flush_input();
  return {};
}

void ContainerStdio::close() {
  close_child_ends();
  for (auto* fd : {&input_, &output_, &errors_, &terminal_, &console_listener_}) {
    if (!*fd) continue;
    loop_.forget(*fd);
    fd->reset();
  }
  if (!console_path_.empty()) (void)remove_file(console_path_);
}

}  // namespace gantry::runtime
