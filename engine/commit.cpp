#include "base/process.h"
#include "engine/context.h"

#include <fcntl.h>

// Engine::commit: a container's files and settings as an image.

namespace gantry::engine {

namespace {

Result<void> call_runtime(const Context& context, const std::string& verb, const std::string& id) {
  Command command;
  command.arguments = runtime_command(context);
  command.arguments.insert(command.arguments.end(), {verb, id});
  command.limit = std::chrono::seconds(30);
  TRY(check_command(command).context("{} container {}", verb, id.substr(0, 12)));
  return {};
}

// A running container stands still while its files are read.
class Pause {
 public:
  static Result<Pause> begin(const Context& context, const std::string& id) {
    TRY(call_runtime(context, "pause", id));
    return Pause(context, id);
  }
  Pause(Pause&& other) noexcept : context_(other.context_), id_(std::exchange(other.id_, {})) {}
  Pause& operator=(Pause&&) = delete;
  Pause(const Pause&) = delete;
  Pause& operator=(const Pause&) = delete;
  ~Pause() {
    if (!id_.empty()) (void)call_runtime(context_, "resume", id_);
  }

 private:
  Pause(const Context& context, std::string id) : context_(context), id_(std::move(id)) {}
  const Context& context_;
  std::string id_;
};

// What the container was run with becomes the image's, as with docker.
void take_settings(const ContainerInfo& info, oci::ContainerConfig& config) {
  if (info.spec.entrypoint) config.entrypoint = info.spec.entrypoint;
  if (!info.spec.command.empty()) {
    config.cmd = info.spec.command;
  } else if (info.spec.entrypoint) {
    config.cmd.reset();
  }
  config.env = info.environment;
  config.user = info.user;
  config.working_dir = info.working_directory;
  config.stop_signal = info.spec.stop_signal.empty() ? config.stop_signal : info.spec.stop_signal;
  for (const auto& [name, value] : info.spec.labels) config.labels[name] = value;
  for (const auto& port : info.spec.ports) {
    config
        .exposed_ports[format("{}/{}", port.container_port, port.protocol == Protocol::udp ? "udp" : "tcp")];
  }
}

std::string command_text(const ContainerInfo& info) {
  std::string text;
  for (const auto& argument : info.arguments) text += (text.empty() ? "" : " ") + argument;
  return text;
}

}  // namespace

Result<images::Image> Engine::commit(const std::string& reference, const CommitOptions& options) const {
  const auto info = TRY(inspect(reference));
  auto image = TRY(context_->images.resolve(info.image_id));
  oci::ImageConfig config = image.config;
  take_settings(info, config.config);
  TRY(images::apply_changes(config.config, options.changes));
  auto lease = TRY(context_->images.content().lease());
  TRY(context_->images.lease_layers(image.layers, lease));
  const oci::Digest parent = image.layers.empty() ? oci::Digest() : image.layers.back().chain_id;
  std::optional<Pause> pause;
  if (options.pause && info.state == ContainerState::running) {
    pause.emplace(TRY(Pause::begin(*context_, info.id)));
  }
  const std::string upper = context_->layout.container(info.id).upper();
  image.layers.push_back(
      TRY(context_->images.add_layer({upper, parent, {.mount_points = mount_points()}}, lease)));
  pause.reset();
  config.created = format_rfc3339(SystemClock().now());
  if (!options.author.empty()) config.author = options.author;
  config.history.push_back({.created = config.created,
                            .created_by = command_text(info),
                            .author = options.author,
                            .comment = options.message});
  config.rootfs.diff_ids.push_back(image.layers.back().diff_id);
  return context_->images.add_image({config, image.layers, options.tags}, lease);
}

}  // namespace gantry::engine
