#include "cli/texts.h"

#include "base/format.h"

namespace gantry::cli {

std::string short_id(const std::string& id) {
  const size_t colon = id.find(':');
  return id.substr(colon == std::string::npos ? 0 : colon + 1, 12);
}

std::string health_text(engine::HealthState health) {
  switch (health) {
    case engine::HealthState::none:
      return "none";
    case engine::HealthState::starting:
      return "starting";
    case engine::HealthState::healthy:
      return "healthy";
    case engine::HealthState::unhealthy:
      return "unhealthy";
  }
  return {};
}

std::string protocol_text(engine::Protocol protocol) {
  return protocol == engine::Protocol::udp ? "udp" : "tcp";
}

std::string ago_text(TimePoint then, TimePoint now) {
  return human_duration(now - then) + " ago";
}

std::string state_text(const engine::ContainerInfo& info) {
  switch (info.state) {
    case engine::ContainerState::created:
      return "created";
    case engine::ContainerState::running:
      return "running";
    case engine::ContainerState::restarting:
      return "restarting";
    case engine::ContainerState::exited:
      return "exited";
  }
  return {};
}

std::string status_text(const engine::ContainerInfo& info, TimePoint now) {
  switch (info.state) {
    case engine::ContainerState::created:
      return "Created";
    case engine::ContainerState::running: {
      std::string text = "Up " + human_duration(now - info.started_at);
      if (info.health == engine::HealthState::starting) return text + " (health: starting)";
      if (info.health != engine::HealthState::none) text += format(" ({})", health_text(info.health));
      return text;
    }
    case engine::ContainerState::restarting:
      return format("Restarting ({}) {}", info.exit_code, ago_text(info.finished_at, now));
    case engine::ContainerState::exited:
      return format("Exited ({}) {}", info.exit_code, ago_text(info.finished_at, now));
  }
  return {};
}

std::string ports_text(const engine::ContainerInfo& info) {
  std::string text;
  for (const auto& port : info.network.ports) {
    if (!text.empty()) text += ", ";
    text += format("{}:{}->{}/{}", port.host_ip.empty() ? "0.0.0.0" : port.host_ip, port.host_port,
                   port.container_port, protocol_text(port.protocol));
  }
  return text;
}

}  // namespace gantry::cli
