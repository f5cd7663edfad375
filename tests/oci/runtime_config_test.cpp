#include "oci/runtime_config.h"

#include "oci/state.h"
#include "tests/support/results.h"

namespace gantry::oci {
namespace {

using testing::HasSubstr;

constexpr const char* whole = R"({
  "ociVersion": "1.3.0",
  "process": {"terminal": true, "consoleSize": {"height": 25, "width": 80},
    "user": {"uid": 1, "gid": 2, "umask": 18, "additionalGids": [3]},
    "args": ["sh"], "env": ["A=b"], "cwd": "/",
    "capabilities": {"bounding": ["CAP_KILL"]}, "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 1, "hard": 2}],
    "noNewPrivileges": true, "oomScoreAdj": -1, "scheduler": {"policy": "SCHED_OTHER", "nice": 3},
    "execCPUAffinity": {"initial": "0", "final": "0-3,7"}},
  "root": {"path": "rootfs", "readonly": true},
  "hostname": "h",
  "mounts": [{"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid"]}],
  "hooks": {"poststop": [{"path": "/bin/true", "timeout": 3}]},
  "annotations": {"k": "v"},
  "linux": {
    "namespaces": [{"type": "pid"}, {"type": "network", "path": "/run/netns/a"}],
    "uidMappings": [{"containerID": 0, "hostID": 1000, "size": 10}],
    "devices": [{"type": "c", "path": "/dev/fuse", "major": 10, "minor": 229, "fileMode": 438}],
    "cgroupsPath": "/x",
    "resources": {"devices": [{"allow": false, "access": "rwm"}], "memory": {"limit": -1, "swap": 5},
      "cpu": {"shares": 1024, "cpus": ""}, "pids": {"limit": 0}, "unified": {"memory.high": "1"},
      "blockIO": {"throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 600}]}},
    "seccomp": {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "syscalls": [
      {"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]}]},
    "maskedPaths": ["/proc/kcore"], "intelRdt": {"closID": "x", "schemata": ["L3:0=f"], "enableMonitoring": true},
    "memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]},
    "netDevices": {"eth0": {"name": "net0"}, "eth1": {}}
  }
})";

TEST(RuntimeConfig, KeepsEveryMemberOnTheWayThrough) {
  const auto config = parse_runtime_config(whole, "config.json");
  ASSERT_OK(config);
  EXPECT_EQ(config->process->user.additional_gids, std::vector<uint32_t>{3});
  EXPECT_EQ(config->process->oom_score_adj, -1);
  EXPECT_EQ(config->linux_->namespaces[1].type, NamespaceType::network);
  EXPECT_EQ(config->linux_->resources.memory->limit, -1);
  EXPECT_FALSE(config->linux_->resources.memory->reservation.has_value());
  EXPECT_EQ(config->linux_->resources.cpu->cpus, "") << "an empty list resets, absence leaves alone";
  EXPECT_EQ(config->linux_->resources.pids->limit, 0) << "0 is a limit, not absence";
  EXPECT_EQ(config->linux_->seccomp->syscalls[0].arguments[0].op, SeccompOperator::equal);
  EXPECT_EQ(config->linux_->intel_rdt->schemata, std::vector<std::string>{"L3:0=f"});
  EXPECT_TRUE(config->linux_->intel_rdt->enable_monitoring);
  EXPECT_EQ(config->linux_->memory_policy->flags, std::vector<std::string>{"MPOL_F_STATIC_NODES"});
  EXPECT_EQ(config->linux_->net_devices.at("eth0").name, "net0");
  EXPECT_EQ(config->linux_->net_devices.count("eth1"), 1U)
      << "an empty object is a device that keeps its name";
  EXPECT_EQ(config->process->exec_cpu_affinity->final, "0-3,7");
  const std::string once = to_json_text(*config);
  const auto again = parse_runtime_config(once, "again");
  ASSERT_OK(again);
  EXPECT_EQ(to_json_text(*again), once);
  EXPECT_THAT(once, HasSubstr(R"("scheduler":{"policy":"SCHED_OTHER","nice":3,)"));
}

TEST(RuntimeConfig, ErrorsNameThePlace) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({})", "required member \"ociVersion\" is missing"},
      {R"({"ociVersion":"1.0.0","root":{}})", "$.root: required member \"path\" is missing"},
      {R"({"ociVersion":"1.0.0","process":{"user":{"uid":4294967296}}})", "$.process.user.uid: must be"},
      {R"({"ociVersion":"1.0.0","process":{"user":{"uid":-1}}})", "$.process.user.uid: must be"},
      {R"({"ociVersion":"1.0.0","linux":{"resources":{"memory":{"limit":"1g"}}}})",
       "$.linux.resources.memory.limit: must be"},
      {R"({"ociVersion":"1.0.0","linux":{"seccomp":{"defaultAction":"ALLOW"}}})",
       "$.linux.seccomp.defaultAction: must be"},
  };
  for (const auto& [text, error] : cases) {
    EXPECT_ERROR(parse_runtime_config(text, "config.json"), ErrorKind::invalid, HasSubstr(error));
  }
}

TEST(LinuxResources, AreADocumentOfTheirOwn) {
  const auto resources = parse_linux_resources(R"({"pids":{"limit":7}})", "stdin");
  ASSERT_OK(resources);
  EXPECT_EQ(resources->pids->limit, 7);
  EXPECT_ERROR(parse_linux_resources("{", "stdin"), ErrorKind::invalid, HasSubstr("stdin"));
}

TEST(State, HasTheFieldsThatManagersRead) {
  State state;
  state.oci_version = "1.3.0";
  state.id = "c1";
  state.pid = 42;
  state.status = Status::running;
  state.bundle = "/b";
  EXPECT_EQ(to_json_text(state),
            R"({"ociVersion":"1.3.0","id":"c1","pid":42,"status":"running","bundle":"/b"})");
  const auto again = parse_state(to_json_text(state), "state");
  ASSERT_OK(again);
  EXPECT_EQ(again->status, Status::running);
}

}  // namespace
}  // namespace gantry::oci
