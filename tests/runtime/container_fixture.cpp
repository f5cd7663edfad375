#include "tests/runtime/container_fixture.h"

#include "cgroups/host.h"
#include "oci/state.h"
#include "tests/support/programs.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gantry::runtime {
namespace {

const char* const program = test::program_path("gantry-oci");
constexpr const char* applets[] = {"sh",    "cat",   "ls",    "id",       "echo",   "true",     "false",
                                   "sleep", "mount", "env",   "pwd",      "stat",   "hostname", "touch",
                                   "head",  "grep",  "mkdir", "kill",     "tail",   "wc",       "tty",
                                   "stty",  "dd",    "test",  "readlink", "umount", "yes"};

void copy_file(const std::string& from, const std::string& to) {
  const auto data = read_file(from);
  ASSERT_OK(data);
  ASSERT_OK(write_file(to, *data, 0755));
}

}  // namespace

const char* const test_id = [] {
  static const std::string id = format("test-{}", ::getpid());
  return id.c_str();
}();

void Containers::SetUp() {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  auto folder = TemporaryDirectory::make();
  ASSERT_OK(folder);
  folder_ = std::make_unique<TemporaryDirectory>(std::move(*folder));
  ::chmod(folder_->path().c_str(), 0711);
  for (const char* name : {"bin", "proc", "sys", "dev", "tmp", "etc"}) {
    ASSERT_OK(make_directories(rootfs() + "/" + name, 0755));
  }
  ::chmod((rootfs() + "/tmp").c_str(), 01777);
  copy_file("/bin/busybox", rootfs() + "/bin/busybox");
  for (const char* name : applets) ASSERT_EQ(::symlink("busybox", (rootfs() + "/bin/" + name).c_str()), 0);
  ASSERT_OK(write_file(rootfs() + "/etc/passwd",
                       "root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n", 0644));
  const auto made = runtime({"spec", "--bundle", bundle()});
  ASSERT_EQ(made.status, 0) << made.errors;
  const auto text = read_file(bundle() + "/config.json");
  ASSERT_OK(text);
  auto parsed = oci::parse_runtime_config(*text, "config.json");
  ASSERT_OK(parsed);
  default_ = std::move(*parsed);
  default_.process->terminal = false;
  default_.root->readonly = false;
}

void Containers::TearDown() {
  if (!folder_) return;
  for (const auto& id : state_folders()) (void)runtime({"delete", "--force", id});
}

CommandResult Containers::runtime(std::vector<std::string> arguments) {
  std::vector<std::string> all = {program, "--root", root()};
  all.insert(all.end(), arguments.begin(), arguments.end());
  Command command;
  command.arguments = std::move(all);
  command.limit = std::chrono::minutes(3);
  auto result = run_command(command);
  if (!result) return {-1, "", result.error().message()};
  return std::move(*result);
}

void Containers::configure(std::vector<std::string> args,
                           const std::function<void(oci::RuntimeConfig&)>& change) {
  oci::RuntimeConfig config = default_;
  config.process->args = std::move(args);
  change(config);
  ASSERT_OK(write_file(bundle() + "/config.json", oci::to_json_text(config), 0644));
}

CommandResult Containers::run(std::vector<std::string> args,
                              const std::function<void(oci::RuntimeConfig&)>& change) {
  configure(std::move(args), change);
  return runtime({"run", "--bundle", bundle(), test_id});
}

CommandResult Containers::run_shell(const std::string& script,
                                    const std::function<void(oci::RuntimeConfig&)>& change) {
  return run({"sh", "-c", script}, change);
}

CommandResult Containers::create(const std::string& id) {
  return run_silently({"create", "--bundle", bundle(), id});
}

CommandResult Containers::run_silently(const std::vector<std::string>& arguments) {
  const std::string log = file("log");
  Command command;
  command.arguments = {"/bin/sh", "-c",    "exec \"$@\" >/dev/null 2>&1 </dev/null",
                       "sh",      program, "--root",
                       root(),    "--log", log};
  command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
  command.limit = std::chrono::minutes(3);
  auto result = run_command(command);
  if (!result) return {-1, "", result.error().message()};
  result->errors = read_file(log).value_or("");
  return std::move(*result);
}

std::string Containers::status(const std::string& id) {
  const auto told = runtime({"state", id});
  if (told.status != 0) return told.errors;
  const auto state = oci::parse_state(told.output, "state");
  return state ? std::string(oci::status_name(state->status)) : state.error().message();
}

pid_t Containers::pid_of(const std::string& id) {
  const auto state = oci::parse_state(runtime({"state", id}).output, "state");
  return state ? state->pid : 0;
}

std::vector<std::string> Containers::state_folders() {
  if (!path_exists(root())) return {};
  auto names = list_directory(root()).value_or({});
  std::erase_if(names, [](const std::string& name) { return name.find('@') != std::string::npos; });
  return names;
}

std::string Containers::cgroup_directory(const std::string& id) {
  return cgroups::detect_host().mount + "/gantry-oci/" + id;
}

}  // namespace gantry::runtime
