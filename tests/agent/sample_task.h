#pragma once

#include "agent/task.h"
#include "api/agent_payload.h"

#include <string>

namespace gantry::agent {

// A task of one essential container "app" of image busybox:1.
inline api::PayloadTask sample_task(const std::string& id = "fedcba98") {
  api::PayloadContainer container;
  container.name = "app";
  container.image = "busybox:1";
  container.cpu = 128;
  container.memory = 64;
  api::PayloadTask task;
  task.arn = "arn:aws:ecs:us-east-1:000000000000:task/default/" + id;
  task.family = "web";
  task.version = "3";
  task.desired_status = "RUNNING";
  task.cpu = 0.25;
  task.memory = 128;
  task.containers = {container};
  return task;
}

inline api::PayloadContainer& add_container(api::PayloadTask& task, const std::string& name, bool essential) {
  auto container = task.containers.at(0);
  container.name = name;
  container.essential = essential;
  container.depends_on.clear();
  task.containers.push_back(container);
  return task.containers.back();
}

inline Task record_of(const api::PayloadTask& payload) {
  Task task{payload, {}};
  task.record.containers.resize(payload.containers.size());
  return task;
}

}  // namespace gantry::agent
