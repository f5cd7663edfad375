#pragma once

#include "base/result.h"
#include "base/time.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// EventBridge's own wire between registry and control plane: POST / with X-Amz-Target AWSEvents.PutEvents,
// signing name "events". Source: EventBridge API reference "PutEvents"; ECR user guide "Amazon ECR events".
namespace gantry::api {

inline constexpr std::string_view events_target_prefix = "AWSEvents";
inline constexpr std::string_view events_service = "events";
inline constexpr std::string_view ecr_event_source = "aws.ecr";
inline constexpr std::string_view ecr_image_action = "ECR Image Action";  // DetailType

enum class ImageActionType { push, remove };  // "PUSH", "DELETE"

// The detail of an "ECR Image Action" event.
struct ImageAction {
  bool success = true;  // "result": "SUCCESS" or "FAILURE"
  std::string repository_name;
  std::string image_digest;
  ImageActionType action_type = ImageActionType::push;
  std::string image_tag;  // empty: pushed or deleted by digest
  std::string manifest_media_type;
  // "registry-hosts", ours: the names by which the registry is reached, that of the push first.
  // "127.0.0.1:5000"
  std::vector<std::string> registry_hosts;
};

// One of PutEvents' entries. `detail` is a JSON document as text.
struct EventEntry {
  std::string source;
  std::string detail_type;
  std::string detail;
  std::vector<std::string> resources;
  std::optional<double> time;  // epoch seconds
};

struct PutEventsRequest {
  std::vector<EventEntry> entries;  // 1 to 10
};

struct PutEventsResultEntry {
  std::string event_id;
  std::string error_code;  // with error_message: this entry wasn't taken
  std::string error_message;
};

struct PutEventsResponse {
  uint32_t failed_entry_count = 0;
  std::vector<PutEventsResultEntry> entries;
};

Result<ImageAction> parse_image_action(std::string_view text, std::string_view source);
std::string to_json_text(const ImageAction& action);
// Checks the number of entries and that each has source, detail type and detail.
Result<PutEventsRequest> parse_put_events_request(std::string_view text, std::string_view source);
std::string to_json_text(const PutEventsRequest& request);
Result<PutEventsResponse> parse_put_events_response(std::string_view text, std::string_view source);
std::string to_json_text(const PutEventsResponse& response);

// The entry that tells of `action`.
EventEntry image_action_entry(const ImageAction& action, TimePoint time);

}  // namespace gantry::api
