#pragma once

#include "base/time.h"
#include "engine/container_info.h"
#include "images/image_store.h"

#include <string>

// How things read in docker's tables.

namespace gantry::cli {

std::string short_id(const std::string& id);                                // 12 digits, without "sha256:"
std::string status_text(const engine::ContainerInfo& info, TimePoint now);  // "Up 2 minutes (healthy)"
std::string state_text(const engine::ContainerInfo& info);                  // "running"
std::string ports_text(const engine::ContainerInfo& info);                  // "0.0.0.0:8080->80/tcp"
std::string ago_text(TimePoint then, TimePoint now);                        // "2 minutes ago"
std::string health_text(engine::HealthState health);
std::string protocol_text(engine::Protocol protocol);

}  // namespace gantry::cli
