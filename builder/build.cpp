#include "builder/build.h"

#include "base/text.h"
#include "builder/context.h"
#include "builder/errors.h"
#include "builder/plan.h"
#include "builder/stage_builder.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

namespace gantry::builder {
namespace {

// The stages of a build, each on a thread of its own from when somebody needs it. A stage only ever waits for
// an earlier one.
class Stages {
 public:
  using Make = std::function<Result<StageState>(size_t)>;
  Stages(size_t count, Make make) : make_(std::move(make)), slots_(count) {}
  Stages(const Stages&) = delete;
  Stages& operator=(const Stages&) = delete;
  ~Stages() {
    for (auto& slot : slots_) {
      if (slot.thread.joinable()) slot.thread.join();
    }
  }

  void start(size_t index) {
    const std::lock_guard lock(mutex_);
    Slot& slot = slots_[index];
    if (slot.started) return;
    slot.started = true;
    slot.thread = std::thread([this, index] { finish(index, make_(index)); });
  }

  Result<StageState> wait_for(size_t index) {
    start(index);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return slots_[index].result.has_value(); });
    return *slots_[index].result;
  }

  // The error that was first, when there are several: the others are its consequences.
  std::optional<Error> first_error() {
    const std::lock_guard lock(mutex_);
    return error_;
  }

 private:
  struct Slot {
    bool started = false;
    std::thread thread;
    std::optional<Result<StageState>> result;
  };

  void finish(size_t index, Result<StageState> result) {
    const std::lock_guard lock(mutex_);
    if (!result && !error_) error_ = result.error();
    slots_[index].result = std::move(result);
    changed_.notify_all();
  }

  Make make_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Slot> slots_;
  std::optional<Error> error_;
};

std::string time_text(const BuildOptions& options) {
  if (!options.source_date_epoch) return format_rfc3339(SystemClock().now());
  return format_rfc3339(TimePoint(std::chrono::seconds(*options.source_date_epoch)), false);
}

ArgumentValues argument_values(const BuildOptions& options, const oci::Platform& platform) {
  ArgumentValues values;
  values.given = options.arguments;
  values.global = platform_arguments(platform, oci::Platform::host());
  if (options.source_date_epoch) {
    values.global["SOURCE_DATE_EPOCH"] = std::to_string(*options.source_date_epoch);
  }
  return values;
}

void declare(const Instruction& instruction, std::set<std::string>& declared) {
  const auto* arg = std::get_if<Arg>(&instruction.what);
  if (arg == nullptr) return;
  for (const auto& [name, value] : arg->variables) declared.insert(name);
}

void warn_of_unused(const Dockerfile& dockerfile, const BuildOptions& options, Progress& progress) {
  std::set<std::string> declared;
  for (const auto& instruction : dockerfile.arguments) declare(instruction, declared);
  for (const auto& stage : dockerfile.stages) {
    for (const auto& instruction : stage.instructions) declare(instruction, declared);
  }
  std::vector<std::string> unused;
  for (const auto& [name, value] : options.arguments) {
    if (declared.count(name) == 0 && !is_proxy_argument(name) && name != "SOURCE_DATE_EPOCH")
      unused.push_back(name);
  }
  if (unused.empty()) return;
  Progress::Step step(progress, "[internal] build arguments");
  step.note(format("WARN: one or more build-args were not consumed: {}", join(unused, ", ")));
}

// All stages that the target needs, started from the first on.
void start_needed(const Plan& plan, Stages& stages) {
  std::set<size_t> needed = {plan.target};
  for (size_t i = plan.target + 1; i-- > 0;) {
    if (needed.count(i) == 0) continue;
    for (const size_t each : plan.dependencies(i)) needed.insert(each);
  }
  for (const size_t each : needed) stages.start(each);
}

Result<images::Image> commit(engine::Engine& engine, const BuildOptions& options, StageState state,
                             const std::string& now, images::Lease& lease, Progress& progress) {
  Progress::Step step(progress, "exporting to image");
  for (const auto& [name, value] : options.labels) state.config.config.labels[name] = value;
  if (state.config.created.empty()) state.config.created = now;
  state.config.rootfs.diff_ids.clear();
  for (const auto& layer : state.layers) state.config.rootfs.diff_ids.push_back(layer.diff_id);
  TRY(engine.images().lease_layers(state.layers, lease));
  auto image = TRY(engine.images().add_image({state.config, state.layers, options.tags}, lease));
  step.note("writing image " + image.id.string());
  for (const auto& tag : options.tags) step.note("naming to " + tag.string());
  step.done();
  return image;
}

}  // namespace

Result<images::Image> build(engine::Engine& engine, const BuildOptions& options, Progress& progress,
                            Canceller& canceller) {
  const auto context = TRY(open_context(engine, options));
  const auto dockerfile = TRY(parse_dockerfile(context.dockerfile, context.dockerfile_name));
  const oci::Platform platform = options.platform.value_or(oci::Platform::host());
  const auto plan = TRY(make_plan(dockerfile, options.target, argument_values(options, platform)));
  warn_of_unused(dockerfile, options, progress);
  // One for each stage, all of them until the image is there.
  std::vector<images::Lease> leases;
  for (size_t i = 0; i <= plan.stages.size(); ++i) leases.push_back(TRY(engine.images().content().lease()));
  Stages* running = nullptr;
  std::atomic<bool> anything_new = false;
  BuildShared shared{engine,
                     options,
                     progress,
                     canceller,
                     dockerfile,
                     context,
                     plan,
                     platform,
                     anything_new,
                     time_text(options),
                     [&](size_t index) { return running->wait_for(index); }};
  Stages stages(plan.stages.size(), [&](size_t index) {
    auto state = StageBuilder(shared, index, leases[index]).build();
    if (!state) canceller.cancel();
    return state;
  });
  running = &stages;
  start_needed(plan, stages);
  auto state = stages.wait_for(plan.target);
  if (auto error = stages.first_error()) return std::move(*error);
  if (context.digests) TRY(context.digests->save());
  auto built = TRY(std::move(state));
  auto image = TRY(commit(engine, options, std::move(built), shared.now, leases.back(), progress));
  if (anything_new && options.cache_limit > 0) TRY(engine.images().trim_build_cache(options.cache_limit));
  return image;
}

}  // namespace gantry::builder
