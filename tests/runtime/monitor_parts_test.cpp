#include "base/files.h"
#include "base/text.h"
#include "runtime/monitor_health.h"
#include "runtime/monitor_log.h"
#include "runtime/monitor_restart.h"
#include "runtime/monitor_runtime.h"
#include "tests/support/results.h"

namespace gantry::runtime {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<LogEntry> entries(const std::string& path) {
  std::vector<LogEntry> entries;
  for (const auto& line : split(read_file(path).value_or(""), '\n')) {
    if (line.empty()) continue;
    auto entry = parse_log_entry(line, path);
    EXPECT_OK(entry);
    if (entry) entries.push_back(std::move(entry).value());
  }
  return entries;
}

class Log : public testing::Test {
 protected:
  void SetUp() override {
    auto made = TemporaryDirectory::make();
    ASSERT_OK(made);
    folder_.emplace(std::move(made).value());
    path_ = folder_->path() + "/json.log";
  }
  LogWriter open(uint64_t maximum_size = 0, uint32_t maximum_files = 1) {
    LogWriter log({LogDriver::json_file, path_, maximum_size, maximum_files});
    EXPECT_OK(log.open());
    return log;
  }
  std::optional<TemporaryDirectory> folder_;
  std::string path_;
  TimePoint now_ = parse_rfc3339("2026-11-24T11:01:05.123456789Z").value_or({});
};

TEST_F(Log, LinesOfBothStreamsAreEntries) {
  auto log = open();
  log.write(Stream::output, "one\ntw", now_);
  log.write(Stream::errors, "oops\n", now_);
  log.write(Stream::output, "o\nthree", now_);
  log.flush(now_);
  EXPECT_EQ(split(read_file(path_).value_or(""), '\n')[0],
            R"({"log":"one\n","stream":"stdout","time":"2026-11-24T11:01:05.123456789Z"})");
  const auto all = entries(path_);
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[1].log, "oops\n");
  EXPECT_EQ(all[1].stream, "stderr");
  EXPECT_EQ(all[2].log, "two\n");
  EXPECT_EQ(all[3].log, "three");
}

TEST_F(Log, AnyBytesGiveValidJson) {
  using namespace std::string_literals;
  auto log = open();
  log.write(Stream::output, "\"\\\t\x01\0\x7f\xc3\xa9|\xff|\xed\xa0\x80\n"s, now_);
  const auto all = entries(path_);
  ASSERT_EQ(all.size(), 1u);
  const auto lost = "\xef\xbf\xbd"s;
  EXPECT_EQ(all[0].log, "\"\\\t\x01\0\x7f\xc3\xa9|"s + lost + "|" + lost + lost + lost + "\n");
}

TEST(LogEntries, ForeignEscapesAreRead) {
  const auto entry =
      parse_log_entry(R"({"log":"\u0041\ud83d\ude00\/\b","stream":"stdout","time":"t","attrs":"x"})", "log");
  ASSERT_OK(entry);
  EXPECT_EQ(entry->log, "A\xf0\x9f\x98\x80/\b");
  for (const auto* broken : {"", "{", R"({"log":"a)", R"({"log":"\x","stream":"s","time":"t"})",
                             R"({"log":"a"})", R"({"log":"\ud83d","stream":"s","time":"t"})"}) {
    EXPECT_ERROR(parse_log_entry(broken, "json.log"), ErrorKind::corrupt, HasSubstr("json.log"));
  }
}

TEST_F(Log, LongLinesComeInPartsThatKeepCharactersWhole) {
  auto log = open();
  std::string line = "x";
  for (int i = 0; i < 20000; ++i) line += "\xc3\xa9";
  log.write(Stream::output, line + "\n", now_);
  std::string joined;
  for (const auto& entry : entries(path_)) {
    EXPECT_LE(entry.log.size(), 16384u);
    joined += entry.log;
  }
  EXPECT_EQ(joined, line + "\n");
}

TEST_F(Log, RotatesBySizeAndKeepsSoMany) {
  auto log = open(200, 3);
  for (int i = 0; i < 20; ++i) log.write(Stream::output, format("line {}\n", i), now_);
  EXPECT_EQ(entries(path_).back().log, "line 19\n");
  EXPECT_TRUE(path_exists(path_ + ".1"));
  EXPECT_TRUE(path_exists(path_ + ".2"));
  EXPECT_FALSE(path_exists(path_ + ".3"));
  EXPECT_EQ(entries(path_ + ".1").back().log, format("line {}\n", 19 - entries(path_).size()));
  for (const auto& name : {path_, path_ + ".1", path_ + ".2"}) {
    EXPECT_LE(read_file(name).value_or("").size(), 200u) << name;
  }
}

TEST_F(Log, FullDiskCostsCountedLinesOnly) {
  LogWriter log({LogDriver::json_file, "/dev/full", 0, 1});
  ASSERT_OK(log.open());
  log.write(Stream::output, "a\nb\n", now_);
  EXPECT_EQ(log.lost_lines(), 2u);
}

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
  config.log = {LogDriver::json_file, "/log", 100, 3};
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

}  // namespace
}  // namespace gantry::runtime
