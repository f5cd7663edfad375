"""containerd's CRI, set up by the lines of docs/dropin.md, called as the kubelet calls it."""
import json
import os
import pathlib
import signal
import subprocess

import grpc
import pytest

from clients import GANTRY, wait_until
from cri_client import CONTAINER, CREATED, EXITED, NODE, NOT_READY, POD, READY, RUNNING, RUNTIME_DEFAULT, TARGET

SLEEP = ("sleep", "1000")


def pid_of(cri, container):
    return cri.tasks()[container][0]


def fails(call, says, **request):
    with pytest.raises(grpc.RpcError) as failure:
        call(**request)
    assert says in failure.value.details()


@pytest.mark.parametrize("handler", ["", "gantry"])
def test_life_of_a_pod(cri, installed, handler):
    pod = cri.pod(handler)
    assert cri.PodSandboxStatus(pod_sandbox_id=pod.id).status.state == READY
    container = pod.create(*SLEEP)
    assert cri.status(container).state == CREATED
    cri.StartContainer(container_id=container)
    assert cri.status(container).state == RUNNING
    # gantry-oci has them, by the path that the document names.
    for name in (pod.id, container):
        state = subprocess.run([GANTRY, "--root", "/run/containerd/runc/k8s.io", "state", name], capture_output=True,
                               text=True, check=True)
        assert json.loads(state.stdout)["pid"] == pid_of(cri, name)
    info = {entry.key: entry.value for entry in cri.ContainerStatus(container_id=container, verbose=True).info}
    assert json.loads(info["info"])["runtimeOptions"]["binary_name"] == str(installed)

    assert cri.exec(container, "sh", "-c", "echo out; echo err >&2; exit 3") == (3, "out\n", "err\n")
    group = pathlib.Path(f"/sys/fs/cgroup/pods/pod/{container}")
    assert str(pid_of(cri, container)) in (group / "cgroup.procs").read_text().split()
    cri.StopContainer(container_id=container, timeout=0)
    ended = cri.status(container)
    assert (ended.state, ended.exit_code, ended.reason) == (EXITED, 137, "Error")
    cri.RemoveContainer(container_id=container)
    assert not group.exists()
    cri.StopPodSandbox(pod_sandbox_id=pod.id)
    assert cri.PodSandboxStatus(pod_sandbox_id=pod.id).status.state == NOT_READY
    cri.RemovePodSandbox(pod_sandbox_id=pod.id)
    assert not cri.ListPodSandbox().items and cri.tasks() == {}


def test_a_handler_that_is_not_set_up_is_refused(cri):
    fails(cri.RunPodSandbox, 'no runtime for "nosuch" is configured', config=cri.pod_config(), runtime_handler="nosuch")


def test_status_and_log_of_a_program(cri):
    pod = cri.pod()
    assert pod.run("sh", "-c", "echo $A; pwd; echo err >&2; exit 7", envs=[{"key": "A", "value": "b c"}],
                   working_dir="/etc") == ("b c\n/etc\nerr\n", 7)
    assert pod.run("sh", "-c", "tty; exit 8", name="t", tty=True) == ("/dev/pts/0\n", 8)
    assert pod.run("sh", "-c", "kill -9 $$; sh -c 'kill -9 $$'; exit $?", name="k")[1] == 137


@pytest.mark.parametrize("program, says", [
    ("nosuch", 'exec: "nosuch": executable file not found in $PATH'),
    ("/nosuch", "stat /nosuch: no such file or directory"),
    ("/etc/passwd", 'exec: "/etc/passwd": permission denied'),
])
def test_what_cannot_be_executed_is_told(cri, program, says):
    pod = cri.pod()
    container = pod.create(program)
    fails(cri.StartContainer, says, container_id=container)
    status = cri.status(container)
    assert (status.state, status.reason) == (EXITED, "StartError") and says in status.message
    running = pod.start(*SLEEP, name="d")
    fails(cri.ExecSync, says.split(": ", 1)[-1] if program == "/nosuch" else says, container_id=running, cmd=[program])


def test_exec_that_takes_too_long_is_killed(cri):
    container = cri.pod().start(*SLEEP)
    fails(cri.ExecSync, "timeout 1s exceeded", container_id=container, cmd=["sleep", "1234"], timeout=1)
    wait_until("it is gone", lambda: "sleep 1234" not in cri.output(container, "ps"))
    assert cri.status(container).state == RUNNING


def test_stop_lets_the_program_end_by_itself(cri):
    pod = cri.pod()
    container = pod.start("sh", "-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done")
    wait_until("the program traps the signal", lambda: "ready" in pod.log())
    cri.StopContainer(container_id=container, timeout=60)
    assert cri.status(container).exit_code == 9


def test_pod_with_a_network_of_its_own(cri):
    pod = cri.pod(network=POD)
    address = cri.PodSandboxStatus(pod_sandbox_id=pod.id).status.network.ip
    assert address.startswith("10.231.0.")
    first = pod.start(*SLEEP, name="a")
    second = pod.start("sh", "-c", "echo page >/tmp/page; exec httpd -f -h /tmp", name="b")
    for space in ("net", "ipc", "uts"):
        assert len({os.readlink(f"/proc/{pid_of(cri, name)}/ns/{space}") for name in (pod.id, first, second)}) == 1
    assert os.readlink(f"/proc/{pid_of(cri, first)}/ns/net") != os.readlink("/proc/self/ns/net")
    assert cri.output(first, "hostname") == "pod"
    assert address in cri.output(first, "ip", "addr", "show", "eth0")

    fetched = lambda: subprocess.run(["curl", "-s", f"http://{address}/page"], capture_output=True).stdout
    wait_until("it answers from outside of the pod", lambda: fetched() == b"page\n")
    assert cri.output(first, "wget", "-qO-", "http://127.0.0.1/page") == "page"


def test_process_namespaces(cri):
    def processes(container):
        return cri.output(container, "ps", "-o", "args").splitlines()

    options = {"network": NODE, "pid": POD}
    pod = cri.pod(security_context={"namespace_options": options})
    shared = pod.start("sleep", "1001", name="a")
    assert "sleep 2147483647" in processes(shared) and "sleep 1001" in processes(shared)
    pod = cri.pod(name="own", security_context={"namespace_options": {**options, "pid": CONTAINER}})
    own = pod.start("sleep", "1002", name="a")
    assert processes(own)[1:2] == ["sleep 1002"] and len(processes(own)) == 3
    target = {"network": NODE, "pid": TARGET, "target_id": own}
    debugger = pod.start("sleep", "1003", name="b", security_context={"namespace_options": target})
    assert "sleep 1002" in processes(debugger) and "sleep 1003" in processes(own)


def test_security_context(cri):
    pod = cri.pod()
    context = {"run_as_user": {"value": 1000}, "run_as_group": {"value": 7}, "supplemental_groups": [8, 9],
               "readonly_rootfs": True, "no_new_privs": True, "masked_paths": ["/proc/version", "/proc/irq"],
               "readonly_paths": ["/proc/sys"], "seccomp": {"profile_type": RUNTIME_DEFAULT},
               "capabilities": {"drop_capabilities": ["ALL"], "add_capabilities": ["NET_BIND_SERVICE"]}}
    program = """id -u; id -g; id -G; touch /x 2>&1; cat /proc/version; ls /proc/irq
                 grep -E '^(NoNewPrivs|Seccomp|CapBnd):' /proc/self/status; unshare -n true 2>&1"""
    assert pod.run("sh", "-c", program, security_context=context)[0].splitlines() == [
        "1000", "7", "7 8 9", "touch: /x: Read-only file system", f"CapBnd:\t{1 << 10:016x}", "NoNewPrivs:\t1",
        "Seccomp:\t2", "unshare: unshare(0x40000000): Operation not permitted"]


def test_privileged_container(cri):
    pod = cri.pod(security_context={"privileged": True})
    program = "grep CapEff /proc/self/status; mount -t tmpfs none /tmp && echo mounted; test -w /proc/sys && echo writable"
    text, code = pod.run("sh", "-c", program, security_context={"privileged": True})
    capabilities, *rest = text.splitlines()
    assert (int(capabilities.split()[1], 16) > 0xffffffff, rest, code) == (True, ["mounted", "writable"], 0)


def test_mounts_and_sysctls(cri, scratch):
    (scratch / "file").write_text("from the host\n")
    subprocess.run(["mount", "--bind", scratch, scratch], check=True)
    subprocess.run(["mount", "--make-shared", scratch], check=True)
    try:
        (scratch / "in").mkdir()
        pod = cri.pod(network=POD, sysctls=[{"key": "kernel.shmmax", "value": "65536"}])
        mounts = [{"container_path": "/read", "host_path": str(scratch), "readonly": True},
                  {"container_path": "/write", "host_path": str(scratch), "propagation": 1}]
        container = pod.start(*SLEEP, mounts=mounts)
        subprocess.run(["mount", "-t", "tmpfs", "none", scratch / "in"], check=True)
        (scratch / "in/later").touch()
        program = "cat /read/file; touch /read/x 2>&1; touch /write/x; ls /read/in /write/in; cat /proc/sys/kernel/shmmax"
        assert cri.output(container, "sh", "-c", program).splitlines() == [
            "from the host", "touch: /read/x: Read-only file system", "/read/in:", "", "/write/in:", "later", "65536"]
        assert (scratch / "x").exists()
    finally:
        cri.remove_all()
        subprocess.run(["umount", "-R", scratch], check=True)


def test_containers_outlive_containerd(cri):
    pod = cri.pod()
    container = pod.start(*SLEEP)
    cri.process.send_signal(signal.SIGKILL)
    cri.process.wait()
    cri.start_daemon()
    wait_until("it is known again", lambda: [c.container_id for c in cri.ListContainers().containers] == [container])
    assert cri.status(container).state == RUNNING
    assert cri.output(container, "echo", "still") == "still"
    cri.StopContainer(container_id=container, timeout=0)
    assert cri.status(container).exit_code == 137


def test_killed_container_is_seen(cri):
    container = cri.pod().start(*SLEEP)
    os.kill(pid_of(cri, container), signal.SIGKILL)
    assert cri.wait_for_end(container).exit_code == 137
