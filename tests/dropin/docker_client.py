"""docker (Debian's dockerd and command line) as the tests drive it, set up as docs/dropin.md says."""
import json
import subprocess

from clients import CONTAINERD_CONF, GANTRY, Client, enforces_limits, remove_with_mounts, wait_until


class Docker(Client):
    def __init__(self, folder, archive):
        folder.mkdir()
        self.folder = folder
        config = folder / "daemon.json"
        config.write_text(json.dumps({"runtimes": {"gantry": {"path": str(self.make_binary())}},
                                      "default-runtime": "gantry"}))
        self.socket = f"unix://{folder}/docker.sock"
        self.log = folder / "log"
        self.start_containerd()
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

    def start_containerd(self):
        """As Debian's units have it. A containerd of dockerd's own must answer in 15 s, too few under emulation."""
        folder = self.folder / "containerd"
        folder.mkdir()
        (folder / "config.toml").write_text(CONTAINERD_CONF.format(folder=folder))
        self.containerd_socket = folder / "containerd.sock"
        with open(self.log, "ab") as log:
            self.containerd = subprocess.Popen(["containerd", "--config", folder / "config.toml"],
                                               stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        answers = ["ctr", "--address", self.containerd_socket, "version"]
        wait_until("containerd answers", lambda: subprocess.run(answers, capture_output=True).returncode == 0, limit=90,
                   evidence=self.log.read_text)

    def start_daemon(self, *options):
        """The network is left alone: no bridge, no packet filter."""
        folder = self.folder
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["dockerd", "--config-file", folder / "daemon.json", "--host", self.socket, "--containerd",
                 self.containerd_socket, "--data-root", folder / "data", "--exec-root", folder / "exec", "--pidfile", folder / "pid", "--iptables=false",
                 "--ip6tables=false", "--bridge=none", *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until("dockerd answers", lambda: self.result("version").returncode == 0, limit=90,
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

    def stop_daemon(self):
        self.process.terminate()
        self.process.wait(60)

    def close(self):
        self.stop_daemon()
        self.containerd.terminate()
        self.containerd.wait(60)
        remove_with_mounts(self.folder)  # a killed dockerd leaves one
