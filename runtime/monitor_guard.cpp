#include "runtime/monitor_guard.h"

#include "base/files.h"
#include "base/text.h"

#include <array>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace gantry::runtime {

namespace {

constexpr size_t most_descriptors = 251;  // SCM_MAX_FD is 253
constexpr size_t longest_program = 4096;

Result<UniqueFd> memory_file(const std::string& text) {
  UniqueFd file(memfd_create("handover", MFD_CLOEXEC));
  if (!file) return Error::system(errno, "make a memory file");
  TRY(write_all(file, text));
  return file;
}

std::vector<UniqueFd> take_descriptors(const msghdr& message) {
  std::vector<UniqueFd> taken;
  for (auto* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(const_cast<msghdr*>(&message), header)) {  // NOLINT: the macro's type
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    std::vector<int> numbers(count);
    std::memcpy(numbers.data(), CMSG_DATA(header), count * sizeof(int));
    for (const int number : numbers) taken.emplace_back(number);
  }
  return taken;
}

}  // namespace

Result<GuardLink> GuardLink::make() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
    return Error::system(errno, "make the link to the guard");
  }
  return GuardLink(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

Result<GuardLink> GuardLink::inherit(const std::string& numbers) {
  const auto words = split(numbers, ',');
  if (words.size() != 2) return Error::make(ErrorKind::invalid, "must be two descriptors: N,M");
  UniqueFd ends[2];
  for (const size_t i : {size_t{0}, size_t{1}}) {
    const auto fd = static_cast<int>(TRY(parse_unsigned("descriptor", words[i], 1 << 20)));
    if (fd < 3 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
      return Error::make(ErrorKind::invalid, "descriptor {} isn't open, or is one of 0 to 2", fd);
    }
    ends[i] = UniqueFd(fd);
  }
  return GuardLink(std::move(ends[0]), std::move(ends[1]));
}

Result<void> GuardLink::stash(const std::string& program, const std::string& text,
                              const std::vector<BorrowedFd>& descriptors) {
  const auto file = TRY(memory_file(text));
  std::vector<int> numbers = {file.get()};
  for (const auto& fd : descriptors) numbers.push_back(fd.get());
  if (numbers.size() > most_descriptors) {
    return Error::make(ErrorKind::invalid, "{} descriptors are too many for a message", numbers.size());
  }
  std::vector<char> control(CMSG_SPACE(numbers.size() * sizeof(int)));
  iovec part{const_cast<char*>(program.data()), program.size()};  // NOLINT: sendmsg's type
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  auto* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(numbers.size() * sizeof(int));
  std::memcpy(CMSG_DATA(header), numbers.data(), numbers.size() * sizeof(int));
  if (sendmsg(monitor_end_.get(), &message, MSG_NOSIGNAL) < 0) return Error::system(errno, "fill the stash");
  drop_all_but_the_last();
  return {};
}

// SIOCINQ counts all messages' bytes, a look at the first its own. unix(7).
void GuardLink::drop_all_but_the_last() const {
  std::array<char, longest_program> text;
  for (;;) {
    int all = 0;
    const ssize_t first = recv(guard_end_.get(), text.data(), text.size(), MSG_PEEK | MSG_DONTWAIT);
    if (first <= 0 || ioctl(guard_end_.get(), SIOCINQ, &all) != 0 || all <= first) return;
    if (recv(guard_end_.get(), text.data(), text.size(), MSG_DONTWAIT) < 0) return;
  }
}

Result<GuardLink::Stashed> GuardLink::look() const {
  drop_all_but_the_last();
  std::array<char, longest_program> text;
  std::vector<char> control(CMSG_SPACE(most_descriptors * sizeof(int)));
  iovec part{text.data(), text.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t length = recvmsg(guard_end_.get(), &message, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (length <= 0) return Error::make(ErrorKind::not_found, "the stash is empty");
  Stashed stashed;
  stashed.program.assign(text.data(), static_cast<size_t>(length));
  stashed.descriptors = take_descriptors(message);
  if (stashed.descriptors.empty()) return Error::make(ErrorKind::corrupt, "the stash has no descriptors");
  stashed.text = std::move(stashed.descriptors.front());
  stashed.descriptors.erase(stashed.descriptors.begin());
  return stashed;
}

Result<void> GuardLink::tell(const OrphanEnd& end) const {
  if (::send(guard_end_.get(), &end, sizeof end, MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof end) return {};
  return Error::make(ErrorKind::unavailable, "the monitor doesn't listen");
}

std::optional<OrphanEnd> GuardLink::next() const {
  OrphanEnd end;
  if (recv(monitor_end_.get(), &end, sizeof end, MSG_DONTWAIT) != sizeof end) return std::nullopt;
  return end;
}

Result<std::string> GuardLink::keep_over_exec() const {
  for (const auto* end : {&monitor_end_, &guard_end_}) {
    if (fcntl(end->get(), F_SETFD, 0) != 0) return Error::system(errno, "keep a descriptor");
  }
  return format("{},{}", monitor_end_.get(), guard_end_.get());
}

void GuardLink::close_on_exec() const {
  for (const auto* end : {&monitor_end_, &guard_end_}) fcntl(end->get(), F_SETFD, FD_CLOEXEC);
}

void GuardLink::close() {
  monitor_end_.reset();
  guard_end_.reset();
}

namespace {

bool has_ended(pid_t pid) {
  siginfo_t info{};
  return waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

// The program that the last monitor named: a newer one, if it was replaced. One that doesn't work, or isn't
// there while it is being installed, is followed by our own.
void run_monitor(const GuardLink& link, const std::string& directory, bool works) {
  const auto stashed = link.look();
  const auto numbers = link.keep_over_exec();
  if (!stashed || !numbers) return;
  const auto* program = works ? stashed->program.c_str() : "/proc/self/exe";
  execl(program, "gantry-monitor", "--dir", directory.c_str(), "--resume", numbers->c_str(), nullptr);
}

pid_t start_monitor_anew(const GuardLink& link, const std::string& directory, bool works) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  run_monitor(link, directory, works);
  std::raise(SIGKILL);
  _exit(1);
}

// A monitor that failed before it had left anything has said why, and nobody can go on for it.
bool ended_by_itself(int raw, const GuardLink& link) {
  return WIFEXITED(raw) && (WEXITSTATUS(raw) == 0 || !link.look());
}

// Told first, reaped then: a guard that is killed in between leaves a process that init reaps.
void pass_on(const GuardLink& link, pid_t pid, pid_t monitor) {
  int raw = 0;
  siginfo_t info{};
  if (waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0) return;
  raw = info.si_code == CLD_EXITED ? (info.si_status & 0xff) << 8 : info.si_status & 0x7f;
  while (!link.tell({pid, raw})) {
    if (has_ended(monitor)) return;  // the next one listens
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  waitpid(pid, nullptr, 0);
}

}  // namespace

int guard_monitor(GuardLink link, const std::string& directory, pid_t monitor) {
  using Clock = std::chrono::steady_clock;
  constexpr auto least_life = std::chrono::seconds(1);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  auto began = Clock::now();
  for (;;) {
    siginfo_t info{};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) != 0) {
      if (errno == EINTR) continue;
      return 1;  // no children: fork failed
    }
    if (info.si_pid != monitor && !has_ended(monitor)) {
      pass_on(link, info.si_pid, monitor);
      continue;
    }
    int raw = 0;
    waitpid(monitor, &raw, 0);
    if (ended_by_itself(raw, link)) return WEXITSTATUS(raw);
    // One that was replaced in place and fails at once has lived for long, by its pid: its status tells.
    const bool works = Clock::now() - began >= least_life && WIFSIGNALED(raw);
    if (Clock::now() - began < least_life) std::this_thread::sleep_for(least_life);
    began = Clock::now();
    monitor = start_monitor_anew(link, directory, works);
  }
}

Result<int> exit_status_by_pidfd(BorrowedFd pidfd) {
  // As in <linux/pidfd.h> of 6.15.
  struct PidfdInfo {
    uint64_t mask = uint64_t{1} << 3;  // PIDFD_INFO_EXIT
    uint64_t cgroup_id = 0;
    uint32_t ids[11] = {};
    int32_t exit_code = 0;
  } info;
  static_assert(sizeof info == 64);
  if (ioctl(pidfd.get(), _IOWR(0xFF, 11, PidfdInfo), &info) != 0) {
    return Error::make(ErrorKind::unsupported, "this kernel doesn't tell a process's end by its pidfd");
  }
  if ((info.mask & uint64_t{1} << 3) == 0) return Error::make(ErrorKind::not_found, "it isn't reaped yet");
  return info.exit_code;
}

}  // namespace gantry::runtime
