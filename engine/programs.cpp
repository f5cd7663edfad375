#include "engine/programs.h"

#include "base/files.h"
#include "base/text.h"

#include <array>
#include <climits>
#include <cstdlib>
#include <unistd.h>

namespace gantry::engine {

namespace {

std::string own_folder() {
  std::array<char, PATH_MAX> path{};
  const ssize_t size = readlink("/proc/self/exe", path.data(), path.size());
  if (size <= 0) return {};
  const std::string executable(path.data(), static_cast<size_t>(size));
  return executable.substr(0, executable.rfind('/'));
}

bool is_executable(const std::string& path) {
  return access(path.c_str(), X_OK) == 0;
}

std::string find(const std::string& name, const char* variable) {
  if (const char* given = getenv(variable); given != nullptr && *given != '\0') return given;
  const std::string beside = join_path(own_folder(), name);
  if (is_executable(beside)) return beside;
  const char* path = getenv("PATH");
  for (const auto& folder : split(path == nullptr ? "/usr/local/bin:/usr/bin" : path, ':')) {
    const std::string candidate = join_path(folder, name);
    if (!folder.empty() && folder[0] == '/' && is_executable(candidate)) return candidate;
  }
  return {};
}

Result<void> require(std::string& program, const std::string& name, const char* variable) {
  if (program.empty()) program = find(name, variable);
  if (program.empty()) {
    return Error::make(ErrorKind::not_found,
                       "{} not found: neither beside this program nor in PATH; {} names it otherwise", name,
                       variable);
  }
  if (!is_executable(program)) return Error::system(errno, "{} ({})", name, program);
  program = TRY(absolute_path(program));
  return {};
}

}  // namespace

Result<void> find_programs(EngineOptions& options) {
  TRY(require(options.runtime, "gantry-oci", "GANTRY_OCI"));
  TRY(require(options.monitor, "gantry-monitor", "GANTRY_MONITOR"));
  if (options.command_line.empty()) options.command_line = find("gantry", "GANTRY_CLI");
  return {};
}

}  // namespace gantry::engine
