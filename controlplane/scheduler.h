#pragma once

#include "controlplane/placement.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gantry::controlplane {

struct HostFailure {
  std::string arn;
  Refusal refusal;
  std::vector<std::string> missing_attributes;  // of Refusal::attribute: "ecs.os-type=linux"
};

struct Placements {
  std::vector<std::string> hosts;  // one instance ARN for each task placed, in order
  int unplaced = 0;                // request.count − hosts.size()
  // Only with unplaced > 0: why each host refused the first task that found no place.
  std::vector<HostFailure> failures;
  // Of `failures`: the host that came nearest, with its failure; absent when there are no hosts at all.
  std::optional<HostFailure> closest;
};

// Places tasks on hosts: a function of the snapshots it is given, without I/O and without a clock.
//
//   auto scheduler = Scheduler(snapshots, seed);
//   const auto placements = scheduler.place(request);   // the snapshots now count what was placed
//
// Candidates are filtered (§ refusals in order), then the strategies narrow them in sequence: spread takes
// the hosts in the value with fewest tasks of the request's group, binpack those with least of the resource
// left, random one of them. What is left of a tie goes to the host with fewest tasks of the group, then by
// ARN. Without strategies a service's request should carry default_service_strategies(); one without any
// is placed at random.
class Scheduler {
 public:
  explicit Scheduler(std::vector<HostSnapshot> hosts, uint64_t seed = 0);

  // `request` must have passed check_placement; an expression that doesn't parse matches no host.
  Placements place(const TaskRequest& request);

  const std::vector<HostSnapshot>& hosts() const { return hosts_; }

 private:
  std::vector<HostSnapshot> hosts_;
  uint64_t random_;
};

// Why `host` can't take one task of `request`, or nothing if it can.
std::optional<Refusal> refusal_of(const HostSnapshot& host, const TaskRequest& request);

// Those of the request's attributes that `host` hasn't: NAME, or NAME=VALUE.
std::vector<std::string> missing_attributes(const HostSnapshot& host, const TaskRequest& request);

// spread over attribute:ecs.availability-zone, then over instanceId.
std::vector<api::PlacementStrategy> default_service_strategies();

}  // namespace gantry::controlplane
