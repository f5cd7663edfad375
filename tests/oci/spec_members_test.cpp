#include "oci/runtime_config.h"
#include "tests/support/results.h"

#include <nlohmann/json.hpp>

// Every member that runtime-spec 1.3's JSON schema has for Linux: a walk of config-schema.json,
// config-linux.json, defs.json and defs-linux.json, each leaf once, with a value that isn't its default. What
// is made of each: docs/runtime-spec.md; what cgroup v2 has nothing for is refused by tests/cgroups.

namespace gantry::oci {
namespace {

using Json = nlohmann::json;

constexpr const char* hook = R"([{"path": "/a", "args": ["b"], "env": ["c=d"], "timeout": 5}])";

constexpr const char* document = R"({
  "ociVersion": "1.3.0", "hostname": "a", "domainname": "b", "annotations": {"k": "v"},
  "root": {"path": "rootfs", "readonly": true},
  "mounts": [{"destination": "/a", "type": "bind", "source": "/b", "options": ["ro"],
    "uidMappings": [{"containerID": 1, "hostID": 2, "size": 3}],
    "gidMappings": [{"containerID": 4, "hostID": 5, "size": 6}]}],
  "process": {"args": ["a"], "commandLine": "b", "consoleSize": {"height": 1, "width": 2}, "cwd": "/c",
    "env": ["d=e"], "terminal": true,
    "user": {"uid": 1, "gid": 2, "umask": 3, "additionalGids": [4], "username": "f"},
    "capabilities": {"bounding": ["CAP_KILL"], "permitted": ["CAP_CHOWN"], "effective": ["CAP_FOWNER"],
      "inheritable": ["CAP_FSETID"], "ambient": ["CAP_SETGID"]},
    "apparmorProfile": "g", "selinuxLabel": "h", "oomScoreAdj": 5, "noNewPrivileges": true,
    "ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 6},
    "scheduler": {"policy": "SCHED_DEADLINE", "nice": 1, "priority": 2, "flags": ["SCHED_FLAG_RECLAIM"],
      "runtime": 3, "deadline": 4, "period": 5},
    "rlimits": [{"type": "RLIMIT_AS", "soft": 1, "hard": 2}],
    "execCPUAffinity": {"initial": "0", "final": "1"}},
  "linux": {
    "devices": [{"type": "c", "path": "/dev/a", "fileMode": 1, "major": 2, "minor": 3, "uid": 4, "gid": 5}],
    "netDevices": {"eth0": {"name": "net0"}},
    "uidMappings": [{"containerID": 1, "hostID": 2, "size": 3}],
    "gidMappings": [{"containerID": 4, "hostID": 5, "size": 6}],
    "namespaces": [{"type": "network", "path": "/a"}],
    "cgroupsPath": "/a", "rootfsPropagation": "shared", "sysctl": {"net.a": "1"}, "maskedPaths": ["/b"],
    "readonlyPaths": ["/c"], "mountLabel": "d",
    "resources": {
      "unified": {"memory.high": "1"},
      "devices": [{"allow": true, "type": "b", "major": 1, "minor": 2, "access": "rw"}],
      "pids": {"limit": 1},
      "blockIO": {"weight": 10, "leafWeight": 11,
        "weightDevice": [{"major": 1, "minor": 2, "weight": 12, "leafWeight": 13}],
        "throttleReadBpsDevice": [{"major": 1, "minor": 2, "rate": 3}],
        "throttleWriteBpsDevice": [{"major": 4, "minor": 5, "rate": 6}],
        "throttleReadIOPSDevice": [{"major": 7, "minor": 8, "rate": 9}],
        "throttleWriteIOPSDevice": [{"major": 10, "minor": 11, "rate": 12}]},
      "cpu": {"cpus": "0", "mems": "1", "period": 1, "quota": 2, "burst": 3, "realtimePeriod": 4,
        "realtimeRuntime": 5, "shares": 6, "idle": 1},
      "hugepageLimits": [{"pageSize": "2MB", "limit": 1}],
      "memory": {"kernel": 1, "kernelTCP": 2, "limit": 3, "reservation": 4, "swap": 5, "swappiness": 6,
        "disableOOMKiller": true, "useHierarchy": true, "checkBeforeUpdate": true},
      "network": {"classID": 1, "priorities": [{"name": "eth0", "priority": 2}]},
      "rdma": {"mlx5_1": {"hcaHandles": 1, "hcaObjects": 2}}},
    "seccomp": {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1,
      "flags": ["SECCOMP_FILTER_FLAG_LOG"], "listenerPath": "/a", "listenerMetadata": "b",
      "architectures": ["SCMP_ARCH_X86_64"],
      "syscalls": [{"names": ["read"], "action": "SCMP_ACT_TRACE", "errnoRet": 2,
        "args": [{"index": 1, "value": 2, "valueTwo": 3, "op": "SCMP_CMP_MASKED_EQ"}]}]},
    "intelRdt": {"closID": "a", "schemata": ["L2:0=f"], "l3CacheSchema": "L3:0=f", "memBwSchema": "MB:0=1",
      "enableMonitoring": true},
    "memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]},
    "personality": {"domain": "LINUX32", "flags": ["a"]},
    "timeOffsets": {"boottime": {"secs": 1, "nanosecs": 2}, "monotonic": {"secs": 3, "nanosecs": 4}}},
  "windows": {"a": 1}, "vm": {"b": 2}, "solaris": {"c": 3}, "zos": {"d": 4}, "freebsd": {"e": 5}
})";

TEST(SpecMembers, NoneOfTheSchemaIsOverlooked) {
  auto given = Json::parse(document);
  for (const char* stage :
       {"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"}) {
    given["hooks"][stage] = Json::parse(hook);
  }
  const auto config = parse_runtime_config(given.dump(), "config.json");
  ASSERT_OK(config);
  const auto kept = Json::parse(to_json_text(*config)).flatten();
  const auto wanted = given.flatten();
  EXPECT_EQ(wanted.size(), 179u) << "leaves of the schema";
  for (const auto& [path, value] : wanted.items()) {
    ASSERT_TRUE(kept.contains(path)) << path << " is neither honoured nor refused, but lost";
    EXPECT_EQ(kept[path], value) << path;
  }
}

}  // namespace
}  // namespace gantry::oci
