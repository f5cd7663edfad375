#include "builder/stage_builder.h"

#include "base/text.h"
#include "builder/errors.h"

#include <algorithm>
#include <fcntl.h>

namespace gantry::builder {
namespace {

bool changes_files(const Instruction& instruction) {
  return std::holds_alternative<Run>(instruction.what) || std::holds_alternative<Copy>(instruction.what) ||
         std::holds_alternative<WorkDir>(instruction.what);
}

constexpr std::string_view default_path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// As docker: an image that is made of nothing has a PATH.
StageState scratch(const oci::Platform& platform) {
  StageState state;
  state.config.platform = platform;
  state.config.config.env = {std::string(default_path)};
  state.config.config.working_dir = "/";
  return state;
}

}  // namespace

std::vector<std::string> StageBuilder::lower_folders(const StageState& state) const {
  std::vector<std::string> folders;
  for (auto layer = state.layers.rbegin(); layer != state.layers.rend(); ++layer) {
    folders.push_back(shared_.engine.images().layer_directory(layer->chain_id));
  }
  return folders;
}

Result<images::Image> StageBuilder::find_image(const std::string& name, const oci::Platform& platform) {
  auto& store = shared_.engine.images();
  if (shared_.options.base_policy != BasePolicy::always) {
    auto image = store.resolve(name);
    const bool fits = image && oci::platform_matches(image->config.platform, platform);
    const bool missing = !image && image.error().kind() == ErrorKind::not_found;
    if (fits || (!image && !missing)) return image;
    if (shared_.options.base_policy == BasePolicy::never) {
      if (missing) return image;
      return Error::make(ErrorKind::not_found, "image {} is here for {} only, not for {}", name,
                         image->config.platform.string(), platform.string());
    }
  }
  images::PullOptions pull;
  pull.platform = platform;
  return store.pull(TRY(oci::Reference::parse(name)), pull);
}

Result<StageState> StageBuilder::load_image(const std::string& name, const oci::Platform& platform) {
  const auto image = TRY(find_image(name, platform));
  TRY(shared_.engine.images().lease_layers(image.layers, lease_));
  StageState state;
  state.config = image.config;
  state.layers = image.layers;
  return state;
}

// What FROM or --from names, not as the stage's own base.
Result<StageState> StageBuilder::source_state(const std::string& from) {
  const oci::Platform platform = planned_.platform.value_or(shared_.platform);
  if (const auto stage = shared_.plan.find(from, index_, true)) return shared_.stage(*stage);
  if (from == "scratch") return scratch(platform);
  return load_image(from, platform);
}

Result<FromRoot> StageBuilder::open_from(const StageState& state) const {
  engine::BuildRootOptions options;
  options.lower = lower_folders(state);
  auto root = TRY(shared_.engine.make_build_root(options));
  SourceRoot source{TRY(open_file(root.rootfs(), O_RDONLY | O_DIRECTORY)), nullptr, nullptr};
  return FromRoot{std::move(root), std::move(source)};
}

Result<void> StageBuilder::begin() {
  const oci::Platform platform = planned_.platform.value_or(shared_.platform);
  if (planned_.base)
    state_ = TRY(shared_.stage(*planned_.base));
  else if (planned_.image == "scratch")
    state_ = scratch(platform);
  else
    state_ = TRY(load_image(planned_.image, platform));
  // Arguments are each stage's own.
  state_.arguments.clear();
  state_.has_own_command = false;
  state_.escape = shared_.dockerfile.escape;
  return {};
}

std::string StageBuilder::step_title(const Instruction& instruction) {
  ++step_;
  const auto& instructions = planned_.stage->instructions;
  const auto count = std::count_if(instructions.begin(), instructions.end(), changes_files) + 1;
  return format("[{} {}/{}] {}", planned_.title, step_, std::max<ptrdiff_t>(count, step_), instruction.text);
}

Result<void> StageBuilder::perform_in(const Instruction& instruction, Progress::Step& step) {
  if (const auto* copied = std::get_if<Copy>(&instruction.what)) return copy(*copied, instruction, step);
  if (const auto* program = std::get_if<Run>(&instruction.what)) return run(*program, step);
  return make_working_directory(instruction, step);
}

Result<void> StageBuilder::perform(const Instruction& instruction) {
  if (shared_.canceller.cancelled()) return Error(ErrorKind::conflict, "the build was cancelled");
  const auto located = [&](const Error& error) {
    const std::string name = instruction.text.substr(0, instruction.text.find(' '));
    return error_at(shared_.dockerfile.source, instruction.line, error.kind(), name + ": " + error.message());
  };
  if (!changes_files(instruction)) {
    const auto applied = state_.apply(instruction, shared_.plan.values);
    if (!applied) return located(applied.error());
    const std::string created = state_.config.created.empty() ? shared_.now : state_.config.created;
    state_.add_history(instruction.text, true, created);
    return {};
  }
  Progress::Step step(shared_.progress, step_title(instruction));
  const auto done = perform_in(instruction, step);
  if (done) return {};
  step.failed(done.error().message());
  return located(done.error());
}

Result<void> StageBuilder::run_triggers(const std::vector<std::string>& triggers) {
  const int line = planned_.stage->from.line;
  for (const auto& trigger : triggers) {
    const std::string source = format("{}: ONBUILD of {}", shared_.dockerfile.source, planned_.image);
    const auto instruction = TRY(parse_trigger(trigger, source, line));
    TRY(perform(instruction));
  }
  return {};
}

Result<StageState> StageBuilder::build() {
  const Instruction& from = planned_.stage->from;
  {
    Progress::Step step(shared_.progress, step_title(from));
    if (const auto begun = begin(); !begun) {
      step.failed(begun.error().message());
      const std::string& message = begun.error().message();
      if (planned_.base) return Error(begun.error());  // that stage said where
      return error_at(shared_.dockerfile.source, from.line, begun.error().kind(), "FROM: " + message);
    }
    step.done();
  }
  const auto triggers = std::exchange(state_.config.config.on_build, {});
  TRY(run_triggers(triggers));
  for (const auto& instruction : planned_.stage->instructions) TRY(perform(instruction));
  return state_;
}

}  // namespace gantry::builder
