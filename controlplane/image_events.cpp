#include "api/events.h"
#include "base/format.h"
#include "base/log.h"
#include "base/random.h"
#include "controlplane/operations.h"
#include "controlplane/task_changes.h"
#include "http/sigv4.h"

#include <algorithm>

namespace gantry::controlplane {
namespace {

constexpr std::string_view follow_tag = "gantry:follow-image";

// "HOST/REPOSITORY:TAG" as a task definition names an image; no tag means latest, a digest is never followed.
struct NamedImage {
  std::string host;  // empty: none was named
  std::string repository;
  std::string tag;
};

std::optional<NamedImage> parse_image(std::string_view image) {
  if (image.find('@') != std::string_view::npos) return std::nullopt;
  NamedImage named;
  const auto slash = image.find('/');
  const auto first = image.substr(0, slash);
  const bool is_host = slash != std::string_view::npos &&
                       (first == "localhost" || first.find_first_of(".:") != std::string_view::npos);
  if (is_host) {
    named.host = first;
    image.remove_prefix(slash + 1);
  }
  const auto colon = image.rfind(':');
  named.repository = image.substr(0, colon);
  named.tag = colon == std::string_view::npos ? "latest" : image.substr(colon + 1);
  return named;
}

bool follows(const Service& service) {
  return std::any_of(service.tags.begin(), service.tags.end(),
                     [](const auto& tag) { return tag.key == follow_tag && tag.value == "true"; });
}

bool names_image(const TaskDefinition& definition, const api::ImageAction& action) {
  return std::any_of(definition.container_definitions.begin(), definition.container_definitions.end(),
                     [&](const auto& container) {
                       const auto image = parse_image(container.image);
                       if (!image || image->repository != action.repository_name) return false;
                       if (image->tag != action.image_tag) return false;
                       return action.registry_host.empty() || image->host == action.registry_host;
                     });
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
