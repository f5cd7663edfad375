#pragma once

#include "controlplane/model.h"

#include <map>
#include <string>

// Version consistency: the tasks of one deployment run the images that its first running task found behind
// the tags, until a new deployment looks again. Pinned for each architecture, since an agent may report the
// digest of its platform's manifest. Source: ECS developer guide, "Container image resolution".

namespace gantry::controlplane {

// Pins what `task`, which has begun to run, found. What is pinned already stays; a container with
// versionConsistency disabled, or whose image has a digest, isn't pinned.
void pin_images(ImagePins& pins, const Task& task, const TaskDefinition& definition);

// The pinned images by container ("HOST/REPOSITORY@DIGEST") for a task of `definition` on `instance`.
std::map<std::string, std::string> pinned_images(const ImagePins& pins, const TaskDefinition& definition,
                                                 const ContainerInstance& instance);

}  // namespace gantry::controlplane
