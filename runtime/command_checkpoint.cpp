#include "base/text.h"
#include "runtime/checkpoint.h"
#include "runtime/commands.h"
#include "runtime/destroy.h"
#include "runtime/log.h"

#include <fcntl.h>

namespace gantry::runtime {
namespace {

struct CheckpointFlags {
  CheckpointOptions options;
  std::string page_server;
  std::string status_fd;

  std::vector<Flag> table() {
    return {
        option("image-path", 0, options.criu.image_path, "DIR", "folder for the images"),
        option("work-path", 0, options.criu.work_path, "DIR",
               "folder for criu's log, instead of DIR of --image-path"),
        option("parent-path", 0, options.parent_path, "DIR",
               "an earlier --pre-dump, relative to --image-path: its pages aren't written again"),
        toggle("leave-running", 0, options.leave_running, "let the container go on"),
        toggle("pre-dump", 0, options.pre_dump, "write the memory alone, and let the container go on"),
        toggle("tcp-established", 0, options.criu.tcp_established, "save open TCP connections"),
        toggle("tcp-skip-in-flight", 0, options.tcp_skip_in_flight,
               "leave out TCP connections that aren't open yet"),
        toggle("tcp-close", 0, options.criu.tcp_close, "save open TCP connections as closed ones"),
        toggle("ext-unix-sk", 0, options.criu.ext_unix_sk,
               "allow unix sockets that lead out of the container"),
        toggle("shell-job", 0, options.criu.shell_job, "allow a terminal that isn't the container's own"),
        toggle("file-locks", 0, options.criu.file_locks, "save file locks"),
        toggle("link-remap", 0, options.link_remap,
               "give unlinked files a name again where that is possible"),
        toggle("auto-dedup", 0, options.criu.auto_dedup, "free pages of the parent that are written again"),
        toggle("lazy-pages", 0, options.criu.lazy_pages,
               "keep the memory and serve its pages to the restore"),
        option("page-server", 0, page_server, "ADDRESS:PORT", "criu's page server that gets the memory"),
        option("status-fd", 0, status_fd, "N", "descriptor that gets a zero byte when lazy pages are served"),
        option("manage-cgroups-mode", 0, options.criu.cgroups_mode, "MODE", "soft, full, strict or ignore"),
        option("network-lock", 0, options.criu.network_lock, "METHOD",
               "what keeps packets away meanwhile: iptables, nftables or skip (default: criu's own)"),
        repeated("empty-ns", 0, options.criu.empty_namespaces, "NAME",
                 "network: don't save what is in the network namespace")};
  }
};

// What criu would pass over, or do otherwise than it reads: it would serve lazy pages on a port of its
// choice.
Result<void> check_together(const CheckpointFlags& flags) {
  const bool lazy = flags.options.criu.lazy_pages;
  if (lazy && flags.options.pre_dump) {
    return Error::make(ErrorKind::invalid,
                       "--lazy-pages can't be used with --pre-dump, which keeps no memory");
  }
  if (lazy && flags.page_server.empty()) {
    return Error::make(ErrorKind::invalid,
                       "--lazy-pages needs --page-server ADDRESS:PORT, where the memory is served");
  }
  if (lazy || flags.status_fd.empty()) return {};
  return Error::make(ErrorKind::invalid,
                     "--status-fd tells when lazy pages are served: it needs --lazy-pages");
}

Result<void> finish_checkpoint_flags(CheckpointFlags& flags) {
  TRY(check_together(flags));
  if (!flags.status_fd.empty()) {
    const auto number = static_cast<int>(TRY(parse_unsigned("--status-fd", flags.status_fd, 65535)));
    const int mode = ::fcntl(number, F_GETFL);
    if (mode < 0 || (mode & O_ACCMODE) == O_RDONLY) {
      return Error::make(ErrorKind::invalid, "--status-fd {} must be an open, writable descriptor", number);
    }
    flags.options.status = UniqueFd(number);
  }
  if (flags.page_server.empty()) return {};
  const auto colon = flags.page_server.rfind(':');
  if (colon == 0 || colon == std::string::npos) {
    return Error::make(ErrorKind::invalid, "--page-server must be ADDRESS:PORT, found \"{}\"",
                       flags.page_server);
  }
  flags.options.page_server_address = flags.page_server.substr(0, colon);
  flags.options.page_server_port = static_cast<uint16_t>(
      TRY(parse_unsigned("--page-server's port", flags.page_server.substr(colon + 1), 65535)));
  return {};
}

}  // namespace

Result<int> command_checkpoint(const GlobalOptions& global, const Arguments& arguments) {
  CheckpointFlags flags;
  const auto rest = TRY(arguments_of("checkpoint", flags.table(), arguments));
  if (!rest) return 0;
  TRY(finish_checkpoint_flags(flags));
  auto found = TRY(find_container(global, rest->at(0), true));
  const auto config = TRY(found.folder.load_config());
  TRY(checkpoint_container(found.folder, found.record, config, flags.options)
          .context("checkpoint container {}", rest->at(0)));
  if (flags.options.leave_running || flags.options.pre_dump) return 0;
  TRY(destroy_container(found.folder, found.record, &config));
  return 0;
}

}  // namespace gantry::runtime
