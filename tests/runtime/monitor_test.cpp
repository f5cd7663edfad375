#include "tests/runtime/monitor_fixture.h"
#include "tests/support/programs.h"

#include <csignal>
#include <sys/socket.h>
#include <unistd.h>

namespace gantry::runtime {
namespace {

using test::wait_until;
using testing::HasSubstr;

TEST_F(Monitored, RunsLogsAndKeepsTheExitStatus) {
  const auto message = launch("echo out; echo err >&2; exit 7");
  EXPECT_GT(message.pid, 0) << message.error;
  const auto status = ended();
  EXPECT_EQ(status.state, MonitorState::exited);
  EXPECT_EQ(status.exit_code, 7);
  EXPECT_EQ(status.pid, 0);
  EXPECT_FALSE(status.oom_killed);
  EXPECT_FALSE(status.started_at.empty());
  EXPECT_GE(status.finished_at, status.started_at);
  std::string out, err;
  for (const auto& entry : log()) (entry.stream == "stdout" ? out : err) += entry.log;
  EXPECT_EQ(out, "out\n");
  EXPECT_EQ(err, "err\n");
  EXPECT_TRUE(state_folders().empty()) << "the runtime's container is deleted";
}

TEST_F(Monitored, ShortRunsLoseNothing) {
  for (int i = 0; i < 5; ++i) {
    const auto message = launch("exit 3");
    EXPECT_GT(message.pid, 0) << message.error;
    EXPECT_EQ(ended().exit_code, 3);
  }
}

TEST_F(Monitored, FailedStartTellsWhy) {
  const auto message = launch(
      "true", [](MonitorConfig& config) { config.restart.policy = RestartPolicy::always; },
      [](oci::RuntimeConfig& config) { config.process->args = {"nosuchprogram"}; });
  EXPECT_EQ(message.pid, 0);
  EXPECT_EQ(message.exit_code, 127) << message.error;
  EXPECT_THAT(message.error, HasSubstr("nosuchprogram"));
  const auto status = ended();
  EXPECT_EQ(status.state, MonitorState::exited);
  EXPECT_EQ(status.exit_code, 127);
  EXPECT_EQ(status.error, message.error);
  EXPECT_EQ(status.restart_count, 0u) << "no restart policy applies to a first start that fails";
  EXPECT_TRUE(log().empty());
}

TEST_F(Monitored, SignalsAreExitStatuses) {
  const auto message = launch("sleep 1000");
  ASSERT_GT(message.pid, 0) << message.error;
  EXPECT_EQ(monitor_status().state, MonitorState::running);
  EXPECT_TRUE(is_alive(monitor_status().process()));
  EXPECT_TRUE(monitor_is_alive(directory()));
  ASSERT_EQ(::kill(message.pid, SIGKILL), 0);
  EXPECT_EQ(ended().exit_code, 128 + SIGKILL);
}

TEST_F(Monitored, ForegroundClientSeesAllAndFeedsStdin) {
  ASSERT_GT(launch_attached("echo first; cat; echo last >&2").pid, 0);
  ASSERT_EQ(send(client_.get(), "hello\n", 6, 0), 6);
  ASSERT_EQ(shutdown(client_.get(), SHUT_WR), 0);
  const auto output = read_client(client_);
  EXPECT_EQ(output.out, "first\nhello\n");
  EXPECT_EQ(output.err, "last\n");
  EXPECT_EQ(monitor_status().state, MonitorState::exited) << "end-of-file comes after the exit status";
}

TEST_F(Monitored, SlowForegroundClientLosesNothing) {
  ASSERT_GT(launch_attached("dd if=/dev/zero bs=65536 count=160 2>/dev/null",
                            [](MonitorConfig& config) { config.log.driver = LogDriver::none; })
                .pid,
            0);
  EXPECT_EQ(read_client(client_).out.size(), size_t{160} * 65536);
  EXPECT_FALSE(path_exists(directory() + "/json.log"));
}

TEST_F(Monitored, SlowAttachedClientIsDroppedAndStallsNobody) {
  ASSERT_GT(launch_attached("cat >/dev/null; dd if=/dev/zero bs=65536 count=200 2>/dev/null; sleep 1000",
                            [](MonitorConfig& config) { config.log.driver = LogDriver::none; })
                .pid,
            0);
  const auto slow = connect_attach(directory());
  ASSERT_OK(slow);
  shutdown(client_.get(), SHUT_WR);
  size_t seen = 0;
  std::string buffer(16384, 0);
  while (seen < size_t{200} * 65536) {
    const ssize_t length = recv(client_.get(), buffer.data(), buffer.size(), 0);
    ASSERT_GT(length, 0);
    seen += static_cast<size_t>(length) - 1;
  }
  EXPECT_LT(read_client(*slow).out.size(), seen) << "it was dropped on the way, while the container runs";
  EXPECT_EQ(monitor_status().state, MonitorState::running);
}

TEST_F(Monitored, SeveralClientsSeeTheSame) {
  ASSERT_GT(launch_attached("read line; echo $line").pid, 0);
  const auto one = connect_attach(directory()), two = connect_attach(directory());
  ASSERT_OK(one);
  ASSERT_OK(two);
  // The monitor answers in order: a control request proves that both are attached.
  EXPECT_ERROR(resize_terminal(directory(), 1, 1), ErrorKind::conflict, HasSubstr("no terminal"));
  ASSERT_EQ(send(one->get(), "word\n", 5, 0), 5);
  EXPECT_EQ(read_client(*one).out, "word\n");
  EXPECT_EQ(read_client(*two).out, "word\n");
}

TEST_F(Monitored, TerminalEchoesAndResizes) {
  const auto message = launch_attached(
      "stty size; read line; stty size; tty >/dev/null && echo terminal",
      [](MonitorConfig& config) { config.terminal = true; },
      [](oci::RuntimeConfig& config) { config.process->terminal = true; });
  ASSERT_GT(message.pid, 0) << message.error;
  ASSERT_OK(resize_terminal(directory(), 33, 99));
  ASSERT_EQ(send(client_.get(), "x\n", 2, 0), 2);
  const auto output = read_client(client_);
  EXPECT_THAT(output.out, HasSubstr("33 99\r\n"));
  EXPECT_THAT(output.out, HasSubstr("terminal\r\n"));
  EXPECT_EQ(ended().exit_code, 0);
}

TEST_F(Monitored, RestartsUntilRetriesAreUsedUp) {
  const auto message = launch("echo run; exit 1", [](MonitorConfig& config) {
    config.restart.policy = RestartPolicy::on_failure;
    config.restart.maximum_retries = 2;
  });
  ASSERT_GT(message.pid, 0) << message.error;
  const auto status = ended();
  EXPECT_EQ(status.restart_count, 2u);
  EXPECT_EQ(status.exit_code, 1);
  EXPECT_EQ(log_text(), "run\nrun\nrun\n");
}

TEST_F(Monitored, WaitsLongerBeforeEachRestart) {
  const auto message = launch("echo run; exit 1", [](MonitorConfig& config) {
    config.restart.policy = RestartPolicy::on_failure;
    config.restart.maximum_retries = 3;
  });
  ASSERT_GT(message.pid, 0) << message.error;
  ended();
  const auto entries = log();
  ASSERT_EQ(entries.size(), 4u);
  for (size_t i = 1; i < entries.size(); ++i) {
    const auto before = parse_rfc3339(entries[i - 1].time), after = parse_rfc3339(entries[i].time);
    ASSERT_OK(before);
    ASSERT_OK(after);
    EXPECT_GE(*after - *before, std::chrono::milliseconds(100 << (i - 1))) << "restart " << i;
  }
}

TEST_F(Monitored, StopIsNotUndone) {
  const auto message =
      launch("sleep 1000", [](MonitorConfig& config) { config.restart.policy = RestartPolicy::always; });
  ASSERT_GT(message.pid, 0) << message.error;
  ASSERT_OK(request_stop(directory()));
  EXPECT_TRUE(monitor_status().stop_requested);
  ASSERT_EQ(::kill(message.pid, SIGKILL), 0);
  const auto status = ended();
  EXPECT_EQ(status.state, MonitorState::exited);
  EXPECT_EQ(status.restart_count, 0u);
}

TEST_F(Monitored, StopEndsTheWaitBetweenRestarts) {
  ASSERT_GT(
      launch("exit 1", [](MonitorConfig& config) { config.restart.policy = RestartPolicy::always; }).pid, 0);
  EXPECT_TRUE(wait_until([&] { return monitor_status().restart_count >= 2; }, std::chrono::seconds(60)));
  ASSERT_OK(request_stop(directory()));
  EXPECT_EQ(ended().state, MonitorState::exited);
}

TEST_F(Monitored, HealthCheckTurnsHealthyAndUnhealthy) {
  const auto message = launch("touch /tmp/well; sleep 1000", [](MonitorConfig& config) {
    config.health_check = HealthCheck{{"sh", "-c", "echo probe; test -e /tmp/well"}, 50, 20000, 0, 50, 2};
  });
  ASSERT_GT(message.pid, 0) << message.error;
  const auto is = [&](HealthState state) {
    return wait_until(
        [&] {
          const auto health = read_health_status(directory());
          return health && health->status == state;
        },
        std::chrono::seconds(60));
  };
  EXPECT_TRUE(is(HealthState::healthy)) << read_file(directory() + "/health.json").value_or("");
  EXPECT_EQ(read_health_status(directory())->log.back().output, "probe\n");
  ASSERT_OK(remove_file(rootfs() + "/tmp/well"));
  EXPECT_TRUE(is(HealthState::unhealthy)) << read_file(directory() + "/health.json").value_or("");
  EXPECT_GE(read_health_status(directory())->failing_streak, 2u);
}

TEST_F(Monitored, HangingHealthCheckTimesOut) {
  ASSERT_GT(launch("sleep 1000",
                   [](MonitorConfig& config) {
                     config.health_check = HealthCheck{{"sleep", "1000"}, 50, 300, 0, 50, 1};
                   })
                .pid,
            0);
  EXPECT_TRUE(wait_until([&] {
    const auto health = read_health_status(directory());
    return health && health->status == HealthState::unhealthy;
  }));
  EXPECT_THAT(read_health_status(directory())->log.back().output,
              HasSubstr("exceeded its timeout of 300 ms"));
  EXPECT_EQ(read_health_status(directory())->log.back().exit_code, -1);
}

TEST_F(Monitored, SecondMonitorIsRefused) {
  ASSERT_GT(launch("sleep 1000").pid, 0);
  const auto second =
      run_command({.arguments = {test::program_path("gantry-monitor"), "--dir", directory()}});
  ASSERT_OK(second);
  EXPECT_EQ(second->status, 1);
  EXPECT_THAT(second->errors, HasSubstr("has a monitor already"));
}

TEST_F(Monitored, HangupOfTheLauncherIsSurvived) {
  ASSERT_GT(launch("sleep 1000").pid, 0);
  ASSERT_EQ(::kill(monitor_status().monitor_pid, SIGHUP), 0);
  ASSERT_EQ(::kill(monitor_status().monitor_pid, SIGINT), 0);
  EXPECT_OK(request_stop(directory()));  // it answers
  EXPECT_EQ(monitor_status().state, MonitorState::running);
}

TEST_F(Monitored, LongFolderPathsWork) {
  const auto deep = directory() + std::string(120, 'x');
  ASSERT_OK(make_directories(deep));
  EXPECT_FALSE(monitor_is_alive(deep));
  EXPECT_ERROR(connect_attach(deep), ErrorKind::not_found, HasSubstr("attach.sock"));
}

TEST(MonitorCommandLine, BadUseIsAnError) {
  struct Case {
    std::vector<std::string> arguments;
    int status;
    const char* text;
  };
  const Case cases[] = {{{"--nosuch"}, 2, "unknown option \"--nosuch\""},
                        {{}, 2, "--dir DIR must be given"},
                        {{"--dir"}, 2, "--dir needs a value"},
                        {{"--dir", "/nonexistent"}, 1, "/nonexistent"},
                        {{"--dir", "/tmp", "--sync-fd", "777"}, 2, "--sync-fd"}};
  for (const auto& [arguments, status, text] : cases) {
    Command command;
    command.arguments = {test::program_path("gantry-monitor")};
    command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
    const auto result = run_command(command);
    ASSERT_OK(result);
    EXPECT_EQ(result->status, status) << text;
    EXPECT_THAT(result->errors, HasSubstr(text));
  }
}

}  // namespace
}  // namespace gantry::runtime
