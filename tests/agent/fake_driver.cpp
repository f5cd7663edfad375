#include "tests/agent/fake_driver.h"

#include <algorithm>

namespace gantry::agent {

HostCapabilities FakeDriver::capabilities() {
  return {4096, 8000, "x86_64", true, true};
}

Result<void> FakeDriver::note(const std::string& call) {
  std::unique_lock lock(mutex_);
  calls_.push_back(call);
  change_.wait(lock, [&] {
    return std::none_of(held_.begin(), held_.end(),
                        [&](const auto& part) { return call.find(part) != std::string::npos; });
  });
  for (const auto& [part, error] : failures_) {
    if (call.find(part) != std::string::npos) return error;
  }
  return {};
}

Result<PulledImage> FakeDriver::pull(const std::string& image, const RegistryLogin& login, PullBehavior) {
  TRY(note(format("pull {}{}", image, login.ecr ? " ecr" : "")));
  const std::lock_guard lock(mutex_);
  const auto pushed = pushed_.find(image);
  const auto id = "id-of-" + (pushed == pushed_.end() ? image : pushed->second);
  return PulledImage{"sha256:of-" + image, id, images_.insert(id).second};
}

Result<void> FakeDriver::remove_image(const std::string& id, const std::vector<std::string>&) {
  TRY(note("remove_image " + id));
  const std::lock_guard lock(mutex_);
  images_.erase(id);
  return {};
}

void FakeDriver::push(const std::string& image, const std::string& content) {
  const std::lock_guard lock(mutex_);
  pushed_[image] = content;
}

void FakeDriver::add_image(const std::string& image) {
  const std::lock_guard lock(mutex_);
  images_.insert("id-of-" + image);
}

bool FakeDriver::has_image(const std::string& image) const {
  const std::lock_guard lock(mutex_);
  return images_.contains("id-of-" + image);
}

Result<void> FakeDriver::make_group(const TaskGroup& group) {
  TRY(note("make_group " + group.path));
  const std::lock_guard lock(mutex_);
  groups_[group.path] = group;
  return {};
}

Result<void> FakeDriver::remove_group(const std::string& path) {
  const std::lock_guard lock(mutex_);
  groups_.erase(path);
  return {};
}

Result<std::string> FakeDriver::create(const engine::ContainerSpec& spec) {
  TRY(note("create " + spec.name));
  const std::lock_guard lock(mutex_);
  for (const auto& [id, container] : containers_) {
    if (container.spec.name == spec.name) return id;
  }
  const auto id = format("{:064x}", next_id_++);
  containers_[id].spec = spec;
  containers_[id].observed.state = ObservedState::created;
  return id;
}

Result<void> FakeDriver::start(const std::string& id) {
  std::string name;
  {
    const std::lock_guard lock(mutex_);
    name = containers_.at(id).spec.name;
  }
  TRY(note("start " + name));
  const std::lock_guard lock(mutex_);
  auto& container = containers_.at(id);
  auto& observed = container.observed;
  observed.state = ObservedState::running;
  observed.started_at = SystemClock().now();
  if (container.spec.health && container.spec.health->test.at(0) != "NONE") {
    observed.health = engine::HealthState::starting;
  }
  for (auto port : container.spec.ports) {
    if (port.host_port == 0) port.host_port = next_port_++;
    observed.ports.push_back(port);
  }
  change_.notify_all();
  return {};
}

Result<void> FakeDriver::stop(const std::string& id, std::chrono::seconds timeout) {
  std::string name;
  {
    const std::lock_guard lock(mutex_);
    name = containers_.at(id).spec.name;
  }
  TRY(note(format("stop {} {}s", name, timeout.count())));
  exit(name, 143);
  return {};
}

Result<void> FakeDriver::remove(const std::string& id) {
  const std::lock_guard lock(mutex_);
  containers_.erase(id);
  return {};
}

Result<Observed> FakeDriver::inspect(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto failure = failures_.find("inspect");
  if (failure != failures_.end()) return failure->second;
  const auto found = containers_.find(id);
  return found == containers_.end() ? Observed{} : found->second.observed;
}

void FakeDriver::wait_for_change(const std::string& id, const Observed& seen,
                                 std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  change_.wait_for(lock, limit, [&] {
    const auto found = containers_.find(id);
    return found == containers_.end() || !found->second.observed.same_as(seen);
  });
}

Result<engine::ContainerStats> FakeDriver::stats(const std::string&) {
  engine::ContainerStats stats;
  stats.read_at = SystemClock().now();
  stats.memory_usage = uint64_t{10} << 20;
  stats.cpu_usage_microseconds = static_cast<uint64_t>(stats.read_at.time_since_epoch().count()) / 2000;
  return stats;
}

std::string FakeDriver::id_of(const std::string& part) const {
  for (const auto& [id, container] : containers_) {
    if (container.spec.name.find(part) != std::string::npos) return id;
  }
  return {};
}

void FakeDriver::exit(const std::string& part, int code, bool oom_killed) {
  const std::lock_guard lock(mutex_);
  auto& observed = containers_.at(id_of(part)).observed;
  if (observed.state != ObservedState::running) return;
  observed.state = ObservedState::exited;
  observed.exit_code = code;
  observed.oom_killed = oom_killed;
  observed.finished_at = SystemClock().now();
  change_.notify_all();
}

void FakeDriver::set_health(const std::string& part, engine::HealthState health) {
  const std::lock_guard lock(mutex_);
  containers_.at(id_of(part)).observed.health = health;
  change_.notify_all();
}

void FakeDriver::vanish(const std::string& part) {
  const std::lock_guard lock(mutex_);
  containers_.erase(id_of(part));
  change_.notify_all();
}

void FakeDriver::fail(const std::string& call, Error error) {
  const std::lock_guard lock(mutex_);
  failures_.emplace(call, std::move(error));
}

void FakeDriver::hold(const std::string& call) {
  const std::lock_guard lock(mutex_);
  held_.insert(call);
}

void FakeDriver::release() {
  const std::lock_guard lock(mutex_);
  held_.clear();
  change_.notify_all();
}

void FakeDriver::mend() {
  const std::lock_guard lock(mutex_);
  failures_.clear();
}

bool FakeDriver::runs(const std::string& part) const {
  const std::lock_guard lock(mutex_);
  const auto found = containers_.find(id_of(part));
  return found != containers_.end() && found->second.observed.state == ObservedState::running;
}

bool FakeDriver::exists(const std::string& part) const {
  const std::lock_guard lock(mutex_);
  return !id_of(part).empty();
}

engine::ContainerSpec FakeDriver::spec(const std::string& part) const {
  const std::lock_guard lock(mutex_);
  const auto found = containers_.find(id_of(part));
  return found == containers_.end() ? engine::ContainerSpec{} : found->second.spec;
}

std::vector<std::string> FakeDriver::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

int FakeDriver::count(const std::string& part) const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(std::count_if(
      calls_.begin(), calls_.end(), [&](const auto& call) { return call.find(part) != std::string::npos; }));
}

std::map<std::string, TaskGroup> FakeDriver::groups() const {
  const std::lock_guard lock(mutex_);
  return groups_;
}

}  // namespace gantry::agent
