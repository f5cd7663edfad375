#include "agent/engine_driver.h"

#include "agent/ecr_login.h"
#include "agent/host_facts.h"
#include "base/files.h"
#include "base/log.h"
#include "base/text.h"
#include "cgroups/cgroup.h"
#include "engine/engine.h"
#include "images/image_store.h"
#include "oci/runtime_config.h"

#include <algorithm>
#include <mutex>
#include <set>

namespace gantry::agent {

namespace {

ObservedState state_of(engine::ContainerState state) {
  switch (state) {
    case engine::ContainerState::created:
      return ObservedState::created;
    case engine::ContainerState::running:
    case engine::ContainerState::restarting:
      return ObservedState::running;
    case engine::ContainerState::exited:
      return ObservedState::exited;
  }
  return ObservedState::missing;
}

Observed to_observed(const engine::ContainerInfo& info) {
  Observed observed;
  observed.state = state_of(info.state);
  observed.exit_code = info.exit_code;
  observed.oom_killed = info.oom_killed;
  observed.error = info.error;
  observed.started_at = info.started_at;
  observed.finished_at = info.finished_at;
  observed.restart_count = info.restart_count;
  observed.health = info.health;
  observed.health_output = info.health_output;
  observed.ports = info.network.ports;
  observed.address = info.network.ip;
  observed.image_id = info.image_id;
  // In the host's network a container's port is the host's.
  if (info.spec.network == "host") observed.ports = info.spec.ports;
  return observed;
}

oci::LinuxResources resources_of(const TaskGroup& group) {
  oci::LinuxResources resources;
  oci::CpuResources cpu;
  cpu.shares = group.cpu_shares;
  cpu.quota = group.cpu_quota;
  if (group.cpu_quota) cpu.period = static_cast<uint64_t>(group.cpu_period);
  resources.cpu = cpu;
  if (group.memory) {
    resources.memory.emplace();
    resources.memory->limit = group.memory;
  }
  if (group.pids) resources.pids = oci::PidsResources{*group.pids};
  return resources;
}

// The digest under which the image's registry has it; empty for an image that was made or imported here: no
// other host could pull it.
std::string registry_digest(const images::Image& image, const oci::Reference& reference) {
  const bool known = std::any_of(image.digests.begin(), image.digests.end(), [&](const auto& each) {
    return each.host == reference.host && each.path == reference.path && each.digest == image.manifest_digest;
  });
  return known ? image.manifest_digest.string() : std::string();
}

class EngineDriver final : public ContainerDriver {
 public:
  EngineDriver(engine::Engine engine, const Config& config, const http::Credentials& credentials)
      : engine_(std::move(engine)), config_(config), ecr_(credentials, config.ca_file, clock_) {}

  HostCapabilities capabilities() override {
    HostCapabilities host;
    host.cpu_units = logical_cpus() * 1024;
    if (const auto text = read_file("/proc/meminfo")) host.memory_mib = memory_mib(*text).value_or(0);
    host.architecture = cpu_architecture();
    const auto support = cgroups::detect_host();
    host.limits_cpu = support.offers("cpu");
    host.limits_memory = support.offers("memory");
    return host;
  }

  Result<PulledImage> pull(const std::string& image, const RegistryLogin& login,
                           PullBehavior behavior) override {
    const auto reference = TRY(oci::Reference::parse(image).context("image {}", image));
    const auto cached = engine_.images().resolve(image);
    const auto answer = [&](const images::Image& found, bool is_new) {
      return PulledImage{registry_digest(found, reference), found.id.string(), is_new};
    };
    if (cached && uses_cached(image, behavior)) return answer(*cached, false);
    const auto known = ids();
    const auto pulled = fetch(reference, login);
    if (pulled) {
      remember(image);
      return answer(*pulled, !known.contains(pulled->id));
    }
    if (!cached || behavior == PullBehavior::always) return pulled.error();
    log::warning("image not pulled, the one on this host is used image={} error=\"{}\"", image,
                 pulled.error().message());
    return answer(*cached, false);
  }

  Result<void> remove_image(const std::string& id, const std::vector<std::string>& names) override {
    const auto image = engine_.images().resolve(id);
    if (!image && image.error().kind() == ErrorKind::not_found) return {};
    if (!image) return image.error();
    if (!image->holders.empty()) {
      return Error::make(ErrorKind::conflict, "container {} is using it", image->holders[0].substr(0, 12));
    }
    auto others = image->tags.size();
    for (const auto& tag : image->tags) {
      if (std::find(names.begin(), names.end(), tag.string()) == names.end()) continue;
      if (--others > 0) TRY(engine_.images().remove(tag.string()));  // the last one goes with the image
    }
    if (others > 0) return {};
    TRY(engine_.images().remove(id));
    return {};
  }

  Result<void> make_group(const TaskGroup& group) override {
    const bool limits = group.cpu_quota || group.memory || group.pids;
    const bool best_effort = config_.best_effort_limits || !limits;
    const auto enforcement = best_effort ? cgroups::Enforcement::best_effort : cgroups::Enforcement::required;
    if (auto known = cgroups::Cgroup::open(group.path))
      return known->update(resources_of(group), enforcement);
    const auto made = TRY(cgroups::Cgroup::create(group.path, resources_of(group), enforcement));
    for (const auto& dropped : made.dropped()) {
      log::warning("task limit not enforced group={} limit={} reason=\"{}\"", group.path, dropped.json_path,
                   dropped.reason);
    }
    return {};
  }

  Result<void> remove_group(const std::string& path) override {
    const auto group = cgroups::Cgroup::open(path);
    if (!group) return {};
    return group->remove();
  }

  Result<std::string> create(const engine::ContainerSpec& spec) override {
    if (const auto known = engine_.resolve(spec.name)) return *known;
    return engine_.create(spec);
  }

  Result<void> start(const std::string& id) override { return engine_.start(id); }

  Result<void> stop(const std::string& id, std::chrono::seconds timeout) override {
    return forgive_missing(engine_.stop(id, timeout));
  }

  Result<void> remove(const std::string& id) override {
    return forgive_missing(engine_.remove(id, {true, true}));
  }

  Result<Observed> inspect(const std::string& id) override {
    auto info = engine_.inspect(id);
    if (!info && info.error().kind() == ErrorKind::not_found) return Observed{};
    return to_observed(TRY(std::move(info)));
  }

  void wait_for_change(const std::string& id, const Observed& seen,
                       std::chrono::milliseconds limit) override {
    const auto info = engine_.inspect(id);
    if (!info || !to_observed(*info).same_as(seen)) return;
    if (!engine_.wait_for_change(*info, limit)) return;
  }

  Result<engine::ContainerStats> stats(const std::string& id) override { return engine_.stats(id); }

 private:
  static Result<void> forgive_missing(Result<void> result) {
    if (!result && result.error().kind() == ErrorKind::not_found) return {};
    return result;
  }

  std::set<oci::Digest> ids() {
    std::set<oci::Digest> known;
    for (const auto& image : engine_.images().list().value_or({})) known.insert(image.id);
    return known;
  }

  bool uses_cached(const std::string& image, PullBehavior behavior) {
    const std::lock_guard lock(mutex_);
    return behavior == PullBehavior::prefer_cached ||
           (behavior == PullBehavior::once && pulled_.contains(image));
  }

  void remember(const std::string& image) {
    const std::lock_guard lock(mutex_);
    pulled_.insert(image);
  }

  Result<images::Image> fetch(const oci::Reference& reference, const RegistryLogin& login) {
    images::PullOptions options;
    options.ca_file = config_.ca_file;
    if (!login.ecr) return engine_.images().pull(reference, options);
    return ecr_.pull(login, [&](const images::Credential& credential) {
      options.credential = credential;
      return engine_.images().pull(reference, options);
    });
  }

  engine::Engine engine_;
  const Config& config_;
  SystemClock clock_;
  EcrLogin ecr_;
  std::mutex mutex_;
  std::set<std::string> pulled_;  // by this process: for the pull behaviour "once"
};

}  // namespace

Result<std::unique_ptr<ContainerDriver>> make_engine_driver(const Config& config,
                                                            const http::Credentials& credentials) {
  engine::EngineOptions options;
  options.root = config.root;
  options.run_root = config.run_root;
  options.bridge = config.bridge;
  options.limits =
      config.best_effort_limits ? engine::LimitPolicy::best_effort : engine::LimitPolicy::required;
  options.dynamic_port_first = config.dynamic_ports.first;
  options.dynamic_port_last = config.dynamic_ports.last;
  auto engine = TRY(engine::Engine::open(options));
  return std::unique_ptr<ContainerDriver>(new EngineDriver(std::move(engine), config, credentials));
}

}  // namespace gantry::agent
