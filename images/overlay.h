#pragma once

#include "base/result.h"

#include <string>
#include <vector>

namespace gantry::images {

struct OverlayMount {
  std::vector<std::string> lower;  // topmost first, as lower_directories() gives them
  std::string upper;               // empty: read-only
  std::string work;                // on the same file system as `upper`
  bool volatile_upper = false;     // no syncs of upper: for containers that aren't kept
};

// Mounts an overlay at `target` (a folder that exists): with fsconfig's lowerdir+ where the kernel has it
// (6.5), else with mount(2) and lowerdirs named by short /proc/self/fd links, so that any number of layers up
// to the kernel's 500 fits into a page of options. index=off, metacopy=off, redirect_dir=off: a layer
// can't say what these make. One layer without an upper is a
// read-only bind mount.
// Errors: unsupported when upper's file system can't hold an upper (overlay, 9p, …), naming it; the kernel's
// own words otherwise.
Result<void> mount_overlay(const OverlayMount& overlay, const std::string& target);

}  // namespace gantry::images
