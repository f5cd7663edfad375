"""podman as root, through conmon."""
import os
import pathlib
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from clients import wait_until
from image import NAME

# What podman makes config.json of, and what a program then sees: the same by gantry-oci and by crun.
SAME_AS_CRUN = {
    "output": ["sh", "-c", "echo out; echo err >&2"],
    "status": ["sh", "-c", "exit 7"],
    "killed": ["sh", "-c", "sh -c 'kill -9 $$'"],
    "not-found": ["nosuch"],
    "missing": ["/nosuch"],
    "not-executable": ["/etc/passwd"],
    "folder": ["/etc"],
    "arguments": ["printf", "%s|", "a b", "", "ü"],
}
SAME_OPTIONS = {
    "environment": (["--env", "A=b c", "--env", "PATH=/bin"], ["sh", "-c", "env | grep -v HOSTNAME | sort"]),
    "user": (["--user", "1000:7", "--group-add", "9"], ["id"]),
    "user-name": (["--user", "user"], ["sh", "-c", "id; echo $HOME"]),
    "folder": (["--workdir", "/tmp"], ["sh", "-c", "pwd; stat -c '%a %u' ."]),
    "hostname": (["--hostname", "box"], ["hostname"]),
    "capabilities": (["--cap-drop", "all", "--cap-add", "chown,kill"], ["grep", "Cap", "/proc/self/status"]),
    "default-capabilities": ([], ["grep", "Cap", "/proc/self/status"]),
    "privileged": (["--privileged"], ["sh", "-c", "grep Cap /proc/self/status; grep -c . /proc/mounts"]),
    "no-new-privileges": (["--security-opt", "no-new-privileges"], ["grep", "NoNewPrivs", "/proc/self/status"]),
    "seccomp": ([], ["grep", "Seccomp:", "/proc/self/status"]),
    "unconfined": (["--security-opt", "seccomp=unconfined"], ["grep", "Seccomp:", "/proc/self/status"]),
    "rlimits": (["--ulimit", "nofile=100:200", "--ulimit", "nproc=300:400"],
                ["sh", "-c", "ulimit -n; ulimit -Hn; ulimit -p; ulimit -Hp"]),
    "sysctl": (["--sysctl", "kernel.shmmax=65536"], ["cat", "/proc/sys/kernel/shmmax"]),
    "oom-score": (["--oom-score-adj", "200"], ["cat", "/proc/self/oom_score_adj"]),
    "shm-size": (["--shm-size", "1m"], ["sh", "-c", "df /dev/shm | tail -1"]),
    "tmpfs": (["--tmpfs", "/t:size=1m,mode=1777"], ["sh", "-c", "grep ' /t ' /proc/mounts | cut -d' ' -f2-4"]),
    "tmpcopyup": (["--mount", "type=tmpfs,destination=/etc,tmpcopyup"], ["ls", "/etc"]),
    "read-only": (["--read-only"], ["sh", "-c", "touch /x; touch /tmp/x && echo tmp"]),
    "masked": ([], ["sh", "-c", "ls /proc/acpi /sys/firmware; wc -c </proc/kcore; echo 1 >/proc/sys/vm/swappiness"]),
    "unmasked": (["--security-opt", "unmask=ALL"], ["sh", "-c", "test $(wc -l </proc/timer_list) -gt 0 && echo there"]),
    "devices": (["--device", "/dev/null:/dev/other:r"], ["stat", "-c", "%n %A %u %g %t:%T", "/dev/null", "/dev/other", "/dev/tty"]),
    "dev": ([], ["sh", "-c", "ls -F /dev | grep -v core; readlink /dev/ptmx"]),
    "mounts": ([], ["sh", "-c", "cut -d' ' -f2,3 /proc/mounts | sort"]),
    "umask": (["--umask", "077"], ["sh", "-c", "umask"]),
    "descriptors": ([], ["ls", "/proc/self/fd"]),
    "host-ipc": (["--ipc", "host", "--uts", "host"], ["sh", "-c", "hostname; ls /dev/mqueue"]),
    # Not a user namespace: in one, old versions of crun give the host's /dev/null to the container's root.
}


def outcome(podman, runtime, options, program):
    done = podman.result("--runtime", runtime, "run", "--rm", "--cgroups", "disabled", *options, NAME, *program)
    # The texts of errors before the program runs are each runtime's own; what podman makes of them is the status.
    return done.returncode, done.stdout, None if done.returncode in (125, 126, 127) else done.stderr


def both_outcomes(podman, options, program):
    with ThreadPoolExecutor() as pool:
        return pool.map(lambda runtime: outcome(podman, runtime, options, program), ("gantry-oci", "crun"))


@pytest.mark.parametrize("program", SAME_AS_CRUN.values(), ids=SAME_AS_CRUN)
def test_program_ends_as_with_crun(podman_session, program):
    ours, theirs = both_outcomes(podman_session, [], program)
    assert ours == theirs


@pytest.mark.parametrize("options, program", SAME_OPTIONS.values(), ids=SAME_OPTIONS)
def test_option_has_the_effect_it_has_with_crun(podman_session, options, program):
    ours, theirs = both_outcomes(podman_session, options, program)
    assert theirs[1], f"nothing to compare: {theirs}"
    assert ours == theirs


def test_status_says_why_a_program_could_not_run(podman):
    podman.fails("run", "--rm", NAME, "nosuch", status=127, says='exec: "nosuch": executable file not found in $PATH')
    podman.fails("run", "--rm", NAME, "/nosuch", status=127, says="stat /nosuch: no such file or directory")
    podman.fails("run", "--rm", NAME, "/etc/passwd", status=126, says='exec: "/etc/passwd": permission denied')
    podman.fails("run", "--rm", "-v", "/nosuch:/x", NAME, "true", status=125, says="/nosuch")
    assert podman("ps", "-aq") == ""


def test_life_of_a_container(podman):
    podman("create", "--name", "c", NAME, "sh", "-c", "echo started; exec sleep 1000")
    assert podman.status("c") == "created"
    podman("start", "c")
    assert podman.status("c") == "running"
    assert podman("logs", "c") == "started"
    assert pathlib.Path(f"/proc/{podman.pid('c')}/comm").read_text() == "sleep\n"
    assert "sleep 1000" in podman("top", "c", "args")
    podman("restart", "-t", "0", "c")
    assert podman.status("c") == "running"
    podman("stop", "-t", "0", "c")
    assert (podman.status("c"), podman.inspect("c", ".State.ExitCode")) == ("exited", "137")
    podman.fails("exec", "c", "true", status=255, says="container state improper")
    podman("rm", "c")
    assert podman("ps", "-aq") == ""


def test_exec(podman):
    podman("run", "-d", "--name", "c", NAME, "sleep", "1000")
    assert podman("exec", "c", "echo", "in") == "in"
    assert podman("exec", "-u", "1000:7", "-w", "/etc", "-e", "A=b", "c", "sh", "-c", "id -u; id -g; pwd; echo $A") \
        == "1000\n7\n/etc\nb"
    assert podman("exec", "-i", "c", "cat", stdin=None, input="typed") == "typed"
    podman("exec", "c", "sh", "-c", "exit 9", status=9)
    podman("exec", "c", "sh", "-c", "kill -9 $$", status=137)
    podman.fails("exec", "c", "nosuch", status=127, says="executable file not found in $PATH")
    podman.fails("exec", "c", "/etc/passwd", status=126, says="permission denied")
    podman("exec", "-d", "c", "touch", "/detached")
    wait_until("the detached program has run", lambda: podman.result("exec", "c", "test", "-e", "/detached").returncode
               == 0)
    # The program has ended, though a child of it holds its output.
    assert podman("exec", "c", "sh", "-c", "sleep 1000 & echo left") == "left"
    assert podman("exec", "--privileged", "c", "grep", "CapBnd", "/proc/self/status") > \
        podman("exec", "c", "grep", "CapBnd", "/proc/self/status")


def test_terminal(podman):
    program = """tty; stty size; trap 'echo interrupted; exit 5' INT
                 until [ "$(stty size)" = '44 122' ]; do sleep 0.05; done; echo resized; cat"""
    terminal = podman.terminal("run", "-it", "--rm", NAME, "sh", "-c", program, rows=33, columns=111)
    terminal.wait_for("/dev/pts/0\n33 111\n")
    terminal.resize(44, 122)
    terminal.wait_for("resized")
    terminal.echo_until_interrupted()


def test_terminal_of_exec_and_attach(podman):
    podman("run", "-dit", "--name", "c", NAME, "sh")
    terminal = podman.terminal("exec", "-it", "c", "sh", "-c", "tty; stty size; read x; echo got $x; exit 4")
    terminal.wait_for("/dev/pts/1")
    terminal.wait_for("33 111")
    terminal.type("input\n")
    text, status = terminal.finish()
    assert "got input" in text and status == 4
    attached = podman.terminal("attach", "c")
    attached.leave_attached_shell()
    assert podman("wait", "c") == "6"


def test_pause(podman):
    podman("run", "-d", "--name", "c", NAME, "sleep", "1000")
    podman("pause", "c")
    assert podman.status("c") == "paused"
    frozen = pathlib.Path("/sys/fs/cgroup", podman.inspect("c", ".State.CgroupPath").lstrip("/"), "cgroup.events")
    assert "frozen 1" in frozen.read_text()
    podman.fails("exec", "c", "true", status=255, says="container state improper")
    podman.fails("pause", "c", status=125, says="is already paused")
    podman("unpause", "c")
    assert podman.status("c") == "running"
    assert "frozen 0" in frozen.read_text()
    podman.fails("unpause", "c", status=125, says="is not paused")


def test_kill(podman):
    podman("run", "-d", "--name", "c", NAME, "sh", "-c", "trap 'echo caught; exit 3' USR1; echo ready; while :; do "
           "sleep 0.05; done")
    wait_until("the program traps the signal", lambda: "ready" in podman("logs", "c"))
    podman("kill", "-s", "USR1", "c")
    assert podman("wait", "c") == "3"
    assert "caught" in podman("logs", "c")
    podman.fails("kill", "c", status=125, says="can only kill running containers")
    for name in ("d", "e"):
        podman("run", "-d", "--name", name, NAME, "sleep", "1000")
    podman("kill", "--all")
    assert podman("wait", "d", "e") == "137\n137"


def test_kill_reaches_what_shares_the_pid_namespace(podman):
    podman("run", "-d", "--pid", "host", "--name", "c", NAME, "sh", "-c", "sleep 1000 & echo $!; wait")
    child = int(wait_until("the child runs", lambda: podman("logs", "c")))
    podman("kill", "c")
    wait_until("the child is gone too", lambda: not os.path.exists(f"/proc/{child}"))
    assert podman("wait", "c") == "137"


def test_health_check(podman):
    podman("run", "-d", "--name", "c", "--health-cmd", "test -f /tmp/healthy", "--health-interval", "disable",
           "--health-retries", "1", NAME, "sleep", "1000")
    assert podman("healthcheck", "run", "c", status=1) == "unhealthy"
    assert podman.inspect("c", ".State.Health.Status") == "unhealthy"
    podman("exec", "c", "touch", "/tmp/healthy")
    podman("healthcheck", "run", "c")
    assert podman.inspect("c", ".State.Health.Status") == "healthy"


def test_init(podman):
    podman("run", "-d", "--init", "--name", "c", NAME, "sh", "-c", "sh -c 'sleep 0 & exec sleep 1000' & wait")
    assert podman("exec", "c", "cat", "/proc/1/comm") == "podman-init"
    wait_until("orphans are reaped", lambda: " Z " not in podman("exec", "c", "ps", "-o", "stat,comm"))
    podman("stop", "c")
    assert podman.inspect("c", ".State.ExitCode") == "143"


def test_pod(podman):
    # --share-parent=false: podman 4.3 denies all devices in a pod's cgroup of the cgroupfs manager, and no runtime can
    # make /dev/null there.
    podman("pod", "create", "--name", "p", "--share", "net,ipc,uts,pid", "--share-parent=false", "--hostname", "pod")
    podman("run", "-d", "--pod", "p", "--name", "a", NAME, "sleep", "1000")
    podman("run", "-d", "--pod", "p", "--name", "b", NAME, "sleep", "1001")
    for space in ("net", "ipc", "uts", "pid"):
        assert os.readlink(f"/proc/{podman.pid('a')}/ns/{space}") == os.readlink(f"/proc/{podman.pid('b')}/ns/{space}")
    assert os.readlink(f"/proc/{podman.pid('a')}/ns/mnt") != os.readlink(f"/proc/{podman.pid('b')}/ns/mnt")
    assert podman("exec", "b", "hostname") == "pod"
    listed = podman("exec", "a", "ps", "-o", "args")
    assert "/catatonit" in listed and "sleep 1001" in listed
    assert len(podman("top", "b").splitlines()) > 1
    podman("pod", "pause", "p")
    assert podman.status("b") == "paused"
    podman("pod", "unpause", "p")
    podman("pod", "kill", "p")
    wait_until("all have ended", lambda: {podman.status("a"), podman.status("b")} == {"exited"})
    podman("pod", "start", "p")
    assert podman("exec", "a", "echo", "again") == "again"


def test_volumes(podman, scratch):
    (scratch / "file").write_text("from the host")
    assert podman("run", "--rm", "-v", f"{scratch}:/v", NAME, "sh", "-c", "cat /v/file; echo back >/v/back") == \
        "from the host"
    assert (scratch / "back").read_text() == "back\n"
    podman.fails("run", "--rm", "-v", f"{scratch}:/v:ro", NAME, "touch", "/v/x", status=1, says="Read-only file system")
    podman("volume", "create", "data")
    podman("run", "--rm", "-v", "data:/data", NAME, "sh", "-c", "echo kept >/data/file")
    assert podman("run", "--rm", "-u", "1000", "-v", "data:/data:U", NAME, "sh", "-c",
                  "cat /data/file; stat -c %u /data/file") == "kept\n1000"
    podman("run", "-d", "--name", "c", "-v", "data:/data", NAME, "sleep", "1000")
    assert podman("run", "--rm", "--volumes-from", "c", NAME, "cat", "/data/file") == "kept"
    assert podman("run", "--rm", "-v", f"{scratch}:/v:O", NAME, "sh", "-c", "echo x >/v/upper; ls /v") == \
        "back\nfile\nupper"
    assert not (scratch / "upper").exists()


def test_mounts_that_appear_later_follow_the_propagation(podman, scratch):
    (scratch / "in").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "none", scratch], check=True)
    subprocess.run(["mount", "--make-shared", scratch], check=True)
    try:
        (scratch / "in").mkdir()
        podman("run", "-d", "--name", "c", "-v", f"{scratch}:/v:rslave", "-v", f"{scratch}:/w:rprivate", NAME, "sleep",
               "1000")
        subprocess.run(["mount", "-t", "tmpfs", "none", scratch / "in"], check=True)
        (scratch / "in/file").touch()
        assert podman("exec", "c", "ls", "/v/in", "/w/in") == "/v/in:\nfile\n\n/w/in:"
    finally:
        podman.remove_all()
        subprocess.run(["umount", "-R", scratch], check=True)


def test_automatic_user_namespace(podman, subordinate_ids):
    def maps(*options):
        return podman("run", "--rm", *options, NAME, "cat", "/proc/self/uid_map", "/proc/self/gid_map").split()

    podman("run", "-d", "--name", "c", "--userns=auto:size=1000", NAME, "sleep", "1000")
    inside, outside, count = podman("exec", "c", "cat", "/proc/self/uid_map").split()
    assert (inside, count) == ("0", "1000")
    assert int(outside) in subordinate_ids
    assert os.stat(f"/proc/{podman.pid('c')}").st_uid == int(outside)
    assert podman("exec", "c", "sh", "-c", "id -u; touch /file; stat -c '%u %g' /file /dev/null; echo >/dev/null") == \
        "0\n0 0\n65534 65534"
    other = maps("--userns=auto:size=2000")
    assert other[2] == "2000" and int(other[1]) in subordinate_ids
    assert int(other[1]) >= int(outside) + 1000 or int(other[1]) + 2000 <= int(outside), "the ranges overlap"


def test_copy_and_commit(podman, scratch):
    """Both pause the container while they read its files."""
    podman("run", "-d", "--name", "c", NAME, "sh", "-c", "echo inside >/file; exec sleep 1000")
    wait_until("the file is there", lambda: podman.result("exec", "c", "test", "-s", "/file").returncode == 0)
    podman("cp", "c:/file", scratch / "out")
    assert (scratch / "out").read_text() == "inside\n"
    podman("commit", "--pause", "c", "localhost/committed")
    assert podman.status("c") == "running"
    assert podman("run", "--rm", "localhost/committed", "cat", "/file") == "inside"
    podman("rmi", "-f", "localhost/committed")


def test_stop_signal_and_restart_policy(podman):
    podman("run", "-d", "--name", "c", "--stop-signal", "USR2", NAME, "sh", "-c",
           "trap 'exit 12' USR2; echo ready; while :; do sleep 0.05; done")
    wait_until("the program traps the signal", lambda: "ready" in podman("logs", "c"))
    podman("stop", "-t", "20", "c")
    assert podman.inspect("c", ".State.ExitCode") == "12"
    podman("run", "-d", "--name", "d", "--restart", "on-failure:2", NAME, "sh", "-c", "echo once; exit 1")
    wait_until("it was started three times", lambda: podman("logs", "d").count("once") == 3)


def test_preserved_descriptors(podman, scratch):
    (scratch / "file").write_text("by descriptor")
    with open(scratch / "file") as file:
        text = podman("run", "--rm", "--preserve-fds", "1", NAME, "sh", "-c", "cat <&3", pass_fds=[3],
                      preexec_fn=lambda: os.dup2(file.fileno(), 3))
    assert text == "by descriptor"


def test_killed_client_leaves_the_container(podman):
    """conmon is the parent, not podman."""
    terminal = podman.terminal("run", "-it", "--name", "c", NAME, "sh")
    terminal.wait_for("# ")
    terminal.process.send_signal(signal.SIGKILL)
    terminal.finish()
    assert podman.status("c") == "running"
    assert podman("exec", "c", "echo", "still") == "still"
