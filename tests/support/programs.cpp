#include "tests/support/programs.h"

#include <filesystem>
#include <map>
#include <mutex>

namespace gantry::test {

const std::string& program_directory() {
  static const std::string directory =
      std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() / "bin";
  return directory;
}

const char* program_path(const std::string& name) {
  static std::mutex mutex;
  static std::map<std::string, std::string> paths;
  const std::scoped_lock lock(mutex);
  return paths.try_emplace(name, program_directory() + "/" + name).first->second.c_str();
}

}  // namespace gantry::test
