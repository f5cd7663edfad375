#include "runtime/criu.h"

#include "base/fd_passing.h"
#include "base/files.h"
#include "base/text.h"
#include "runtime/channel.h"
#include "runtime/init.h"
#include "runtime/mount_options.h"
#include "runtime/place.h"
#include "runtime/syscalls.h"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <linux/keyctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

namespace gantry::runtime {
namespace {

constexpr int log_level = 4;  // debug: what runc asks for too
constexpr int rpc_fd = first_inherited_by_criu - 1;
constexpr int out_of_the_way = 64;  // above any number that criu is given
constexpr size_t largest_answer = 65536;

// Everything for the child between fork and exec.
struct CriuStart {
  std::string program;
  UniqueFd channel;             // to us
  std::vector<UniqueFd> given;  // become rpc_fd and what follows it
  const CriuCall& call;
};

Failure start_criu(const CriuStart& start) {
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (!start.call.keyring.empty()) {
    (void)::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, start.call.keyring.c_str());
  }
  int next = rpc_fd;
  for (const auto& fd : start.given) {
    if (::dup2(fd.get(), next++) < 0) return {"pass descriptors to criu", errno};
  }
  if (close_on_exec_from(static_cast<unsigned>(next)) != 0) return {"close descriptors", errno};
  const char* const arguments[] = {"criu", "swrk", "3", nullptr};
  ::execv(start.program.c_str(), const_cast<char* const*>(arguments));  // it changes none of them
  return {"execute %s", errno, start.program.c_str()};
}

[[noreturn]] void run_criu(const CriuStart& start) {
  if (wait_for_answer(start.channel)) send_failure(start.channel, start_criu(start));
  ::_exit(127);
}

Result<UniqueFd> out_of_way(BorrowedFd fd) {
  UniqueFd copy(::fcntl(fd.get(), F_DUPFD_CLOEXEC, out_of_the_way));
  if (!copy) return Error::system(errno, "duplicate a descriptor for criu");
  return copy;
}

// One criu process, ended and reaped with this object.
class CriuProcess {
 public:
  static Result<CriuProcess> start(CriuCall& call);
  CriuProcess(CriuProcess&& other) noexcept
      : pid_(std::exchange(other.pid_, 0)), rpc_(std::move(other.rpc_)) {}
  CriuProcess& operator=(CriuProcess&&) = delete;
  CriuProcess(const CriuProcess&) = delete;
  CriuProcess& operator=(const CriuProcess&) = delete;
  ~CriuProcess() { end(); }

  Result<CriuResponse> talk(const CriuCall& call);
  void kill() { ::kill(pid_, SIGKILL); }
  void end() {
    rpc_.reset();
    if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  CriuProcess() = default;
  Result<void> send(const CriuMessage& message);
  Result<CriuResponse> receive(UniqueFd& came_along);
  pid_t pid_ = 0;
  UniqueFd rpc_;
};

Result<CriuProcess> CriuProcess::start(CriuCall& call) {
  auto channel = TRY(Channel::make());
  auto rpc = TRY(Channel::make());
  CriuStart start{TRY(find_criu()), TRY(out_of_way(channel.child)), {}, call};
  start.given.push_back(TRY(out_of_way(rpc.child)));
  for (const auto& fd : call.inherited) start.given.push_back(TRY(out_of_way(fd)));
  channel.child.reset();
  rpc.child.reset();
  CriuProcess process;
  const auto spawned = TRY(spawn(0, call.cgroup));
  if (spawned.pid == 0) {
    channel.parent.reset();
    rpc.parent.reset();
    run_criu(start);
  }
  process.pid_ = spawned.pid;
  start.channel.reset();
  start.given.clear();
  call.inherited.clear();
  if (call.before) {
    auto prepared = call.before(spawned.pid, spawned.in_cgroup);
    if (!prepared) {
      channel.parent.reset();
      return std::move(prepared).error();
    }
  }
  TRY(answer(channel.parent));
  if (const auto failed = TRY(receive_packet(channel.parent))) {
    return Error::make(ErrorKind::system, "{}", failed->text);
  }
  process.rpc_ = std::move(rpc.parent);
  return process;
}

Result<void> CriuProcess::send(const CriuMessage& message) {
  const auto& bytes = message.bytes();
  if (::send(rpc_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) >= 0) return {};
  return Error::system(errno, "send a request to criu");
}

Result<CriuResponse> CriuProcess::receive(UniqueFd& came_along) {
  std::string bytes(largest_answer, '\0');
  ssize_t count = 0;
  do {
    count = receive_with_fd(rpc_, bytes, came_along);
  } while (count < 0 && errno == EINTR);
  if (count < 0 && errno != ECONNRESET) return Error::system(errno, "receive criu's answer");
  if (count <= 0) return Error::make(ErrorKind::system, "criu ended without an answer");
  return parse_criu_response({bytes.data(), static_cast<size_t>(count)});
}

Result<CriuResponse> CriuProcess::talk(const CriuCall& call) {
  CriuMessage request;
  request.add(1, static_cast<uint64_t>(call.request));
  request.add_message(2, call.options);
  TRY(send(request));
  for (;;) {
    UniqueFd came_along;
    auto response = TRY(receive(came_along));
    if (!response.is_notice()) return response;
    if (call.notice) TRY(call.notice(response, std::move(came_along)));
    CriuMessage done;
    done.add(1, static_cast<uint64_t>(CriuRequest::notify));
    done.add(3, uint64_t{1});
    TRY(send(done));
  }
}

// "(00.012345) Error (criu/cr-dump.c:1513): Dumping FAILED.": what stands behind the time, of the first
// error, which is the cause of the others. Before it dumps, criu tries what the kernel has, and calls it an
// error if there is no tun device.
std::string first_error_of(const std::string& log) {
  std::string text = read_file(log).value_or("");
  const auto begin = text.find("Dumping processes");
  if (begin != std::string::npos) text.erase(0, begin);
  for (const auto& line : split(text, '\n')) {
    const auto found = line.find("Error (");
    if (found != std::string::npos) return line.substr(found);
  }
  return {};
}

Error criu_error(const CriuCall& call, const std::string& what) {
  const std::string quoted = first_error_of(call.log);
  return Error::make(ErrorKind::system, "criu failed: {} (all of it: {})", quoted.empty() ? what : quoted,
                     call.log);
}

// EBADRQC: it doesn't take the options, and says no more than that, nor in its log.
std::string reason_of(int error) {
  if (error == 0) return "no reason given";
  if (error != EBADRQC) return std::strerror(error);
  return "it refuses a flag, which may need a newer criu (--network-lock skip needs 3.18)";
}

// criu_network_lock_method
Result<uint64_t> parse_network_lock(const std::string& name) {
  if (name == "iptables") return uint64_t{1};
  if (name == "nftables") return uint64_t{2};
  if (name == "skip") return uint64_t{3};
  return Error::make(ErrorKind::invalid, "--network-lock must be iptables, nftables or skip, found \"{}\"",
                     name);
}

Result<UniqueFd> open_folder_for_criu(const char* flag, const std::string& path, bool make) {
  if (make && ::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    if (errno != ENOENT) return Error::system(errno, "{}: make {}", flag, path);
    TRY(make_directories(path, 0700).context("{}", flag));
  }
  return open_file(path, O_RDONLY | O_DIRECTORY).context("{}", flag);
}

}  // namespace

Result<std::string> find_criu() {
  const char* found = ::getenv("PATH");
  const std::string path = found != nullptr ? found : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin";
  for (const auto& folder : split(path, ':')) {
    if (folder.empty()) continue;
    auto file = join_path(folder, "criu");
    if (::access(file.c_str(), X_OK) == 0) return file;
  }
  return Error::make(ErrorKind::unsupported,
                     "checkpoint and restore need criu, which isn't in PATH ({}): install the package criu",
                     path);
}

Result<CriuCgroups> parse_criu_cgroups(const std::string& name) {
  if (name == "soft") return CriuCgroups::soft;
  if (name == "full") return CriuCgroups::full;
  if (name == "strict") return CriuCgroups::strict;
  if (name == "ignore") return CriuCgroups::ignore;
  return Error::make(ErrorKind::invalid,
                     "--manage-cgroups-mode must be soft, full, strict or ignore, found \"{}\"", name);
}

Result<CriuFolders> open_criu_folders(const CriuOptions& options, bool make_images) {
  CriuFolders folders;
  folders.image_path = TRY(absolute_path(options.image_path));
  folders.images = TRY(open_folder_for_criu("--image-path", folders.image_path, make_images));
  folders.work_path = folders.image_path;
  if (options.work_path.empty()) return folders;
  folders.work_path = TRY(absolute_path(options.work_path));
  folders.work = TRY(open_folder_for_criu("--work-path", folders.work_path, true));
  return folders;
}

Result<CriuMessage> common_criu_options(const CriuOptions& options, const CriuFolders& folders,
                                        const oci::RuntimeConfig& config, const std::string& log) {
  CriuMessage message;
  message.add(1, static_cast<uint64_t>(folders.images.get()));
  message.add_flag(4, options.ext_unix_sk);
  message.add_flag(5, options.tcp_established);
  message.add_flag(7, options.shell_job);
  message.add_flag(8, options.file_locks);
  message.add(9, log_level);
  message.add_text(10, log);
  message.add(12, uint64_t{1});  // notify_scripts
  message.add_flag(16, options.auto_dedup);
  if (folders.work) message.add(17, static_cast<uint64_t>(folders.work.get()));
  message.add(24, uint64_t{1});  // manage_cgroups
  message.add(34, static_cast<uint64_t>(TRY(parse_criu_cgroups(options.cgroups_mode))));
  for (const auto& name : options.empty_namespaces) {
    if (name != "network") {
      return Error::make(ErrorKind::unsupported, "--empty-ns must be network, found \"{}\"", name);
    }
  }
  if (!options.empty_namespaces.empty()) message.add(38, uint64_t{CLONE_NEWNET});
  message.add_flag(48, options.lazy_pages);
  message.add(50, uint64_t{1});  // orphan_pts_master
  const auto file = config.annotations.find("org.criu.config");
  if (file != config.annotations.end()) message.add_text_if(51, file->second);
  message.add_flag(52, options.tcp_close);
  if (!options.network_lock.empty()) {
    message.add(64, TRY(parse_network_lock(options.network_lock)));
  }
  return message;
}

void add_criu_mount(CriuMessage& options, const std::string& key, const std::string& value) {
  CriuMessage entry;
  entry.add_text(1, key);
  entry.add_text(2, value);
  options.add_message(23, entry);
}

void add_criu_inherited(CriuMessage& options, const std::string& key, int number) {
  CriuMessage entry;
  entry.add_text(1, key);
  entry.add(2, static_cast<uint64_t>(number));
  options.add_message(27, entry);
}

Result<CriuResponse> call_criu(CriuCall& call) {
  auto criu = TRY(CriuProcess::start(call));
  auto response = criu.talk(call);
  // After a pre-dump it waits for one more request, and would call the end of the connection an error.
  if (response && call.request == CriuRequest::pre_dump) criu.kill();
  criu.end();
  if (!response) return criu_error(call, response.error().message());
  if (response->success) return response;
  return criu_error(call, response->text.empty() ? reason_of(response->error) : response->text);
}

bool is_bind(const oci::Mount& mount) {
  return mount.type == "bind" ||
         std::any_of(mount.options.begin(), mount.options.end(),
                     [](const auto& name) { return name == "bind" || name == "rbind"; });
}

Result<void> check_for_criu(const oci::RuntimeConfig& config, const std::string& source) {
  const Place linux_place{source, "$.linux"};
  if (config.linux_->intel_rdt) return linux_place.unsupported(".intelRdt", "can't be checkpointed");
  if (!config.linux_->net_devices.empty())
    return linux_place.unsupported(".netDevices", "can't be checkpointed");
  if (!has_mount_namespace(*config.linux_)) {
    return linux_place.unsupported(".namespaces",
                                   "a container without a private MNT namespace can't be checkpointed");
  }
  for (const auto& entry : config.linux_->namespaces) {
    const bool foreign = !entry.path.empty() &&
                         (entry.type == oci::NamespaceType::mount || entry.type == oci::NamespaceType::user ||
                          entry.type == oci::NamespaceType::cgroup);
    if (!foreign) continue;
    return linux_place.unsupported(".namespaces", "a container in the namespace {} can't be checkpointed",
                                   entry.path);
  }
  for (size_t i = 0; i < config.mounts.size(); ++i) {
    const auto& mount = config.mounts[i];
    const auto options = TRY(parse_mount_options(mount.options));
    if (mount.uid_mappings.empty() && mount.gid_mappings.empty() && options.id_map == IdMapOption::none)
      continue;
    const std::string path = format("$.mounts[{}]", i);
    return Place{source, path}.unsupported("", "criu can't restore the id-mapped mount {}",
                                           mount.destination);
  }
  return {};
}

}  // namespace gantry::runtime
