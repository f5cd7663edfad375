#include "agent/telemetry.h"

#include "agent/tcs_session.h"
#include "tests/agent/sample_task.h"
#include "tests/support/results.h"

namespace gantry::agent {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

const TelemetryNames names{"default", "arn:instance"};
const TimePoint now = from_epoch_seconds(1'795'510'800);

Task running_task(const std::string& id, HealthStatus health) {
  auto task = record_of(sample_task(id));
  task.record.known = TaskStatus::running;
  auto& container = task.record.containers[0];
  container.known = ContainerStatus::running;
  container.runtime_id = "runtime-" + id;
  container.health = health;
  container.health_since = now;
  return task;
}

TEST(Telemetry, HealthIsOfTasksThatHaveAHealthCheckTenAMessage) {
  std::vector<Task> tasks = {running_task("none", HealthStatus::none)};
  for (int i = 0; i < 11; ++i) tasks.push_back(running_task(format("t{}", i), HealthStatus::healthy));
  auto stopped = running_task("stopped", HealthStatus::healthy);
  stopped.record.known = TaskStatus::stopped;
  tasks.push_back(stopped);
  const auto messages = health_messages(tasks, names, now);
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[0].tasks.size(), 10u);
  EXPECT_EQ(messages[1].tasks.size(), 1u);
  EXPECT_FALSE(messages[0].metadata.fin);
  EXPECT_TRUE(messages[1].metadata.fin);
  EXPECT_EQ(messages[0].tasks[0].containers.at(0).health_status, "HEALTHY");
  EXPECT_THAT(health_messages({tasks[0]}, names, now), IsEmpty());
}

TEST(Telemetry, DigestChangesWithHealthAlone) {
  const auto healthy = health_digest({running_task("a", HealthStatus::healthy)});
  EXPECT_NE(healthy, health_digest({running_task("a", HealthStatus::unhealthy)}));
  auto other = running_task("a", HealthStatus::healthy);
  other.record.containers[0].restart_count = 3;
  EXPECT_EQ(healthy, health_digest({other}));
}

TEST(Telemetry, MetricsAreDifferencesOfCounters) {
  ContainerSamples samples;
  engine::ContainerStats first;
  first.read_at = now;
  first.cpu_usage_microseconds = 1'000'000;
  first.memory_usage = uint64_t{10} << 20;
  add_difference(samples, first);
  EXPECT_EQ(samples.cpu.sample_count, 0);
  samples.last = first;
  auto second = first;
  second.read_at = now + std::chrono::seconds(2);
  second.cpu_usage_microseconds = 2'000'000;  // one second of CPU in two: half a core
  second.network_receive_bytes = 500;
  add_difference(samples, second);
  EXPECT_DOUBLE_EQ(samples.cpu.sum, 50);
  EXPECT_DOUBLE_EQ(samples.memory.max, 10);
  EXPECT_DOUBLE_EQ(samples.received.sum, 500);
}

TEST(Telemetry, WithoutTasksMetricsSayIdle) {
  const auto messages = metrics_messages({}, {}, names, now);
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_TRUE(messages[0].metadata.idle);
  EXPECT_TRUE(messages[0].metadata.fin);
}

TEST(Telemetry, FramesCarrySignedHeaderLines) {
  const http::Credentials credentials{"AKIDEXAMPLE", Secret("secret"), {}, {}};
  const auto frame =
      signed_frame("http://127.0.0.1:51480/ws?a=b", R"({"type":"x"})", credentials, "us-east-1", now);
  ASSERT_OK(frame);
  EXPECT_THAT(*frame, HasSubstr("Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"));
  EXPECT_THAT(*frame, HasSubstr("Host: 127.0.0.1:51480\r\n"));
  EXPECT_TRUE(frame->ends_with("\r\n\r\n{\"type\":\"x\"}"));
}

}  // namespace
}  // namespace gantry::agent
