#include "engine/engine.h"

#include "engine/context.h"
#include "engine/programs.h"

#include <unistd.h>

namespace gantry::engine {

namespace {

Result<void> make_folders(const Layout& layout) {
  TRY(make_directories(layout.root, 0711).context("engine root"));
  TRY(make_directories(layout.containers()));
  TRY(make_directories(layout.names()));
  TRY(make_directories(layout.volumes()));
  TRY(make_directories(layout.run_root, 0711).context("engine run root"));
  return make_directories(layout.runtime_state(), 0711);
}

Result<void> make_absolute(EngineOptions& options) {
  options.root = TRY(absolute_path(options.root));
  options.run_root = TRY(absolute_path(options.run_root));
  return {};
}

}  // namespace

Engine::Engine(std::unique_ptr<Context> context) : context_(std::move(context)) {}
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;
Engine::~Engine() = default;

Result<Engine> Engine::open(EngineOptions options) {
  if (geteuid() != 0) return Error::make(ErrorKind::denied, "containers need root: run as root or by sudo");
  TRY(make_absolute(options));
  TRY(find_programs(options));
  const Layout layout{options.root, options.run_root};
  TRY(make_folders(layout));
  images::ImageStoreOptions image_options;
  image_options.root = join_path(options.root, "images");
  image_options.ca_file = options.ca_file;
  auto images = TRY(images::ImageStore::open(image_options));
  Engine engine(std::make_unique<Context>(Context{std::move(options), layout, std::move(images)}));
  TRY(sweep_if_free(*engine.context_));
  return engine;
}

images::ImageStore& Engine::images() const {
  return context_->images;
}

const EngineOptions& Engine::options() const {
  return context_->options;
}

Result<std::string> Engine::resolve(const std::string& reference) const {
  return resolve_reference(*context_, reference);
}

}  // namespace gantry::engine
