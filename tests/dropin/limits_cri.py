"""Limits and statistics by containerd's CRI, where cgroup v2 enforces them."""
import pathlib

from clients import wait_until
from limits_clients import MEBIBYTE, group_of, values


def group(cri, container):
    return group_of(cri.tasks()[container][0])


def test_limits_and_update(cri):
    container = cri.pod().start("sleep", "1000", resources={
        "memory_limit_in_bytes": 64 * MEBIBYTE, "cpu_quota": 50000, "cpu_period": 100000, "cpu_shares": 512,
        "cpuset_cpus": "0", "oom_score_adj": 500})
    assert values(group(cri, container), "memory.max", "cpu.max", "cpu.weight", "cpuset.cpus") == [
        str(64 * MEBIBYTE), "50000 100000", "59", "0"]
    assert pathlib.Path(f"/proc/{cri.tasks()[container][0]}/oom_score_adj").read_text() == "500\n"
    cri.UpdateContainerResources(container_id=container, linux={
        "memory_limit_in_bytes": 32 * MEBIBYTE, "cpu_quota": 25000, "cpu_period": 100000})
    assert values(group(cri, container), "memory.max", "cpu.max") == [str(32 * MEBIBYTE), "25000 100000"]


def test_statistics(cri):
    container = cri.pod().start("sh", "-c", "dd if=/dev/zero of=/dev/shm/fill bs=1M count=8; exec sleep 1000",
                                resources={"memory_limit_in_bytes": 64 * MEBIBYTE})

    def used():
        return cri.ContainerStats(container_id=container).stats
    wait_until("memory is in use", lambda: used().memory.usage_bytes.value > 8 * MEBIBYTE)
    assert used().memory.working_set_bytes.value < 64 * MEBIBYTE
    assert used().cpu.usage_core_nano_seconds.value > 0
