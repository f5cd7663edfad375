#include "controlplane/deployment_scale_in.h"

#include <functional>

namespace gantry::controlplane {

namespace {

using Tasks = std::vector<const TaskSnapshot*>;
using Score = std::function<double(const TaskSnapshot&)>;

// Keeps of `chosen` those whose score is greatest.
void keep_greatest(const Tasks& tasks, std::vector<size_t>& chosen, const Score& score) {
  double greatest = -1e300;
  for (const size_t i : chosen) greatest = std::max(greatest, score(*tasks[i]));
  std::erase_if(chosen, [&](size_t i) { return score(*tasks[i]) < greatest; });
}

// Keeps those that share their value of `key` with most of all tasks.
void keep_most_shared(const Tasks& tasks, std::vector<size_t>& chosen,
                      const std::function<std::string(const TaskSnapshot&)>& key) {
  std::map<std::string, int> counts;
  for (const auto* task : tasks) ++counts[key(*task)];
  keep_greatest(tasks, chosen, [&](const TaskSnapshot& task) { return counts[key(task)]; });
}

std::string attribute_of(const TaskSnapshot& task, const std::string& name) {
  const auto found = task.host_attributes.find(name);
  return found == task.host_attributes.end() ? std::string() : found->second;
}

void apply(const api::PlacementStrategy& strategy, const Tasks& tasks, std::vector<size_t>& chosen) {
  constexpr std::string_view prefix = "attribute:";
  if (strategy.type == "spread" && strategy.field.starts_with(prefix)) {
    const auto name = strategy.field.substr(prefix.size());
    keep_most_shared(tasks, chosen, [&](const TaskSnapshot& task) { return attribute_of(task, name); });
  } else if (strategy.type == "spread") {
    keep_most_shared(tasks, chosen, [](const TaskSnapshot& task) { return task.instance_arn; });
  } else if (strategy.type == "binpack") {
    const bool cpu = strategy.field == "cpu" || strategy.field == "CPU";
    keep_greatest(tasks, chosen, [&](const TaskSnapshot& task) {
      return static_cast<double>(cpu ? task.host_cpu_remaining : task.host_memory_remaining);
    });
  }
}

}  // namespace

size_t scale_in_choice(const Tasks& tasks, const std::vector<api::PlacementStrategy>& strategies) {
  std::vector<size_t> chosen(tasks.size());
  for (size_t i = 0; i < chosen.size(); ++i) chosen[i] = i;
  for (const auto& strategy : strategies) apply(strategy, tasks, chosen);
  keep_most_shared(tasks, chosen, [](const TaskSnapshot& task) { return task.zone; });
  keep_most_shared(tasks, chosen, [](const TaskSnapshot& task) { return task.instance_arn; });
  keep_greatest(tasks, chosen, [](const TaskSnapshot& task) { return task.started_at.value_or(1e300); });
  return chosen.front();
}

}  // namespace gantry::controlplane
