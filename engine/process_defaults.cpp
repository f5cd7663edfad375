#include "engine/process_defaults.h"

#include "base/files.h"
#include "base/log.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <linux/capability.h>
#include <mutex>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace gantry::engine {

namespace {

constexpr const char* oom_file = "/proc/self/oom_score_adj";
constexpr uint64_t docker_open_files = 1048576;
constexpr size_t most_processors = 8192;  // CONFIG_NR_CPUS's largest

bool may_exceed_limits() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
  if (syscall(SYS_capget, &header, data.data()) != 0) return false;
  return (data[0].effective & (1U << CAP_SYS_RESOURCE)) != 0;
}

std::string first_line(const std::string& path) {
  const std::string text = read_file(path).value_or("");
  return text.substr(0, text.find('\n'));
}

}  // namespace

int oom_score_adjustment(std::optional<int> wanted) {
  static std::mutex trying;
  const std::lock_guard lock(trying);
  const int asked = wanted.value_or(0);
  const auto own = parse_integer("oom_score_adj", first_line(oom_file), -1000, 1000);
  if (!own || asked >= *own) return asked;
  // How low we may go the kernel shows only to those who try.
  if (write_existing(oom_file, std::to_string(asked))) {
    (void)write_existing(oom_file, std::to_string(*own));
    return asked;
  }
  if (wanted) log::warning("oomScoreAdj {} needs CAP_SYS_RESOURCE: the container gets ours, {}", asked, *own);
  return static_cast<int>(*own);
}

oci::Rlimit open_files_limit() {
  uint64_t most = docker_open_files;
  if (const auto host = parse_unsigned("nr_open", first_line("/proc/sys/fs/nr_open"))) {
    most = std::min<uint64_t>(most, *host);
  }
  rlimit own{};
  if (!may_exceed_limits() && getrlimit(RLIMIT_NOFILE, &own) == 0) {
    most = std::min<uint64_t>(most, own.rlim_max);
  }
  return {"RLIMIT_NOFILE", most, most};
}

void take_default_scheduling() {
  // Neither may keep a container from starting; nice below ours needs CAP_SYS_NICE.
  (void)setpriority(PRIO_PROCESS, 0, 0);
  std::array<unsigned char, most_processors / 8> all{};
  all.fill(0xff);
  // The kernel takes away what the cpuset doesn't allow.
  (void)syscall(SYS_sched_setaffinity, 0, all.size(), all.data());
}

}  // namespace gantry::engine
