#include "agent/metrics.h"

#include <algorithm>
#include <set>

namespace gantry::agent {

namespace {

constexpr double bytes_per_mib = 1 << 20;

void add_growth(api::StatsSet& set, uint64_t before, uint64_t after) {
  if (after >= before) add_sample(set, static_cast<double>(after - before));
}

}  // namespace

void add_sample(api::StatsSet& set, double value) {
  set.min = set.sample_count == 0 ? value : std::min(set.min, value);
  set.max = set.sample_count == 0 ? value : std::max(set.max, value);
  set.sum += value;
  ++set.sample_count;
}

void add_difference(ContainerSamples& samples, const engine::ContainerStats& now) {
  if (now.memory_usage) add_sample(samples.memory, static_cast<double>(*now.memory_usage) / bytes_per_mib);
  const auto& last = samples.last;
  if (!last) return;
  const auto wall = std::chrono::duration<double, std::micro>(now.read_at - last->read_at).count();
  if (wall > 0 && now.cpu_usage_microseconds >= last->cpu_usage_microseconds) {
    const auto used = static_cast<double>(now.cpu_usage_microseconds - last->cpu_usage_microseconds);
    add_sample(samples.cpu, 100 * used / wall);
  }
  add_growth(samples.received, last->network_receive_bytes, now.network_receive_bytes);
  add_growth(samples.transmitted, last->network_transmit_bytes, now.network_transmit_bytes);
  add_growth(samples.read, last->block_read_bytes, now.block_read_bytes);
  add_growth(samples.written, last->block_write_bytes, now.block_write_bytes);
}

void Metrics::sample(const std::vector<Task>& tasks, ContainerDriver& driver) {
  std::set<std::string> running;
  for (const auto& task : tasks) {
    for (const auto& container : task.record.containers) {
      if (container.known != ContainerStatus::running) continue;
      running.insert(container.runtime_id);
      const auto stats = driver.stats(container.runtime_id);
      if (!stats) continue;  // it has just ended
      auto& samples = samples_[container.runtime_id];
      add_difference(samples, *stats);
      samples.last = *stats;
    }
  }
  std::erase_if(samples_, [&](const auto& entry) { return !running.contains(entry.first); });
}

const ContainerSamples* Metrics::find(const std::string& runtime_id) const {
  const auto found = samples_.find(runtime_id);
  return found == samples_.end() ? nullptr : &found->second;
}

void Metrics::clear() {
  for (auto& [id, samples] : samples_) {
    auto last = std::move(samples.last);
    samples = {};
    samples.last = std::move(last);
  }
}

}  // namespace gantry::agent
