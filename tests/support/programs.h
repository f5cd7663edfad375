#pragma once
// Where the programs under test are.
#include <string>

namespace gantry::test {

// The folder of the programs that were built with this test program: ../bin, seen from it. So one object file
// of a test serves every preset.
const std::string& program_directory();
// The path of one of them, such as "gantry-oci". Lives as long as the process.
const char* program_path(const std::string& name);

}  // namespace gantry::test
