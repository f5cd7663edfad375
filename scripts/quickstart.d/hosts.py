"""Where the containers run: on this machine when it enforces cgroup v2 limits, else in the QEMU guest."""
import os
import pathlib
import select
import signal
import subprocess
import time

from show import ClaimFailed, progress

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
NEEDED = ("cpu", "memory", "pids", "io")
PORTS = range(31000, 31048)  # the tasks' host ports; the guest's are forwarded one by one


def missing_controllers():
    try:
        have = pathlib.Path("/sys/fs/cgroup/cgroup.controllers").read_text().split()
    except OSError:
        return list(NEEDED)
    return [name for name in NEEDED if name not in have]


class Adopted:
    """As much of Popen as Process needs, for a process that isn't our child."""

    def __init__(self, pid):
        self.pid, self.descriptor = pid, os.pidfd_open(pid)
        self.returncode = None

    def poll(self):
        if self.returncode is None and select.select([self.descriptor], [], [], 0)[0]:
            self.returncode = 0
        return self.returncode

    def send_signal(self, number):
        signal.pidfd_send_signal(self.descriptor, number)

    def wait(self, seconds):
        if not select.select([self.descriptor], [], [], seconds)[0]:
            raise subprocess.TimeoutExpired("wait", seconds)


class Process:
    """A program of ours that quickstart started, and ends by its pid."""

    def __init__(self, name, command, log, env):
        self.name, self.command, self.log, self.env = name, command, log, env
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=self.env, start_new_session=True)

    def adopt(self, pid):
        """A process that an earlier run left (--keep), unless its pid is another program's by now."""
        try:
            command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return
        if [os.fsencode(word) for word in self.command] == command[:-1]:
            self.process = Adopted(pid)

    def kill(self, number=signal.SIGKILL):
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)

    def stop(self):
        self.kill(signal.SIGTERM)
        if self.process:
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
                self.process.wait(20)

    def check(self):
        if self.process.poll() is not None:
            tail = "\n".join(pathlib.Path(self.log).read_text(errors="replace").splitlines()[-8:])
            raise ClaimFailed(f"{self.name} ended with {self.process.returncode}:\n{tail}")


class NativeHost:
    """This machine."""

    kind = "this machine"

    name = ""  # the guest's

    def __init__(self, state, control_port, registry_port):
        self.state = state
        self.bridge = "gq" + self.state.name.rsplit(".", 1)[-1]  # at most 15 bytes

    def boot(self):
        pass

    def run(self, command, limit=120.0, check=True):
        done = subprocess.run(command, text=True, capture_output=True, timeout=limit)
        if check and done.returncode != 0:
            raise ClaimFailed(f"{' '.join(command)[:200]} ended with {done.returncode}: {done.stderr.strip()[-400:]}")
        return done.stdout if check else done

    def halt(self):
        self.remove_task_groups()
        # gantry leaves the folder of network namespaces mounted, as ip does: for the next container.
        for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()[::-1]:
            point = line.split()[4]
            if point.startswith(f"{self.state}/"):
                subprocess.run(["umount", point], check=False)
        table = f"gantry-{self.bridge}"
        for command in (["ip", "link", "delete", self.bridge], ["nft", "delete", "table", "inet", table]):
            subprocess.run(command, check=False, capture_output=True)


    def remove_task_groups(self):
        """The agent keeps a stopped task, and with it the task's empty cgroup, for three hours."""
        mounts = [line.split() for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
        group = next((pathlib.Path(m[4]) for m in mounts if m[m.index("-") + 1] == "cgroup2"), None)
        if not group:
            return
        tasks = [group / "gantry/ecs" / file.stem for file in (self.state / "host/agent/tasks").glob("*.json")]
        for folder in [*tasks, group / "gantry/ecs", group / "gantry"]:
            try:
                folder.rmdir()
            except OSError:
                pass  # gone already, or in use by a gantry that is installed here


class GuestHost(NativeHost):
    """The QEMU guest: this machine's own root, read-only below a tmpfs, with cgroup v2 whole."""

    kind = "a QEMU guest on this machine's own root"

    def __init__(self, state, control_port, registry_port):
        super().__init__(state, control_port, registry_port)
        self.reach = [control_port, registry_port]
        self.script = str(ROOT / "scripts/guest")

    def boot(self):
        command = [self.script, "--boot", self.name, "--memory", "6144", "--share", str(self.state),
                   "--forward", f"{PORTS.start}-{PORTS.stop - 1}"]
        for port in self.reach:
            command += ["--reach", str(port)]
        with progress("the guest boots"):
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL)

    def run(self, command, limit=120.0, check=True):
        return super().run([self.script, "--in", self.name, "--", *command], limit, check)

    def halt(self):
        subprocess.run([self.script, "--halt", self.name], check=False, capture_output=True, timeout=60)


class Agent:
    """gantry-agent on the host, started detached so that it and we can be killed apart."""

    def __init__(self, host, binaries, state, environment, arguments):
        self.host, self.state = host, state
        self.log = state / "agent.log"
        self.pid_file = state / "agent.pid"
        exports = " ".join(f"{key}='{value}'" for key, value in environment.items())
        program = " ".join([str(binaries / "gantry-agent"), *arguments])
        self.script = (f"cd /; {exports} setsid {program} </dev/null >>{self.log} 2>&1 & "
                       f"echo $! >{self.pid_file}")

    def start(self):
        self.host.run(["sh", "-c", self.script])

    def pid(self):
        return self.pid_file.read_text().strip()

    def alive(self):
        return self.host.run(["sh", "-c", f"kill -0 {self.pid()}"], check=False).returncode == 0

    def kill(self, name="KILL"):
        self.host.run(["sh", "-c", f"kill -{name} {self.pid()}"], check=False)

    def stop(self):
        self.kill("TERM")
        deadline = time.monotonic() + 30
        while self.alive() and time.monotonic() < deadline:
            time.sleep(0.3)
        if self.alive():
            self.kill()
