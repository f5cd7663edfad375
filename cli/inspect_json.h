#pragma once

#include "engine/container_info.h"
#include "images/image_store.h"

#include <string>

namespace gantry::cli {

// The object that `inspect` prints for a container or an image: docker's names and shapes, for what we have.
std::string inspect_text(const engine::ContainerInfo& info);
std::string inspect_text(const images::Image& image);

// An array of such objects, indented.
std::string inspect_array(const std::vector<std::string>& objects);

}  // namespace gantry::cli
