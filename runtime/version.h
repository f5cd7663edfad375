#pragma once

#include <string>

namespace gantry::runtime {

// "gantry-oci version X", "spec: …", "libseccomp: …", one a line, as go-runc and podman read them.
std::string version_text();

}  // namespace gantry::runtime
