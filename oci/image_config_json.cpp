#include "oci/descriptor_members.h"
#include "oci/image_config.h"

namespace gantry::oci {

template <class Visitor>
void members(Visitor&, EmptyObject&) {}

namespace {

// A duration as the document's nanoseconds; 0 is left out, as docker does.
template <class Visitor>
void nanoseconds(Visitor& visit, std::string_view name, std::chrono::nanoseconds& duration) {
  std::optional<int64_t> count;
  if (!Visitor::reading && duration.count() != 0) count = duration.count();
  visit(name, count);
  if (Visitor::reading) duration = std::chrono::nanoseconds(count.value_or(0));
}

}  // namespace

template <class Visitor>
void members(Visitor& visit, HealthCheck& check) {
  visit("Test", check.test);
  nanoseconds(visit, "Interval", check.interval);
  nanoseconds(visit, "Timeout", check.timeout);
  nanoseconds(visit, "StartPeriod", check.start_period);
  nanoseconds(visit, "StartInterval", check.start_interval);
  std::optional<int> retries;
  if (check.retries != 0) retries = check.retries;
  visit("Retries", retries);
  if (Visitor::reading) check.retries = retries.value_or(0);
}

template <class Visitor>
void members(Visitor& visit, ContainerConfig& config) {
  visit("User", config.user);
  visit("ExposedPorts", config.exposed_ports);
  visit("Env", config.env);
  visit("Entrypoint", config.entrypoint);
  visit("Cmd", config.cmd);
  visit("Volumes", config.volumes);
  visit("WorkingDir", config.working_dir);
  visit("Labels", config.labels);
  visit("StopSignal", config.stop_signal);
  visit("Healthcheck", config.health_check);
  visit("OnBuild", config.on_build);
  visit("Shell", config.shell);
}

template <class Visitor>
void members(Visitor& visit, RootFilesystem& rootfs) {
  visit.required("type", rootfs.type);
  visit.required("diff_ids", rootfs.diff_ids);
  if (Visitor::reading && rootfs.type != "layers") visit.fail("type must be \"layers\"");
}

template <class Visitor>
void members(Visitor& visit, History& history) {
  visit("created", history.created);
  visit("created_by", history.created_by);
  visit("author", history.author);
  visit("comment", history.comment);
  std::optional<bool> empty_layer;
  if (history.empty_layer) empty_layer = true;
  visit("empty_layer", empty_layer);
  if (Visitor::reading) history.empty_layer = empty_layer.value_or(false);
}

template <class Visitor>
void members(Visitor& visit, ImageConfig& image) {
  visit("created", image.created);
  visit("author", image.author);
  members(visit, image.platform);
  visit.always("config", image.config);
  visit.required("rootfs", image.rootfs);
  visit("history", image.history);
}

Result<ImageConfig> parse_image_config(std::string_view text, std::string_view source) {
  return parse_json<ImageConfig>(text, source);
}

std::string to_json_text(const ImageConfig& config) {
  return to_json(config);
}

}  // namespace gantry::oci
