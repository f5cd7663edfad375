#include "base/files.h"
#include "base/text.h"
#include "runtime/monitor_handover.h"
#include "runtime/monitor_health.h"
#include "runtime/monitor_restart.h"
#include "runtime/monitor_runtime.h"
#include "tests/support/results.h"

namespace gantry::runtime {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Restart, PoliciesDecide) {
  struct Case {
    RestartConfig config;
    EndedRun run;
    bool expected;
  };
  const EndedRun good{0, seconds(5), 0, false}, bad{1, seconds(5), 2, false}, stopped{1, seconds(5), 0, true};
  const Case cases[] = {
      {{RestartPolicy::none, 0, 0, {}}, bad, false},
      {{RestartPolicy::always, 0, 0, {}}, good, true},
      {{RestartPolicy::always, 0, 0, {}}, stopped, false},
      {{RestartPolicy::unless_stopped, 0, 0, {}}, bad, true},
      {{RestartPolicy::on_failure, 0, 0, {}}, good, false},
      {{RestartPolicy::on_failure, 0, 0, {}}, bad, true},
      {{RestartPolicy::on_failure, 3, 0, {}}, bad, true},
      {{RestartPolicy::on_failure, 2, 0, {}}, bad, false},
      {{RestartPolicy::always, 0, 60, {}}, good, false},
      {{RestartPolicy::always, 0, 5, {}}, good, true},
      {{RestartPolicy::always, 0, 0, {1}}, bad, false},
      {{RestartPolicy::always, 0, 0, {1}}, good, true},
  };
  for (const auto& each : cases) {
    EXPECT_EQ(should_restart(each.config, each.run), each.expected) << &each - cases;
  }
}

TEST(Restart, BackOffDoublesToAMinuteAndBeginsAnewAfterALongRun) {
  RestartBackOff back_off;
  EXPECT_EQ(back_off.next(milliseconds(1)), milliseconds(100));
  EXPECT_EQ(back_off.next(milliseconds(1)), milliseconds(200));
  for (int i = 0; i < 20; ++i) back_off.next(milliseconds(1));
  EXPECT_EQ(back_off.next(milliseconds(1)), seconds(60));
  EXPECT_EQ(back_off.next(seconds(10)), milliseconds(100));
}

TEST(Health, RetriesMakeUnhealthyAndOneSuccessHealthy) {
  HealthCheck check;
  check.retries = 2;
  HealthStatus health;
  count_probe(check, {"", "", 1, ""}, true, health);
  EXPECT_EQ(health.status, HealthState::starting);
  EXPECT_EQ(health.failing_streak, 0u) << "failures in the start period don't count";
  count_probe(check, {"", "", 0, ""}, true, health);
  EXPECT_EQ(health.status, HealthState::healthy);
  count_probe(check, {"", "", 1, ""}, true, health);
  EXPECT_EQ(health.status, HealthState::healthy);
  count_probe(check, {"", "", -1, ""}, false, health);
  EXPECT_EQ(health.status, HealthState::unhealthy);
  count_probe(check, {"", "", 0, ""}, false, health);
  EXPECT_EQ(health.status, HealthState::healthy);
  EXPECT_EQ(health.log.size(), 5u);
}

TEST(RuntimeCommands, StartFailuresHaveDockersCodes) {
  EXPECT_EQ(start_failure_code(R"(exec: "nosuch": executable file not found in $PATH)"), 127);
  EXPECT_EQ(start_failure_code(R"(exec: "/nosuch": stat /nosuch: no such file or directory)"), 127);
  EXPECT_EQ(start_failure_code(R"(exec: "/dev/null": permission denied)"), 126);
  EXPECT_EQ(start_failure_code("mount /data: source /no: no such file or directory"), 125);
}

TEST(MonitorFiles, ConfigSurvivesItsJson) {
  MonitorConfig config;
  config.id = "c1";
  config.runtime = "/bin/gantry-oci";
  config.runtime_root = "/run/x";
  config.runtime_arguments = {"--cgroup-limits", "best-effort"};
  config.bundle = "/b";
  config.log = {LogDriver::cri, "/log", 100, 3, {{"CONTAINER_NAME", "n"}}};
  config.restart = {RestartPolicy::on_failure, 3, 60, {0, 7}};
  config.health_check = HealthCheck{{"true"}, 1000, 2000, 3000, 4000, 5};
  const auto again = parse_monitor_config(to_json_text(config), "test");
  ASSERT_OK(again);
  EXPECT_EQ(to_json_text(*again), to_json_text(config));
  EXPECT_THAT(again->restart.ignored_exit_codes, ElementsAre(0, 7));
  EXPECT_EQ(again->health_check->retries, 5u);
}

TEST(MonitorFiles, BadConfigNamesItsPlace) {
  EXPECT_ERROR(parse_monitor_config(R"({"id":"a"})", "monitor.json"), ErrorKind::invalid,
               HasSubstr("monitor.json: $: required member \"runtime\" is missing"));
  EXPECT_ERROR(
      parse_monitor_config(
          R"({"id":"a","runtime":"r","runtimeRoot":"/r","bundle":"/b","log":{"driver":"json-file"}})",
          "monitor.json"),
      ErrorKind::invalid, HasSubstr("$.log: a json-file log needs an absolute path"));
}

TEST(MonitorFiles, WhatWouldOverflowAClockIsRefused) {
  const std::string before =
      R"({"id":"a","runtime":"r","runtimeRoot":"/r","bundle":"/b","log":{"driver":"none"},)";
  for (const char* time : {"intervalMs", "timeoutMs", "startPeriodMs", "startIntervalMs"}) {
    const auto text =
        format(R"({}"healthCheck":{{"test":["true"],"{}":18446744073709551615}}}})", before, time);
    EXPECT_ERROR(parse_monitor_config(text, "monitor.json"), ErrorKind::invalid,
                 HasSubstr("$.healthCheck: times must not be longer than a year"));
  }
  EXPECT_ERROR(parse_handover(R"({"version":1,"runBeganNs":-9223372036854775808})", "the stash"),
               ErrorKind::invalid, HasSubstr("runBeganNs must not be negative"));
  EXPECT_ERROR(parse_handover(R"({"version":1,"backOffMs":18446744073709551615})", "the stash"),
               ErrorKind::invalid, HasSubstr("backOffMs"));
}

// kill(-1) would end every process of the host.
TEST(MonitorFiles, ANegativePidIsRefused) {
  for (const char* member : {"pid", "monitorPid", "guardPid"}) {
    EXPECT_ERROR(parse_monitor_status(format(R"({{"state":"running","{}":-1}})", member), "status.json"),
                 ErrorKind::invalid, HasSubstr("status.json: $: a pid must not be negative"));
  }
}

}  // namespace
}  // namespace gantry::runtime
