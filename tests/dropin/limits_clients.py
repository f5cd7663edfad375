"""Limits, statistics and updates by podman and by containerd, where cgroup v2 enforces them."""
import json
import pathlib

from clients import wait_until
from image import NAME

MEBIBYTE = 1 << 20


def group_of(pid):
    """The cgroup's folder of a process, as this mount namespace sees it."""
    return pathlib.Path("/sys/fs/cgroup") / pathlib.Path(f"/proc/{pid}/cgroup").read_text().split("::")[1].strip()[1:]


def values(group, *names):
    return [(group / name).read_text().strip() for name in names]


def test_podman_limits(podman):
    podman("run", "-d", "--name", "c", "--memory", "64m", "--memory-swap", "96m", "--memory-reservation", "32m",
           "--cpus", "0.5", "--cpu-shares", "512", "--cpuset-cpus", "0", "--pids-limit", "20", NAME, "sleep", "1000")
    group = group_of(podman.pid("c"))
    assert values(group, "memory.max", "memory.swap.max", "memory.low", "cpu.max", "cpu.weight", "cpuset.cpus",
                  "pids.max") == [str(64 * MEBIBYTE), str(32 * MEBIBYTE), str(32 * MEBIBYTE), "50000 100000", "59", "0",
                                  "20"]
    assert podman("exec", "c", "cat", "/sys/fs/cgroup/memory.max") == str(64 * MEBIBYTE)


def test_podman_update(podman):
    podman("run", "-d", "--name", "c", "--memory", "64m", NAME, "sleep", "1000")
    group = group_of(podman.pid("c"))
    podman("update", "--memory", "32m", "--memory-swap", "32m", "--cpus", "0.25", "--cpuset-cpus", "0", "c")
    assert values(group, "memory.max", "memory.swap.max", "cpu.max", "cpuset.cpus") == [
        str(32 * MEBIBYTE), "0", "25000 100000", "0"]


def test_podman_stats(podman):
    podman("run", "-d", "--name", "c", "--memory", "64m", "--tmpfs", "/fill", NAME, "sh", "-c",
           "dd if=/dev/zero of=/fill/file bs=1M count=8; sleep 1000 & sleep 1001; true")
    group = group_of(podman.pid("c"))
    wait_until("memory is in use", lambda: int((group / "memory.current").read_text()) > 8 * MEBIBYTE)
    wait_until("three processes run", lambda: (group / "pids.current").read_text() == "3\n")
    stats = json.loads(podman("stats", "--no-stream", "--format", "json", "c"))[0]
    assert stats["pids"] == "3"
    used, limit = stats["mem_usage"].split(" / ")
    assert limit == "67.11MB" and float(stats["cpu_time"].rstrip("msµ")) > 0, stats
    assert used.endswith("B"), stats  # podman counts out the cache, and with it what a tmpfs holds


def test_podman_out_of_memory(podman):
    limits = ["--memory", "32m", "--memory-swap", "32m"]
    podman("run", "--rm", *limits, NAME, "tail", "/dev/zero", status=137)
    program = "tail /dev/zero; echo $?; grep -c '^oom_kill 1' /sys/fs/cgroup/memory.events"
    assert podman("run", "--rm", *limits, NAME, "sh", "-c", program) == "137\n1"


def test_podman_hears_of_an_out_of_memory_kill_as_with_crun(podman, scratch):
    """conmon 2.1.6 sees it by inotify, and leaves a file `oom` in its working folder, which is podman's; podman 4.3 looks
    for it in the container's, and so its OOMKilled stays false with any runtime. Later ones agree on a place."""
    seen = {}
    for runtime in ("gantry-oci", "crun"):
        (scratch / runtime).mkdir()
        podman("--runtime", runtime, "run", "--name", runtime, "--memory", "32m", "--memory-swap", "32m", NAME, "tail",
               "/dev/zero", status=137, cwd=scratch / runtime)
        seen[runtime] = (podman.inspect(runtime, ".State.OOMKilled"), (scratch / runtime / "oom").exists())
    assert seen["gantry-oci"] in (("true", False), ("true", True), ("false", True)), "conmon didn't see the kill"
    assert seen["gantry-oci"] == seen["crun"]


def test_podman_limits_are_as_with_crun(podman):
    program = ["sh", "-c", "cd /sys/fs/cgroup; tail -v -n +1 memory.max memory.swap.max memory.low cpu.max pids.max"]
    outputs = [podman("--runtime", runtime, "run", "--rm", "--memory", "64m", "--cpus", "1.5", "--pids-limit", "7", NAME,
                      *program) for runtime in ("gantry-oci", "crun")]
    assert str(64 * MEBIBYTE) in outputs[0] and "150000 100000" in outputs[0]
    assert outputs[0] == outputs[1]


def test_podman_refuses_what_no_controller_enforces(podman):
    podman.fails("run", "--rm", "--memory-swappiness", "10", NAME, "true", status=126, says="$.linux.resources.memory.swappiness can't be enforced")


def test_containerd_limits(containerd):
    containerd(*containerd.run("--detach", "--memory-limit", str(64 * MEBIBYTE), "--cpus", "0.5", NAME, "c", "sleep",
                               "1000"))
    group = group_of(containerd.tasks()["c"][0])
    assert values(group, "memory.max", "cpu.max", "cpu.weight") == [str(64 * MEBIBYTE), "50000 100000", "100"]


def test_containerd_metrics(containerd):
    containerd(*containerd.run("--detach", "--memory-limit", str(64 * MEBIBYTE), NAME, "c", "sh", "-c",
                               "dd if=/dev/zero of=/dev/shm/fill bs=1M count=8; sleep 1000 & sleep 1001; true"))
    wait_until("three processes run", lambda: containerd.metrics("c")["pids"].get("current") == 3)
    metrics = containerd.metrics("c")
    assert 8 * MEBIBYTE < metrics["memory"]["usage"] < 64 * MEBIBYTE
    assert metrics["memory"]["usage_limit"] == 64 * MEBIBYTE
    assert metrics["cpu"]["usage_usec"] > 0


def test_containerd_out_of_memory(containerd):
    events = containerd.background("events")
    containerd(*containerd.run("--rm", "--memory-limit", str(32 * MEBIBYTE), NAME, "c", "tail", "/dev/zero"), status=137)
    text = events.until("/tasks/exit")
    assert "/tasks/oom" in text, text
