#include "controlplane/placement.h"

#include "controlplane/placement_query.h"

namespace gantry::controlplane {

std::string_view HostSnapshot::zone() const {
  const auto found = attributes.find("ecs.availability-zone");
  return found == attributes.end() ? std::string_view() : std::string_view(found->second);
}

std::string_view refusal_text(Refusal refusal) {
  switch (refusal) {
    case Refusal::inactive:
      return "INACTIVE";
    case Refusal::agent:
      return "AGENT";
    case Refusal::attribute:
      return "ATTRIBUTE";
    case Refusal::member_of:
      return "MemberOf placement constraint unsatisfied.";
    case Refusal::distinct_instance:
      return "DistinctInstance placement constraint unsatisfied.";
    case Refusal::ports_tcp:
      return "RESOURCE:PORTS";
    case Refusal::ports_udp:
      return "RESOURCE:PORTS_UDP";
    case Refusal::cpu:
      return "RESOURCE:CPU";
    case Refusal::memory:
      return "RESOURCE:MEMORY";
  }
  return "";
}

namespace {

Result<void> check_constraint(const api::PlacementConstraint& constraint) {
  if (constraint.type == "distinctInstance") {
    if (constraint.expression.empty()) return {};
    return Error(ErrorKind::invalid, "A distinctInstance placement constraint takes no expression.");
  }
  if (constraint.type != "memberOf") {
    return Error::make(ErrorKind::invalid, "Unknown placement constraint type \"{}\".", constraint.type);
  }
  TRY(PlacementQuery::parse(constraint.expression));
  return {};
}

bool is_spread_field(std::string_view field) {
  return field == "instanceId" || field == "host" ||
         (field.starts_with("attribute:") && field.size() > std::string_view("attribute:").size());
}

bool is_binpack_field(std::string_view field) {
  return field == "cpu" || field == "memory" || field == "CPU" || field == "MEMORY";
}

Result<void> check_strategy(const api::PlacementStrategy& strategy) {
  const bool known = strategy.type == "random" || strategy.type == "spread" || strategy.type == "binpack";
  if (!known) {
    return Error::make(ErrorKind::invalid, "Unknown placement strategy type \"{}\".", strategy.type);
  }
  const bool fits = strategy.type == "random"   ? strategy.field.empty()
                    : strategy.type == "spread" ? is_spread_field(strategy.field)
                                                : is_binpack_field(strategy.field);
  if (fits) return {};
  return Error::make(ErrorKind::invalid, "Placement strategy {} can't use the field \"{}\".", strategy.type,
                     strategy.field);
}

}  // namespace

Result<void> check_placement(const std::vector<api::PlacementConstraint>& constraints,
                             const std::vector<api::PlacementStrategy>& strategies) {
  for (const auto& constraint : constraints) TRY(check_constraint(constraint));
  for (const auto& strategy : strategies) TRY(check_strategy(strategy));
  return {};
}

}  // namespace gantry::controlplane
