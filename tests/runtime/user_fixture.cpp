#include "tests/runtime/user_fixture.h"

#include "oci/state.h"
#include "tests/support/programs.h"

#include <sys/stat.h>
#include <unistd.h>

namespace gantry::runtime {
namespace {

// In a mount namespace of its own: as root up to setpriv. "$@" is the user's program.
constexpr const char* script_text = R"(#!/bin/sh
here=$(dirname "$0")
if [ "$AS_USER_INSIDE" != 1 ]; then
  AS_USER_INSIDE=1 exec unshare -m --propagation private "$0" "$@"
fi
mount --bind "$here/etc" /etc || exit 99
exec setpriv --reuid 4711 --regid 4711 --clear-groups --inh-caps=-all \
  env -i ${LSAN_OPTIONS:+"LSAN_OPTIONS=$LSAN_OPTIONS"} PATH="$AS_USER_PATH" HOME=/ XDG_RUNTIME_DIR="$here/run" \
  OCI="$here/gantry-oci" BUNDLE="$here/bundle" "$@"
)";

}  // namespace

void UsersContainers::SetUp() {
  Containers::SetUp();
  if (IsSkipped() || HasFatalFailure()) return;
  ASSERT_OK(make_directories(runtime_folder(), 0700));
  ASSERT_EQ(::chown(runtime_folder().c_str(), test_user, test_user), 0);
  ASSERT_OK(make_directories(file("etc"), 0755));
  const auto range = format("gantry-tester:{}:65536\n", first_sub_id);
  ASSERT_OK(write_file(file("etc/subuid"), range, 0644));
  ASSERT_OK(write_file(file("etc/subgid"), range, 0644));
  ASSERT_OK(write_file(file("etc/passwd"),
                       "root:x:0:0::/root:/bin/sh\ngantry-tester:x:4711:4711::/:/bin/sh\n", 0644));
  ASSERT_OK(write_file(file("etc/group"), "root:x:0:\ngantry-tester:x:4711:\n", 0644));
  if (const auto cache = read_file("/etc/ld.so.cache"))
    ASSERT_OK(write_file(file("etc/ld.so.cache"), *cache, 0644));
  ASSERT_OK(write_file(user_script(), script_text, 0755));
  const auto program = read_file(test::program_path("gantry-oci"));
  ASSERT_OK(program);
  ASSERT_OK(write_file(file("gantry-oci"), *program, 0755));
  Command give{{"chown", "-R", "4711:4711", bundle()}, {}, {}, {}, {}};
  ASSERT_OK(check_command(give));
}

void UsersContainers::TearDown() {
  if (path_exists(users_root())) {
    for (const auto& id : list_directory(users_root()).value_or({})) {
      if (id.find('@') == std::string::npos) (void)as_user("$OCI delete --force " + id);
    }
  }
  Containers::TearDown();
}

CommandResult UsersContainers::as_user(const std::string& script, const std::string& path) {
  Command command;
  command.arguments = {"env", "AS_USER_PATH=" + path, user_script(), "/bin/sh", "-c", script};
  command.limit = std::chrono::minutes(1);
  auto result = run_command(command);
  if (!result) return {-1, "", result.error().message()};
  return std::move(*result);
}

void UsersContainers::configure_user(std::vector<std::string> args,
                                     const std::function<void(oci::RuntimeConfig&)>& change) {
  const auto path = bundle() + "/config.json";
  ASSERT_OK(remove_file(path));
  const auto made = as_user("$OCI spec --rootless --bundle $BUNDLE");
  ASSERT_EQ(made.status, 0) << made.errors;
  auto config = oci::parse_runtime_config(read_file(path).value_or(""), path);
  ASSERT_OK(config);
  config->process->terminal = false;
  config->root->readonly = false;
  config->process->args = std::move(args);
  change(*config);
  ASSERT_OK(write_file(path, oci::to_json_text(*config), 0644));
}

void UsersContainers::map_ranges(oci::RuntimeConfig& config) {
  config.linux_->uid_mappings = {{0, test_user, 1}, {1, first_sub_id, 65536}};
  config.linux_->gid_mappings = config.linux_->uid_mappings;
}

}  // namespace gantry::runtime
