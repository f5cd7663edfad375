#include "agent/agent.h"

#include "agent/acs_session.h"
#include "agent/introspection.h"
#include "agent/registration.h"
#include "agent/submitter.h"
#include "agent/tcs_session.h"
#include "base/log.h"

#include <algorithm>
#include <mutex>
#include <thread>

namespace gantry::agent {

namespace {

Result<void> check_cluster(const Config& config, const InstanceState& state) {
  if (state.container_instance_arn.empty() || state.cluster == config.cluster) return {};
  return Error::make(ErrorKind::conflict,
                     "{} belongs to cluster {}, not to {}: give the agent another --data-dir, or cluster {}",
                     config.data_directory, state.cluster, config.cluster, state.cluster);
}

void clean_images(const Config& config, TaskManager& manager, const Stopping& stopping) {
  if (config.disable_image_cleanup) return;
  using std::chrono::milliseconds;
  const auto interval = std::chrono::ceil<milliseconds>(config.image_cleanup_interval);
  constexpr milliseconds retry = std::chrono::seconds(30);
  auto wait = interval;
  while (!stopping.wait_for(wait)) wait = manager.clean_images() ? interval : std::min(retry, interval);
}

// The threads that need the instance's ARN, all of them until `stopping`.
void serve(const Config& config, const http::Credentials& credentials, ContainerDriver& driver,
           const Clock& clock, ControlPlane& control, const StateStore& store, TaskManager& manager,
           const InstanceState& instance, Stopping& stopping) {
  Endpoints endpoints(control, clock, instance.cluster, instance.container_instance_arn);
  AcsProtocol protocol(manager, store, instance, control);
  AcsSession acs(config, credentials, endpoints, clock, protocol);
  TcsSession tcs(config, credentials, endpoints, clock, manager, driver,
                 {instance.cluster, instance.container_instance_arn});
  Submitter submitter(manager, control, clock, instance.cluster);
  std::thread telemetry([&] { tcs.run(stopping); });
  std::thread submissions([&] { submitter.run(stopping); });
  std::thread cleaning([&] { clean_images(config, manager, stopping); });
  acs.run(stopping, [&] {
    const auto again =
        control.register_instance(registration_request(config, driver.capabilities(), instance));
    if (!again) log::warning("register again failed, retry error=\"{}\"", again.error().to_error().message());
  });
  manager.shut_down();
  telemetry.join();
  submissions.join();
  cleaning.join();
}

}  // namespace

Result<Outcome> run_agent(const Config& config, const http::Credentials& credentials, ContainerDriver& driver,
                          const Clock& clock, Stopping& stopping) {
  const auto store = TRY(StateStore::open(config.data_directory));
  const auto saved = TRY(store.load_instance());
  TRY(check_cluster(config, saved));
  const auto control = make_control_plane(config, credentials);
  TaskManager manager(config, driver, store, clock);
  std::unique_ptr<http::Server> introspection;
  if (config.introspection_port != 0) {
    introspection = TRY(start_introspection(config.introspection_port, manager, [&store] {
      return store.load_instance().value_or(InstanceState{});
    }));
  }
  TRY(manager.restore());
  const auto registered = register_host(config, driver.capabilities(), *control, store, stopping);
  if (!registered) {
    if (stopping.is_set()) return Outcome::stopped;
    log::error("registration refused for good error=\"{}\"", registered.error().message());
    return Outcome::refused;
  }
  serve(config, credentials, driver, clock, *control, store, manager, *registered, stopping);
  return Outcome::stopped;
}

}  // namespace gantry::agent
