#pragma once

#include "controlplane/scheduler.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The texts of service events. Clients look for parts of them, so they are ECS's own, word for word.
// Source: Amazon ECS Developer Guide, "Viewing Amazon ECS service event messages".

namespace gantry::controlplane::service_events {

std::string steady_state(std::string_view service);
std::string started(std::string_view service, const std::vector<std::string>& task_arns);
std::string stopped(std::string_view service, const std::vector<std::string>& task_arns);
std::string deployment_completed(std::string_view service, std::string_view deployment_id);
std::string deployment_failed(std::string_view service, std::string_view deployment_id);
std::string rolling_back(std::string_view service, std::string_view deployment_id);
std::string cannot_start_consistently(std::string_view service);
std::string cannot_roll(std::string_view service);  // minimum and maximum leave no room
std::string failed_health_check(std::string_view service, std::string_view task_arn);
// `closest` absent: the cluster has no instances.
std::string unplaced(std::string_view service, const std::optional<HostFailure>& closest);

// Says a cause once: true when `text` wasn't said in the last `period` seconds, and notes it in `said`.
// Entries older than a day are dropped.
bool should_say(std::map<std::string, double>& said, const std::string& text, double now, double period);

}  // namespace gantry::controlplane::service_events
