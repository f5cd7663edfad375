#include "api/events.h"
#include "base/json.h"

namespace gantry::api {
namespace {

enum class ActionResult { success, failure };
constexpr EnumName<ActionResult> action_result_names[] = {{ActionResult::success, "SUCCESS"},
                                                          {ActionResult::failure, "FAILURE"}};
constexpr EnumName<ImageActionType> image_action_names[] = {{ImageActionType::push, "PUSH"},
                                                            {ImageActionType::remove, "DELETE"}};

[[maybe_unused]] std::span<const EnumName<ActionResult>> enum_names(ActionResult) {
  return action_result_names;
}

}  // namespace

static std::span<const EnumName<ImageActionType>> enum_names(ImageActionType) {
  return image_action_names;
}

template <class Visitor>
void members(Visitor& visit, ImageAction& action) {
  auto result = action.success ? ActionResult::success : ActionResult::failure;
  visit.required("result", result);
  action.success = result == ActionResult::success;
  visit.required("repository-name", action.repository_name);
  visit("image-digest", action.image_digest);
  visit.required("action-type", action.action_type);
  visit("image-tag", action.image_tag);
  visit("manifest-media-type", action.manifest_media_type);
  visit("registry-hosts", action.registry_hosts);
}

template <class Visitor>
void members(Visitor& visit, EventEntry& entry) {
  visit.required("Source", entry.source);
  visit.required("DetailType", entry.detail_type);
  visit.required("Detail", entry.detail);
  visit("Resources", entry.resources);
  visit("Time", entry.time);
}

template <class Visitor>
void members(Visitor& visit, PutEventsRequest& request) {
  visit.required("Entries", request.entries);
  if (request.entries.empty() || request.entries.size() > 10)
    visit.fail("\"Entries\" must have 1 to 10 members");
}

template <class Visitor>
void members(Visitor& visit, PutEventsResultEntry& entry) {
  visit("EventId", entry.event_id);
  visit("ErrorCode", entry.error_code);
  visit("ErrorMessage", entry.error_message);
}

template <class Visitor>
void members(Visitor& visit, PutEventsResponse& response) {
  visit("FailedEntryCount", response.failed_entry_count);
  visit.always("Entries", response.entries);
}

Result<ImageAction> parse_image_action(std::string_view text, std::string_view source) {
  return parse_json<ImageAction>(text, source);
}
std::string to_json_text(const ImageAction& action) {
  return to_json(action);
}
Result<PutEventsRequest> parse_put_events_request(std::string_view text, std::string_view source) {
  return parse_json<PutEventsRequest>(text, source);
}
std::string to_json_text(const PutEventsRequest& request) {
  return to_json(request);
}
Result<PutEventsResponse> parse_put_events_response(std::string_view text, std::string_view source) {
  return parse_json<PutEventsResponse>(text, source);
}
std::string to_json_text(const PutEventsResponse& response) {
  return to_json(response);
}

EventEntry image_action_entry(const ImageAction& action, TimePoint time) {
  return {std::string(ecr_event_source),
          std::string(ecr_image_action),
          to_json_text(action),
          {},
          to_epoch_seconds(time)};
}

}  // namespace gantry::api
