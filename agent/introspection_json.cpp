#include "agent/introspection.h"
#include "agent/task_plan.h"
#include "base/json.h"

namespace gantry::agent {

namespace {

struct Metadata {
  std::string cluster;
  std::string instance;
  std::string version;
};

struct Port {
  uint16_t container_port = 0;
  std::string protocol;
  uint16_t host_port = 0;
  std::string host_ip;
};

struct Container {
  std::string docker_id;
  std::string docker_name;
  std::string name;
  std::string image;
  std::string image_id;
  std::string started_at;
  std::string status;
  std::vector<Port> ports;
};

struct TaskView {
  std::string arn;
  std::string desired;
  std::string known;
  std::string family;
  std::string version;
  std::vector<Container> containers;
};

struct TaskViews {
  std::vector<TaskView> tasks;
};

template <class Visitor>
void members(Visitor& visit, Metadata& metadata) {
  visit.always("Cluster", metadata.cluster);
  visit.always("ContainerInstanceArn", metadata.instance);
  visit.always("Version", metadata.version);
}

template <class Visitor>
void members(Visitor& visit, Port& port) {
  visit("ContainerPort", port.container_port);
  visit("Protocol", port.protocol);
  visit("HostPort", port.host_port);
  visit("HostIp", port.host_ip);
}

template <class Visitor>
void members(Visitor& visit, Container& container) {
  visit.always("DockerId", container.docker_id);
  visit.always("DockerName", container.docker_name);
  visit.always("Name", container.name);
  visit.always("Image", container.image);
  visit("ImageID", container.image_id);
  visit("StartedAt", container.started_at);
  visit("KnownStatus", container.status);
  visit("Ports", container.ports);
}

template <class Visitor>
void members(Visitor& visit, TaskView& task) {
  visit.always("Arn", task.arn);
  visit.always("DesiredStatus", task.desired);
  visit.always("KnownStatus", task.known);
  visit.always("Family", task.family);
  visit.always("Version", task.version);
  visit.always("Containers", task.containers);
}

template <class Visitor>
void members(Visitor& visit, TaskViews& views) {
  visit.always("Tasks", views.tasks);
}

TaskView view_of(const Task& task) {
  TaskView view{task.arn(),
                task.record.stop_wanted ? "STOPPED" : "RUNNING",
                std::string(enum_name(task.record.known)),
                task.payload.family,
                task.payload.version,
                {}};
  for (size_t i = 0; i < task.record.containers.size(); ++i) {
    const auto& record = task.record.containers[i];
    const auto& payload = task.payload.containers[i];
    Container container{record.runtime_id,
                        container_name(task.payload, payload),
                        payload.name,
                        payload.image,
                        record.image_digest,
                        {},
                        std::string(enum_name(record.known)),
                        {}};
    if (record.started_at != TimePoint{}) container.started_at = format_rfc3339(record.started_at);
    for (const auto& port : record.bindings) {
      container.ports.push_back({port.container_port, port.protocol, port.host_port, port.bind_ip});
    }
    view.containers.push_back(std::move(container));
  }
  return view;
}

}  // namespace

std::string metadata_text(const InstanceState& instance) {
  return to_json(Metadata{instance.cluster, instance.container_instance_arn,
                          "Amazon ECS Agent - v" GANTRY_VERSION " (gantry)"});
}

std::string tasks_text(const std::vector<Task>& tasks) {
  TaskViews views;
  for (const auto& task : tasks) views.tasks.push_back(view_of(task));
  return to_json(views);
}

std::string task_text(const Task& task) {
  return to_json(view_of(task));
}

}  // namespace gantry::agent
