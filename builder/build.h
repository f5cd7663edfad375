#pragma once

#include "builder/canceller.h"
#include "builder/progress.h"
#include "engine/engine.h"
#include "images/image_store.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gantry::builder {

enum class BasePolicy { missing, always, never };

struct SecretSource {
  std::string file;         // or
  std::string environment;  // a variable of ours
};

struct BuildOptions {
  std::string context;     // a folder, or "-": stdin, a tar archive or a Dockerfile
  std::string dockerfile;  // a path, against the working directory; "-": stdin; empty: CONTEXT/Dockerfile
  std::vector<oci::Reference> tags;
  std::map<std::string, std::string> arguments;  // --build-arg
  std::map<std::string, std::string> labels;
  std::map<std::string, SecretSource> secrets;  // by id
  std::string target;                           // a stage's name or number; empty: the last
  std::optional<oci::Platform> platform;        // absent: the host's
  bool use_cache = true;
  BasePolicy base_policy = BasePolicy::missing;
  std::string network = "bridge";  // of RUN: bridge, host, none
  std::vector<std::string> extra_hosts;
  std::optional<int64_t> source_date_epoch;   // seconds; also a build argument of that name
  uint64_t cache_limit = uint64_t{20} << 30;  // bytes of layers that the cache may keep
};

// Builds an image and gives it its tags. Stages that don't need each other run at the same time; the same
// inputs give the same image when RUN's programs do and source_date_epoch is set. Errors: those of the
// Dockerfile, "FILE:LINE: INSTRUCTION: …"; of a step that fails; conflict when it was cancelled.
Result<images::Image> build(engine::Engine& engine, const BuildOptions& options, Progress& progress,
                            Canceller& canceller);

// Removes what is known of contexts' files, and what RUN --mount=type=cache has kept and no build is using.
// Answers the bytes freed.
Result<uint64_t> remove_cache_mounts(const engine::Engine& engine);

}  // namespace gantry::builder
