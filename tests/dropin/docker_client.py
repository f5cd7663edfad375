"""docker (Debian's dockerd and command line) as the tests drive it, set up as docs/dropin.md says."""
import json
import pathlib
import subprocess

from clients import GANTRY, Client, enforces_limits, remove_with_mounts, wait_until


class Docker(Client):
    def __init__(self, folder, archive):
        folder.mkdir()
        self.folder = folder
        config = folder / "daemon.json"
        config.write_text(json.dumps({"runtimes": {"gantry": {"path": str(self.make_binary())}},
                                      "default-runtime": "gantry"}))
        self.socket = f"unix://{folder}/docker.sock"
        self.log = folder / "log"
        self.start_daemon()
        self("load", "-i", archive)

    def make_binary(self):
        """docker always asks for cpu.shares (of 0); a host without the controller needs to be told to go without."""
        if enforces_limits():
            return GANTRY
        wrapper = self.folder / "gantry-oci"
        wrapper.write_text(f'#!/bin/sh\nexec {GANTRY} --cgroup-limits best-effort "$@"\n')
        wrapper.chmod(0o755)
        return wrapper

    def start_daemon(self, *options):
        """The network is left alone: no bridge, no packet filter."""
        folder = self.folder
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["dockerd", "--config-file", folder / "daemon.json", "--host", self.socket, "--data-root",
                 folder / "data", "--exec-root", folder / "exec", "--pidfile", folder / "pid", "--iptables=false",
                 "--ip6tables=false", "--bridge=none", *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until("dockerd answers", lambda: self.result("version").returncode == 0, limit=60,
                   evidence=self.log.read_text)

    def command(self, *arguments):
        # By its path: PATH may have another version's first.
        return ["/usr/bin/docker", "--host", self.socket, *arguments]

    def inspect(self, name, field):
        return self("inspect", "--format", "{{" + field + "}}", name)

    def pid(self, name):
        return int(self.inspect(name, ".State.Pid"))

    def status(self, name):
        return self.inspect(name, ".State.Status")

    def remove_all(self):
        for name in self("ps", "-aq").split():
            self("rm", "-fv", name, status=None)
        wait_until("all are removed", lambda: self("ps", "-aq") == "")
        for name in self("volume", "ls", "-q").split():
            self("volume", "rm", name)

    def kill_daemon(self):
        """Its containerd goes with it; until it is gone the next dockerd takes it for a running one."""
        containerd = pathlib.Path(self.folder, "exec/containerd/containerd.pid").read_text()
        self.process.kill()
        self.process.wait()
        wait_until("containerd is gone", lambda: not pathlib.Path("/proc", containerd).exists())

    def stop_daemon(self):
        self.process.terminate()
        self.process.wait(60)

    def close(self):
        self.stop_daemon()
        remove_with_mounts(self.folder)  # a killed dockerd leaves one
