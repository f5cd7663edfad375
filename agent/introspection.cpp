#include "agent/introspection.h"

namespace gantry::agent {

namespace {

class IntrospectionHandler final : public http::Handler {
 public:
  IntrospectionHandler(const TaskManager& manager, std::function<InstanceState()> instance)
      : manager_(manager), instance_(std::move(instance)) {}

  http::Response handle(http::Request& request) override {
    if (request.method != "GET") return http::Response::text(405, "method not allowed\n");
    if (request.path == "/v1/metadata") return http::Response::json(200, metadata_text(instance_()));
    if (request.path == "/v1/tasks") return tasks(request);
    if (request.path == "/")
      return http::Response::json(200, R"({"AvailableCommands":["/v1/metadata","/v1/tasks"]})");
    return http::Response::text(404, "not found\n");
  }

 private:
  http::Response tasks(const http::Request& request) const {
    const auto* arn = request.parameter("taskarn");
    const auto* id = request.parameter("dockerid");
    if (arn != nullptr && id != nullptr) {
      return http::Response::text(400, "give either taskarn or dockerid, not both\n");
    }
    if (arn == nullptr && id == nullptr) return http::Response::json(200, tasks_text(manager_.tasks()));
    std::vector<Task> found;
    for (auto& task : manager_.tasks()) {
      if (arn != nullptr ? task.arn() == *arn : has_container(task, *id)) found.push_back(std::move(task));
    }
    if (found.empty()) return http::Response::text(404, "no such task\n");
    if (found.size() > 1) return http::Response::text(400, "several tasks match\n");
    return http::Response::json(200, task_text(found[0]));
  }

  static bool has_container(const Task& task, const std::string& id) {
    for (const auto& container : task.record.containers) {
      if (!id.empty() && container.runtime_id.starts_with(id)) return true;
    }
    return false;
  }

  const TaskManager& manager_;
  std::function<InstanceState()> instance_;
};

}  // namespace

Result<std::unique_ptr<http::Server>> start_introspection(uint16_t port, const TaskManager& manager,
                                                          std::function<InstanceState()> instance) {
  http::ServerOptions options;
  options.port = port;
  options.worker_threads = 2;
  return http::Server::start(options, std::make_shared<IntrospectionHandler>(manager, std::move(instance)))
      .context("introspection");
}

}  // namespace gantry::agent
