#include "controlplane/service_events.h"

#include "api/ecs_common.h"
#include "base/text.h"

namespace gantry::controlplane::service_events {

namespace {

constexpr double forgotten_after = 24 * 3600;

std::string listed(const std::vector<std::string>& task_arns) {
  std::string text;
  for (const auto& arn : task_arns) {
    if (!text.empty()) text += ' ';
    text += format("(task {})", api::short_name(arn));
  }
  return text;
}

// What the closest host lacks, as ECS words it.
std::string lack(const HostFailure& failure) {
  switch (failure.refusal) {
    case Refusal::cpu:
      return "has insufficient CPU units available";
    case Refusal::memory:
      return "has insufficient memory available";
    case Refusal::ports_tcp:
    case Refusal::ports_udp:
      return "is already using a port required by your task";
    case Refusal::attribute:
      return format("is missing an attribute required by your task: {}",
                    join(failure.missing_attributes, ", "));
    case Refusal::inactive:
    case Refusal::agent:
    case Refusal::member_of:
    case Refusal::distinct_instance:
      return format("encountered error \"{}\"", refusal_text(failure.refusal));
  }
  return "";
}

}  // namespace

std::string steady_state(std::string_view service) {
  return format("(service {}) has reached a steady state.", service);
}

std::string started(std::string_view service, const std::vector<std::string>& task_arns) {
  return format("(service {}) has started {} tasks: {}.", service, task_arns.size(), listed(task_arns));
}

std::string stopped(std::string_view service, const std::vector<std::string>& task_arns) {
  return format("(service {}) has stopped {} running tasks: {}.", service, task_arns.size(),
                listed(task_arns));
}

std::string deployment_completed(std::string_view service, std::string_view deployment_id) {
  return format("(service {}) (deployment {}) deployment completed.", service, deployment_id);
}

std::string deployment_failed(std::string_view service, std::string_view deployment_id) {
  return format("(service {}) (deployment {}) deployment failed: tasks failed to start.", service,
                deployment_id);
}

std::string rolling_back(std::string_view service, std::string_view deployment_id) {
  return format("(service {}) rolling back to deployment {}.", service, deployment_id);
}

std::string cannot_start_consistently(std::string_view service) {
  return format(
      "(service {}) is unable to consistently start tasks successfully. For more information, see the "
      "Troubleshooting section of the Amazon ECS Developer Guide.",
      service);
}

std::string cannot_roll(std::string_view service) {
  return format(
      "(service {}) was unable to stop or start tasks during a deployment because of the service "
      "deployment configuration. Update the minimumHealthyPercent or maximumPercent value and try again.",
      service);
}

std::string failed_health_check(std::string_view service, std::string_view task_arn) {
  return format("(service {}) (task {}) failed container health checks.", service, api::short_name(task_arn));
}

std::string unplaced(std::string_view service, const std::optional<HostFailure>& closest) {
  const std::string reason = closest ? format("The closest matching (container-instance {}) {}.",
                                              api::short_name(closest->arn), lack(*closest))
                                     : "Reason: No Container Instances were found in your cluster.";
  return format(
      "(service {}) was unable to place a task because no container instance met all of its "
      "requirements. {} For more information, see the Troubleshooting section of the Amazon ECS "
      "Developer Guide.",
      service, reason);
}

bool should_say(std::map<std::string, double>& said, const std::string& text, double now, double period) {
  std::erase_if(said, [&](const auto& entry) { return now - entry.second > forgotten_after; });
  const auto found = said.find(text);
  if (found != said.end() && now - found->second < period) return false;
  said[text] = now;
  return true;
}

}  // namespace gantry::controlplane::service_events
