#pragma once

#include "builder/build.h"
#include "builder/source_tree.h"
#include "engine/build_root.h"

#include <memory>
#include <optional>
#include <string>

namespace gantry::builder {

// Where a build's files come from, and its Dockerfile.
struct BuildContext {
  std::string dockerfile_name;  // in errors
  std::string dockerfile;       // its text
  std::unique_ptr<IgnoreRules> ignore;
  std::unique_ptr<FileDigests> digests;       // of a folder of the user's
  SourceRoot root;                            // a folder of the user's, or
  std::optional<engine::BuildRoot> unpacked;  // what holds the folder that came as an archive on stdin
};

// Errors: not_found for the context or the Dockerfile; unsupported for addresses (https://…, git@…).
Result<BuildContext> open_context(const engine::Engine& engine, const BuildOptions& options);

}  // namespace gantry::builder
