#include "agent/state_files.h"

namespace gantry::agent {

template <class Visitor>
void members(Visitor& visit, InstanceState& state) {
  visit("cluster", state.cluster);
  visit("containerInstanceArn", state.container_instance_arn);
  visit("sequence", state.sequence);
}

template <class Visitor>
void members(Visitor& visit, TrackedImage& image) {
  visit.required("id", image.id);
  visit("names", image.names);
  double pulled = to_epoch_seconds(image.pulled_at);
  double used = to_epoch_seconds(image.last_used_at);
  visit.required("pulledAt", pulled);
  visit.required("lastUsedAt", used);
  image.pulled_at = from_epoch_seconds(pulled);
  image.last_used_at = from_epoch_seconds(used);
}

namespace {

struct ImagesFile {
  std::vector<TrackedImage> images;
};

template <class Visitor>
void members(Visitor& visit, ImagesFile& file) {
  visit.required("images", file.images);
}

}  // namespace

std::string to_json_text(const InstanceState& state) {
  return to_json(state);
}

Result<InstanceState> parse_instance_state(std::string_view text, std::string_view source) {
  return parse_json<InstanceState>(text, source);
}

std::string to_json_text(const std::vector<TrackedImage>& images) {
  return to_json(ImagesFile{images});
}

Result<std::vector<TrackedImage>> parse_tracked_images(std::string_view text, std::string_view source) {
  auto file = TRY(parse_json<ImagesFile>(text, source));
  return std::move(file.images);
}

}  // namespace gantry::agent
