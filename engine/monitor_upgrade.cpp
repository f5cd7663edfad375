#include "engine/monitor_upgrade.h"

#include "runtime/monitor_client.h"

namespace gantry::engine {

Result<void> upgrade_monitor(const Engine& engine, const std::string& reference) {
  const auto info = TRY(engine.inspect(reference));
  if (info.state != ContainerState::running && info.state != ContainerState::restarting) {
    return Error::make(ErrorKind::conflict, "container {} is not running", reference);
  }
  return runtime::upgrade_monitor(info.directory, engine.options().monitor);
}

}  // namespace gantry::engine
