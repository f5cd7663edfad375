#pragma once

#include "runtime/criu.h"
#include "runtime/store.h"

#include <string>

namespace gantry::runtime {

struct CheckpointOptions {
  CriuOptions criu;
  std::string parent_path;  // relative to the images: an earlier dump, whose pages aren't written again
  bool leave_running = false;
  bool pre_dump = false;  // memory alone, for a later dump with this one as its parent
  bool tcp_skip_in_flight = false;
  bool link_remap = false;
  std::string page_server_address;  // empty: pages go to the images
  uint16_t page_server_port = 0;
  UniqueFd status;  // gets one zero byte when criu can serve lazy pages
};

// Writes the container's processes to the images. Unless leave_running or pre_dump, criu has ended them then.
// Errors: conflict, when it isn't running or paused; criu's.
Result<void> checkpoint_container(const ContainerFolder& folder, const Record& record,
                                  const oci::RuntimeConfig& config, CheckpointOptions& options);

// What restore needs to know of the stdio of a dumped init, by descriptor: "pipe:[4711]" for a pipe, which
// criu's images name like that, "file[mount:inode]" for what lies outside the container, else "".
inline constexpr const char* descriptors_file = "descriptors.json";

}  // namespace gantry::runtime
