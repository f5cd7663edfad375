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
    {"missing root folder", [](auto& c) { c.root->path = "nowhere"; },
     "config.json: $.root.path: invalid rootfs: "},
    {"no root", [](auto& c) { c.root.reset(); }, "config.json: $: required member \"root\" is missing"},
    {"no process", [](auto& c) { c.process.reset(); },
     "config.json: $.process: process property must not be empty"},
    {"no args", [](auto& c) { c.process->args.clear(); },
     "config.json: $.process.args: args must not be empty"},
    {"empty program", [](auto& c) { c.process->args = {""}; },
     "config.json: $.process.args[0]: args[0] must not be empty"},
    {"relative cwd", [](auto& c) { c.process->cwd = "tmp"; },
     "config.json: $.process.cwd: Cwd must be an absolute path"},
    {"version", [](auto& c) { c.oci_version = "2.0.0"; }, "$.ociVersion: must be a 1.x.y version"},
    {"uid", [](auto& c) { c.process->user.uid = 4294967295U; },
     "$.process.user.uid: user id 4294967295 is out of range"},
    {"rlimit",
     [](auto& c) {
       c.process->rlimits = {{"RLIMIT_FOO", 1, 1}};
     },
     "$.process.rlimits[0].type: unknown rlimit \"RLIMIT_FOO\""},
    {"rlimit twice",
     [](auto& c) {
       c.process->rlimits = {{"RLIMIT_AS", 1, 1}, {"RLIMIT_AS", 1, 1}};
     },
     "is given twice"},
    {"hostname",
     [](auto& c) {
       std::erase_if(c.linux_->namespaces, [](auto& n) { return n.type == oci::NamespaceType::uts; });
     },
     "config.json: $.hostname: unable to set hostname without a private UTS namespace"},
    {"no mount namespace",
     [](auto& c) {
       std::erase_if(c.linux_->namespaces, [](auto& n) { return n.type == oci::NamespaceType::mount; });
     },
     "config.json: $.linux.maskedPaths: unable to restrict sys entries without a private MNT namespace"},
    {"namespace twice",
     [](auto& c) {
       c.linux_->namespaces.push_back({oci::NamespaceType::pid, {}});
     },
     "given twice"},
    {"mappings",
     [](auto& c) {
       c.linux_->uid_mappings = {{0, 1, 1}};
     },
     "$.linux.uidMappings: user namespace mappings specified, but user namespace isn't enabled in the "
     "config"},
    {"no mappings",
     [](auto& c) {
       c.linux_->namespaces.push_back({oci::NamespaceType::user, {}});
     },
     "$.linux.namespaces: user namespaces enabled, but no namespace path to join nor mappings to apply "
     "specified"},
    {"namespace path", [](auto& c) { c.linux_->namespaces[0].path = "/etc/passwd"; },
     "$.linux.namespaces[0].path: pid namespace: /etc/passwd is not a namespace"},
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
    {"idmap of a tmpfs",
     [](auto& c) {
       c.mounts.push_back({"/x", "tmpfs", "tmpfs", {"idmap"}, {}, {}});
     },
     "mount /x: id-mapped mounts are only supported for bind-mounts"},
    {"idmap without maps",
     [](auto& c) {
       c.mounts = {{"/x", "bind", "/tmp", {"bind", "idmap"}, {}, {}}};
     },
     "config.json: $.mounts[0]: mount /x: id-mapped mounts must have both uid and gid mappings specified"},
    {"idmap with one map",
     [](auto& c) {
       c.mounts = {{"/x", "bind", "/tmp", {"bind"}, {{0, 1, 1}}, {}}};
     },
     "id-mapped mounts must have both uid and gid mappings specified"},
    {"idmap in crun's form",
     [](auto& c) {
       c.mounts = {{"/x", "bind", "/tmp", {"bind", "idmap=uids=0-1;gids=0-1-1"}, {}, {}}};
     },
     "mount /x: idmap: must be CONTAINER-HOST-SIZE, found \"0-1\""},
    {"intelRdt", [](auto& c) { c.linux_->intel_rdt.emplace(); },
     "$.linux.intelRdt: intelRdt is specified in config, but Intel RDT is not enabled"},
    {"netDevices without a namespace",
     [](auto& c) {
       c.linux_->net_devices["eth0"];
       std::erase_if(c.linux_->namespaces, [](auto& n) { return n.type == oci::NamespaceType::network; });
     },
     "$.linux.netDevices: unable to move network devices without a NET namespace"},
    {"netDevices' name", [](auto& c) { c.linux_->net_devices["eth0"].name = "a/b"; },
     "$.linux.netDevices[\"eth0\"]: invalid network device name \"a/b\""},
    {"netDevices' long name", [](auto& c) { c.linux_->net_devices["abcdefghijklmnop"]; },
     "invalid network device name \"abcdefghijklmnop\""},
    {"selinux", [](auto& c) { c.process->selinux_label = "x"; },
     "$.process.selinuxLabel: selinux label is specified in config, but selinux is disabled or not "
     "supported"},
    {"mountLabel", [](auto& c) { c.linux_->mount_label = "x"; },
     "$.linux.mountLabel: selinux label is specified in config, but selinux is disabled or not supported"},
    {"apparmor", [](auto& c) { c.process->apparmor_profile = "x"; },
     "$.process.apparmorProfile: apparmor: config provided but apparmor not supported"},
    {"command line of Windows", [](auto& c) { c.process->command_line = "x"; },
     "$.process.commandLine: is for Windows"},
    {"freebsd", [](auto& c) { c.freebsd.text = "{}"; }, "$.freebsd: is not supported by this runtime"},
    {"device type",
     [](auto& c) {
       c.linux_->devices = {{"x", "/dev/x", 1, 1, {}, {}, {}}};
     },
     "$.linux.devices: device /dev/x: type"},
    {"hook path",
     [](auto& c) {
       c.hooks = oci::Hooks{};
       c.hooks->poststop = {{"relative", {}, {}, {}}};
     },
     "$.hooks.poststop: poststop hook #0: path must be absolute"},
    {"seccomp architecture",
     [](auto& c) {
       c.linux_->seccomp = oci::SeccompProfile{};
       c.linux_->seccomp->architectures = {"SCMP_ARCH_FOO"};
     },
     "$.linux.seccomp.architectures[0]: unknown architecture \"SCMP_ARCH_FOO\""},
    {"seccomp notify without a listener",
     [](auto& c) {
       c.linux_->seccomp = oci::SeccompProfile{};
       c.linux_->seccomp->syscalls = {{{"mkdir"}, oci::SeccompAction::notify, {}, {}}};
     },
     "$.linux.seccomp.listenerPath: seccomp listenerPath is not set"},
    {"seccomp notify of write",
     [](auto& c) {
       c.linux_->seccomp = oci::SeccompProfile{};
       c.linux_->seccomp->syscalls = {{{"mkdir", "write"}, oci::SeccompAction::notify, {}, {}}};
     },
     "$.linux.seccomp.syscalls[0]: SCMP_ACT_NOTIFY cannot be used for the write syscall"},
    {"seccomp notify by default",
     [](auto& c) {
       c.linux_->seccomp = oci::SeccompProfile{};
       c.linux_->seccomp->default_action = oci::SeccompAction::notify;
     },
     "$.linux.seccomp.defaultAction: SCMP_ACT_NOTIFY cannot be used as default action"},
    {"seccomp metadata for nobody",
     [](auto& c) {
       c.linux_->seccomp = oci::SeccompProfile{};
       c.linux_->seccomp->listener_metadata = "x";
     },
     "$.linux.seccomp.listenerMetadata: seccomp listenerPath is not set"},
    {"seccomp listener that isn't there",
     [](auto& c) {
       c.linux_->seccomp = oci::SeccompProfile{};
       c.linux_->seccomp->listener_path = "/nowhere";
       c.linux_->seccomp->syscalls = {{{"mkdir"}, oci::SeccompAction::notify, {}, {}}};
     },
     "$.linux.seccomp.listenerPath: seccomp listener: open /nowhere"},
    {"seccomp flag",
     [](auto& c) {
       c.linux_->seccomp = oci::SeccompProfile{};
       c.linux_->seccomp->flags = {"SECCOMP_FILTER_FLAG_LOG", "FOO"};
     },
     "$.linux.seccomp.flags[1]: seccomp flag \"FOO\" is not known"},
    {"seccomp flag without a use",
     [](auto& c) {
       c.linux_->seccomp = oci::SeccompProfile{};
       c.linux_->seccomp->flags = {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"};
     },
     "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV needs a rule with SCMP_ACT_NOTIFY"},
    {"domain name twice",
     [](auto& c) {
       c.domainname = "a";
       c.linux_->sysctl["kernel.domainname"] = "b";
     },
     "$.domainname: \"a\" isn't what sysctl \"kernel.domainname\" sets it to: \"b\""},
    {"cgroup path", [](auto& c) { c.linux_->cgroups_path = "/../x"; }, "must not hold \"..\""},
    {"environment", [](auto& c) { c.process->env = {"NOVALUE"}; },
     "$.process.env[0]: environment \"NOVALUE\" is not of the form NAME=VALUE"},
    {"console size",
     [](auto& c) {
       c.process->terminal = true;
       c.process->console_size = oci::Box{24, 65616};
     },
     "$.process.consoleSize: consoleSize: 24 x 65616 is out of range"},
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
