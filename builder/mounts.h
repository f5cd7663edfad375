#pragma once

#include "base/lock.h"
#include "builder/stage_builder.h"

#include <functional>
#include <list>
#include <string>
#include <vector>

namespace gantry::builder {

// RUN's --mount: first what they depend on (for the step's key), then, if the step must run, the mounts.
class RunMounts {
 public:
  using FindState = std::function<Result<StageState>(const std::string& from)>;
  using OpenState = std::function<Result<FromRoot>(const StageState& state)>;

  RunMounts(const engine::Engine& engine, const BuildOptions& options, const SourceRoot& context)
      : engine_(engine), options_(options), context_(context) {}

  // Errors: invalid; not_found for a source that isn't there, and for a secret that is required but not
  // given.
  Result<void> plan(const std::vector<RunMount>& mounts, const StageState& state, const FindState& find);
  void add_to(Key& key) const;
  std::vector<engine::BuildMountTarget> targets() const;
  // Adds to the spec's mounts and environment. What it opens stays until this goes.
  Result<void> open(const engine::BuildRoot& root, engine::BuildStepSpec& spec, const OpenState& open);

 private:
  struct Planned {
    RunMount mount;  // expanded; the target absolute
    StageState from;
    std::optional<SourceTree> tree;     // of the context
    std::string digest;                 // of what is bound
    std::optional<std::string> secret;  // absent: not given
  };
  Result<Planned> plan_one(RunMount mount, const StageState& state, const FindState& find);
  Result<void> open_one(const Planned& planned, const std::string& scratch, engine::BuildStepSpec& spec,
                        const OpenState& open);
  Result<engine::MountSpec> open_bind(const Planned& planned, const std::string& scratch,
                                      const OpenState& open);
  Result<engine::MountSpec> open_cache(const Planned& planned);
  Result<void> open_secret(const Planned& planned, const std::string& scratch, engine::BuildStepSpec& spec);

  const engine::Engine& engine_;
  const BuildOptions& options_;
  const SourceRoot& context_;
  std::vector<Planned> planned_;
  std::list<FromRoot> roots_;
  std::vector<FileLock> locks_;
};

}  // namespace gantry::builder
