#include "runtime/configuration.h"

#include "runtime/seccomp_cache.h"

#include <linux/seccomp.h>

namespace gantry::runtime {

Result<Configuration> parse_configuration(std::string_view text, std::string_view source,
                                          const std::string& seccomp_cache) {
  Configuration read{TRY(oci::parse_all_but_seccomp(text, source)), std::nullopt};
  if (!read.config.linux_ || read.config.linux_->seccomp_text.empty()) return read;
  read.filter = load_seccomp(seccomp_cache, seccomp_cache_key(read.config.linux_->seccomp_text));
  const bool has_listener = read.filter && (read.filter->flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) != 0;
  if (read.filter && !has_listener && !refuses_unknown_calls(read.config)) return read;
  std::string section = std::move(read.config.linux_->seccomp_text);
  read.config = TRY(oci::parse_runtime_config(text, source));
  read.config.linux_->seccomp_text = std::move(section);
  return read;
}

bool refuses_unknown_calls(const oci::RuntimeConfig& config) {
  const auto found = config.annotations.find("run.oci.seccomp_fail_unknown_syscall");
  return found != config.annotations.end() && found->second != "0";
}

}  // namespace gantry::runtime
