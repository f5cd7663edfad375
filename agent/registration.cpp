#include "agent/registration.h"

#include "agent/backoff.h"
#include "base/log.h"

#include <algorithm>
#include <set>

namespace gantry::agent {

namespace {

constexpr std::string_view old_prefix = "com.amazonaws.ecs.capability.";
constexpr std::string_view new_prefix = "ecs.capability.";

api::Resource number(const char* name, int64_t value) {
  api::Resource resource;
  resource.name = name;
  resource.type = "INTEGER";
  resource.integer_value = value;
  return resource;
}

api::Resource ports(const char* name, const std::vector<std::string>& values) {
  api::Resource resource;
  resource.name = name;
  resource.type = "STRINGSET";
  resource.string_set_value = values;
  return resource;
}

api::Attribute attribute(std::string name, std::string value = {}) {
  api::Attribute made;
  made.name = std::move(name);
  made.value = std::move(value);
  return made;
}

// Some answers mean "later"; all others are the last word. Source: the ECS agent's registration client.
bool is_worth_a_retry(const http::AwsError& error) {
  static const std::set<std::string> later = {"ThrottlingException", "ServerException",
                                              "LimitExceededException"};
  return !error.reached() || error.status >= 500 || later.contains(error.name);
}

Result<void> check_attributes(const std::vector<api::Attribute>& sent,
                              const std::vector<api::Attribute>& back) {
  for (const auto& wanted : sent) {
    const bool there = std::any_of(back.begin(), back.end(), [&](const auto& answer) {
      return answer.name == wanted.name && answer.value == wanted.value;
    });
    if (!there) {
      return Error::make(ErrorKind::invalid,
                         "attribute validation failed: {} didn't come back as it was sent", wanted.name);
    }
  }
  return {};
}

Result<InstanceState> keep(const Registered& registered, const api::RegisterContainerInstanceRequest& request,
                           InstanceState state, const StateStore& store) {
  TRY(check_attributes(request.attributes, registered.attributes));
  if (state.container_instance_arn.empty()) state.container_instance_arn = registered.container_instance_arn;
  state.cluster = request.cluster;
  TRY(store.save_instance(state));
  log::info("registered cluster={} instance={}", state.cluster, state.container_instance_arn);
  return state;
}

}  // namespace

std::vector<api::Resource> total_resources(const Config& config, const HostCapabilities& host) {
  return {number("CPU", host.cpu_units),
          number("MEMORY", std::max<int64_t>(host.memory_mib - config.reserved_memory, 0)),
          ports("PORTS", config.reserved_ports), ports("PORTS_UDP", config.reserved_udp_ports)};
}

std::vector<api::Attribute> instance_attributes(const Config& config, const HostCapabilities& host) {
  std::vector<api::Attribute> attributes;
  const auto add = [&](std::string_view prefix, std::string_view name) {
    attributes.push_back(attribute(std::string(prefix) + std::string(name)));
  };
  if (!config.disable_privileged) add(old_prefix, "privileged-container");
  for (int minor = 17; minor <= 25; ++minor) add(old_prefix, format("docker-remote-api.1.{}", minor));
  for (const auto& driver : config.log_drivers) add(old_prefix, "logging-driver." + driver);
  add(old_prefix, "ecr-auth");
  if (!config.disable_health_checks) add(new_prefix, "container-health-check");
  for (const auto* name :
       {"container-ordering", "container-restart-policy", "full-sync", "pid-ipc-namespace-sharing"})
    add(new_prefix, name);
  // Best effort is the operator's word that tasks with limits may run without them.
  const bool limits = (host.limits_cpu && host.limits_memory) || config.best_effort_limits;
  if (limits && config.task_limits) {
    add(new_prefix, "task-cpu-mem-limit");
    add(new_prefix, "increased-task-cpu-limit");
  }
  attributes.push_back(attribute("ecs.os-type", "linux"));
  attributes.push_back(attribute("ecs.os-family", "LINUX"));
  attributes.push_back(attribute("ecs.cpu-architecture", host.architecture));
  for (const auto& [name, value] : config.attributes) attributes.push_back(attribute(name, value));
  return attributes;
}

api::RegisterContainerInstanceRequest registration_request(const Config& config, const HostCapabilities& host,
                                                           const InstanceState& known) {
  api::RegisterContainerInstanceRequest request;
  request.cluster = config.cluster;
  request.total_resources = total_resources(config, host);
  request.attributes = instance_attributes(config, host);
  request.container_instance_arn = known.container_instance_arn;
  for (const auto& [key, value] : config.tags) request.tags.push_back({key, value});
  return request;
}

Result<InstanceState> register_host(const Config& config, const HostCapabilities& host, ControlPlane& control,
                                    const StateStore& store, Stopping& stopping) {
  auto known = TRY(store.load_instance());
  const auto request = registration_request(config, host, known);
  Backoff backoff({std::chrono::seconds(1), std::chrono::seconds(60), 2, 0.2});
  bool made_cluster = false;
  for (;;) {
    auto answer = control.register_instance(request);
    if (answer) return keep(*answer, request, known, store);
    const auto& error = answer.error();
    if (error.name == "ClusterNotFoundException" && config.cluster == "default" && !made_cluster) {
      made_cluster = true;
      if (control.create_cluster("default")) continue;
    }
    if (!is_worth_a_retry(error)) return error.to_error().context("register with {}", config.endpoint);
    const auto wait = backoff.next();
    log::warning("register failed, retry in={}ms endpoint={} error=\"{}\"", wait.count(), config.endpoint,
                 error.to_error().message());
    if (stopping.wait_for(wait))
      return Error::make(ErrorKind::unavailable, "stopped before it was registered");
  }
}

}  // namespace gantry::agent
