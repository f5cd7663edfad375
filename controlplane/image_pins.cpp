#include "controlplane/image_pins.h"

#include "api/image_name.h"

#include <algorithm>

namespace gantry::controlplane {
namespace {

std::string architecture_of(const std::vector<api::Attribute>& attributes) {
  const auto found = std::find_if(attributes.begin(), attributes.end(), [](const auto& attribute) {
    return attribute.name == "ecs.cpu-architecture";
  });
  return found == attributes.end() ? std::string() : found->value;
}

std::string pin_key(const std::string& container, const std::string& architecture) {
  return container + "/" + architecture;
}

// Empty when there is nothing to pin.
std::string pin_of(const api::ContainerDefinition& definition, const std::string& digest) {
  if (definition.version_consistency == "disabled" || digest.empty()) return {};
  const auto image = api::ImageName::parse(definition.image);
  if (!image || !image->digest.empty()) return {};
  auto pinned = image->name + "@" + digest;
  return api::ImageName::parse(pinned) ? pinned : std::string();
}

}  // namespace

void pin_images(ImagePins& pins, const Task& task, const TaskDefinition& definition) {
  const auto architecture = architecture_of(task.attributes);
  for (const auto& container : task.containers) {
    for (const auto& each : definition.container_definitions) {
      if (each.name != container.name) continue;
      auto pin = pin_of(each, container.image_digest);
      if (!pin.empty()) pins.emplace(pin_key(container.name, architecture), std::move(pin));
    }
  }
}

std::map<std::string, std::string> pinned_images(const ImagePins& pins, const TaskDefinition& definition,
                                                 const ContainerInstance& instance) {
  std::map<std::string, std::string> images;
  const auto architecture = architecture_of(instance.attributes);
  for (const auto& container : definition.container_definitions) {
    const auto found = pins.find(pin_key(container.name, architecture));
    if (found != pins.end()) images[container.name] = found->second;
  }
  return images;
}

}  // namespace gantry::controlplane
