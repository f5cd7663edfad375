#include "api/agent_protocol.h"

#include "tests/support/results.h"

#include <fmt/format.h>

namespace gantry::api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

// The smallest payload that the real agent runs.
constexpr std::string_view payload_frame =
    R"({"type":"PayloadMessage","message":{"messageId":"m-1",)"
    R"("clusterArn":"arn:aws:ecs:us-east-1:000000000000:cluster/default",)"
    R"("containerInstanceArn":"arn:aws:ecs:us-east-1:000000000000:container-instance/default/0123",)"
    R"("seqNum":7,"generatedAt":1795510800000,"tasks":[{"arn":"arn:aws:ecs:us-east-1:000000000000:task/default/fedc",)"
    R"("family":"web","version":"3","desiredStatus":"RUNNING","cpu":0.25,"memory":128,"containers":[{"name":"app",)"
    R"("image":"busybox:1","essential":true,"cpu":128,"memory":64,"command":["sleep","600"],)"
    R"("environment":{"A":"b"},"portMappings":[{"containerPort":80,"hostPort":0,"protocol":"tcp"}],)"
    R"("dockerConfig":{"version":"1.21","config":"{\"User\":\"1000\"}",)"
    R"("hostConfig":"{\"NetworkMode\":\"bridge\",\"MemoryReservation\":33554432,\"CapAdd\":[],\"CapDrop\":[\"NET_RAW\"]}"}}]}]}})";

TEST(AgentProtocol, ReadsTheSmallestPayload) {
  const auto frame = parse_frame(payload_frame, "ACS frame");
  ASSERT_OK(frame);
  ASSERT_EQ(frame->type, PayloadMessage::type);
  const auto payload = parse_message<PayloadMessage>(*frame, "ACS frame");
  ASSERT_OK(payload);
  EXPECT_EQ(payload->seq_num, 7);
  ASSERT_EQ(payload->tasks.size(), 1u);
  EXPECT_EQ(payload->tasks[0].cpu, 0.25);
  const auto& container = payload->tasks[0].containers.at(0);
  EXPECT_THAT(container.command, ElementsAre("sleep", "600"));
  EXPECT_THAT(container.environment, ElementsAre(Pair("A", "b")));
  EXPECT_EQ(container.port_mappings.at(0).container_port, 80);
  const auto host = parse_docker_host_config(container.docker_config->host_config, "hostConfig");
  ASSERT_OK(host);
  EXPECT_EQ(host->network_mode, "bridge");
  EXPECT_EQ(host->memory_reservation, 33554432);
  EXPECT_THAT(host->cap_drop, ElementsAre("NET_RAW"));
  const auto config = parse_docker_config(container.docker_config->config, "config");
  ASSERT_OK(config);
  EXPECT_EQ(config->user, "1000");
}

TEST(AgentProtocol, WritesWhatItReads) {
  const auto payload = parse_message<PayloadMessage>(*parse_frame(payload_frame, "frame"), "frame");
  ASSERT_OK(payload);
  const auto text = to_frame(*payload);
  const auto again = parse_message<PayloadMessage>(*parse_frame(text, "frame"), "frame");
  ASSERT_OK(again);
  EXPECT_EQ(to_frame(*again), text);
  EXPECT_THAT(text, HasSubstr(R"("portMappings":[{"containerPort":80,"hostPort":0,"protocol":"tcp"}])"));
}

TEST(AgentProtocol, FramesCarryTheirType) {
  EXPECT_EQ(
      to_frame(AckRequest{"default", "arn:i", "m-1"}),
      R"({"type":"AckRequest","message":{"cluster":"default","containerInstance":"arn:i","messageId":"m-1"}})");
  EXPECT_EQ(to_frame(HeartbeatMessage{"h-1", true}),
            R"({"type":"HeartbeatMessage","message":{"messageId":"h-1","healthy":true}})");
}

TEST(AgentProtocol, EmptyManifestStillHasItsList) {
  TaskManifestMessage manifest;
  manifest.message_id = "t-1";
  manifest.timeline = 8;
  EXPECT_THAT(to_frame(manifest), HasSubstr(R"("timeline":8,"tasks":[])"));
}

TEST(AgentProtocol, NamesAMissingMember) {
  const auto frame = parse_frame(R"({"type":"AckRequest","message":{"cluster":"default"}})", "ACS frame");
  ASSERT_OK(frame);
  EXPECT_ERROR(parse_message<AckRequest>(*frame, "ACS frame"), ErrorKind::invalid, HasSubstr("messageId"));
  EXPECT_ERROR(parse_frame(R"({"message":{}})", "ACS frame"), ErrorKind::invalid, HasSubstr("type"));
  EXPECT_ERROR(parse_frame("[]", "ACS frame"), ErrorKind::invalid, HasSubstr("ACS frame"));
}

TEST(AgentProtocol, SecretsTravelButDoNotFormat) {
  IamRoleCredentialsMessage message;
  message.message_id = "c-1";
  message.task_arn = "arn:t";
  message.role_credentials.credentials_id = "id";
  message.role_credentials.secret_access_key = Secret("hidden");
  const auto again =
      parse_message<IamRoleCredentialsMessage>(*parse_frame(to_frame(message), "frame"), "frame");
  ASSERT_OK(again);
  EXPECT_EQ(again->role_credentials.secret_access_key.reveal(), "hidden");
  EXPECT_EQ(format("{}", again->role_credentials.secret_access_key), "***");
}

TEST(TelemetryFrame, SplitsHeaderLinesFromTheEnvelope) {
  const auto frame = split_telemetry_frame(
      "Authorization: AWS4-HMAC-SHA256 Credential=x\r\nHost: 127.0.0.1:51480\r\nX-Amz-Date: "
      "20261124T090000Z\r\n\r\n"
      R"({"type":"PublishMetricsRequest","message":{"metadata":{"cluster":"default","containerInstance":"i",)"
      R"("messageId":"m","idle":true,"fin":true},"timestamp":1795510820.0}})");
  ASSERT_OK(frame);
  EXPECT_THAT(frame->headers[1], Pair("Host", "127.0.0.1:51480"));
  const auto parsed = parse_frame(frame->body, "TCS frame");
  ASSERT_OK(parsed);
  const auto metrics = parse_message<PublishMetricsRequest>(*parsed, "TCS frame");
  ASSERT_OK(metrics);
  EXPECT_TRUE(metrics->metadata.idle);
  EXPECT_EQ(metrics->timestamp, 1795510820.0);
}

TEST(TelemetryFrame, JoinsWhatItSplits) {
  const auto text = join_telemetry_frame({{{"Host", "h"}, {"X-Amz-Date", "d"}}, R"({"type":"x"})"});
  EXPECT_EQ(text, "Host: h\r\nX-Amz-Date: d\r\n\r\n{\"type\":\"x\"}");
  const auto frame = split_telemetry_frame(text);
  ASSERT_OK(frame);
  EXPECT_EQ(frame->headers.size(), 2u);
  EXPECT_EQ(frame->body, R"({"type":"x"})");
}

TEST(TelemetryFrame, RefusesWhatIsNeitherHeaderNorBody) {
  EXPECT_ERROR(split_telemetry_frame("Host: h\r\n"), ErrorKind::invalid, HasSubstr("empty line"));
  EXPECT_ERROR(split_telemetry_frame("nonsense\r\n\r\n{}"), ErrorKind::invalid, HasSubstr("line 1"));
}

}  // namespace
}  // namespace gantry::api
