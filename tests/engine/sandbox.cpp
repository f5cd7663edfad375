#include "tests/engine/sandbox.h"

#include "base/process.h"
#include "cgroups/host.h"

#include <array>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

namespace gantry::test {

namespace {

constexpr std::array<const char*, 26> applets = {
    "httpd", "sh",    "sleep", "cat",  "echo",   "true",     "false", "id",   "ls",
    "env",   "nc",    "wget",  "head", "seq",    "hostname", "pwd",   "stty", "kill",
    "touch", "mkdir", "tail",  "dd",   "printf", "ps",       "chmod", "cut"};

Result<void> raise_loopback() {
  const UniqueFd socket_fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket_fd) return Error::system(errno, "socket");
  ifreq request{};
  request.ifr_name[0] = 'l';
  request.ifr_name[1] = 'o';
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (ioctl(socket_fd.get(), SIOCSIFFLAGS, &request) != 0) return Error::system(errno, "lo up");
  return {};
}

Result<void> make_busybox(const std::string& root) {
  for (const auto* folder : {"bin", "etc", "tmp", "proc", "sys", "dev", "root", "data"}) {
    TRY(make_directories(join_path(root, folder), 0755));
  }
  const std::string program = TRY(read_file("/bin/busybox"));
  TRY(write_file(join_path(root, "bin/busybox"), program, 0755));
  for (const auto* applet : applets) {
    if (symlink("busybox", join_path(root, std::string("bin/") + applet).c_str()) != 0) {
      return Error::system(errno, "link {}", applet);
    }
  }
  TRY(write_file(join_path(root, "etc/passwd"),
                 "root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1000:web:/home/web:/bin/sh\n", 0644));
  TRY(write_file(join_path(root, "etc/group"), "root:x:0:\nweb:x:1000:\nstaff:x:50:web\n", 0644));
  TRY(write_file(join_path(root, "etc/not-a-program"), "text\n", 0644));
  return write_file(join_path(root, "data/from-image"), "kept\n", 0644);
}

}  // namespace

Result<void> isolate() {
  static bool done = false;
  if (done) return {};
  if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) return Error::system(errno, "unshare");
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return Error::system(errno, "make private");
  TRY(raise_loopback());
  done = true;
  return {};
}

Result<Sandbox> Sandbox::make() {
  Sandbox sandbox(TRY(TemporaryDirectory::make()));
  TRY(make_busybox(sandbox.busybox()));
  return sandbox;
}

bool can_run_containers() {
  return geteuid() == 0 && access("/bin/busybox", X_OK) == 0;
}

bool host_enforces_memory() {
  return cgroups::detect_host().offers("memory");
}

}  // namespace gantry::test
