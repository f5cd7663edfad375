"""The clients as the tests drive them: Podman and Containerd. Their configuration is that of docs/dropin.md, but for
paths and for what this host lacks."""
import json
import os
import pathlib
import pty
import select
import shutil
import subprocess
import time

import pytest

from image import NAME

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
GANTRY = pathlib.Path(os.environ.get("GANTRY_BIN_DIR", SOURCE / "build/release/bin")) / "gantry-oci"

CONTAINERS_CONF = """
[containers]
pids_limit = {pids_limit}
default_ulimits = ["nofile=1024:4096", "nproc=1024:4096"]
log_driver = "k8s-file"
cgroups = "{cgroups}"
netns = "none"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "gantry-oci"
runtime_supports_json = ["gantry-oci", "crun"]
runtime_supports_nocgroup = ["gantry-oci", "crun"]
[engine.runtimes]
gantry-oci = ["{gantry}"]
crun = ["/usr/bin/crun"]
"""

STORAGE_CONF = """
[storage]
driver = "{driver}"
graphroot = "{folder}/storage"
runroot = "{folder}/run"
"""

CONTAINERD_CONF = """
version = 2
root = "{folder}/root"
state = "{folder}/state"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.grpc.v1.cri"]
[grpc]
  address = "{folder}/containerd.sock"
[ttrpc]
  address = "{folder}/ttrpc.sock"
"""


def enforces_limits():
    return {"cpu", "memory", "pids"} <= set(pathlib.Path("/sys/fs/cgroup/cgroup.controllers").read_text().split())


def wait_until(what, condition, limit=20.0, evidence=lambda: ""):
    """The condition's first true value; when it isn't seen in time, the failure shows the evidence."""
    deadline = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not seen within {limit:.0f} s\n{evidence()}")
        time.sleep(0.05)


def remove_with_mounts(folder):
    for mount in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()[::-1]:
        path = mount.split()[4]
        if path.startswith(f"{folder}/"):
            subprocess.run(["umount", path], check=True)
    shutil.rmtree(folder)


class Terminal:
    """A program with a terminal of its own: what it prints, what is typed, and its status."""

    def __init__(self, command, environment, rows=33, columns=111):
        self.master, slave = pty.openpty()
        self.resize(rows, columns)
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment,
                                        start_new_session=True, preexec_fn=lambda: self.control(slave))
        os.close(slave)
        self.text = ""

    @staticmethod
    def control(slave):
        import fcntl
        import termios
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

    def resize(self, rows, columns):
        import fcntl
        import struct
        import termios
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.master, text.encode())

    def echo_until_interrupted(self):
        """`cat` below a trap that prints and exits with 5."""
        self.type("typed\n")
        self.wait_for("typed\ntyped\n")
        self.type("\x03")
        text, status = self.finish()
        assert "interrupted" in text and status == 5

    def leave_attached_shell(self):
        """It answers, and ends with 6."""
        self.type("echo at''tached\n")
        self.wait_for("attached")
        self.type("exit 6\n")
        self.finish()

    def wait_for(self, wanted, limit=30.0):
        """Reads on until the text is there; fails with all that came otherwise."""
        deadline = time.monotonic() + limit
        while wanted not in self.text:
            if not select.select([self.master], [], [], max(0, deadline - time.monotonic()))[0]:
                pytest.fail(f"{wanted!r} was not printed within {limit:.0f} s, but {self.text!r}")
            if not self.read_some():
                pytest.fail(f"{wanted!r} was not printed before the end, but {self.text!r}")

    def read_some(self):
        try:
            got = os.read(self.master, 4096)
        except OSError:  # EIO: nobody has the other end any more
            return False
        self.text += got.decode(errors="replace").replace("\r", "")  # of which some clients add one
        return bool(got)

    def finish(self, limit=30.0):
        """What was printed in all, and the status."""
        deadline = time.monotonic() + limit
        while select.select([self.master], [], [], max(0, deadline - time.monotonic()))[0] and self.read_some():
            pass
        os.close(self.master)
        return self.text, self.process.wait(limit)


class Background:
    """A program that goes on printing, until one has read enough."""

    def __init__(self, command, environment):
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, env=environment)

    def until(self, wanted):
        """What it has printed when this is in it; then it is ended."""
        text = ""
        try:
            while wanted not in text:
                assert select.select([self.process.stdout], [], [], 30)[0], f"{wanted} was not printed, but {text}"
                got = os.read(self.process.stdout.fileno(), 4096)
                assert got, f"{wanted} was not printed before the end, but {text}"
                text += got.decode()
            return text
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()


class Client:
    """What both have in common: a command with an environment."""
    environment = dict(os.environ)

    def command(self, *arguments):
        raise NotImplementedError

    def __call__(self, *arguments, status=0, **options):
        """Runs it, and returns what it printed, without white space at the ends; its status must be `status`, unless that
        is None."""
        done = self.result(*arguments, **options)
        assert status in (done.returncode, None), f"{arguments} ended with {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def fails(self, *arguments, status, says, **options):
        done = self.result(*arguments, **options)
        assert done.returncode == status, f"{arguments} ended with {done.returncode}: {done.stdout}{done.stderr}"
        assert says in done.stderr, f"{arguments}: {done.stderr}"

    def result(self, *arguments, environment=None, **options):
        return subprocess.run(self.command(*map(str, arguments)), text=True, capture_output=True, timeout=120,
                              stdin=options.pop("stdin", subprocess.DEVNULL),
                              env={**self.environment, **(environment or {})}, **options)

    def background(self, *arguments):
        return Background(self.command(*map(str, arguments)), self.environment)

    def terminal(self, *arguments, **options):
        return Terminal(self.command(*map(str, arguments)), self.environment, **options)


class Podman(Client):
    def __init__(self, folder, archive, as_user=(), driver="overlay", **settings):
        folder.mkdir(exist_ok=True)
        self.folder, self.as_user = folder, as_user
        conf, storage = folder / "containers.conf", folder / "storage.conf"
        conf.write_text(CONTAINERS_CONF.format(gantry=GANTRY, **{"pids_limit": 2048 if enforces_limits() else 0,
                                                                    "cgroups": "enabled", **settings}))
        storage.write_text(STORAGE_CONF.format(folder=folder, driver=driver))
        (folder / "home").mkdir()
        (folder / "tmp").mkdir()
        self.environment = {**os.environ, "CONTAINERS_CONF": str(conf), "CONTAINERS_STORAGE_CONF": str(storage),
                            "HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp"), "LC_ALL": "C.UTF-8"}
        if archive:
            self("load", "-i", archive)

    def command(self, *arguments):
        return [*self.as_user, "podman", "--tmpdir", str(self.folder / "run/libpod"), *arguments]

    def inspect(self, name, field):
        return self("inspect", "--format", "{{" + field + "}}", name)

    def pid(self, name):
        return int(self.inspect(name, ".State.Pid"))

    def status(self, name):
        return self.inspect(name, ".State.Status")

    def remove_all(self):
        # Again where containers shared the pid namespace of one that was killed: podman finds them gone meanwhile.
        wait_until("pods are removed", lambda: self.result("pod", "rm", "-fa", "-t", "0").returncode == 0)
        wait_until("containers are removed", lambda: self.result("rm", "-fa", "-t", "0").returncode == 0)
        self("volume", "rm", "-fa")

    def close(self):
        """Nothing of it may be left in the kernel."""
        if self.as_user:
            self("system", "migrate")  # ends the process that keeps the user's namespaces
        remove_with_mounts(self.folder)


def write_wrapper(path):
    """A script that stands for the runtime. containerd and docker always ask for cpu.shares; a host without the
    controller needs to be told to go without."""
    flags = "" if enforces_limits() else "--cgroup-limits best-effort"
    path.write_text(f'#!/bin/sh\nexec {GANTRY} {flags} "$@"\n')
    path.chmod(0o755)


class Containerd(Client):
    configuration = CONTAINERD_CONF

    def __init__(self, folder, *archives):
        folder.mkdir()
        self.folder = folder
        self.binary = self.make_binary()
        (folder / "config.toml").write_text(self.configuration.format(folder=folder))
        self.log = folder / "log"
        self.start_daemon()
        for archive in archives:
            self("images", "import", archive)

    def start_daemon(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["containerd", "--config", self.folder / "config.toml"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}"})
        wait_until("containerd answers", lambda: self.result("version").returncode == 0, limit=90,
                   evidence=self.log.read_text)

    def make_binary(self):
        """The runtime, and a `runc` in the shim's PATH, which is what it calls unless told otherwise."""
        wrapper = self.folder / "gantry-oci"
        write_wrapper(wrapper)
        (self.folder / "runc").symlink_to(wrapper)
        return GANTRY if enforces_limits() else wrapper

    def command(self, *arguments):
        return ["ctr", "--address", str(self.folder / "containerd.sock"), *arguments]

    def run(self, *arguments):
        """The arguments of `ctr run` that name our runtime, before the others."""
        return ["run", "--runc-binary", str(self.binary), *arguments]

    def start(self, name, *program):
        self(*self.run("--detach", NAME, name, *program))

    def exec(self, name, *arguments):
        self.executed = getattr(self, "executed", 0) + 1
        return ["task", "exec", "--exec-id", f"exec{self.executed}", *arguments[:-1], name, *arguments[-1]]

    def tasks(self):
        """{name: (pid, status)}"""
        lines = self("task", "list").splitlines()[1:]
        return {words[0]: (int(words[1]), words[2]) for words in map(str.split, lines)}

    def status(self, name):
        return self.tasks()[name][1]

    def metrics(self, name):
        return json.loads(self("task", "metrics", "--format", "json", name))

    def remove_all(self):
        for name in self.tasks():
            self("task", "delete", "--force", name, status=None)
        for name in self("containers", "list", "--quiet").split():
            self("containers", "delete", name)

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.folder)
