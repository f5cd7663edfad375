#include "base/text.h"
#include "engine/context.h"

namespace gantry::engine {

std::vector<std::string> runtime_limit_flags(const Context& context) {
  switch (context.options.limits) {
    case LimitPolicy::required:
      return {};
    case LimitPolicy::best_effort:
      return {"--cgroup-limits", "best-effort"};
  }
  return {};
}

std::vector<std::string> runtime_command(const Context& context) {
  return {context.options.runtime, "--root", context.layout.runtime_state()};
}

Error start_error(const std::string& message, int exit_code) {
  switch (exit_code) {
    case 127:
      return {ErrorKind::not_found, message};
    case 126:
      return {ErrorKind::denied, message};
    default:
      return {ErrorKind::system, message};
  }
}

Error classify_runtime_message(const std::string& message) {
  const std::string text = to_lower(message);
  const auto says = [&](std::string_view words) { return text.find(words) != std::string::npos; };
  if (says("is not running") || says("not running") || says("does not exist") || says("stopped container")) {
    return {ErrorKind::conflict, message};
  }
  if (says("chdir to cwd")) return start_error(message, 126);
  if (says("executable file not found") || says("no such file or directory"))
    return start_error(message, 127);
  if (says("permission denied")) return start_error(message, 126);
  return start_error(message, 125);
}

}  // namespace gantry::engine
