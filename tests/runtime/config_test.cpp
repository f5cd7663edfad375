#include "tests/runtime/container_fixture.h"

namespace gantry::runtime {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

struct BadConfig {
  const char* name;
  std::function<void(oci::RuntimeConfig&)> change;
  const char* error;
};

const BadConfig bad_configs[] = {
    {"missing root folder", [](auto& c) { c.root->path = "nowhere"; }, "invalid rootfs: "},
    {"no root", [](auto& c) { c.root.reset(); }, "config.json: $: required member \"root\" is missing"},
    {"no process", [](auto& c) { c.process.reset(); }, "process property must not be empty"},
    {"no args", [](auto& c) { c.process->args.clear(); }, "args must not be empty"},
    {"empty program", [](auto& c) { c.process->args = {""}; }, "args[0] must not be empty"},
    {"relative cwd", [](auto& c) { c.process->cwd = "tmp"; }, "Cwd must be an absolute path"},
    {"version", [](auto& c) { c.oci_version = "2.0.0"; }, "$.ociVersion: must be a 1.x.y version"},
    {"uid", [](auto& c) { c.process->user.uid = 4294967295U; }, "user id 4294967295 is out of range"},
    {"rlimit",
     [](auto& c) {
       c.process->rlimits = {{"RLIMIT_FOO", 1, 1}};
     },
     "unknown rlimit \"RLIMIT_FOO\""},
    {"rlimit twice",
     [](auto& c) {
       c.process->rlimits = {{"RLIMIT_AS", 1, 1}, {"RLIMIT_AS", 1, 1}};
     },
     "is given twice"},
    {"hostname",
     [](auto& c) {
       std::erase_if(c.linux_->namespaces, [](auto& n) { return n.type == oci::NamespaceType::uts; });
     },
     "unable to set hostname without a private UTS namespace"},
    {"no mount namespace",
     [](auto& c) {
       std::erase_if(c.linux_->namespaces, [](auto& n) { return n.type == oci::NamespaceType::mount; });
     },
     "unable to restrict sys entries without a private MNT namespace"},
    {"namespace twice",
     [](auto& c) {
       c.linux_->namespaces.push_back({oci::NamespaceType::pid, {}});
     },
     "given twice"},
    {"mappings",
     [](auto& c) {
       c.linux_->uid_mappings = {{0, 1, 1}};
     },
     "user namespace mappings specified, but user namespace isn't enabled in the config"},
    {"no mappings",
     [](auto& c) {
       c.linux_->namespaces.push_back({oci::NamespaceType::user, {}});
     },
     "user namespaces enabled, but no namespace path to join nor mappings to apply specified"},
    {"namespace path", [](auto& c) { c.linux_->namespaces[0].path = "/etc/passwd"; },
     "/etc/passwd is not a namespace"},
    {"wrong namespace", [](auto& c) { c.linux_->namespaces[0].path = "/proc/self/ns/uts"; },
     "is not of that type"},
    {"mount source",
     [](auto& c) {
       c.mounts.push_back({"/x", "bind", "/nowhere", {"bind"}, {}, {}});
     },
     "mount /x: open source /nowhere"},
    {"mount option",
     [](auto& c) {
       c.mounts.push_back({"/x", "tmpfs", "tmpfs", {"nosuch=1"}, {}, {}});
     },
     "mount option nosuch"},
    {"mount type",
     [](auto& c) {
       c.mounts.push_back({"/x", "nosuchfs", "none", {}, {}, {}});
     },
     "mount /x: "},
    {"idmap",
     [](auto& c) {
       c.mounts.push_back({"/x", "bind", "/tmp", {"bind", "idmap"}, {}, {}});
     },
     "mount option \"idmap\" is not supported"},
    {"intelRdt", [](auto& c) { c.linux_->intel_rdt.text = "{}"; }, "$.linux.intelRdt is not supported"},
    {"memoryPolicy", [](auto& c) { c.linux_->memory_policy.text = "{}"; },
     "$.linux.memoryPolicy is not supported"},
    {"netDevices", [](auto& c) { c.linux_->net_devices["eth0"].text = "{}"; },
     "$.linux.netDevices is not supported"},
    {"scheduler", [](auto& c) { c.process->scheduler.text = "{}"; }, "process.scheduler is not supported"},
    {"selinux", [](auto& c) { c.process->selinux_label = "x"; }, "selinuxLabel is not supported"},
    {"device type",
     [](auto& c) {
       c.linux_->devices = {{"x", "/dev/x", 1, 1, {}, {}, {}}};
     },
     "device /dev/x: type"},
    {"hook path",
     [](auto& c) {
       c.hooks = oci::Hooks{};
       c.hooks->poststop = {{"relative", {}, {}, {}}};
     },
     "poststop hook #0: path must be absolute"},
    {"seccomp architecture",
     [](auto& c) {
       c.linux_->seccomp = oci::SeccompProfile{};
       c.linux_->seccomp->architectures = {"SCMP_ARCH_FOO"};
     },
     "unknown architecture \"SCMP_ARCH_FOO\""},
    {"seccomp notify",
     [](auto& c) {
       c.linux_->seccomp = oci::SeccompProfile{};
       c.linux_->seccomp->syscalls = {{{"mkdir"}, oci::SeccompAction::notify, {}, {}}};
     },
     "SCMP_ACT_NOTIFY is not supported"},
    {"cgroup path", [](auto& c) { c.linux_->cgroups_path = "/../x"; }, "must not hold \"..\""},
    {"environment", [](auto& c) { c.process->env = {"NOVALUE"}; }, "is not of the form NAME=VALUE"},
    {"console size",
     [](auto& c) {
       c.process->terminal = true;
       c.process->console_size = oci::Box{24, 65616};
     },
     "consoleSize: 24 x 65616 is out of range"},
    {"terminal", [](auto& c) { c.process->terminal = true; }, "without setting console socket"},
};

TEST_F(Containers, BadConfigurationIsAClearErrorAndLeavesNothing) {
  for (const auto& bad : bad_configs) {
    configure({"true"}, bad.change);
    const auto result = runtime({"create", "--bundle", bundle(), test_id});
    EXPECT_EQ(result.status, 1) << bad.name;
    EXPECT_THAT(result.errors, HasSubstr(bad.error)) << bad.name;
    EXPECT_THAT(state_folders(), IsEmpty()) << bad.name;
    EXPECT_FALSE(path_exists(cgroup_directory(test_id))) << bad.name;
  }
}

TEST_F(Containers, TextThatIsNoConfigurationNamesThePlace) {
  const std::pair<const char*, const char*> texts[] = {
      {"", "config.json: "},
      {"{", "config.json: "},
      {"not json", "config.json: "},
      {"[]", "$: must be an object"},
      {"{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":1}}", "$.process.cwd: must be"},
      {"{\"ociVersion\":\"1.0.0\",\"linux\":{\"namespaces\":[{\"type\":\"moon\"}]}}",
       "$.linux.namespaces[0].type"},
      {"{\"ociVersion\":\"1.0.0\",\"ociVersion\":\"1.0.0\"}", "stands twice"},
  };
  for (const auto& [text, error] : texts) {
    ASSERT_OK(write_file(bundle() + "/config.json", text, 0644));
    const auto result = runtime({"create", "--bundle", bundle(), test_id});
    EXPECT_EQ(result.status, 1) << text;
    EXPECT_THAT(result.errors, HasSubstr(error)) << text;
    EXPECT_THAT(state_folders(), IsEmpty()) << text;
  }
  ASSERT_OK(
      write_file(file("other"), "{\"ociVersion\":\"2.0.0\",\"root\":{\"path\":\"x\"},\"linux\":{}}", 0644));
  EXPECT_THAT(runtime({"create", "--bundle", bundle(), "--config", file("other"), test_id}).errors,
              HasSubstr(file("other") + ": $.ociVersion: must be a 1.x.y version"));
  ASSERT_OK(remove_file(bundle() + "/config.json"));
  EXPECT_THAT(runtime({"create", "--bundle", bundle(), test_id}).errors,
              HasSubstr("No such file or directory"));
}

}  // namespace
}  // namespace gantry::runtime
