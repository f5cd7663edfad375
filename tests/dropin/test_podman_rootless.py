"""podman as an ordinary user: it makes the user namespace itself, with newuidmap and newgidmap, and the runtime is root
in it."""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

from clients import Podman, enforces_limits, wait_until
from image import NAME

USER_ID = 54321
SUBORDINATE = 400000
DELEGATED = pathlib.Path("/sys/fs/cgroup/user")


@pytest.fixture(scope="module")
def user(folder):
    """An account in this mount namespace's /etc, with ids for containers, a home and a runtime folder."""
    home = folder / "home"
    home.mkdir()
    added = {"passwd": f"gantry-user:x:{USER_ID}:{USER_ID}::{home}:/bin/sh\n", "group": f"gantry-user:x:{USER_ID}:\n",
             "subuid": f"gantry-user:{SUBORDINATE}:65536\n", "subgid": f"gantry-user:{SUBORDINATE}:65536\n"}
    for name, line in added.items():
        copy = folder / f"user.{name}"
        copy.write_text(pathlib.Path("/etc", name).read_text() + line)
        subprocess.run(["mount", "--bind", copy, f"/etc/{name}"], check=True)
    runtime = pathlib.Path(f"/run/user/{USER_ID}")
    runtime.mkdir(parents=True)
    for path in (home, runtime):
        os.chown(path, USER_ID, USER_ID)
    yield home
    for name in added:
        subprocess.run(["umount", f"/etc/{name}"], check=True)
    shutil.rmtree(runtime)


class UserPodman(Podman):
    """It runs as the user, in a cgroup that is the user's own, as systemd makes one by Delegate=yes; its folder belongs
    to the user."""

    def __init__(self, folder, archive):
        folder.mkdir()
        super().__init__(folder, None, driver="vfs", cgroups="disabled", as_user=[
            "setpriv", f"--reuid={USER_ID}", f"--regid={USER_ID}", "--clear-groups"])
        self.environment["XDG_RUNTIME_DIR"] = f"/run/user/{USER_ID}"
        for path in (folder, *folder.rglob("*")):
            os.chown(path, USER_ID, USER_ID)
        (DELEGATED / "session").mkdir(parents=True)
        for path in (DELEGATED, DELEGATED / "session"):
            for name in ("", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"):
                os.chown(path / name, USER_ID, USER_ID)
        self("load", "-i", archive)

    def result(self, *arguments, **options):
        return super().result(*arguments, cwd="/", preexec_fn=self.enter, **options)

    @staticmethod
    def enter():
        (DELEGATED / "session/cgroup.procs").write_text("0")


@pytest.fixture(scope="module")
def user_podman_session(user, archive):
    made = UserPodman(user / "podman", archive)
    yield made
    made.close()


@pytest.fixture
def user_podman(user_podman_session):
    yield user_podman_session
    user_podman_session.remove_all()


def test_run(user_podman):
    assert user_podman("run", "--rm", NAME, "sh", "-c", "id -u; cat /proc/self/uid_map").split() == [
        "0", "0", str(USER_ID), "1", "1", str(SUBORDINATE), "65536"]
    user_podman("run", "--rm", NAME, "sh", "-c", "exit 7", status=7)
    user_podman.fails("run", "--rm", NAME, "nosuch", status=127, says="executable file not found in $PATH")
    user_podman.fails("run", "--rm", NAME, "/etc/passwd", status=126, says="permission denied")


def test_exec_and_kill(user_podman):
    user_podman("run", "-d", "--name", "c", NAME, "sleep", "1000")
    assert os.stat(f"/proc/{user_podman.pid('c')}").st_uid == USER_ID
    assert user_podman("exec", "-u", "1000:7", "-w", "/etc", "c", "sh", "-c", "id -u; id -g; pwd") == "1000\n7\n/etc"
    user_podman.fails("exec", "c", "nosuch", status=127, says="executable file not found in $PATH")
    user_podman("kill", "c")
    assert user_podman("wait", "c") == "137"


def test_terminal(user_podman):
    terminal = user_podman.terminal("run", "-it", "--rm", NAME, "sh", "-c", "tty; stty size; read x; echo got $x; exit 4")
    terminal.wait_for("/dev/pts/0\n33 111\n")
    terminal.type("input\n")
    text, status = terminal.finish()
    assert "got input" in text and status == 4


def test_terminal_of_exec(user_podman):
    user_podman("run", "-d", "--name", "c", NAME, "sleep", "1000")
    terminal = user_podman.terminal("exec", "-it", "c", "sh", "-c", "tty; stty size; read x; echo got $x; exit 4")
    terminal.wait_for("/dev/pts/0\n33 111\n")
    terminal.type("input\n")
    text, status = terminal.finish()
    assert "got input" in text and status == 4


def test_init_and_health_check(user_podman):
    user_podman("run", "-d", "--init", "--name", "c", "--health-cmd", "test -f /tmp/healthy", "--health-interval",
                "disable", NAME, "sleep", "1000")
    assert user_podman("exec", "c", "cat", "/proc/1/comm") == "podman-init"
    user_podman("healthcheck", "run", "c", status=1)
    user_podman("exec", "c", "touch", "/tmp/healthy")
    user_podman("healthcheck", "run", "c")


def test_volumes(user_podman, scratch):
    os.chown(scratch, USER_ID, USER_ID)
    (scratch / "file").write_text("from the host")
    assert user_podman("run", "--rm", "-v", f"{scratch}:/v", NAME, "sh", "-c", "cat /v/file; touch /v/back") == \
        "from the host"
    assert (scratch / "back").stat().st_uid == USER_ID
    user_podman.fails("run", "--rm", "-v", f"{scratch}:/v:ro", NAME, "touch", "/v/x", status=1,
                      says="Read-only file system")
    user_podman("run", "--rm", "-v", "data:/data", NAME, "sh", "-c", "echo kept >/data/file")
    assert user_podman("run", "--rm", "-v", "data:/data", NAME, "cat", "/data/file") == "kept"


def test_pod(user_podman):
    user_podman("pod", "create", "--name", "p", "--share", "net,ipc,uts", "--hostname", "pod")
    user_podman("run", "-d", "--pod", "p", "--name", "a", NAME, "sleep", "1000")
    assert user_podman("run", "--rm", "--pod", "p", NAME, "hostname") == "pod"
    user_podman("pod", "kill", "p")
    wait_until("it has ended", lambda: user_podman.status("a") == "exited")


def test_user_namespaces(user_podman):
    assert user_podman("run", "--rm", "--userns=keep-id", NAME, "sh", "-c", "id -u; touch /tmp/x; stat -c %u /tmp/x") == \
        f"{USER_ID}\n{USER_ID}"
    inside, outside, count = user_podman("run", "--rm", "--userns=auto:size=500", NAME, "cat", "/proc/self/uid_map").split()
    assert (inside, count) == ("0", "500") and int(outside) > 0


IN_DELEGATED = ["--cgroups", "enabled", "--cgroup-parent", "/user"]


def test_pause_in_a_delegated_cgroup(user_podman):
    user_podman("run", "-d", "--name", "c", *IN_DELEGATED, NAME, "sleep", "1000")
    group = pathlib.Path(f"/proc/{user_podman.pid('c')}/cgroup").read_text().split("::")[1].strip()
    assert group.startswith("/user/libpod-")
    user_podman("pause", "c")
    assert user_podman.status("c") == "paused"
    assert "frozen 1" in pathlib.Path(f"/sys/fs/cgroup{group}/cgroup.events").read_text()
    user_podman("unpause", "c")
    assert user_podman("exec", "c", "echo", "again") == "again"


def test_statistics_in_a_delegated_cgroup(user_podman):
    """The time is there without any controller; what controllers count, podman warns of and shows as 0."""
    rows = {}
    for runtime in ("gantry-oci", "crun"):
        user_podman("--runtime", runtime, "run", "-d", "--name", runtime, *IN_DELEGATED, NAME, "sleep", "1000")
        stats = json.loads(user_podman("--runtime", runtime, "stats", "--no-stream", "--format", "json", runtime))[0]
        assert stats["name"] == runtime and float(stats["cpu_time"].rstrip("msµ")) > 0, stats
        rows[runtime] = stats
    assert rows["gantry-oci"].keys() == rows["crun"].keys()
    assert rows["gantry-oci"]["pids"] == rows["crun"]["pids"] == ("1" if enforces_limits() else "0")


LIMITS = {"memory": ["--memory", "64m"], "cpu": ["--cpus", "0.5"], "cpuset": ["--cpuset-cpus", "0"],
          "pids": ["--pids-limit", "20"]}


@pytest.mark.skipif(enforces_limits(), reason="this host enforces limits: nothing to refuse")
@pytest.mark.parametrize("controller", LIMITS)
def test_limit_without_its_controller_is_refused_by_name(user_podman, controller):
    limit = LIMITS[controller]
    missing = f"can't be enforced: controller {controller} is missing"
    user_podman.fails("run", "--rm", *IN_DELEGATED, *limit, NAME, "true", status=126, says=missing)
    refused = user_podman.result("--runtime", "crun", "run", "--rm", *IN_DELEGATED, *limit, NAME, "true")
    assert refused.returncode in (126, 127), refused  # 127: crun looks for memory.max, and podman for its error's words
    if controller == "pids":
        return  # podman 4.3's update has no such flag
    # A refused update leaves the container as it was.
    user_podman("run", "-d", "--name", "c", *IN_DELEGATED, NAME, "sleep", "1000")
    user_podman.fails("update", *limit, "c", status=125, says=missing)
    assert user_podman.status("c") == "running"
    user_podman("--runtime", "crun", "run", "-d", "--name", "with-crun", *IN_DELEGATED, NAME, "sleep", "1000")
    user_podman("--runtime", "crun", "update", *limit, "with-crun", status=125)


def test_limits_mean_nothing_where_podman_makes_no_cgroup(user_podman):
    """With cgroups disabled, podman leaves them out of what it hands to the runtime, whichever that is."""
    everything = [word for limit in LIMITS.values() for word in limit]
    for runtime in ("gantry-oci", "crun"):
        assert user_podman("--runtime", runtime, "run", "--rm", *everything, NAME, "echo", "ok") == "ok"
