#include "builder/plan.h"

#include "base/text.h"
#include "builder/errors.h"

#include <algorithm>

namespace gantry::builder {
namespace {

Result<void> set_global_arguments(const Dockerfile& dockerfile, ArgumentValues& values) {
  for (const auto& instruction : dockerfile.arguments) {
    const auto& arg = std::get<Arg>(instruction.what);
    const auto done =
        apply_argument(arg, values.global, values.given, nullptr, dockerfile.escape, values.global);
    if (!done) {
      return error_at(dockerfile.source, instruction.line, done.error().kind(),
                      "ARG: " + done.error().message());
    }
  }
  return {};
}

Result<PlannedStage> plan_stage(const Dockerfile& dockerfile, const Plan& plan, size_t index) {
  const Stage& stage = dockerfile.stages[index];
  PlannedStage planned;
  planned.stage = &stage;
  planned.title = stage.base().name.empty() ? format("stage-{}", index) : stage.base().name;
  planned.image = TRY(expand(stage.base().image, plan.values.global, dockerfile.escape));
  if (planned.image.empty()) {
    return Error::make(ErrorKind::invalid, "base name ({}) is empty", stage.base().image);
  }
  const std::string platform = TRY(expand(stage.base().platform, plan.values.global, dockerfile.escape));
  if (!platform.empty()) planned.platform = TRY(oci::parse_platform(platform));
  planned.base = plan.find(planned.image, index, false);
  return planned;
}

Result<size_t> find_target(const Plan& plan, const std::string& target) {
  if (target.empty()) return plan.stages.size() - 1;
  if (const auto found = plan.find(to_lower(target), plan.stages.size(), true)) return *found;
  return Error::make(ErrorKind::not_found, "target stage \"{}\" could not be found", target);
}

void add_sources(const Plan& plan, const Instruction& instruction, size_t index, std::vector<size_t>& found) {
  const auto add = [&](const std::string& from) {
    if (const auto stage = from.empty() ? std::nullopt : plan.find(to_lower(from), index, true)) {
      found.push_back(*stage);
    }
  };
  if (const auto* copy = std::get_if<Copy>(&instruction.what)) add(copy->from);
  if (const auto* run = std::get_if<Run>(&instruction.what)) {
    for (const auto& mount : run->mounts) add(mount.from);
  }
}

}  // namespace

std::optional<size_t> Plan::find(std::string_view name, size_t before, bool numbers) const {
  const std::string lower = to_lower(name);
  for (size_t i = std::min(before, stages.size()); i-- > 0;) {
    if (!stages[i].stage->base().name.empty() && stages[i].stage->base().name == lower) return i;
  }
  if (!numbers) return std::nullopt;
  const auto number = parse_unsigned("stage", name, 100'000);
  if (number && *number < std::min(before, stages.size())) return static_cast<size_t>(*number);
  return std::nullopt;
}

std::vector<size_t> Plan::dependencies(size_t index) const {
  std::vector<size_t> found;
  if (stages[index].base) found.push_back(*stages[index].base);
  for (const auto& instruction : stages[index].stage->instructions)
    add_sources(*this, instruction, index, found);
  return found;
}

Result<Plan> make_plan(const Dockerfile& dockerfile, const std::string& target, ArgumentValues values) {
  Plan plan;
  plan.values = std::move(values);
  TRY(set_global_arguments(dockerfile, plan.values));
  for (size_t i = 0; i < dockerfile.stages.size(); ++i) {
    auto planned = plan_stage(dockerfile, plan, i);
    if (!planned) {
      return error_at(dockerfile.source, dockerfile.stages[i].from.line, planned.error().kind(),
                      "FROM: " + planned.error().message());
    }
    plan.stages.push_back(std::move(planned).value());
  }
  plan.target = TRY(find_target(plan, target));
  return plan;
}

Variables platform_arguments(const oci::Platform& target, const oci::Platform& host) {
  Variables variables;
  const auto add = [&](const std::string& prefix, const oci::Platform& platform) {
    variables[prefix + "PLATFORM"] = platform.string();
    variables[prefix + "OS"] = platform.os;
    variables[prefix + "ARCH"] = platform.architecture;
    variables[prefix + "VARIANT"] = platform.variant;
  };
  add("TARGET", target);
  add("BUILD", host);
  return variables;
}

}  // namespace gantry::builder
