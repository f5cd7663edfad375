"""docker by dockerd, containerd and containerd-shim-runc-v2."""
import os
import pathlib
import signal
import time

import pytest
from clients import wait_until
from image import NAME


def sleeper(docker, *options, name="first"):
    docker("run", "-d", "--name", name, *options, NAME, "sleep", "1000")


def test_ours_is_the_runtime(docker):
    assert docker("info", "--format", "{{.DefaultRuntime}}") == "gantry"
    sleeper(docker)
    assert docker.inspect("first", ".HostConfig.Runtime") == "gantry"
    states = list(pathlib.Path("/run", "docker").rglob("state.json")) + list(docker.folder.rglob("state.json"))
    assert any(docker.inspect("first", ".Id") in str(path) for path in states), "none of the state folders is its own"


def test_run(docker):
    done = docker.result("run", "--rm", NAME, "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")
    docker("run", "--rm", NAME, "sh", "-c", "sh -c 'kill -9 $$'; exit $?", status=137)
    docker.fails("run", "--rm", NAME, "nosuch", status=127, says='exec: "nosuch": executable file not found in $PATH')
    docker.fails("run", "--rm", NAME, "/nosuch", status=127, says="no such file or directory")
    docker.fails("run", "--rm", NAME, "/etc/passwd", status=126, says="permission denied")
    assert docker("run", "--rm", "-i", NAME, "cat", stdin=None, input="typed") == "typed"
    assert docker("ps", "-aq") == ""


def test_options_of_run(docker):
    options = ["-u", "1000:7", "-w", "/etc", "-e", "A=b", "--hostname", "box", "--read-only", "--tmpfs", "/t",
               "--ulimit", "nofile=100:200", "--cap-drop", "all", "--security-opt", "no-new-privileges"]
    program = "id -u; id -g; pwd; echo $A; hostname; touch /x; touch /t/x; ulimit -n; ulimit -Hn;" \
              "grep -E 'CapBnd|NoNewPrivs|Seccomp:' /proc/self/status"
    done = docker.result("run", "--rm", *options, NAME, "sh", "-c", program)
    assert done.stdout.split() == ["1000", "7", "/etc", "b", "box", "100", "200", "CapBnd:", "0" * 16, "NoNewPrivs:",
                                   "1", "Seccomp:", "2"]
    assert "touch: /x: Read-only file system" in done.stderr


def test_network_namespaces(docker):
    sleeper(docker, "--network", "none")
    assert docker("exec", "first", "ls", "/sys/class/net") == "lo"
    sleeper(docker, "--network", "container:first", name="second")
    spaces = [os.readlink(f"/proc/{docker.pid(name)}/ns/net") for name in ("first", "second")]
    assert spaces[0] == spaces[1] != os.readlink("/proc/self/ns/net")
    sleeper(docker, "--network", "host", name="third")
    assert os.readlink(f"/proc/{docker.pid('third')}/ns/net") == os.readlink("/proc/self/ns/net")


def test_life_of_a_container(docker):
    docker("create", "--name", "first", NAME, "sh", "-c", "echo started; exec sleep 1000")
    assert docker.status("first") == "created"
    docker("start", "first")
    assert docker.status("first") == "running"
    wait_until("its output is logged", lambda: docker("logs", "first") == "started")
    assert pathlib.Path(f"/proc/{docker.pid('first')}/comm").read_text() == "sleep\n"
    assert "sleep 1000" in docker("top", "first")
    before = docker.pid("first")
    docker("restart", "-t", "0", "first")
    assert docker.status("first") == "running" and docker.pid("first") != before
    wait_until("it has begun anew", lambda: docker("logs", "first") == "started\nstarted")
    docker("stop", "-t", "0", "first")
    assert (docker.status("first"), docker.inspect("first", ".State.ExitCode")) == ("exited", "137")
    docker.fails("exec", "first", "true", status=1, says="is not running")
    docker("rm", "first")


def test_logs(docker):
    docker("run", "-d", "--name", "first", NAME, "sh", "-c",
           "echo one; echo two >&2; until test -e /go; do sleep 0.05; done; echo three")
    followed = docker.background("logs", "-f", "--timestamps", "first")
    wait_until("both lines are logged", lambda: len((lambda done: done.stdout + done.stderr)(
        docker.result("logs", "first")).splitlines()) == 2)
    assert docker("logs", "--tail", "1", "first") in ("", "one")  # "two" is on stderr
    docker("exec", "first", "touch", "/go")
    lines = followed.until("three").splitlines()
    assert sorted(line.split(" ")[1] for line in lines) == ["one", "three", "two"]
    assert docker("wait", "first") == "0"


def test_exec(docker):
    sleeper(docker)
    assert docker("exec", "first", "echo", "in") == "in"
    assert docker("exec", "-u", "1000:7", "-w", "/etc", "-e", "A=b", "first", "sh", "-c", "id -u; id -g; pwd; echo $A") \
        == "1000\n7\n/etc\nb"
    assert docker("exec", "-i", "first", "cat", stdin=None, input="typed") == "typed"
    docker("exec", "first", "sh", "-c", "exit 9", status=9)
    docker("exec", "first", "sh", "-c", "kill -9 $$", status=137)
    # docker 20.10 prints exec's errors on stdout.
    assert "executable file not found in $PATH" in docker("exec", "first", "nosuch", status=None)
    docker("exec", "first", "nosuch", status=126)
    docker("exec", "-d", "first", "touch", "/detached")
    wait_until("the detached program has run",
               lambda: docker.result("exec", "first", "test", "-e", "/detached").returncode == 0)


def resize_until(terminal, wanted, limit=30.0):
    """To 44 by 122; again each second, as docker's client begins to listen for it some time after its first output."""
    deadline = time.monotonic() + limit
    while True:
        terminal.resize(44, 121)
        terminal.resize(44, 122)
        try:
            return terminal.wait_for(wanted, 1.0)
        except pytest.fail.Exception:
            if time.monotonic() > deadline:
                raise


def test_terminal(docker):
    program = """tty; trap 'echo interrupted; exit 5' INT
                 until [ "$(stty size)" = '44 122' ]; do sleep 0.05; done; echo resized; cat"""
    terminal = docker.terminal("run", "-it", "--name", "first", NAME, "sh", "-c", program)
    terminal.wait_for("/dev/pts/0")
    resize_until(terminal, "resized")
    terminal.echo_until_interrupted()


def test_terminal_of_exec(docker):
    sleeper(docker)
    terminal = docker.terminal("exec", "-it", "first", "sh", "-c", "tty; read x; echo got $x; exit 4")
    terminal.wait_for("/dev/pts/0")
    terminal.type("input\n")
    text, status = terminal.finish()
    assert "got input" in text and status == 4


def test_detach_and_attach(docker):
    terminal = docker.terminal("run", "-it", "--name", "first", NAME, "sh")
    terminal.wait_for("# ")
    terminal.type("\x10\x11")  # ctrl-p ctrl-q
    terminal.finish()
    assert docker.status("first") == "running"
    attached = docker.terminal("attach", "first")
    attached.leave_attached_shell()
    assert docker("wait", "first") == "6"


def test_stats(docker):
    """Natively without limits; limits_docker.py has their numbers."""
    sleeper(docker)
    name, memory = docker("stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}", "first").split(" ", 1)
    assert name == "first" and memory.endswith("B")


def test_pause(docker):
    sleeper(docker)
    docker("pause", "first")
    assert docker.status("first") == "paused"
    group = pathlib.Path(f"/proc/{docker.pid('first')}/cgroup").read_text().split("::")[1].strip()
    frozen = pathlib.Path("/sys/fs/cgroup" + group, "cgroup.events")
    assert "frozen 1" in frozen.read_text()
    docker.fails("exec", "first", "true", status=1, says="is paused")
    docker("unpause", "first")
    assert docker.status("first") == "running"
    assert "frozen 0" in frozen.read_text()


def test_kill(docker):
    docker("run", "-d", "--name", "first", NAME, "sh", "-c",
           "trap 'echo caught; exit 3' USR1; echo ready; while :; do sleep 0.05; done")
    wait_until("the program traps the signal", lambda: "ready" in docker("logs", "first"))
    docker("kill", "-s", "USR1", "first")
    assert docker("wait", "first") == "3"
    assert "caught" in docker("logs", "first")
    sleeper(docker, name="second")
    pid = docker.pid("second")
    docker("kill", "second")
    assert docker("wait", "second") == "137"
    assert not os.path.exists(f"/proc/{pid}")
    docker.fails("kill", "second", status=1, says="is not running")


def test_stop_signal_and_restart_policy(docker):
    docker("run", "-d", "--name", "first", "--stop-signal", "USR2", NAME, "sh", "-c",
           "trap 'exit 12' USR2; echo ready; while :; do sleep 0.05; done")
    wait_until("the program traps the signal", lambda: "ready" in docker("logs", "first"))
    docker("stop", "-t", "20", "first")
    assert docker.inspect("first", ".State.ExitCode") == "12"
    docker("run", "-d", "--name", "second", "--restart", "on-failure:2", NAME, "sh", "-c", "echo once; exit 1")
    wait_until("it was started three times", lambda: docker("logs", "second").count("once") == 3)
    wait_until("it is given up", lambda: docker.status("second") == "exited")
    assert docker.inspect("second", ".RestartCount") == "2"
    sleeper(docker, name="third")
    docker("update", "--restart", "always", "third")
    before = docker.pid("third")
    os.kill(before, signal.SIGKILL)
    wait_until("it runs again", lambda: docker.pid("third") not in (0, before))


def test_health_check(docker):
    sleeper(docker, "--health-cmd", "test -f /tmp/healthy", "--health-interval", "100ms", "--health-retries", "1")
    wait_until("it is unhealthy", lambda: docker.inspect("first", ".State.Health.Status") == "unhealthy")
    docker("exec", "first", "touch", "/tmp/healthy")
    wait_until("it is healthy", lambda: docker.inspect("first", ".State.Health.Status") == "healthy")


def test_init(docker):
    docker("run", "-d", "--init", "--name", "first", NAME, "sh", "-c", "sh -c 'sleep 0 & exec sleep 1000' & wait")
    assert docker("exec", "first", "cat", "/proc/1/comm") == "docker-init"
    wait_until("orphans are reaped", lambda: " Z " not in docker("exec", "first", "ps", "-o", "stat,comm"))
    docker("stop", "first")
    assert docker.inspect("first", ".State.ExitCode") == "143"


def test_volumes(docker, scratch):
    (scratch / "file").write_text("from the host")
    assert docker("run", "--rm", "-v", f"{scratch}:/v", NAME, "sh", "-c", "cat /v/file; echo back >/v/back") == \
        "from the host"
    assert (scratch / "back").read_text() == "back\n"
    docker.fails("run", "--rm", "-v", f"{scratch}:/v:ro", NAME, "touch", "/v/x", status=1, says="Read-only file system")
    docker("volume", "create", "data")
    docker("run", "--rm", "-v", "data:/data", NAME, "sh", "-c", "echo kept >/data/file")
    sleeper(docker, "-v", "data:/data")
    assert docker("run", "--rm", "--volumes-from", "first", NAME, "cat", "/data/file") == "kept"


def test_copy_and_commit(docker, scratch):
    docker("run", "-d", "--name", "first", NAME, "sh", "-c", "echo inside >/file; exec sleep 1000")
    wait_until("the file is there", lambda: docker.result("exec", "first", "test", "-s", "/file").returncode == 0)
    docker("cp", "first:/file", scratch / "out")
    assert (scratch / "out").read_text() == "inside\n"
    docker("commit", "first", "localhost/committed")
    assert docker("run", "--rm", "localhost/committed", "cat", "/file") == "inside"
    docker("rmi", "-f", "localhost/committed")


def test_killed_shim_leaves_nothing(docker):
    """dockerd hears of it from containerd, which calls delete --force."""
    sleeper(docker)
    pid = docker.pid("first")
    shim = int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    assert "containerd-shim" in pathlib.Path(f"/proc/{shim}/cmdline").read_text()
    os.kill(shim, signal.SIGKILL)
    wait_until("the container is gone too", lambda: not os.path.exists(f"/proc/{pid}"))
    wait_until("dockerd knows it", lambda: docker.status("first") == "exited")


def test_containers_outlive_the_daemon(docker_session):
    docker = docker_session
    docker.stop_daemon()
    docker.start_daemon("--live-restore")
    try:
        sleeper(docker)
        pid = docker.pid("first")
        docker.process.kill()
        docker.process.wait()
        assert os.path.exists(f"/proc/{pid}")
        docker.start_daemon("--live-restore")
        assert docker.status("first") == "running" and docker.pid("first") == pid
        assert docker("exec", "first", "echo", "still") == "still"
    finally:
        docker.remove_all()
