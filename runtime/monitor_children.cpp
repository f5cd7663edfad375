#include "runtime/monitor_children.h"

#include "base/files.h"
#include "base/text.h"

#include <csignal>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gantry::runtime {

namespace {

constexpr const char* oom_file = "/proc/self/oom_score_adj";
constexpr const char* protected_score = "-999";
constexpr size_t most_unclaimed = 1024;

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT}) sigaddset(&set, signal);
  return set;
}

int status_of(int raw) {
  return WIFSIGNALED(raw) ? 128 + WTERMSIG(raw) : WEXITSTATUS(raw);
}

}  // namespace

Result<Children> Children::make(EventLoop& loop) {
  const auto set = handled_signals();
  sigprocmask(SIG_SETMASK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  UniqueFd signals(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  const int error = errno;
  if (!signals) return Error::system(error, "make a signal descriptor");
  return Children(loop, std::move(signals));
}

Result<void> Children::start() {
  return loop_->watch(signals_, EPOLLIN, [this](uint32_t) { read_signals(); });
}

void Children::read_signals() {
  signalfd_siginfo info;
  bool terminated = false;
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) terminated |= info.ssi_signo == SIGTERM;
  reap();
  if (terminated && terminate_) terminate_();
}

void Children::reap() {
  while (reap_one()) continue;
}

bool Children::reap_one() {
  siginfo_t info{};
  if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return false;
  deliver(info.si_pid, info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status);
  waitpid(info.si_pid, nullptr, 0);
  return true;
}

void Children::deliver(pid_t pid, int status) {
  const auto found = waiting_.find(pid);
  if (found == waiting_.end()) {
    if (unclaimed_.size() >= most_unclaimed) unclaimed_.erase(unclaimed_.begin());
    unclaimed_[pid] = status;
    return;
  }
  const auto done = std::move(found->second);
  waiting_.erase(found);
  done(status);
}

Result<void> Children::listen_to(const GuardLink& link) {
  link_ = &link;
  return loop_->watch(link.told(), EPOLLIN, [this](uint32_t) { read_link(); });
}

void Children::read_link() {
  if (link_ == nullptr) return;
  while (const auto end = link_->next()) deliver(end->pid, status_of(end->status));
}

void Children::adopt(pid_t pid, Done done) {
  const auto found = unclaimed_.find(pid);
  if (found == unclaimed_.end()) {
    waiting_[pid] = std::move(done);
    return;
  }
  const int status = found->second;
  unclaimed_.erase(found);
  loop_->after(std::chrono::milliseconds(0), [done = std::move(done), status] { done(status); });
}

Result<pid_t> Children::spawn(const std::vector<std::string>& arguments, BorrowedFd input, BorrowedFd output,
                              BorrowedFd errors, Done done) {
  const pid_t pid = fork();
  const int error = errno;
  if (pid < 0) return Error::system(error, "fork for {}", arguments[0]);
  if (pid == 0) execute(arguments, input.get(), output.get(), errors.get());
  unclaimed_.erase(pid);  // of an earlier process with that number
  waiting_[pid] = std::move(done);
  return pid;
}

void Children::execute(const std::vector<std::string>& arguments, int input, int output, int errors) const {
  std::vector<char*> pointers;
  for (const auto& text : arguments)
    pointers.push_back(const_cast<char*>(text.c_str()));  // NOLINT: exec's type
  pointers.push_back(nullptr);
  unprotect_from_oom();
  // Sources may be 0, 1 or 2 themselves: first out of the way, then into place.
  const int sources[] = {fcntl(input, F_DUPFD_CLOEXEC, 10), fcntl(output, F_DUPFD_CLOEXEC, 10),
                         fcntl(errors, F_DUPFD_CLOEXEC, 10)};
  for (int target = 0; target < 3; ++target) dup2(sources[target], target);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  std::signal(SIGPIPE, SIG_DFL);
  execv(pointers[0], pointers.data());
  const auto text = Error::system(errno, "run {}", arguments[0]).message() + "\n";
  (void)!::write(2, text.data(), text.size());
  _exit(errno == ENOENT ? 127 : 126);
}

void Children::protect_from_oom() {
  const auto before = read_file(oom_file);
  if (before && write_existing(oom_file, protected_score)) oom_score_ = trim(*before);
}

void Children::resume_oom_score(std::string score) {
  oom_score_ = std::move(score);
  if (!oom_score_.empty()) (void)write_existing(oom_file, protected_score);
}

void Children::unprotect_from_oom() const {
  if (!oom_score_.empty()) (void)write_existing(oom_file, oom_score_);
}

}  // namespace gantry::runtime
