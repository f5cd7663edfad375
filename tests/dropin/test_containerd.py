"""containerd by ctr, through containerd-shim-runc-v2."""
import os
import pathlib

from clients import wait_until
from image import NAME


def test_run(containerd):
    assert containerd(*containerd.run("--rm", NAME, "c", "echo", "hello")) == "hello"
    containerd(*containerd.run("--rm", NAME, "c", "sh", "-c", "exit 7"), status=7)
    containerd(*containerd.run("--rm", NAME, "c", "sh", "-c", "sh -c 'kill -9 $$'; exit $?"), status=137)
    containerd.fails(*containerd.run("--rm", NAME, "c", "nosuch"), status=1,
                     says='exec: "nosuch": executable file not found in $PATH')
    containerd.fails(*containerd.run("--rm", NAME, "c", "/nosuch"), status=1,
                     says="stat /nosuch: no such file or directory")
    containerd.fails(*containerd.run("--rm", NAME, "c", "/etc/passwd"), status=1,
                     says='exec: "/etc/passwd": permission denied')
    assert containerd.tasks() == {}


def test_options_of_run(containerd, scratch):
    (scratch / "file").write_text("from the host")
    options = ["--env", "A=b", "--cwd", "/etc", "--read-only", "--mount",
               f"type=bind,src={scratch},dst=/v,options=rbind:ro"]
    program = "echo $A; pwd; cat /v/file; echo; touch /v/x 2>&1; touch /x 2>&1; grep NoNewPrivs /proc/self/status"
    assert containerd(*containerd.run("--rm", *options, NAME, "c", "sh", "-c", program)).splitlines() == [
        "b", "/etc", "from the host", "touch: /v/x: Read-only file system", "touch: /x: Read-only file system",
        "NoNewPrivs:\t1"]
    capabilities = containerd(*containerd.run("--rm", "--privileged", NAME, "c", "grep", "CapEff", "/proc/self/status"))
    assert int(capabilities.split()[1], 16) > 0xffffffff
    assert containerd(*containerd.run("--rm", "--seccomp", NAME, "c", "grep", "Seccomp:", "/proc/self/status")) == \
        "Seccomp:\t2"


def test_user_namespace(containerd):
    text = containerd(*containerd.run("--rm", "--uidmap", "0:100000:1000", "--gidmap", "0:200000:1000",
                                      "--snapshotter", "native", NAME, "c", "cat", "/proc/self/uid_map",
                                      "/proc/self/gid_map"))
    assert text.split() == ["0", "100000", "1000", "0", "200000", "1000"]


def test_life_of_a_task(containerd):
    containerd.start("d", "sleep", "1000")
    pid, status = containerd.tasks()["d"]
    assert status == "RUNNING"
    assert pathlib.Path(f"/proc/{pid}/comm").read_text() == "sleep\n"
    containerd("task", "kill", "--signal", "TERM", "d")  # no handler: the kernel keeps it from init
    assert containerd.status("d") == "RUNNING"
    containerd("task", "kill", "--signal", "KILL", "d")
    wait_until("the task has stopped", lambda: containerd.status("d") == "STOPPED")
    done = containerd.result("task", "delete", "d")
    assert "exit code 137" in done.stderr
    assert not os.path.exists(f"/proc/{pid}")


def test_runc_in_the_path(containerd):
    """`ctr containers create` can't name a runtime; the shim calls what is `runc` in its PATH."""
    containerd("containers", "create", NAME, "c", "echo", "started")
    assert containerd("task", "start", "c") == "started"


def test_exec(containerd):
    containerd.start("c", "sleep", "1000")
    assert containerd(*containerd.exec("c", ["echo", "in"])) == "in"
    assert containerd(*containerd.exec("c", "--user", "1000", "--cwd", "/etc", ["sh", "-c", "id -u; pwd"])) == \
        "1000\n/etc"
    containerd(*containerd.exec("c", ["sh", "-c", "exit 9"]), status=9)
    containerd(*containerd.exec("c", ["sh", "-c", "kill -9 $$"]), status=137)
    containerd.fails(*containerd.exec("c", ["nosuch"]), status=1, says="executable file not found in $PATH")
    containerd.fails(*containerd.exec("c", ["/etc/passwd"]), status=1, says="permission denied")
    containerd(*containerd.exec("c", "--detach", ["touch", "/detached"]))
    wait_until("the detached program has run",
               lambda: containerd.result(*containerd.exec("c", ["test", "-e", "/detached"])).returncode == 0)


def test_terminal(containerd):
    program = """tty; stty size; trap 'echo interrupted; exit 5' INT
                 until [ "$(stty size)" = '44 122' ]; do sleep 0.05; done; echo resized; cat"""
    terminal = containerd.terminal(*containerd.run("--rm", "--tty", NAME, "c", "sh", "-c", program))
    terminal.wait_for("/dev/pts/0")
    terminal.resize(44, 122)
    terminal.wait_for("resized")
    terminal.echo_until_interrupted()


def test_terminal_of_exec(containerd):
    containerd.start("c", "sleep", "1000")
    terminal = containerd.terminal(*containerd.exec("c", "--tty", ["sh", "-c", "tty; read x; echo got $x; exit 4"]))
    terminal.wait_for("/dev/pts/0")
    terminal.type("input\n")
    text, status = terminal.finish()
    assert "got input" in text and status == 4


def test_pause(containerd):
    containerd.start("c", "sleep", "1000")
    containerd("task", "pause", "c")
    assert containerd.status("c") == "PAUSED"
    frozen = pathlib.Path("/sys/fs/cgroup/default/c/cgroup.events")
    assert "frozen 1" in frozen.read_text()
    containerd.fails(*containerd.exec("c", ["true"]), status=1, says="cannot exec in a paused state")
    containerd("task", "resume", "c")
    assert containerd.status("c") == "RUNNING"
    assert "frozen 0" in frozen.read_text()


def test_killed_while_paused(containerd):
    containerd.start("c", "sleep", "1000")
    containerd("task", "pause", "c")
    containerd("task", "kill", "--signal", "KILL", "c")
    wait_until("the task has stopped", lambda: containerd.status("c") == "STOPPED")


def test_kill_of_all_processes(containerd):
    containerd.start("c", "sh", "-c", "sleep 1000 & wait")
    wait_until("two processes run", lambda: len(containerd("task", "ps", "c").splitlines()) == 3)
    containerd("task", "kill", "--all", "--signal", "KILL", "c")
    wait_until("the task has stopped", lambda: containerd.status("c") == "STOPPED")
    containerd.fails("task", "kill", "c", status=1, says="process already finished")


def test_processes_are_listed(containerd):
    containerd.start("c", "sh", "-c", "sleep 1000 & sleep 1001; true")
    children = wait_until("three processes run", lambda: (lambda pids: pids if len(pids) == 3 else None)(
        [int(line.split()[0]) for line in containerd("task", "ps", "c").splitlines()[1:]]))
    assert containerd.tasks()["c"][0] in children
    assert {pathlib.Path(f"/proc/{pid}/comm").read_text().strip() for pid in children} == {"sh", "sleep"}


def test_attach(containerd):
    containerd.start("c", "sh", "-c", "read -t 0; while :; do echo tick; sleep 0.1; done")
    assert containerd.background("task", "attach", "c").until("tick").startswith("tick\n")


def test_forced_delete(containerd):
    containerd.start("c", "sleep", "1000")
    pid = containerd.tasks()["c"][0]
    containerd("task", "delete", "--force", "c", status=None)
    assert containerd.tasks() == {}
    assert not os.path.exists(f"/proc/{pid}")
    assert not os.path.exists("/sys/fs/cgroup/default/c")


def test_killed_shim_leaves_nothing(containerd):
    """The shim is the container's parent; when it is gone, containerd calls delete --force."""
    containerd.start("c", "sleep", "1000")
    pid = containerd.tasks()["c"][0]
    shim = int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    assert "containerd-shim" in pathlib.Path(f"/proc/{shim}/cmdline").read_text()
    os.kill(shim, 9)
    wait_until("the container is gone too", lambda: not os.path.exists(f"/proc/{pid}"))
    wait_until("its cgroup is removed", lambda: not os.path.exists("/sys/fs/cgroup/default/c"))
    wait_until("containerd has forgotten it", lambda: containerd.tasks() == {})
