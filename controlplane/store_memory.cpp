#include "controlplane/store.h"

namespace gantry::controlplane {

Result<void> MemoryStore::load(const Visit& visit) {
  for (const auto& [name, value] : records_) TRY(visit(name.first, name.second, value));
  return {};
}

Result<void> MemoryStore::append(const std::vector<StoredChange>& changes) {
  if (changes.empty()) return {};
  if (std::exchange(fail_next, false))
    return Error(ErrorKind::system, "append to memory store: told to fail");
  for (const auto& change : changes) {
    if (change.value) {
      records_[{change.table, change.key}] = *change.value;
    } else {
      records_.erase({change.table, change.key});
    }
  }
  return {};
}

}  // namespace gantry::controlplane
