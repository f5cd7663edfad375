#include "controlplane/scheduler.h"

#include "controlplane/placement_query.h"

#include <algorithm>
#include <array>
#include <unordered_map>

namespace gantry::controlplane {

namespace {

// The ECS API allows 5 strategies.
constexpr size_t max_levels = 5;

// A request with its expressions parsed once.
struct CompiledRequest {
  const TaskRequest& request;
  std::vector<PlacementQuery> queries;
  bool distinct = false;
  bool unparsable = false;

  explicit CompiledRequest(const TaskRequest& from) : request(from) {
    for (const auto& constraint : from.constraints) {
      if (constraint.type == "distinctInstance") {
        distinct = true;
        continue;
      }
      auto query = PlacementQuery::parse(constraint.expression);
      if (query) {
        queries.push_back(std::move(query).value());
      } else {
        unparsable = true;
      }
    }
  }
};

int group_count(const HostSnapshot& host, const std::string& group) {
  const auto found = host.tasks_by_group.find(group);
  return found == host.tasks_by_group.end() ? 0 : found->second;
}

constexpr const char* external_attribute = "ecs.capability.external";

bool lacks_external(const HostSnapshot& host, const TaskRequest& request) {
  return request.launch_type == api::LaunchType::external && host.attributes.count(external_attribute) == 0;
}

bool has_attribute(const HostSnapshot& host, const api::Attribute& wanted) {
  const auto found = host.attributes.find(wanted.name);
  return found != host.attributes.end() && (wanted.value.empty() || found->second == wanted.value);
}

bool has_attributes(const HostSnapshot& host, const TaskRequest& request) {
  const auto& wanted = request.required_attributes;
  return !lacks_external(host, request) &&
         std::all_of(wanted.begin(), wanted.end(),
                     [&](const auto& attribute) { return has_attribute(host, attribute); });
}

bool satisfies_queries(const HostSnapshot& host, const CompiledRequest& compiled) {
  if (compiled.unparsable) return false;
  return std::all_of(compiled.queries.begin(), compiled.queries.end(),
                     [&](const PlacementQuery& query) { return query.matches(host); });
}

bool any_used(const std::set<int>& used, const std::vector<int>& wanted) {
  return std::any_of(wanted.begin(), wanted.end(), [&](int port) { return used.count(port) > 0; });
}

std::optional<Refusal> check(const HostSnapshot& host, const CompiledRequest& compiled) {
  const auto& request = compiled.request;
  if (!host.active) return Refusal::inactive;
  if (!host.connected) return Refusal::agent;
  if (!has_attributes(host, request)) return Refusal::attribute;
  if (!satisfies_queries(host, compiled)) return Refusal::member_of;
  if (compiled.distinct && group_count(host, request.group) > 0) return Refusal::distinct_instance;
  if (any_used(host.tcp_used, request.tcp_ports)) return Refusal::ports_tcp;
  if (any_used(host.udp_used, request.udp_ports)) return Refusal::ports_udp;
  if (host.cpu_remaining < request.cpu) return Refusal::cpu;
  if (host.memory_remaining < request.memory) return Refusal::memory;
  return std::nullopt;
}

bool is_candidate(const HostSnapshot& host, const CompiledRequest& compiled) {
  if (!compiled.request.only_host.empty() && host.arn != compiled.request.only_host) return false;
  return !check(host, compiled);
}

uint64_t next_random(uint64_t& state) {  // splitmix64
  uint64_t z = (state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

void take(HostSnapshot& host, const TaskRequest& request) {
  host.cpu_remaining -= request.cpu;
  host.memory_remaining -= request.memory;
  host.tcp_used.insert(request.tcp_ports.begin(), request.tcp_ports.end());
  host.udp_used.insert(request.udp_ports.begin(), request.udp_ports.end());
  ++host.tasks_by_group[request.group];
  ++host.running_tasks;
}

enum class Rule { spread_hosts, spread_attribute, pack_cpu, pack_memory, random };

struct Level {
  Rule rule{};
  std::string attribute;
  std::vector<int64_t> counts;  // spread_attribute: tasks of the group by value
};

Level make_level(const api::PlacementStrategy& strategy) {
  constexpr std::string_view prefix = "attribute:";
  if (strategy.type == "random") return {Rule::random, {}, {}};
  if (strategy.type == "spread") {
    if (!strategy.field.starts_with(prefix)) return {Rule::spread_hosts, {}, {}};
    return {Rule::spread_attribute, strategy.field.substr(prefix.size()), {}};
  }
  const bool cpu = strategy.field == "cpu" || strategy.field == "CPU";
  return {cpu ? Rule::pack_cpu : Rule::pack_memory, {}, {}};
}

struct Candidate {
  size_t host = 0;
  int64_t group_count = 0;
  uint64_t noise = 0;
  std::array<uint32_t, max_levels> value{};  // of spread_attribute: index into Level::counts
};

// Orders the hosts that can take a task, and follows what each placement changes.
class Ranking {
 public:
  Ranking(std::vector<HostSnapshot>& hosts, const CompiledRequest& compiled, uint64_t& random)
      : hosts_(hosts), compiled_(compiled), random_(random) {
    auto strategies = compiled.request.strategies;
    if (strategies.empty()) strategies.push_back({"random", ""});
    for (const auto& strategy : strategies) {
      if (levels_.size() < max_levels) levels_.push_back(make_level(strategy));
    }
    for (size_t i = 0; i < hosts.size(); ++i) {
      if (!is_candidate(hosts[i], compiled)) continue;
      candidates_.push_back({i, gantry::controlplane::group_count(hosts[i], compiled.request.group), 0, {}});
    }
    for (size_t level = 0; level < levels_.size(); ++level) count_values(level);
    use_noise_ = std::any_of(levels_.begin(), levels_.end(),
                             [](const Level& level) { return level.rule == Rule::random; });
  }

  // Places one task; null when no host can take it.
  const HostSnapshot* place_one() {
    if (candidates_.empty()) return nullptr;
    if (use_noise_) {
      for (auto& candidate : candidates_) candidate.noise = next_random(random_);
    }
    size_t best = 0;
    for (size_t i = 1; i < candidates_.size(); ++i) {
      if (before(candidates_[i], candidates_[best])) best = i;
    }
    const size_t host = candidates_[best].host;
    occupy(best);
    return &hosts_[host];
  }

 private:
  // Values of an attribute over all hosts, those that aren't candidates too: their tasks count for the
  // spread.
  void count_values(size_t at) {
    auto& level = levels_[at];
    if (level.rule != Rule::spread_attribute) return;
    std::unordered_map<std::string_view, uint32_t> ids;
    std::vector<uint32_t> id_of_host(hosts_.size());
    for (size_t i = 0; i < hosts_.size(); ++i) {
      const auto found = hosts_[i].attributes.find(level.attribute);
      const std::string_view value =
          found == hosts_[i].attributes.end() ? std::string_view() : std::string_view(found->second);
      const auto [entry, added] = ids.emplace(value, static_cast<uint32_t>(ids.size()));
      if (added) level.counts.push_back(0);
      id_of_host[i] = entry->second;
      level.counts[entry->second] += gantry::controlplane::group_count(hosts_[i], compiled_.request.group);
    }
    for (auto& candidate : candidates_) candidate.value[at] = id_of_host[candidate.host];
  }

  int64_t key(const Candidate& candidate, size_t at) const {
    const auto& level = levels_[at];
    switch (level.rule) {
      case Rule::spread_hosts:
        return candidate.group_count;
      case Rule::spread_attribute:
        return level.counts[candidate.value[at]];
      case Rule::pack_cpu:
        return hosts_[candidate.host].cpu_remaining;
      case Rule::pack_memory:
        return hosts_[candidate.host].memory_remaining;
      case Rule::random:
        return static_cast<int64_t>(candidate.noise >> 1);
    }
    return 0;
  }

  bool before(const Candidate& left, const Candidate& right) const {
    for (size_t at = 0; at < levels_.size(); ++at) {
      const int64_t a = key(left, at);
      const int64_t b = key(right, at);
      if (a != b) return a < b;
    }
    if (left.group_count != right.group_count) return left.group_count < right.group_count;
    return left.host < right.host;
  }

  void occupy(size_t best) {
    auto& candidate = candidates_[best];
    auto& host = hosts_[candidate.host];
    take(host, compiled_.request);
    ++candidate.group_count;
    for (size_t at = 0; at < levels_.size(); ++at) {
      if (levels_[at].rule == Rule::spread_attribute) ++levels_[at].counts[candidate.value[at]];
    }
    if (!is_candidate(host, compiled_)) {
      candidate = candidates_.back();
      candidates_.pop_back();
    }
  }

  std::vector<HostSnapshot>& hosts_;
  const CompiledRequest& compiled_;
  uint64_t& random_;
  std::vector<Level> levels_;
  std::vector<Candidate> candidates_;
  bool use_noise_ = false;
};

// Among hosts refused for the same reason, the one with more of what is lacking.
int64_t nearness(const HostSnapshot& host, Refusal refusal) {
  if (refusal == Refusal::cpu) return host.cpu_remaining;
  if (refusal == Refusal::memory) return host.memory_remaining;
  return 0;
}

void explain(const std::vector<HostSnapshot>& hosts, const CompiledRequest& compiled,
             Placements& placements) {
  const HostSnapshot* closest = nullptr;
  for (const auto& host : hosts) {
    if (!compiled.request.only_host.empty() && host.arn != compiled.request.only_host) continue;
    const auto refusal = check(host, compiled);
    if (!refusal) continue;
    auto& failure = placements.failures.emplace_back(HostFailure{host.arn, *refusal, {}});
    if (*refusal == Refusal::attribute)
      failure.missing_attributes = missing_attributes(host, compiled.request);
    const bool closer =
        closest == nullptr || *refusal > placements.closest->refusal ||
        (*refusal == placements.closest->refusal && nearness(host, *refusal) > nearness(*closest, *refusal));
    if (!closer) continue;
    closest = &host;
    placements.closest = placements.failures.back();
  }
}

}  // namespace

Scheduler::Scheduler(std::vector<HostSnapshot> hosts, uint64_t seed)
    : hosts_(std::move(hosts)), random_(seed) {
  std::sort(hosts_.begin(), hosts_.end(),
            [](const HostSnapshot& left, const HostSnapshot& right) { return left.arn < right.arn; });
}

Placements Scheduler::place(const TaskRequest& request) {
  const CompiledRequest compiled(request);
  Placements placements;
  Ranking ranking(hosts_, compiled, random_);
  while (static_cast<int>(placements.hosts.size()) < request.count) {
    const auto* host = ranking.place_one();
    if (host == nullptr) break;
    placements.hosts.push_back(host->arn);
  }
  placements.unplaced = request.count - static_cast<int>(placements.hosts.size());
  if (placements.unplaced > 0) explain(hosts_, compiled, placements);
  return placements;
}

std::optional<Refusal> refusal_of(const HostSnapshot& host, const TaskRequest& request) {
  return check(host, CompiledRequest(request));
}

std::vector<std::string> missing_attributes(const HostSnapshot& host, const TaskRequest& request) {
  std::vector<std::string> missing;
  if (lacks_external(host, request)) missing.emplace_back(external_attribute);
  for (const auto& wanted : request.required_attributes) {
    if (has_attribute(host, wanted)) continue;
    missing.push_back(wanted.value.empty() ? wanted.name : wanted.name + "=" + wanted.value);
  }
  return missing;
}

std::vector<api::PlacementStrategy> default_service_strategies() {
  return {{"spread", "attribute:ecs.availability-zone"}, {"spread", "instanceId"}};
}

}  // namespace gantry::controlplane
