#pragma once

#include "builder/context.h"
#include "builder/key.h"
#include "builder/plan.h"
#include "engine/build_root.h"

#include <atomic>
#include <functional>
#include <string>

namespace gantry::builder {

// What the stages of one build share. Read by several threads, changed by none.
struct BuildShared {
  engine::Engine& engine;
  const BuildOptions& options;
  Progress& progress;
  Canceller& canceller;
  const Dockerfile& dockerfile;
  const BuildContext& context;
  const Plan& plan;
  oci::Platform platform;
  std::atomic<bool>& anything_new;  // set once a step did something
  std::string now;                  // of this build, RFC 3339: $SOURCE_DATE_EPOCH or the time it began
  // Another stage, once it is built; starts it if need be.
  std::function<Result<StageState>(size_t)> stage;
};

// A place to copy or mount from: a stage or an image, mounted.
struct FromRoot {
  engine::BuildRoot root;
  SourceRoot source;
};

// Builds one stage, instruction by instruction. One thread's.
class StageBuilder {
 public:
  StageBuilder(const BuildShared& shared, size_t index, images::Lease& lease)
      : shared_(shared), planned_(shared.plan.stages[index]), index_(index), lease_(lease) {}

  Result<StageState> build();

 private:
  // stage_builder.cpp
  Result<void> begin();
  Result<void> run_triggers(const std::vector<std::string>& triggers);
  Result<void> perform(const Instruction& instruction);
  Result<void> perform_in(const Instruction& instruction, Progress::Step& step);
  Result<StageState> load_image(const std::string& name, const oci::Platform& platform);
  Result<images::Image> find_image(const std::string& name, const oci::Platform& platform);
  Result<StageState> source_state(const std::string& from);
  Result<FromRoot> open_from(const StageState& state) const;
  std::string step_title(const Instruction& instruction);
  std::vector<std::string> lower_folders(const StageState& state) const;

  // cached_step.cpp
  Key step_key(std::string_view kind) const;
  // Takes over what the step with this key came to, or lets `work` change a root and keeps what it changed.
  using Work = std::function<Result<void>(engine::BuildRoot&)>;
  struct StepRun {
    oci::Digest key;
    std::string created_by;
    engine::BuildRootOptions root;
    bool on_empty_root = false;  // COPY --link
  };
  Result<void> cached(StepRun run, Progress::Step& step, const Work& work);
  Result<images::CachedStep> keep_changes(engine::BuildRoot& root, const oci::Digest& key,
                                          const StepRun& run);

  // copy_step.cpp, run_step.cpp
  Result<void> copy(const Copy& copy, const Instruction& instruction, Progress::Step& step);
  Result<void> run(const Run& run, Progress::Step& step);
  Result<void> make_working_directory(const Instruction& instruction, Progress::Step& step);

  const BuildShared& shared_;
  const PlannedStage& planned_;
  const size_t index_;
  images::Lease& lease_;
  StageState state_;
  int step_ = 0;
};

}  // namespace gantry::builder
