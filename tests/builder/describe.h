#pragma once

#include "builder/dockerfile.h"

#include <string>

namespace gantry::test {

// An instruction as one line, for tables: "RUN shell[make all] mount=cache:/c".
std::string describe(const builder::Instruction& instruction);

}  // namespace gantry::test
