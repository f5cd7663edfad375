#pragma once

#include "controlplane/state.h"

// Records as the API shows them: with counts and remaining resources, without what only we need. On the state
// thread.

namespace gantry::controlplane {

api::Cluster view(const State& state, const Cluster& cluster, const std::vector<std::string>& include);
api::Service view(const State& state, const Service& service, bool with_tags);
api::ContainerInstance view(const State& state, const ContainerInstance& instance, bool with_tags);
api::Task view(const Task& task, bool with_tags);

}  // namespace gantry::controlplane
