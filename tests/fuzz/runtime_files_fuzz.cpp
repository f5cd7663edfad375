#include "runtime/home.h"
#include "runtime/intel_rdt.h"
#include "runtime/monitor_runtime.h"
#include "runtime/seccomp_cache.h"
#include "tests/fuzz/fuzz.h"

#include <sys/stat.h>
#include <unistd.h>

// What is read from files of a fixed place: the container's /etc/passwd, the seccomp cache,
// /proc/self/status, resctrl's schemata, the runtime's log and pid file as the monitor reads them. One file
// under all these names.

namespace {

using namespace gantry;

constexpr const char* key = "key";

struct Files {
  std::string text = join_path(fuzz::folder(), "text");
  std::string cached;  // what store_seccomp() calls the file of `key`

  Files() {
    fuzz::write_over(text, "");
    fuzz::must(runtime::store_seccomp(folder("cache"), key, {{{0, 0, 0, 0}}, 0}));
    cached = join_path(folder("cache"), fuzz::must(list_directory(folder("cache"))).at(0));
    fuzz::must(make_directories(folder("resctrl/info/L3")));
    fuzz::must(make_directories(folder("resctrl/info/MB")));
    for (const char* name :
         {"root/etc/passwd", "resctrl/class/schemata", "monitor/runtime.log", "monitor/pid"}) {
      const auto path = folder(name);
      fuzz::must(make_directories(path.substr(0, path.rfind('/'))));
      if (::link(text.c_str(), path.c_str()) != 0) fuzz::fail("link " + path);
    }
  }

  static std::string folder(const char* name) { return join_path(fuzz::folder(), name); }
};

UniqueFd open_folder(const char* name) {
  return fuzz::must(open_file(Files::folder(name), O_PATH | O_DIRECTORY));
}

void read_passwd() {
  static const UniqueFd root = open_folder("root");
  for (const uid_t uid : {0U, 1000U}) {
    const std::string_view home = runtime::find_home(root, uid);
    if (home.rfind("HOME=", 0) != 0 || home.size() == 5) fuzz::fail("no home: " + std::string(home));
    if (home.find_first_of(":\n") != std::string_view::npos) fuzz::fail("two homes: " + std::string(home));
  }
}

void read_cache(const Files& files, std::string_view text) {
  fuzz::write_over(files.cached, text);
  const auto loaded = runtime::load_seccomp(Files::folder("cache"), key);
  const size_t before = 3 + sizeof(uint32_t);  // the key and the flags
  const bool whole =
      text.size() > before && text.substr(0, 3) == key && (text.size() - before) % sizeof(sock_filter) == 0;
  if (loaded && (!whole || loaded->program.size() != (text.size() - before) / sizeof(sock_filter))) {
    fuzz::fail("a filter from a broken file");
  }
}

void read_runtime_log() {
  static const runtime::MonitorConfig config;
  static const runtime::RuntimeCommands commands(config, Files::folder("monitor"));
  const auto error = commands.last_error(1);
  if (error.empty()) fuzz::fail("no message at all");
  (void)runtime::start_failure_code(error);
  if (const auto pid = commands.container_pid(); pid && *pid < 0) fuzz::fail("a negative pid");
}

}  // namespace

FUZZ_TARGET(text) {
  static const Files files;
  fuzz::write_over(files.text, text);
  read_passwd();
  read_cache(files, text);
  read_runtime_log();
  oci::IntelRdt wanted;
  wanted.clos_id = "class";
  wanted.l3_cache_schema = "L3:0=f;1=f0";
  (void)runtime::plan_rdt(wanted, "id", Files::folder("resctrl"), {"config.json", "$.linux.intelRdt"});
}
