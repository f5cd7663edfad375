"""What the steps share: addresses, credentials, the programs, clients, and how to look at tasks."""
import json
import os
import pathlib
import secrets
import shutil
import socket
import subprocess
import tempfile

import boto3
from botocore.config import Config

import hosts
from show import ClaimFailed, progress, run, wait_for

REGION = "us-east-1"
CLUSTER = "default"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def http_get(url, timeout=3.0):
    """The body, or None when there is no good answer."""
    done = subprocess.run(["curl", "-sf", "--max-time", str(timeout), url], capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else None


def new_facts(in_guest):
    """What a run is about, and all that ending it later needs."""
    return {"state": tempfile.mkdtemp(prefix="gantry-quickstart.", dir="/var/tmp"), "in_guest": in_guest, "pids": {},
            "control_port": free_port(), "registry_port": free_port(), "guest": f"quickstart-{os.getpid()}",
            "key": "AKIA" + secrets.token_hex(8).upper(), "secret": secrets.token_urlsafe(30)}


def kept():
    """The facts of the runs that --keep left."""
    return [json.loads(path.read_text()) for path in pathlib.Path("/var/tmp").glob("gantry-quickstart.*/kept.json")]


class Loop:
    def __init__(self, facts, keep=False):
        self.facts, self.keep = facts, keep
        self.binaries = hosts.ROOT / "build/release/bin"
        self.state = pathlib.Path(facts["state"])
        self.control_port, self.registry_port = facts["control_port"], facts["registry_port"]
        self.control_url = f"http://127.0.0.1:{self.control_port}"
        self.registry = f"127.0.0.1:{self.registry_port}"
        self.key, self.secret = facts["key"], facts["secret"]
        self.write_credentials()
        self.environment = {**os.environ, **self.aws_environment(), "DOCKER_CONFIG": str(self.state / "docker")}
        self.root = self.state / "cli"  # the command line's own images: the "developer's machine"
        in_guest = facts["in_guest"]
        kind = hosts.GuestHost if in_guest else hosts.NativeHost
        self.host = kind(self.state, self.control_port, self.registry_port)
        self.host.name = facts["guest"]
        self.host_root = "/var/lib/gantry" if in_guest else str(self.state / "host")
        self.host_run_root = "/run/gantry" if in_guest else str(self.state / "run")
        self.host_bridge = "gantry0" if in_guest else self.host.bridge
        self.make_processes()
        for process in (self.control, self.registry_server):
            if process.name in facts["pids"]:
                process.adopt(facts["pids"][process.name])
        self.ecs = self.client("ecs")

    def write_credentials(self):
        path = self.state / "credentials"
        path.touch(mode=0o600)
        path.write_text(f"[quickstart]\naws_access_key_id = {self.key}\naws_secret_access_key = {self.secret}\n")
        self.credentials = path

    def aws_environment(self):
        return {"AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": self.secret, "AWS_DEFAULT_REGION": REGION,
                "AWS_PAGER": "", "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null"}

    def make_processes(self):
        def program(name, *arguments):
            return hosts.Process(name, [str(self.binaries / name), *arguments], self.state / f"{name}.log",
                                 self.environment)

        self.control = program("gantry-control", "--listen", f"127.0.0.1:{self.control_port}", "--state",
                               str(self.state / "control"), "--credentials", str(self.credentials), "--registry",
                               self.registry)
        self.registry_server = program("gantry-registry", "--listen", self.registry, "--data",
                                       str(self.state / "registry"), "--credentials", str(self.credentials),
                                       "--events-endpoint", self.control_url)
        # No login is stored on the host: it pulls with tokens that it gets with its own key (--registry above).
        environment = {**self.aws_environment(), "ECS_CLUSTER": CLUSTER, "ECS_BACKEND_HOST": self.control_url,
                       "ECS_DYNAMIC_HOST_PORT_RANGE": f"{hosts.PORTS.start}-{hosts.PORTS.stop - 1}",
                       "DOCKER_CONFIG": str(self.state / "no-stored-logins"), "ECS_LOGLEVEL": "info"}
        self.agent = hosts.Agent(self.host, self.binaries, self.state, environment,
                                 [*self.host_options(), "--data-dir", f"{self.host_root}/agent",
                                  "--introspection-port", "0"])

    def host_options(self):
        """Of gantry and gantry-agent on the host: apart from a gantry that may be installed there."""
        return ["--root", self.host_root, "--run-root", self.host_run_root, "--bridge", self.host_bridge]

    # Clients

    def client(self, service):
        url = self.control_url if service == "ecs" else f"http://{self.registry}"
        return boto3.client(service, region_name=REGION, endpoint_url=url, aws_access_key_id=self.key,
                            aws_secret_access_key=self.secret,
                            config=Config(retries={"max_attempts": 2}, connect_timeout=3, read_timeout=20))

    def aws(self, service, *arguments, **options):
        """The aws command line, as a user types it; the endpoint is left out of what is shown."""
        url = self.control_url if service == "ecs" else f"http://{self.registry}"
        shown = "aws " + " ".join([service, *(a if " " not in a and "{" not in a else f"'{a}'" for a in arguments)])
        return run(["/usr/bin/aws", "--endpoint-url", url, service, *arguments], env=self.environment,
                   shown=shown if len(shown) < 230 else shown[:227] + "…", **options)

    def aws_json(self, service, *arguments, **options):
        return json.loads(self.aws(service, *arguments, "--output", "json", quiet=True, **options))

    def gantry(self, *arguments, **options):
        """The command line on the developer's machine."""
        run_root = str(self.state / "cli-run")
        return run([str(self.binaries / "gantry"), "--root", str(self.root), "--run-root", run_root, *arguments],
                   env=self.environment, shown="gantry " + " ".join(a if " " not in a else f"'{a}'" for a in arguments),
                   **options)

    def gantry_on_host(self, *arguments, check=True):
        """The command line on the host that runs the tasks."""
        return self.host.run([str(self.binaries / "gantry"), *self.host_options(), *arguments], check=check)

    # Tasks

    def tasks(self, **filters):
        """Descriptions of the running tasks (or as the filters say)."""
        ecs = self.ecs
        arns = ecs.list_tasks(cluster=CLUSTER, **filters)["taskArns"]
        return ecs.describe_tasks(cluster=CLUSTER, tasks=arns)["tasks"] if arns else []

    def service_tasks(self, service):
        return [task for task in self.tasks(serviceName=service) if task["lastStatus"] == "RUNNING"]

    def page_of(self, task):
        ports = [binding["hostPort"] for container in task["containers"]
                 for binding in container.get("networkBindings", [])]
        if not ports:
            return None, None
        return ports[0], http_get(f"http://127.0.0.1:{ports[0]}/")

    def service(self, name):
        return self.ecs.describe_services(cluster=CLUSTER, services=[name])["services"][0]

    def wait_stable(self, name, limit=150.0):
        def stable():
            service = self.service(name)
            settled = len(service["deployments"]) == 1 and service["deployments"][0]["rolloutState"] == "COMPLETED"
            return settled and service["runningCount"] == service["desiredCount"] and service

        return wait_for(f"service {name} to be stable and healthy", stable, limit)

    def task_cgroup(self, task):
        """The task's node in the host's cgroup tree."""
        task_id = task["taskArn"].rsplit("/", 1)[-1]
        found = self.host.run(["find", "/sys/fs/cgroup", "-type", "d", "-name", f"*{task_id}*"]).split()
        if not found:
            raise ClaimFailed(f"no cgroup of task {task_id} on the host")
        return min(found, key=len)

    def read_on_host(self, path):
        return self.host.run(["cat", path]).strip()

    # Ends

    def write_kept(self):
        self.facts["pids"] = {p.name: p.process.pid for p in (self.control, self.registry_server)}
        path = self.state / "kept.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(self.facts))

    def stop(self):
        if self.agent.pid_file.exists():
            try:
                self.end_services_and_tasks()
            except Exception as error:  # the control plane may be what failed: go on cleaning up
                print(f"   (stop the tasks: {error})")
            self.gantry_remove_all()
            with progress("the agent ends"):
                self.agent.stop()
        with progress("the servers and the host end"):
            self.control.stop()
            self.registry_server.stop()
            self.host.halt()
        try:
            shutil.rmtree(self.state)
        except OSError as error:
            print(f"   (left: {error})")

    def end_services_and_tasks(self):
        for service in self.ecs.list_services(cluster=CLUSTER)["serviceArns"]:
            self.ecs.delete_service(cluster=CLUSTER, service=service, force=True)
        for task in self.list_all_tasks():
            self.ecs.stop_task(cluster=CLUSTER, task=task, reason="quickstart ends")

    def list_all_tasks(self):
        try:
            return self.ecs.list_tasks(cluster=CLUSTER)["taskArns"]
        except Exception:
            return []

    def gantry_remove_all(self):
        try:
            wait_for("the tasks to stop", lambda: not self.list_all_tasks(), 60)
        except ClaimFailed as error:
            print(f"   ({error})")
        for container in self.gantry_on_host("ps", "-aq", check=False).stdout.split():
            self.gantry_on_host("rm", "-f", container, check=False)
