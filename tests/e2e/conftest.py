"""The end-to-end tests run the real programs in a network namespace of their own, against the aws command line and
boto3. `scripts/test e2e` runs them; GANTRY_BIN_DIR names the programs."""
import ctypes
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import boto3
import pytest
from botocore.config import Config

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
BINARIES = pathlib.Path(os.environ.get("GANTRY_BIN_DIR", SOURCE / "build/release/bin"))
REGION = "us-east-1"
CLONE_NEWNET, CLONE_NEWNS = 0x40000000, 0x00020000


def enter_namespaces():
    """A network namespace with only loopback, and a mount namespace: what the tests make goes with the process."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET | CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare: the end-to-end tests need root")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def pytest_configure(config):
    if not any("test_quickstart" in argument for argument in config.args):  # quickstart uses the host's own network
        enter_namespaces()


def wait_until(what, condition, limit=30.0, evidence=lambda: ""):
    """The condition's first true value; when it isn't seen in time, the failure shows the evidence."""
    deadline = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not seen within {limit:.0f} s\n{evidence()}")
        time.sleep(0.05)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Stack:
    """A folder, credentials, and the programs started in it; everything ends with the test."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="gantry-e2e.", dir="/var/tmp"))
        self.key, self.secret = "AKIA" + secrets.token_hex(8).upper(), secrets.token_urlsafe(30)
        credentials = self.folder / "credentials"
        credentials.write_text(f"[e2e]\naws_access_key_id = {self.key}\naws_secret_access_key = {self.secret}\n")
        credentials.chmod(0o600)
        self.credentials = credentials
        self.environment = {**os.environ, "AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": self.secret,
                            "AWS_DEFAULT_REGION": REGION, "AWS_PAGER": "", "AWS_CONFIG_FILE": "/dev/null",
                            "AWS_EC2_METADATA_DISABLED": "true", "DOCKER_CONFIG": str(self.folder / "docker")}
        self.processes = []

    def start(self, name, *arguments, environment=None):
        log = open(self.folder / f"{name}.log", "ab")
        process = subprocess.Popen([str(BINARIES / name), *arguments], stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=log, env={**self.environment, **(environment or {})})
        log.close()
        self.processes.append(process)
        return process

    def log(self, name):
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def registry(self, *arguments):
        port = free_port()
        process = self.start("gantry-registry", "--listen", f"127.0.0.1:{port}", "--data",
                             str(self.folder / "registry"), "--credentials", str(self.credentials), *arguments)
        self.wait_for_port(port, process, "gantry-registry")
        return f"127.0.0.1:{port}"

    def control(self, *arguments, port=None):
        port = port or free_port()
        process = self.start("gantry-control", "--listen", f"127.0.0.1:{port}", "--state",
                             str(self.folder / "control"), "--credentials", str(self.credentials), *arguments)
        self.wait_for_port(port, process, "gantry-control")
        self.control_process = process
        return f"http://127.0.0.1:{port}"

    def agent(self, control_url, *arguments, environment=None):
        return self.start("gantry-agent", "--root", str(self.folder / "host"), "--run-root", str(self.folder / "run"),
                          "--data-dir", str(self.folder / "agent"), "--cgroup-limits", "best-effort",
                          "--introspection-port", "0", *arguments,
                          environment={"ECS_BACKEND_HOST": control_url, "ECS_CLUSTER": "default",
                                       "ECS_LOGLEVEL": "debug", **(environment or {})})

    def wait_for_port(self, port, process, name):
        def open_or_dead():
            assert process.poll() is None, f"{name} ended with {process.returncode}: {self.log(name)}"
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        wait_until(f"{name} listens", open_or_dead, 20)

    def client(self, service, url, **options):
        return boto3.client(service, region_name=REGION, endpoint_url=url,
                            aws_access_key_id=options.get("key", self.key),
                            aws_secret_access_key=options.get("secret", self.secret),
                            config=Config(retries={"max_attempts": 1}, connect_timeout=3, read_timeout=20))

    def run(self, *command, **options):
        return subprocess.run([str(part) for part in command], text=True, capture_output=True, timeout=120,
                              env={**self.environment, **options.pop("environment", {})}, **options)

    def gantry(self, *arguments, root="host", **options):
        return self.run(BINARIES / "gantry", "--root", self.folder / root, "--run-root", self.folder / "run",
                        "--cgroup-limits", "best-effort", *arguments, **options)

    def busybox_root(self):
        """A root file system of one static busybox."""
        root = self.folder / "busybox"
        if not root.exists():
            (root / "bin").mkdir(parents=True)
            shutil.copy("/bin/busybox", root / "bin/busybox")
            for name in ("sh", "sleep", "cat", "echo", "true", "false", "wget", "httpd", "id", "ls", "env"):
                (root / "bin" / name).symlink_to("busybox")
            for name in ("etc", "tmp", "proc", "sys", "dev", "root"):
                (root / name).mkdir()
            (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
        return root

    def close(self):
        """The servers and the agent first: they would start again what is removed."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        for container in self.gantry("ps", "-aq").stdout.split():
            self.gantry("rm", "-f", container)
        self.remove_task_groups()
        self.unmount()
        shutil.rmtree(self.folder)

    def remove_task_groups(self):
        """The agent keeps a stopped task, and with it the task's empty cgroup, for three hours."""
        mounts = [line.split() for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
        group = next(pathlib.Path(m[4]) for m in mounts if m[m.index("-") + 1] == "cgroup2")
        for file in (self.folder / "agent/tasks").glob("*.json"):
            folder = group / "gantry/ecs" / file.stem
            if folder.exists():
                folder.rmdir()

    def unmount(self):
        """What the network's state keeps mounted below our folder."""
        mounts = [line.split()[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
        for path in sorted((path for path in mounts if path.startswith(f"{self.folder}/")), reverse=True):
            subprocess.run(["umount", path], check=True)


@pytest.fixture
def stack():
    made = Stack()
    yield made
    made.close()


PRIVATE_ADDRESS = "198.51.100.7"  # not loopback, where plain HTTP would do


@pytest.fixture
def private_tls(stack):
    """Certificate and key for PRIVATE_ADDRESS, of an authority that only its file vouches for."""
    subprocess.run(["ip", "address", "add", f"{PRIVATE_ADDRESS}/32", "dev", "lo"], check=True)
    key, certificate = stack.folder / "key.pem", stack.folder / "certificate.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=registry",
                    "-addext", f"subjectAltName=IP:{PRIVATE_ADDRESS}", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    yield certificate, key
    subprocess.run(["ip", "address", "del", f"{PRIVATE_ADDRESS}/32", "dev", "lo"], check=True)
