#include "controlplane/agent_session.h"

#include "base/log.h"
#include "controlplane/acs_session.h"
#include "controlplane/agent_hub.h"
#include "controlplane/tcs_session.h"

#include <algorithm>

namespace gantry::controlplane {
namespace {

// How a refused upgrade looks to the agent: {"<ExceptionName>":"<text>"}.
http::Response refusal(std::string_view exception, std::string_view text) {
  return http::Response::json(
      400, to_json(std::map<std::string, std::string>{{std::string(exception), std::string(text)}}));
}

std::string parameter(const http::Request& request, std::string_view name) {
  const auto* value = request.parameter(name);
  return value == nullptr ? std::string() : *value;
}

std::optional<api::VersionInfo> version_of(const http::Request& request) {
  api::VersionInfo version;
  version.agent_version = parameter(request, "agentVersion");
  version.agent_hash = parameter(request, "agentHash");
  version.docker_version = parameter(request, "dockerVersion");
  if (version.agent_version.empty()) return std::nullopt;
  return version;
}

Result<Ptr<ContainerInstance>> find_instance(Controller& controller, const std::string& arn) {
  return controller.run([&arn](Transaction& transaction) -> Result<Ptr<ContainerInstance>> {
    auto instance = transaction->instance(arn);
    if (!instance) return Error::make(ErrorKind::not_found, "no container instance {}", arn);
    return instance;
  });
}

// The tasks that agents must hear of, by instance: new ones and those no longer wanted.
std::map<std::string, std::vector<std::string>> to_deliver(const std::vector<AnyChange>& changes) {
  std::map<std::string, std::vector<std::string>> tasks;
  for (const auto& any : changes) {
    const auto* change = std::get_if<Change<Task>>(&any);
    if (change == nullptr || !change->after || change->after->stopped()) continue;
    const bool fresh = !change->before;
    const bool dropped = change->before && change->before->wanted() && !change->after->wanted();
    if (!fresh && !dropped) continue;
    auto& list = tasks[change->after->container_instance_arn];
    if (std::find(list.begin(), list.end(), change->key) == list.end()) list.push_back(change->key);
  }
  return tasks;
}

bool is_gone(const Change<ContainerInstance>& change) {
  return !change.after || change.after->status == api::ContainerInstanceStatus::inactive;
}

}  // namespace

AgentHub::AgentHub(Controller& controller, const http::SigV4Verifier& verifier,
                   const AgentServerOptions& options)
    : controller_(controller), verifier_(verifier), options_(options) {}

AgentHub::~AgentHub() {
  stop();
}

std::shared_ptr<AgentServer> AgentServer::create(Controller& controller, const http::SigV4Verifier& verifier,
                                                 const AgentServerOptions& options) {
  auto hub = std::make_shared<AgentHub>(controller, verifier, options);
  controller.add(std::static_pointer_cast<Listener>(hub));
  hub->start_ticking();
  return hub;
}

http::Upgrade AgentHub::upgrade(const http::Request& request) {
  const auto identity = verifier_.verify(request);
  if (!identity) return refusal("AccessDeniedException", identity.error().message);
  const auto acs = parameter(request, "containerInstanceArn");
  const auto tcs = parameter(request, "containerInstance");
  if (acs.empty() && tcs.empty()) {
    return refusal("BadRequestException",
                   "containerInstanceArn or containerInstance is missing in the query");
  }
  const auto instance = find_instance(controller_, acs.empty() ? tcs : acs);
  if (!instance && instance.error().kind() == ErrorKind::not_found) {
    return refusal("InvalidInstanceException", instance.error().message());
  }
  if (!instance) return refusal("ServerException", instance.error().message());
  if ((*instance)->status == api::ContainerInstanceStatus::inactive) {
    return refusal("InactiveInstanceException", "container instance is inactive");
  }
  return open_session(request, **instance, acs.empty());
}

http::Upgrade AgentHub::open_session(const http::Request& request, const ContainerInstance& instance,
                                     bool telemetry) {
  const auto& arn = instance.container_instance_arn;
  std::shared_ptr<http::WebSocketHandler> session;
  if (telemetry) {
    session = std::make_shared<TcsSession>(shared_from_this(), arn);
  } else {
    session = std::make_shared<AcsSession>(shared_from_this(), arn, version_of(request));
  }
  return session;
}

void AgentHub::attach(const std::shared_ptr<AcsSession>& session) {
  std::shared_ptr<AcsSession> former;
  {
    const std::lock_guard lock(mutex_);
    former = std::exchange(acs_[session->instance_arn()], session);
  }
  if (former) former->close(1000, "replaced by a newer connection");
}

bool AgentHub::detach(const AcsSession& session) {
  const std::lock_guard lock(mutex_);
  const auto found = acs_.find(session.instance_arn());
  if (found == acs_.end() || found->second.get() != &session) return false;
  acs_.erase(found);
  return true;
}

bool AgentHub::has(const std::string& instance_arn) const {
  return session_of(instance_arn) != nullptr;
}

std::shared_ptr<AcsSession> AgentHub::session_of(const std::string& instance_arn) const {
  const std::lock_guard lock(mutex_);
  const auto found = acs_.find(instance_arn);
  return found == acs_.end() ? nullptr : found->second;
}

void AgentHub::attach(const std::shared_ptr<TcsSession>& session) {
  const std::lock_guard lock(mutex_);
  tcs_.insert(session);
}

void AgentHub::detach(const std::shared_ptr<TcsSession>& session) {
  const std::lock_guard lock(mutex_);
  tcs_.erase(session);
}

void AgentHub::committed(const State& state, const std::vector<AnyChange>& changes) {
  for (const auto& [instance_arn, tasks] : to_deliver(changes)) {
    if (const auto session = session_of(instance_arn)) session->deliver(state, tasks);
  }
  for (const auto& any : changes) {
    const auto* change = std::get_if<Change<ContainerInstance>>(&any);
    if (change == nullptr || !is_gone(*change)) continue;
    if (const auto session = session_of(change->key)) {
      session->close(1000, "InactiveInstanceException: container instance is inactive");
    }
  }
}

void AgentHub::start_ticking() {
  ticker_ = std::thread([this] { tick_until_stopped(); });
}

void AgentHub::tick_until_stopped() {
  const auto pause = std::clamp(std::min(options_.heartbeat, options_.redeliver_after) / 4,
                                std::chrono::milliseconds(5), std::chrono::milliseconds(1000));
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    std::vector<std::shared_ptr<AcsSession>> acs;
    for (const auto& [arn, session] : acs_) acs.push_back(session);
    const std::vector<std::shared_ptr<TcsSession>> tcs(tcs_.begin(), tcs_.end());
    lock.unlock();
    const auto now = std::chrono::steady_clock::now();
    for (const auto& session : acs) session->tick(now);
    for (const auto& session : tcs) session->tick(now);
    lock.lock();
    changed_.wait_for(lock, pause, [this] { return stopping_; });
  }
}

void AgentHub::stop() {
  std::vector<std::shared_ptr<AcsSession>> acs;
  std::vector<std::shared_ptr<TcsSession>> tcs;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const auto& [arn, session] : acs_) acs.push_back(session);
    tcs.assign(tcs_.begin(), tcs_.end());
  }
  changed_.notify_all();
  if (ticker_.joinable()) ticker_.join();
  for (const auto& session : acs) session->close(1001, "the control plane is stopping");
  for (const auto& session : tcs) session->close(1001, "the control plane is stopping");
}

}  // namespace gantry::controlplane
