#pragma once

#include "base/result.h"
#include "oci/image_config.h"

#include <string>
#include <string_view>
#include <vector>

namespace gantry::images {

// Dockerfile instructions that change an image's config, as `docker import --change` takes them: CMD,
// ENTRYPOINT, ENV, EXPOSE, WORKDIR, USER, LABEL, VOLUME, STOPSIGNAL, HEALTHCHECK, SHELL, ONBUILD; in JSON and
// in shell form.
using ChangeList = std::vector<std::string>;

// Applies one. Errors: invalid, quoting the change and naming the rule; unsupported for other instructions.
Result<void> apply_change(oci::ContainerConfig& config, std::string_view change);
Result<void> apply_changes(oci::ContainerConfig& config, const ChangeList& changes);

// The words of a Dockerfile's instruction: split at white space, with "…", '…' and \ as in a shell.
Result<std::vector<std::string>> split_words(std::string_view text);

}  // namespace gantry::images
