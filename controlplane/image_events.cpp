#include "api/events.h"
#include "api/image_name.h"
#include "base/format.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "controlplane/operations.h"
#include "controlplane/task_changes.h"
#include "http/sigv4.h"

#include <algorithm>

namespace gantry::controlplane {
namespace {

constexpr std::string_view follow_tag = "gantry:follow-image";

bool follows(const Service& service) {
  return std::any_of(service.tags.begin(), service.tags.end(),
                     [](const auto& tag) { return tag.key == follow_tag && tag.value == "true"; });
}

// Host, repository and tag are those of the push; an image by digest is never followed.
bool is_pushed(const std::string& text, const api::ImageAction& action) {
  const auto image = api::ImageName::parse(text);
  if (!image || !image->digest.empty()) return false;
  if (image->path != action.repository_name || image->tag != action.image_tag) return false;
  return std::any_of(action.registry_hosts.begin(), action.registry_hosts.end(),
                     [&](const auto& host) { return equals_ignoring_case(host, image->host); });
}

bool names_image(const TaskDefinition& definition, const api::ImageAction& action) {
  const auto& containers = definition.container_definitions;
  return std::any_of(containers.begin(), containers.end(),
                     [&](const auto& container) { return is_pushed(container.image, action); });
}

void redeploy_followers(Transaction& transaction, const api::ImageAction& action) {
  const auto services = transaction->services();
  for (const auto& [arn, found] : services) {
    if (found->status != api::ServiceStatus::active || !follows(*found)) continue;
    const auto definition = transaction->task_definition(found->task_definition);
    if (!definition || !names_image(*definition, action)) continue;
    Service service = *found;
    start_deployment(
        transaction, service, service.task_definition,
        format("image {}:{} was pushed ({})", action.repository_name, action.image_tag, action.image_digest));
    transaction.put(service);
    log::info("service follows image service={} image={}:{} digest={}", arn, action.repository_name,
              action.image_tag, action.image_digest);
  }
}

// The same event sent again (a retry of the sender's) has the same id.
std::string id_of(const api::EventEntry& entry) {
  return http::sha256_hex(
      format("{}\n{}\n{}\n{}", entry.source, entry.detail_type, entry.detail, entry.time.value_or(0)));
}

Result<void> take_event(Transaction& transaction, const api::EventEntry& entry) {
  if (entry.source != api::ecr_event_source || entry.detail_type != api::ecr_image_action) return {};
  const auto action = TRY(api::parse_image_action(entry.detail, "Detail"));
  if (action.registry_hosts.empty()) {
    return Error::invalid("Detail", "$.registry-hosts",
                          "must name the registry, such as [\"127.0.0.1:5000\"]");
  }
  const auto id = id_of(entry);
  if (transaction->events().contains(id)) return {};
  transaction.put(SeenEvent{id, transaction.now()});
  const bool pushed = action.success && action.action_type == api::ImageActionType::push;
  if (pushed && !action.image_tag.empty()) redeploy_followers(transaction, action);
  return {};
}

}  // namespace

AwsResult<std::string> put_events(const OperationContext& context, const http::AwsCall& call) {
  const auto request = api::parse_put_events_request(call.body, "request");
  if (!request) return http::AwsError{"ValidationException", request.error().message()};
  const auto run = [&](Transaction& transaction) -> AwsResult<api::PutEventsResponse> {
    api::PutEventsResponse response;
    for (const auto& entry : request->entries) {
      const auto taken = take_event(transaction, entry);
      if (taken) {
        response.entries.push_back({random_uuid(), "", ""});
      } else {
        response.entries.push_back({"", "MalformedDetail", taken.error().message()});
        ++response.failed_entry_count;
      }
    }
    return response;
  };
  return api::to_json_text(TRY(context.controller.run(run)));
}

}  // namespace gantry::controlplane
