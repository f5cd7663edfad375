#include "tests/runtime/monitor_fixture.h"

#include "cgroups/host.h"
#include "tests/support/programs.h"

#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gantry::runtime {

namespace {

const char* const monitor_program = test::program_path("gantry-monitor");
constexpr auto limit = std::chrono::seconds(60);

}  // namespace

std::string Monitored::directory() {
  return file(name_);
}

void Monitored::speak_of(const std::string& name) {
  others_.push_back(name_);
  name_ = name;
  id_ = std::string(test_id) + "-" + name;
  if (name == "container") id_ = test_id;
}

void Monitored::TearDown() {
  others_.push_back(name_);
  for (const auto& name : std::vector<std::string>(others_)) {
    speak_of(name);
    if (IsSkipped() || !monitor_is_alive(directory())) continue;
    (void)request_stop(directory());
    (void)runtime({"kill", id_, "KILL"});
    EXPECT_TRUE(test::wait_until([&] { return !monitor_is_alive(directory()); }, limit));
  }
  Containers::TearDown();
}

uint64_t Monitored::memory_kib(pid_t pid, std::string_view field) {
  const auto text = read_file(format("/proc/{}/smaps_rollup", pid)).value_or("");
  const auto at = text.find(field);
  return at == std::string::npos ? 0 : std::strtoull(text.c_str() + at + field.size(), nullptr, 10);
}

void Monitored::prepare(const std::string& script, const std::function<void(MonitorConfig&)>& change,
                        const std::function<void(oci::RuntimeConfig&)>& change_container, bool open_stdin) {
  configure({"sh", "-c", script}, change_container);
  EXPECT_OK(make_directories(directory()));
  MonitorConfig config;
  config.id = id_;
  config.runtime = test::program_path("gantry-oci");
  config.runtime_root = root();
  config.bundle = bundle();
  config.log.path = directory() + "/json.log";
  config.open_stdin = open_stdin;
  if (change) change(config);
  EXPECT_OK(write_file(directory() + "/monitor.json", to_json_text(config)));
}

SyncMessage Monitored::launch(const std::string& script, const std::function<void(MonitorConfig&)>& change,
                              const std::function<void(oci::RuntimeConfig&)>& change_container) {
  prepare(script, change, change_container, false);
  return start_monitor(-1);
}

SyncMessage Monitored::launch_attached(const std::string& script,
                                       const std::function<void(MonitorConfig&)>& change,
                                       const std::function<void(oci::RuntimeConfig&)>& change_container) {
  int ends[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
  client_ = UniqueFd(ends[0]);
  const UniqueFd theirs(ends[1]);
  prepare(script, change, change_container, true);
  return start_monitor(theirs.get());
}

SyncMessage Monitored::start_monitor(int attach) {
  auto sync = Pipe::make();
  EXPECT_OK(sync);
  const auto sync_number = format("{}", sync->write.get()), attach_number = format("{}", attach);
  const auto folder = directory();
  const pid_t pid = fork();
  if (pid == 0) {
    fcntl(sync->write.get(), F_SETFD, 0);
    if (attach >= 0) fcntl(attach, F_SETFD, 0);
    execl(monitor_program, monitor_program, "--dir", folder.c_str(), "--sync-fd", sync_number.c_str(),
          attach >= 0 ? "--attach-fd" : nullptr, attach_number.c_str(), nullptr);
    _exit(127);
  }
  sync->write.reset();
  int status = 0;
  waitpid(pid, &status, 0);
  EXPECT_EQ(status, 0) << "the launcher's part of gantry-monitor failed";
  const auto line = read_all(sync->read).value_or("");
  const auto message = parse_sync_message(line, "sync");
  EXPECT_OK(message);
  return message ? *message : SyncMessage{};
}

MonitorStatus Monitored::monitor_status() {
  const auto status = read_monitor_status(directory());
  EXPECT_OK(status);
  return status ? *status : MonitorStatus{};
}

MonitorStatus Monitored::ended() {
  EXPECT_TRUE(test::wait_until([&] { return !monitor_is_alive(directory()); }, limit))
      << "the monitor lives on";
  return monitor_status();
}

bool Monitored::reaches(MonitorState state) {
  return test::wait_until([&] { return monitor_status().state == state; }, limit);
}

std::vector<LogEntry> Monitored::log() {
  std::vector<LogEntry> entries;
  const auto text = read_file(directory() + "/json.log");
  if (!text) return entries;
  for (const auto& line : split(*text, '\n')) {
    if (line.empty()) continue;
    const auto entry = parse_log_entry(line, "log");
    EXPECT_OK(entry);
    if (entry) entries.push_back(*entry);
  }
  return entries;
}

std::string Monitored::log_text() {
  std::string text;
  for (const auto& entry : log()) text += entry.log;
  return text;
}

Monitored::Output Monitored::read_client(const UniqueFd& client) {
  Output output;
  std::string buffer(16384, 0);
  for (;;) {
    pollfd waiting{client.get(), POLLIN, 0};
    if (poll(&waiting, 1, 60'000) <= 0) {
      ADD_FAILURE() << "the monitor neither sends nor closes";
      return output;
    }
    const ssize_t length = recv(client.get(), buffer.data(), buffer.size(), 0);
    if (length <= 0) return output;
    (buffer[0] == 2 ? output.out : output.err).append(buffer, 1, static_cast<size_t>(length) - 1);
  }
}

}  // namespace gantry::runtime
