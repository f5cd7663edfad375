"""containerd's CRI as the kubelet drives it: gRPC on containerd's socket. FIELDS has what the tests use of the messages.
Source of the numbers: k8s.io/cri-api, pkg/apis/runtime/v1."""
import pathlib
import re
import shutil

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from clients import Containerd, wait_until
from documented import lines_of
from image import NAME

PAUSE_IMAGE = "localhost/pause:latest"

# MESSAGE FIELD=NUMBER[:TYPE]…; a string unless a type is named, many where it begins with *. A map is a row of Entry.
FIELDS = """
Entry key=1 value=2
Value value=1:int64
PodSandboxMetadata name=1 uid=2 namespace=3
NamespaceOption network=1:int32 pid=2:int32 ipc=3:int32 target_id=4
SecurityProfile profile_type=1:int32
Capability add_capabilities=1:* drop_capabilities=2:*
LinuxSandboxSecurityContext namespace_options=1:NamespaceOption privileged=6:bool seccomp=9:SecurityProfile
LinuxPodSandboxConfig cgroup_parent=1 security_context=2:LinuxSandboxSecurityContext sysctls=3:*Entry
PodSandboxConfig metadata=1:PodSandboxMetadata hostname=2 log_directory=3 linux=8:LinuxPodSandboxConfig
RunPodSandboxRequest config=1:PodSandboxConfig runtime_handler=2
PodSandboxRequest pod_sandbox_id=1
PodSandboxResponse pod_sandbox_id=1
PodSandboxNetworkStatus ip=1
PodSandboxStatus id=1 state=3:int32 network=5:PodSandboxNetworkStatus runtime_handler=9
PodSandboxStatusResponse status=1:PodSandboxStatus
ListPodSandboxResponse items=1:*PodSandboxStatus
ContainerMetadata name=1 attempt=2:uint32
ImageSpec image=1
Mount container_path=1 host_path=2 readonly=3:bool propagation=5:int32
Resources cpu_period=1:int64 cpu_quota=2:int64 cpu_shares=3:int64 memory_limit_in_bytes=4:int64 oom_score_adj=5:int64
  cpuset_cpus=6
LinuxContainerSecurityContext capabilities=1:Capability privileged=2:bool namespace_options=3:NamespaceOption
  run_as_user=5:Value readonly_rootfs=7:bool supplemental_groups=8:*int64 no_new_privs=11:bool run_as_group=12:Value
  masked_paths=13:* readonly_paths=14:* seccomp=15:SecurityProfile
LinuxContainerConfig resources=1:Resources security_context=2:LinuxContainerSecurityContext
ContainerConfig metadata=1:ContainerMetadata image=2:ImageSpec command=3:* args=4:* working_dir=5 envs=6:*Entry
  mounts=7:*Mount log_path=11 tty=14:bool linux=15:LinuxContainerConfig
CreateContainerRequest pod_sandbox_id=1 config=2:ContainerConfig sandbox_config=3:PodSandboxConfig
ContainerRequest container_id=1 timeout=2:int64
ContainerResponse container_id=1
ContainerStatusRequest container_id=1 verbose=2:bool
ContainerStatus id=1 state=3:int32 exit_code=7:int32 reason=10 message=11
ContainerStatusResponse status=1:ContainerStatus info=2:*Entry
ListContainersResponse containers=1:*ContainerResponse
ExecSyncRequest container_id=1 cmd=2:* timeout=3:int64
ExecSyncResponse stdout=1:bytes stderr=2:bytes exit_code=3:int32
UpdateContainerResourcesRequest container_id=1 linux=2:Resources
CpuUsage usage_core_nano_seconds=2:Value
MemoryUsage working_set_bytes=2:Value usage_bytes=4:Value
ContainerStats cpu=2:CpuUsage memory=3:MemoryUsage
ContainerStatsResponse stats=1:ContainerStats
VersionResponse runtime_name=2
ImageStatusRequest image=1:ImageSpec
ImageStatusResponse image=1:ImageSpec
Empty
"""

RUNTIME, IMAGES = "runtime.v1.RuntimeService", "runtime.v1.ImageService"
# METHOD: (service, request, response)
METHODS = {
    "Version": (RUNTIME, "Empty", "VersionResponse"),
    "ImageStatus": (IMAGES, "ImageStatusRequest", "ImageStatusResponse"),
    "RunPodSandbox": (RUNTIME, "RunPodSandboxRequest", "PodSandboxResponse"),
    "PodSandboxStatus": (RUNTIME, "PodSandboxRequest", "PodSandboxStatusResponse"),
    "ListPodSandbox": (RUNTIME, "Empty", "ListPodSandboxResponse"),
    "StopPodSandbox": (RUNTIME, "PodSandboxRequest", "Empty"),
    "RemovePodSandbox": (RUNTIME, "PodSandboxRequest", "Empty"),
    "CreateContainer": (RUNTIME, "CreateContainerRequest", "ContainerResponse"),
    "StartContainer": (RUNTIME, "ContainerRequest", "Empty"),
    "StopContainer": (RUNTIME, "ContainerRequest", "Empty"),
    "RemoveContainer": (RUNTIME, "ContainerRequest", "Empty"),
    "ContainerStatus": (RUNTIME, "ContainerStatusRequest", "ContainerStatusResponse"),
    "ContainerStats": (RUNTIME, "ContainerRequest", "ContainerStatsResponse"),
    "ListContainers": (RUNTIME, "Empty", "ListContainersResponse"),
    "UpdateContainerResources": (RUNTIME, "UpdateContainerResourcesRequest", "Empty"),
    "ExecSync": (RUNTIME, "ExecSyncRequest", "ExecSyncResponse"),
}

POD, CONTAINER, NODE, TARGET = range(4)  # NamespaceMode
READY, NOT_READY = range(2)  # PodSandboxState
CREATED, RUNNING, EXITED = range(3)  # ContainerState
RUNTIME_DEFAULT = 0  # SecurityProfile.ProfileType

SETTINGS_OF_THE_TESTS = """
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  restrict_oom_score_adj = {restricted}
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "{{folder}}/cni"
[grpc]
  address = "{{folder}}/containerd.sock"
[ttrpc]
  address = "{{folder}}/ttrpc.sock"
"""

# Two ends of a cable between the pod and the tests' own network namespace.
NETWORK = """
{"cniVersion": "0.4.0", "name": "pods", "plugins": [{"type": "ptp", "ipam": {
  "type": "host-local", "subnet": "10.231.0.0/24", "dataDir": "FOLDER/cni-addresses"}}]}
"""


def may_lower_oom_scores():
    """A pod's first process asks for -998, which needs CAP_SYS_RESOURCE."""
    status = pathlib.Path("/proc/self/status").read_text()
    return bool(int(re.search(r"CapEff:\s*(\w+)", status)[1], 16) & 1 << 24)


def make_messages():
    """{name: class} of FIELDS."""
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="cri.proto", package="cri", syntax="proto3")
    for entry in re.split(r"\n(?! )", FIELDS.strip()):
        name, *fields = entry.split()
        message = file.message_type.add(name=name)
        for key, number, many, kind in (re.fullmatch(r"(\w+)=(\d+):?(\*?)(\w*)", part).groups() for part in fields):
            label = field.LABEL_REPEATED if many else field.LABEL_OPTIONAL
            added = message.field.add(name=key, json_name=key, number=int(number), label=label)
            kind = kind or "string"
            if kind[0].isupper():
                added.type, added.type_name = field.TYPE_MESSAGE, f".cri.{kind}"
            else:
                added.type = getattr(field, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    types = pool.FindFileByName("cri.proto").message_types_by_name
    return {name: class_of(pool, types[name]) for name in types}


def class_of(pool, descriptor):
    if hasattr(message_factory, "GetMessageClass"):  # protobuf 4.22 and later
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(pool).GetPrototype(descriptor)


class Cri(Containerd):
    """containerd with the lines of docs/dropin.md as they stand there, and below them what keeps it in the tests' folder.
    /usr/bin/gantry-oci must be there. A call is a method: cri.StopPodSandbox(pod_sandbox_id=…)."""
    configuration = ('root = "{folder}/root"\nstate = "{folder}/state"\n' +
                     lines_of("containerd", "toml").replace("{", "{{").replace("}", "}}") +
                     SETTINGS_OF_THE_TESTS.format(pause=PAUSE_IMAGE, restricted=str(not may_lower_oom_scores()).lower()))

    def __init__(self, folder, *archives):
        self.messages = make_messages()
        self.channel = None
        super().__init__(folder, *archives)
        for image in (NAME, PAUSE_IMAGE):
            wait_until(f"{image} is known", lambda: self.ImageStatus(image={"image": image}).HasField("image"))

    def make_binary(self):
        """What would be called if the documented lines named nothing."""
        runc = self.folder / "runc"
        runc.write_text("#!/bin/sh\necho this is not the runtime that was named\nexit 1\n")
        runc.chmod(0o755)
        (self.folder / "cni").mkdir()
        (self.folder / "cni/pods.conflist").write_text(NETWORK.replace("FOLDER", str(self.folder)))

    def start_daemon(self):
        super().start_daemon()
        self.channel = grpc.insecure_channel(f"unix:{self.folder}/containerd.sock")
        wait_until("the CRI answers", self.answers, limit=90, evidence=self.log.read_text)

    def answers(self):
        try:
            return self.Version().runtime_name == "containerd"
        except grpc.RpcError:
            return False

    def command(self, *arguments):
        return ["ctr", "--address", str(self.folder / "containerd.sock"), "--namespace", "k8s.io", *arguments]

    def __getattr__(self, method):
        if method not in METHODS:
            raise AttributeError(method)
        service, request, response = METHODS[method]
        call = self.channel.unary_unary(f"/{service}/{method}",
                                        request_serializer=lambda message: message.SerializeToString(),
                                        response_deserializer=self.messages[response].FromString)
        return lambda **fields: call(self.messages[request](**fields), timeout=120)

    def pod_config(self, name="pod", network=NODE, security_context=(), **linux):
        logs = self.folder / "logs" / name
        logs.mkdir(parents=True, exist_ok=True)
        context = {"namespace_options": {"network": network}, **dict(security_context)}
        return {"metadata": {"name": name, "uid": f"uid-{name}", "namespace": "default"}, "log_directory": str(logs),
                "linux": {"cgroup_parent": f"/pods/{name}", "security_context": context, **linux},
                **({} if network == NODE else {"hostname": name})}

    def pod(self, handler="", **config):
        """The id of a pod that runs."""
        return Pod(self, self.pod_config(**config), handler)

    def status(self, container):
        return self.ContainerStatus(container_id=container).status

    def exec(self, container, *program, timeout=60):
        """(exit code, stdout, stderr)"""
        done = self.ExecSync(container_id=container, cmd=program, timeout=timeout)
        return done.exit_code, done.stdout.decode(), done.stderr.decode()

    def output(self, container, *program):
        status, out, errors = self.exec(container, *program)
        assert status == 0, f"{program} ended with {status}: {out}{errors}"
        return out.strip()

    def wait_for_end(self, container):
        """Its status, once it has ended."""
        wait_until("the container has ended", lambda: self.status(container).state == EXITED, limit=150,
                   evidence=self.log.read_text)
        return self.status(container)

    def remove_all(self):
        for pod in self.ListPodSandbox().items:
            self.StopPodSandbox(pod_sandbox_id=pod.id)
            self.RemovePodSandbox(pod_sandbox_id=pod.id)
        assert not self.ListContainers().containers
        shutil.rmtree(self.folder / "logs", ignore_errors=True)

    def close(self):
        self.channel.close()
        super().close()


class Pod:
    def __init__(self, cri, config, handler):
        self.cri, self.config = cri, config
        self.id = cri.RunPodSandbox(config=config, runtime_handler=handler).pod_sandbox_id

    def create(self, *program, name="c", resources=(), security_context=(), **config):
        """The id of a container that waits for StartContainer."""
        linux = {"security_context": {"namespace_options": self.config["linux"]["security_context"]["namespace_options"],
                                      **dict(security_context)}, "resources": dict(resources)}
        full = {"metadata": {"name": name}, "image": {"image": NAME}, "command": program, "log_path": f"{name}.log",
                "linux": linux, **config}
        return self.cri.CreateContainer(pod_sandbox_id=self.id, config=full, sandbox_config=self.config).container_id

    def start(self, *program, **options):
        container = self.create(*program, **options)
        self.cri.StartContainer(container_id=container)
        return container

    def run(self, *program, **options):
        """What it prints to stdout and stderr, and its exit code."""
        container = self.start(*program, **options)
        code = self.cri.wait_for_end(container).exit_code
        return self.log(options.get("name", "c")), code

    def log(self, name="c"):
        """The text of a log, stdout first: they come by two pipes. A line begins with time, stream and tag."""
        with open(pathlib.Path(self.config["log_directory"]) / f"{name}.log", newline="") as log:
            lines = [line.split(" ", 3) for line in log]
        return "".join(line[3] for line in sorted(lines, key=lambda line: line[1] == "stderr"))
