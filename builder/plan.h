#pragma once

#include "builder/dockerfile.h"
#include "builder/stage_state.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace gantry::builder {

struct PlannedStage {
  const Stage* stage = nullptr;
  std::string title;                      // its name, or "stage-2"
  std::optional<size_t> base;             // FROM an earlier stage
  std::string image;                      // else FROM this image, or "scratch"
  std::optional<oci::Platform> platform;  // FROM --platform
};

struct Plan {
  std::vector<PlannedStage> stages;
  size_t target = 0;
  ArgumentValues values;

  // The stage before stage number `before` that a FROM or --from means, by name or, for --from, number.
  std::optional<size_t> find(std::string_view name, size_t before, bool numbers) const;
  // Those that stage `index` names; what an image's ONBUILD triggers name isn't known yet.
  std::vector<size_t> dependencies(size_t index) const;
};

// Errors: invalid, with the line; not_found for a target that isn't there.
Result<Plan> make_plan(const Dockerfile& dockerfile, const std::string& target, ArgumentValues values);

// TARGETPLATFORM and its like. Source: docs.docker.com, "Automatic platform ARGs in the global scope".
Variables platform_arguments(const oci::Platform& target, const oci::Platform& host);

}  // namespace gantry::builder
