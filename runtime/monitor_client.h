#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "runtime/monitor_files.h"

#include <cstdint>
#include <string>

// The engine's side of gantry-monitor. `directory` is the container's folder, of any length of path.
namespace gantry::runtime {

// Whether a monitor holds DIR/monitor.lock.
bool monitor_is_alive(const std::string& directory);

// Errors: not_found (never started), corrupt or invalid.
Result<MonitorStatus> read_monitor_status(const std::string& directory);
Result<HealthStatus> read_health_status(const std::string& directory);

// A new client of DIR/attach.sock. Errors: not_found or unavailable when no monitor listens.
Result<UniqueFd> connect_attach(const std::string& directory);

// Tells the monitor that the container is about to be stopped and must not be restarted. Returns when the
// monitor has written that down. Errors: unavailable when there is no monitor.
Result<void> request_stop(const std::string& directory);

// Sets the size of the container's terminal. Errors: conflict when it has none.
Result<void> resize_terminal(const std::string& directory, uint16_t rows, uint16_t columns);

// Lets the monitor become `program` (absolute), a gantry-monitor of the same or a later version, while the
// container runs on. Returns when the new one works. Errors: unavailable when there is no monitor, or the
// container ended meanwhile; conflict with the reason why the old one works on.
Result<void> upgrade_monitor(const std::string& directory, const std::string& program);

}  // namespace gantry::runtime
