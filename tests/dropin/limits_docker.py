"""Limits, statistics, updates and out-of-memory kills by docker, where cgroup v2 enforces them."""
import pathlib

from clients import wait_until
from image import NAME

MEBIBYTE = 1 << 20


def values(docker, name, *files):
    """What the files of the container's cgroup say."""
    group = pathlib.Path(f"/proc/{docker.pid(name)}/cgroup").read_text().split("::")[1].strip()
    return [pathlib.Path(f"/sys/fs/cgroup{group}", file).read_text().strip() for file in files]


def test_limits_and_update(docker):
    docker("run", "-d", "--name", "first", "--memory", "64m", "--memory-swap", "96m", "--memory-reservation", "32m", "--cpus",
           "0.5", "--cpu-shares", "512", "--cpuset-cpus", "0", "--pids-limit", "20", NAME, "sleep", "1000")
    assert values(docker, "first", "memory.max", "memory.swap.max", "memory.low", "cpu.max", "cpu.weight", "cpuset.cpus",
                  "pids.max") == [str(64 * MEBIBYTE), str(32 * MEBIBYTE), str(32 * MEBIBYTE), "50000 100000", "59", "0",
                                  "20"]
    docker("update", "--memory", "48m", "--memory-swap", "48m", "--cpus", "0.25", "--pids-limit", "30", "first")
    assert values(docker, "first", "memory.max", "memory.swap.max", "cpu.max", "pids.max") == [
        str(48 * MEBIBYTE), "0", "25000 100000", "30"]


def test_stats(docker):
    docker("run", "-d", "--name", "first", "--memory", "64m", NAME, "sh", "-c", "sleep 1000 & sleep 1001; true")
    wait_until("three processes run", lambda: values(docker, "first", "pids.current") == ["3"])
    words = docker("stats", "--no-stream", "--format", "{{.PIDs}} {{.MemUsage}}", "first").split()
    assert words[0] == "3" and words[3] == "64MiB" and words[1].endswith("iB"), words


def test_out_of_memory(docker):
    limits = ["--memory", "32m", "--memory-swap", "32m"]
    docker("run", "--name", "first", *limits, NAME, "tail", "/dev/zero", status=137)
    assert docker.inspect("first", ".State.OOMKilled") == "true"
    docker("run", "--name", "second", *limits, NAME, "sh", "-c", "exit 137", status=137)
    assert docker.inspect("second", ".State.OOMKilled") == "false"
