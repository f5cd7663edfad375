#include "runtime/terminal.h"

#include "base/fd_passing.h"
#include "base/files.h"
#include "runtime/root_path.h"
#include "runtime/syscalls.h"

#include <cstring>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/vfs.h>

namespace gantry::runtime {
namespace {

Failure open_master(BorrowedFd root, UniqueFd& master) {
  // Not through /dev/ptmx, which an image may have made something else of.
  const UniqueFd pts =
      open_resolved(root, "/dev/pts", O_PATH | O_DIRECTORY, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
  if (!pts) return {"open /dev/pts of the container", errno};
  master = open_resolved(pts, "ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW,
                         RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
  if (!master) return {"open /dev/pts/ptmx of the container", errno};
  struct stat info {};
  struct statfs system {};
  if (::fstat(master.get(), &info) != 0 || ::fstatfs(master.get(), &system) != 0) return {"stat ptmx", errno};
  const bool real =
      S_ISCHR(info.st_mode) && info.st_rdev == makedev(5, 2) && system.f_type == DEVPTS_SUPER_MAGIC;
  return real ? Failure{} : Failure{"/dev/pts/ptmx of the container is not a terminal multiplexer"};
}

Failure open_slave(BorrowedFd master, UniqueFd& slave) {
  const int unlocked = 0;
  if (::ioctl(master.get(), TIOCSPTLCK, &unlocked) != 0) return {"unlock the terminal", errno};
  slave = UniqueFd(::ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!slave) return {"open the terminal", errno};
  return {};
}

Failure bind_console(BorrowedFd root, BorrowedFd slave) {
  const UniqueFd dev =
      open_resolved(root, "/dev", O_PATH | O_DIRECTORY, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
  if (!dev) return {"open /dev of the container", errno};
  const UniqueFd made = open_resolved(dev, "console", O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW,
                                      RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS, 0600);
  if (!made && errno != EEXIST) return {"make /dev/console", errno};
  const UniqueFd target =
      open_resolved(dev, "console", O_PATH | O_NOFOLLOW, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
  if (!target) return {"open /dev/console without following links", errno};
  const UniqueFd tree = clone_tree(slave, "", false);
  if (!tree || attach_tree(tree, target) != 0) return {"bind the terminal on /dev/console", errno};
  return {};
}

Failure send_master(BorrowedFd socket, BorrowedFd master) {
  int number = 0;
  if (::ioctl(master.get(), TIOCGPTN, &number) != 0) return {"name the terminal", errno};
  char name[32] = "/dev/pts/";
  char digits[12];
  int count = 0;
  do {
    digits[count++] = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number > 0);
  char* end = name + std::strlen(name);
  while (count > 0) *end++ = digits[--count];
  if (send_with_fd(socket, {name, static_cast<size_t>(end - name)}, master) < 0)
    return {"send the terminal over the console socket", errno};
  return {};
}

}  // namespace

Failure set_up_terminal(const TerminalPlan& plan, BorrowedFd root) {
  if (!plan.wanted) return {};
  UniqueFd master;
  UniqueFd slave;
  STEP(open_master(root, master));
  STEP(open_slave(master, slave));
  if (plan.rows != 0 || plan.columns != 0) {
    const winsize size{plan.rows, plan.columns, 0, 0};
    if (::ioctl(master.get(), TIOCSWINSZ, &size) != 0) return {"set the terminal's size", errno};
  }
  if (plan.bind_console) STEP(bind_console(root, slave));
  if (::ioctl(slave.get(), TIOCSCTTY, 0) != 0) return {"make the controlling terminal", errno};
  STEP(send_master(plan.socket, master));
  for (int fd = 0; fd < 3; ++fd) {
    if (::dup2(slave.get(), fd) < 0) return {"make the terminal stdio", errno};
  }
  return {};
}

Result<UniqueFd> connect_stream_socket(const char* what, const std::string& path) {
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return Error::system(errno, "make a socket");
  const UniqueFd file = TRY(open_file(path, O_PATH).context("{}", what));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string short_path = format("/proc/self/fd/{}", file.get());
  std::memcpy(address.sun_path, short_path.c_str(), short_path.size() + 1);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return Error::system(errno, "connect to {} {}", what, path);
  }
  return socket;
}

Result<void> pass_terminal(BorrowedFd socket, BorrowedFd master) {
  const Failure failed = send_master(socket, master);
  if (!failed) return {};
  return Error::system(failed.error, "{}", failed.what);
}

Result<UniqueFd> receive_terminal(BorrowedFd socket) {
  char name[64];
  UniqueFd fd;
  if (receive_with_fd(socket, name, fd) <= 0) return Error::system(errno, "receive the terminal");
  if (!fd) return Error::make(ErrorKind::corrupt, "receive the terminal: no descriptor came");
  return fd;
}

}  // namespace gantry::runtime
