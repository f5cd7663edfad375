#include "runtime/monitor_guard.h"

#include "base/fd_passing.h"
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

constexpr size_t longest_program = 4096;

Result<UniqueFd> memory_file(const std::string& text) {
  UniqueFd file(memfd_create("handover", MFD_CLOEXEC));
  if (!file) return Error::system(errno, "make a memory file");
  TRY(write_all(file, text));
  return file;
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
  std::vector<BorrowedFd> fds = {file};
  fds.insert(fds.end(), descriptors.begin(), descriptors.end());
  if (fds.size() > most_passed_fds) {
    return Error::make(ErrorKind::invalid, "{} descriptors are too many for a message", fds.size());
  }
  if (send_with_fds(monitor_end_, program, fds) < 0) return Error::system(errno, "fill the stash");
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
  Stashed stashed;
  const ssize_t length = receive_with_fds(guard_end_, text, stashed.descriptors, MSG_PEEK | MSG_DONTWAIT);
  if (length <= 0) return Error::make(ErrorKind::not_found, "the stash is empty");
  stashed.program.assign(text.data(), static_cast<size_t>(length));
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
