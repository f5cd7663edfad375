#include "tests/runtime/monitor_fixture.h"
#include "tests/support/programs.h"

#include <csignal>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <thread>
#include <unistd.h>

// A monitor that is replaced or killed while its container runs, and what it costs to have one.
namespace gantry::runtime {
namespace {

using test::wait_until;
using testing::HasSubstr;

const char* const own_monitor = test::program_path("gantry-monitor");
// Counts until it finds /end, then ends with 7. It rests now and then, or the log grows by 100,000 lines a
// second.
constexpr const char* counter =
    "i=0; until test -e /end; do echo line $i; i=$((i+1)); test $((i % 200)) = 0 && sleep 0.01; done; "
    "echo $i >/count; exit 7";

class Replaced : public Monitored {
 protected:
  void end_container() { ASSERT_OK(write_file(rootfs() + "/end", "")); }

  pid_t monitor_pid() { return monitor_status().monitor_pid; }

  // Kills the monitor and waits for the one that follows.
  void kill_monitor() {
    const pid_t old = monitor_pid();
    ASSERT_EQ(::kill(old, SIGKILL), 0);
    ASSERT_TRUE(wait_until([&] { return monitor_pid() != old; })) << "no monitor followed";
  }

  // Every line of `counter` once, in order.
  void expect_whole_count() {
    const auto count = read_file(rootfs() + "/count");
    ASSERT_OK(count);
    std::string expected;
    for (int i = 0; i < std::stoi(*count); ++i) expected += format("line {}\n", i);
    EXPECT_TRUE(log_text() == expected) << "of " << *count << " lines some are lost, doubled or out of order";
  }
};

TEST_F(Replaced, ByItsLikeWhileItsContainerWritesLosesNoLineAndKeepsTheExitStatus) {
  ASSERT_GT(launch(counter).pid, 0);
  const auto before = monitor_status();
  for (int i = 0; i < 10; ++i) ASSERT_OK(upgrade_monitor(directory(), own_monitor));
  EXPECT_EQ(monitor_status().pid, before.pid);
  EXPECT_EQ(monitor_status().monitor_pid, before.monitor_pid) << "it stays the container's parent";
  end_container();
  EXPECT_EQ(ended().exit_code, 7);
  expect_whole_count();
}

TEST_F(Replaced, KeepsAttachedClientsTheirInputAndBegunLines) {
  ASSERT_GT(launch_attached("echo -n begun; cat; echo end").pid, 0);
  ASSERT_TRUE(wait_until([&] {
    char packet[64];
    return recv(client_.get(), packet, sizeof packet, 0) == 6;
  }));
  const auto second = connect_attach(directory());
  ASSERT_OK(second);
  ASSERT_OK(upgrade_monitor(directory(), own_monitor));
  ASSERT_EQ(send(client_.get(), " line\n", 6, 0), 6);
  ASSERT_EQ(shutdown(client_.get(), SHUT_WR), 0);
  EXPECT_EQ(read_client(client_).out, " line\nend\n");
  EXPECT_EQ(read_client(*second).out, " line\nend\n");
  EXPECT_EQ(ended().exit_code, 0);
  const auto entries = log();
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].log, "begun line\n");
}

TEST_F(Replaced, KeepsATerminal) {
  ASSERT_GT(launch_attached(
                "read line; echo got $line; stty size", [](MonitorConfig& config) { config.terminal = true; },
                [](oci::RuntimeConfig& config) { config.process->terminal = true; })
                .pid,
            0);
  ASSERT_OK(upgrade_monitor(directory(), own_monitor));
  ASSERT_OK(resize_terminal(directory(), 33, 99));
  ASSERT_EQ(send(client_.get(), "x\n", 2, 0), 2);
  const auto output = read_client(client_);
  EXPECT_THAT(output.out, HasSubstr("got x\r\n"));
  EXPECT_THAT(output.out, HasSubstr("33 99\r\n"));
}

TEST_F(Replaced, WorksOnWhenTheNewOneCantBeRun) {
  ASSERT_GT(launch(counter).pid, 0);
  EXPECT_ERROR(upgrade_monitor(directory(), "/no/such/monitor"), ErrorKind::conflict,
               HasSubstr("run /no/such/monitor"));
  end_container();
  EXPECT_EQ(ended().exit_code, 7);
  expect_whole_count();
}

TEST_F(Replaced, GoesOnWithTheOldOneWhenTheNewOneFails) {
  ASSERT_GT(launch(counter).pid, 0);
  EXPECT_ERROR(upgrade_monitor(directory(), "/bin/false"), ErrorKind::conflict,
               HasSubstr("/bin/false doesn't work"));
  end_container();
  EXPECT_EQ(ended().exit_code, 7);
  expect_whole_count();
}

TEST_F(Replaced, KeepsItsRestartPolicy) {
  ASSERT_GT(launch("until test -e /end; do sleep 0.05; done; exit 1",
                   [](MonitorConfig& config) {
                     config.restart.policy = RestartPolicy::on_failure;
                     config.restart.maximum_retries = 2;
                   })
                .pid,
            0);
  ASSERT_OK(upgrade_monitor(directory(), own_monitor));
  end_container();
  const auto status = ended();
  EXPECT_EQ(status.restart_count, 2u);
  EXPECT_EQ(status.exit_code, 1);
}

TEST_F(Replaced, AKilledOneIsFollowedByOneThatLearnsTheExitStatus) {
  const auto message = launch("until test -e /end; do echo tick; sleep 0.01; done; echo last; exit 7");
  ASSERT_GT(message.pid, 0);
  for (int i = 0; i < 2; ++i) kill_monitor();
  EXPECT_EQ(monitor_status().pid, message.pid);
  EXPECT_EQ(monitor_status().state, MonitorState::running);
  EXPECT_OK(request_stop(directory()));  // the one that followed answers
  end_container();
  const auto status = ended();
  EXPECT_EQ(status.exit_code, 7);
  EXPECT_EQ(status.state, MonitorState::exited);
  EXPECT_EQ(log().back().log, "last\n");
}

TEST_F(Replaced, KilledJustBeforeItsContainerStillLearnsTheSignal) {
  const auto message = launch("sleep 1000");
  ASSERT_GT(message.pid, 0);
  ASSERT_EQ(::kill(monitor_pid(), SIGKILL), 0);
  ASSERT_EQ(::kill(message.pid, SIGKILL), 0);
  ASSERT_TRUE(wait_until([&] { return monitor_status().state == MonitorState::exited; }));
  EXPECT_EQ(ended().exit_code, 128 + SIGKILL);
}

TEST_F(Replaced, AKilledOneIsFollowedByOneThatRestartsByPolicy) {
  ASSERT_GT(launch("test -e /end && exit 0; sleep 1000",
                   [](MonitorConfig& config) { config.restart.policy = RestartPolicy::on_failure; })
                .pid,
            0);
  kill_monitor();
  const pid_t first = monitor_status().pid;
  end_container();
  ASSERT_EQ(::kill(first, SIGKILL), 0);
  const auto status = ended();
  EXPECT_EQ(status.restart_count, 1u);
  EXPECT_EQ(status.exit_code, 0);
}

TEST_F(Replaced, AKilledGuardIsReplacedAndTheExitStatusKept) {
  ASSERT_GT(launch("until test -e /end; do sleep 0.05; done; exit 7").pid, 0);
  const pid_t guard = monitor_status().guard_pid;
  ASSERT_GT(guard, 1);
  ASSERT_EQ(::kill(guard, SIGKILL), 0);
  ASSERT_TRUE(wait_until([&] {
    const auto now = monitor_status().guard_pid;
    return now > 1 && now != guard;
  }));
  kill_monitor();
  end_container();
  EXPECT_EQ(ended().exit_code, 7);
}

// The container has gone to init: only the kernel knows its end, from Linux 6.15 on.
TEST_F(Replaced, AfterBothWereKilledInTurnTheEndIsTheKernelsOrUnknownButNeverZero) {
  ASSERT_GT(launch("until test -e /end; do sleep 0.05; done; exit 0").pid, 0);
  kill_monitor();
  const pid_t guard = monitor_status().guard_pid;
  ASSERT_EQ(::kill(guard, SIGKILL), 0);
  ASSERT_TRUE(wait_until([&] {
    const auto now = monitor_status().guard_pid;
    return now > 1 && now != guard;
  }));
  ASSERT_EQ(::kill(monitor_status().pid, SIGKILL), 0);
  const auto status = ended();
  utsname kernel{};
  ASSERT_EQ(uname(&kernel), 0);
  int major = 0, minor = 0;
  ASSERT_EQ(std::sscanf(kernel.release, "%d.%d", &major, &minor), 2);
  const bool kernel_tells = major > 6 || (major == 6 && minor >= 15);
  const bool seen = kernel_tells || status.error.empty();  // else init may reap it before the monitor looks
  EXPECT_EQ(status.exit_code, seen ? 128 + SIGKILL : 255);
  EXPECT_EQ(status.error.empty(), seen) << status.error;
}

TEST_F(Replaced, LeavesNoGuardBehind) {
  ASSERT_GT(launch("until test -e /end; do sleep 0.05; done").pid, 0);
  const auto guard = identify_process(monitor_status().guard_pid);
  ASSERT_OK(guard);
  EXPECT_TRUE(is_alive(*guard));
  end_container();
  ended();
  EXPECT_TRUE(wait_until([&] { return !is_alive(*guard); }));
}

// ---- what may not stall or lose a container ----

class Trouble : public Replaced {
 protected:
  void TearDown() override {
    Replaced::TearDown();
    if (!disk_.empty()) ::umount2(disk_.c_str(), MNT_DETACH);
  }
  // The container's folder with its log on a disk of 256 KiB.
  void use_small_disk() {
    disk_ = directory();
    ASSERT_OK(make_directories(disk_));
    ASSERT_EQ(::mount("tmpfs", disk_.c_str(), "tmpfs", 0, "size=256k"), 0);
  }
  std::string disk_;
};

TEST_F(Trouble, FullLogDiskCostsCountedLinesAndTheExitIsRecorded) {
  use_small_disk();
  const auto message = launch(
      "i=0; while test $i -lt 5000; do echo line $i; i=$((i+1)); done; "
      "until test -e /end; do sleep 0.05; done; exit 7");
  ASSERT_GT(message.pid, 0);
  EXPECT_TRUE(wait_until([&] { return monitor_status().lost_log_lines > 0; }, std::chrono::seconds(60)))
      << "said while it runs";
  EXPECT_EQ(monitor_status().state, MonitorState::running);
  EXPECT_TRUE(is_alive(monitor_status().process()));
  end_container();
  const auto status = ended();
  EXPECT_EQ(status.exit_code, 7);
  EXPECT_EQ(status.state, MonitorState::exited);
  EXPECT_EQ(log().size() + status.lost_log_lines, 5000u);
}

TEST_F(Trouble, ClientThatReadsNothingKeepsNeitherOthersNorTheExit) {
  ASSERT_GT(
      launch("until test -e /end; do sleep 0.05; done; dd if=/dev/zero bs=65536 count=40 2>/dev/null; exit 7",
             [](MonitorConfig& config) { config.log.driver = LogDriver::none; })
          .pid,
      0);
  const auto hanging = connect_attach(directory()), reading = connect_attach(directory());
  ASSERT_OK(hanging);
  ASSERT_OK(reading);
  EXPECT_ERROR(resize_terminal(directory(), 1, 1), ErrorKind::conflict, HasSubstr("no terminal"));
  end_container();
  EXPECT_EQ(read_client(*reading).out.size(), size_t{40} * 65536);
  EXPECT_EQ(ended().exit_code, 7);
}

// What a monitor at rest costs: no wake-up at all, and together with its guard less than 0.25 MiB of its own.
TEST_F(Trouble, IdleOneSleepsAndIsSmall) {
  ASSERT_GT(launch("echo up; exec sleep 1000").pid, 0);
  ASSERT_TRUE(wait_until([&] { return log_text() == "up\n"; }));
  const auto status = monitor_status();
  const auto switches = [&](pid_t pid) {
    const auto text = read_file(format("/proc/{}/status", pid)).value_or("");
    return text.substr(text.find("voluntary_ctxt_switches:"));
  };
  // On a busy host both may still have to go to sleep after the last record.
  std::string before, guards;
  ASSERT_TRUE(wait_until([&] {
    before = switches(status.monitor_pid), guards = switches(status.guard_pid);
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    return switches(status.monitor_pid) == before && switches(status.guard_pid) == guards;
  }));
  ASSERT_FALSE(before.empty());
  std::this_thread::sleep_for(std::chrono::seconds(3));
  EXPECT_EQ(switches(status.monitor_pid), before);
  EXPECT_EQ(switches(status.guard_pid), guards);
  // The private dirty memory that isn't the program's file, just built and not yet written to disk.
  const auto kib = memory_kib(status.monitor_pid, "Anonymous:") + memory_kib(status.guard_pid, "Anonymous:");
  EXPECT_GT(kib, 0u);
  EXPECT_LE(kib, 256u);
}

}  // namespace
}  // namespace gantry::runtime
