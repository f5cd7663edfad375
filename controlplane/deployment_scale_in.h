#pragma once

#include "controlplane/deployment.h"

#include <vector>

namespace gantry::controlplane {

// Which of `tasks` (not empty) to take away so that what is left is spread or packed best by `strategies`:
// for spread one of the value with most tasks, for binpack one of the host with most left. Without
// strategies, and for ties: the zone with most tasks, then the instance with most, then the youngest.
size_t scale_in_choice(const std::vector<const TaskSnapshot*>& tasks,
                       const std::vector<api::PlacementStrategy>& strategies);

}  // namespace gantry::controlplane
