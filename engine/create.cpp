#include "base/lock.h"
#include "base/random.h"
#include "base/text.h"
#include "cgroups/host.h"
#include "engine/bundle.h"
#include "engine/context.h"
#include "engine/image_defaults.h"
#include "engine/names.h"

#include <algorithm>

namespace gantry::engine {

namespace {

struct NeededController {
  std::string_view option;
  std::string_view controller;
  bool needed;
};

// Refused before anything is made, in the words of the command line.
Result<void> check_limits(const EngineOptions& options, const ResourceSpec& resources) {
  if (options.limits == LimitPolicy::best_effort) return {};
  const auto host = cgroups::detect_host();
  const NeededController needs[] = {
      {"--memory", "memory", resources.memory.has_value()},
      {"--memory-reservation", "memory", resources.memory_reservation.has_value()},
      {"--cpus", "cpu", resources.nano_cpus.has_value()},
      {"--cpu-quota", "cpu", resources.cpu_quota.has_value() || resources.cpu_period.has_value()},
      {"--cpu-shares", "cpu", resources.cpu_shares.has_value()},
      {"--cpuset-cpus", "cpuset", !resources.cpuset_cpus.empty()},
      {"--pids-limit", "pids", resources.pids_limit.has_value()}};
  for (const auto& need : needs) {
    if (!need.needed || host.offers(need.controller)) continue;
    return Error::make(ErrorKind::unsupported,
                       "{}: this host can't enforce it: cgroup v2 controller {} is missing: {} "
                       "(--cgroup-limits best-effort runs without the limit)",
                       need.option, need.controller, host.describe());
  }
  return {};
}

Result<void> check_bind_source(const MountSpec& mount) {
  if (mount.type != MountType::bind) return {};
  if (path_exists(mount.source)) return {};
  if (!mount.create_source) {
    return Error::make(ErrorKind::invalid, "--mount: bind source path does not exist: {}", mount.source);
  }
  return make_directories(mount.source, 0755).context("--volume {}", mount.source);
}

// What may be wrong with the host or with other containers.
Result<void> check_host(const Context& context, const ContainerSpec& spec) {
  TRY(check_limits(context.options, spec.resources));
  for (const auto& mount : spec.mounts) TRY(check_bind_source(mount));
  for (const auto& device : spec.devices) {
    if (!path_exists(device.host_path)) {
      return Error::make(ErrorKind::not_found, "--device: {} does not exist", device.host_path);
    }
  }
  if (spec.init) TRY(find_init_program());
  if (!spec.seccomp.empty() && spec.seccomp != "unconfined") {
    const std::string document = format(R"({{"ociVersion":"1.0.0","linux":{{"seccomp":{}}}}})", spec.seccomp);
    TRY(oci::parse_runtime_config(document, "--security-opt seccomp"));
  }
  return {};
}

// "container:REFERENCE" is kept as "container:ID".
Result<void> fix_network(const Context& context, ContainerSpec& spec) {
  constexpr std::string_view prefix = "container:";
  if (spec.network.rfind(prefix, 0) != 0) return {};
  spec.network = std::string(prefix) + TRY(resolve_reference(context, spec.network.substr(prefix.size())));
  return {};
}

// Undoes the steps of a creation that didn't get to its end.
class HalfMade {
 public:
  HalfMade(Context& context, ContainerRecord& record) : context_(context), record_(record) {}
  HalfMade(const HalfMade&) = delete;
  HalfMade& operator=(const HalfMade&) = delete;
  ~HalfMade() {
    if (!kept_) (void)erase_container(context_, record_, true);
  }
  void keep() { kept_ = true; }

 private:
  Context& context_;
  ContainerRecord& record_;
  bool kept_ = false;
};

Result<void> make_folders(const ContainerPaths& paths) {
  TRY(make_directories(paths.upper(), 0755));
  TRY(make_directories(paths.work()));
  return make_directories(paths.rootfs(), 0755);
}

}  // namespace

// The folder and its lock appear together for everyone who holds the engine's lock: a sweep must not take a
// container that is being made for one that was left half-made.
Result<FileLock> claim_directory(const Context& context, const std::string& id) {
  const auto guard = TRY(FileLock::acquire(context.layout.lock(), LockMode::shared));
  const ContainerPaths paths = context.layout.container(id);
  TRY(make_directories(paths.directory));
  return FileLock::acquire(paths.lock());
}

Result<std::string> Engine::create(const ContainerSpec& spec) {
  TRY(check_spec(spec));
  const auto image = TRY(context_->images.resolve(spec.image));
  ContainerRecord record;
  record.id = random_hex(32);
  record.image_id = image.id.string();
  record.created_at = format_rfc3339(SystemClock().now());
  record.spec = spec;
  TRY(fix_network(*context_, record.spec));
  TRY(apply_image(record, image.config.config));
  TRY(check_host(*context_, record.spec));

  const auto lock = TRY(claim_directory(*context_, record.id));
  HalfMade half_made(*context_, record);
  if (spec.name.empty()) {
    record.name = TRY(claim_made_up_name(context_->layout, record.id));
  } else {
    TRY(claim_name(context_->layout, spec.name, record.id));
    record.name = spec.name;
  }
  TRY(context_->images.hold(image.id, record.id));
  const ContainerPaths paths = context_->layout.container(record.id);
  TRY(make_folders(paths));
  TRY(write_record(paths, record));
  half_made.keep();
  return record.id;
}

}  // namespace gantry::engine
