#include "base/files.h"
#include "runtime/clean_path.h"
#include "runtime/commands.h"
#include "runtime/destroy.h"
#include "runtime/log.h"
#include "runtime/relay.h"
#include "runtime/restore.h"

#include <sys/prctl.h>

namespace gantry::runtime {
namespace {

struct RestoreFlags {
  RestoreOptions options;
  std::string bundle = ".";
  bool detach = false;
  bool no_subreaper = false;
  bool no_pivot = false;

  std::vector<Flag> table() {
    CriuOptions& criu = options.criu;
    return {
        option("bundle", 'b', bundle, "DIR", "folder with config.json and the root"),
        option("image-path", 0, criu.image_path, "DIR", "folder with the images"),
        option("work-path", 0, criu.work_path, "DIR",
               "folder for criu's log, instead of DIR of --image-path"),
        option("console-socket", 0, options.console_socket, "PATH", "socket that gets the terminal's master"),
        option("pid-file", 0, options.pid_file, "FILE", "write the init process's id there"),
        toggle("detach", 'd', detach, "don't wait for its end"),
        toggle("no-subreaper", 0, no_subreaper, "don't adopt the processes that it orphans"),
        toggle("no-pivot", 0, no_pivot, "refused: criu pivots"),
        toggle("tcp-established", 0, criu.tcp_established, "restore open TCP connections"),
        toggle("tcp-close", 0, criu.tcp_close, "restore open TCP connections as closed ones"),
        toggle("ext-unix-sk", 0, criu.ext_unix_sk, "allow unix sockets that lead out of the container"),
        toggle("shell-job", 0, criu.shell_job,
               "our terminal takes the place of one that wasn't the container's"),
        toggle("file-locks", 0, criu.file_locks, "restore file locks"),
        toggle("auto-dedup", 0, criu.auto_dedup, "free each page in the images once it is restored"),
        toggle("lazy-pages", 0, criu.lazy_pages, "get the memory when it is used, from criu lazy-pages"),
        option("manage-cgroups-mode", 0, criu.cgroups_mode, "MODE", "soft, full, strict or ignore"),
        option("network-lock", 0, criu.network_lock, "METHOD",
               "what keeps packets away meanwhile: iptables, nftables or skip (default: criu's own)"),
        repeated("empty-ns", 0, criu.empty_namespaces, "NAME",
                 "network: don't restore what was in the network namespace"),
        option("lsm-profile", 0, options.lsm_profile, "TYPE:NAME",
               "instead of the saved one: apparmor:NAME or selinux:LABEL"),
        option("lsm-mount-context", 0, options.lsm_mount_context, "CONTEXT",
               "instead of the saved one of its mounts")};
  }
};

Result<int> restore_in_foreground(const GlobalOptions& global, const RestoreFlags& flags) {
  if (!flags.no_subreaper) (void)::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  const SignalRelay signals = TRY(SignalRelay::make());
  Created created = TRY(restore_container(global, flags.options));
  created.folder.unlock();
  auto status = follow_process(created.pidfd, created.terminal, signals);
  log_result(destroy_if_there(created.folder, created.record, created.config));
  return status;
}

}  // namespace

Result<int> command_restore(const GlobalOptions& global, const Arguments& arguments) {
  RestoreFlags flags;
  const auto rest = TRY(arguments_of("restore", flags.table(), arguments));
  if (!rest) return 0;
  if (flags.no_pivot)
    return Error(ErrorKind::unsupported, "--no-pivot: criu always pivots to the restored root");
  if (flags.bundle.empty()) return Error(ErrorKind::invalid, "--bundle must not be empty");
  flags.options.id = rest->at(0);
  flags.options.bundle = clean_path(TRY(absolute_path(flags.bundle)));
  flags.options.detached = flags.detach;
  if (!flags.detach) return restore_in_foreground(global, flags);
  TRY(restore_container(global, flags.options));
  return 0;
}

}  // namespace gantry::runtime
