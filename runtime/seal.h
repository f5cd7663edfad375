#pragma once

namespace gantry::runtime {

// Whether /proc/self/exe can't be opened for writing by whoever reaches it: the program runs from a read-only
// mount or a sealed memory file. Without that a container could change the runtime itself (CVE-2019-5736).
bool program_is_sealed();

}  // namespace gantry::runtime
