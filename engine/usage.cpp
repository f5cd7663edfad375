#include "base/files.h"
#include "base/tree_size.h"
#include "engine/context.h"
#include "engine/engine.h"
#include "engine/volumes.h"

#include <set>

namespace gantry::engine {

Result<EngineUsage> Engine::usage() const {
  EngineUsage usage;
  std::set<std::string> used;
  for (const auto& container : TRY(list())) {
    const bool runs =
        container.state == ContainerState::running || container.state == ContainerState::restarting;
    const auto size = TRY(tree_size(container.directory + "/upper"));
    usage.containers += 1;
    usage.running_containers += runs ? 1 : 0;
    usage.container_size += size;
    usage.container_reclaimable += runs ? 0 : size;
    for (const auto& mount : container.mounts) {
      if (mount.type == MountType::volume) used.insert(mount.source);
    }
  }
  for (const auto& name : TRY(list_volumes(context_->layout))) {
    const auto size = TRY(tree_size(volume_data_path(context_->layout, name)));
    const bool is_used = used.count(name) != 0;
    usage.volumes += 1;
    usage.used_volumes += is_used ? 1 : 0;
    usage.volume_size += size;
    usage.volume_reclaimable += is_used ? 0 : size;
  }
  return usage;
}

}  // namespace gantry::engine
