"""Bad input: each a clear error, a non-zero exit, and nothing left behind."""
import json
import os
import re
import socket
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError

from bad_registry import BadRegistry
from conftest import BINARIES, wait_until


def bundle(stack, config):
    folder = stack.folder / "bundle"
    folder.mkdir()
    (folder / "config.json").write_text(config)
    return folder


CONFIG = {"ociVersion": "1.0.2", "process": {"args": ["/bin/true"], "cwd": "/", "user": {"uid": 0, "gid": 0}},
          "linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}]}}


@pytest.mark.parametrize("config, words", [
    ("{not json", ["config.json", "not JSON", "line 1"]),
    (json.dumps(CONFIG), ["config.json", "root"]),
    (json.dumps({**CONFIG, "root": {"path": "nowhere"}}), ["nowhere"]),
    (json.dumps({**CONFIG, "root": {"path": 7}}), ["config.json", "$.root.path", "must be a string, found 7"]),
])
def test_runtime_refuses_a_broken_config(stack, config, words):
    folder = bundle(stack, config)
    done = stack.run(BINARIES / "gantry-oci", "--root", stack.folder / "oci", "run", "--bundle", folder, "broken")
    assert done.returncode != 0
    for word in words:
        assert word in done.stderr
    listed = stack.run(BINARIES / "gantry-oci", "--root", stack.folder / "oci", "list", "-q")
    assert listed.stdout.strip() == ""


def stored_files(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() and p.stat().st_size > 0)


@pytest.mark.parametrize("fault, words", [
    ("wrong digest", ["sha256:", "digest"]),
    ("truncated layer", ["sha256:"]),
    ("not gzip", ["sha256:"]),
])
def test_pull_refuses_a_damaged_layer(stack, fault, words):
    with BadRegistry(fault) as registry:
        done = stack.gantry("pull", f"{registry.address}/app:1")
    assert done.returncode != 0
    for word in words:
        assert word in done.stderr.lower()
    assert stack.gantry("images", "-q").stdout.strip() == ""
    left = [name for name in stored_files(stack.folder / "host") if re.search(r"[0-9a-f]{64}|tmp", name)]
    assert left == []


def test_pull_of_a_good_image_from_the_same_server_works(stack):
    with BadRegistry("none") as registry:
        done = stack.gantry("pull", f"{registry.address}/app:1")
    assert done.returncode == 0, done.stderr


def test_run_of_an_unknown_image(stack):
    registry = stack.registry()
    done = stack.gantry("run", "--rm", f"{registry}/no/such:1")
    assert done.returncode == 125
    assert "no/such" in done.stderr
    assert stack.gantry("ps", "-aq").stdout.strip() == ""


def expect_no_container(stack):
    """Not even a stopped one, and nothing of one on disk."""
    assert stack.gantry("ps", "-aq").stdout.strip() == ""
    for folder in ("containers", "names", "volumes", "images/holds"):
        assert os.listdir(stack.folder / "host" / folder) == [], folder
    assert list((stack.folder / "run/network/leases").glob("*")) == []


def test_run_with_a_port_in_use(stack):
    assert stack.gantry("import", stack.busybox_root(), "busybox:1").returncode == 0
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = stack.gantry("run", "-d", "-p", f"{port}:80", "busybox:1", "sleep", "60")
    assert done.returncode == 125
    assert str(port) in done.stderr and "use" in done.stderr
    expect_no_container(stack)


def test_run_of_a_program_that_isnt_there(stack):
    assert stack.gantry("import", stack.busybox_root(), "busybox:1").returncode == 0
    done = stack.gantry("run", "-d", "--name", "web", "busybox:1", "/no/such")
    assert done.returncode == 127
    assert "/no/such" in done.stderr
    expect_no_container(stack)


def test_run_with_a_port_of_another_container(stack):
    assert stack.gantry("import", stack.busybox_root(), "busybox:1").returncode == 0
    first = stack.gantry("run", "-d", "--name", "first", "-p", "18080:80", "busybox:1", "sleep", "60")
    assert first.returncode == 0, first.stderr
    second = stack.gantry("run", "-d", "--name", "second", "-p", "18080:80", "busybox:1", "sleep", "60")
    assert second.returncode == 125
    assert "18080" in second.stderr
    assert stack.gantry("ps", "-aq").stdout.split() == [first.stdout.strip()[:12]]


def test_login_with_a_wrong_password(stack):
    registry = stack.registry()
    done = stack.gantry("login", "--username", "AWS", "--password-stdin", registry, input="wrong")
    assert done.returncode != 0
    assert registry in done.stderr and "unauthorized" in done.stderr.lower()
    assert not (stack.folder / "docker/config.json").exists()


def test_an_expired_token(stack):
    registry = stack.registry("--token-lifetime", "1s")
    password = stack.run("/usr/bin/aws", "--endpoint-url", f"http://{registry}", "ecr", "get-login-password").stdout

    def refused():
        done = stack.gantry("login", "--username", "AWS", "--password-stdin", registry, input=password)
        return done if done.returncode != 0 else None

    done = wait_until("the token to expire", refused, 20)
    assert "expired" in done.stderr.lower()


def test_an_unsigned_call(stack):
    url = stack.control()
    request = urllib.request.Request(url, data=b"{}", headers={
        "X-Amz-Target": "AmazonEC2ContainerServiceV20141113.ListClusters",
        "Content-Type": "application/x-amz-json-1.1"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=5)
    assert refused.value.code in (400, 403)
    assert json.loads(refused.value.read())["__type"] == "MissingAuthenticationTokenException"


@pytest.mark.parametrize("options, name", [
    ({"secret": "wrong"}, "InvalidSignatureException"),
    ({"key": "AKIANOBODY"}, "UnrecognizedClientException"),
])
def test_a_call_with_wrong_keys(stack, options, name):
    with pytest.raises(ClientError) as refused:
        stack.client("ecs", stack.control(), **options).list_clusters()
    assert refused.value.response["Error"]["Code"] == name


def register_sleeper(stack, ecs, image, cpu):
    return ecs.register_task_definition(family="sleeper", containerDefinitions=[
        {"name": "main", "image": image, "essential": True, "cpu": cpu, "memory": 32, "command": ["sleep", "1000"]}])


def host_with_image(stack):
    assert stack.gantry("import", stack.busybox_root(), "busybox:1").returncode == 0
    return {"ECS_IMAGE_PULL_BEHAVIOR": "prefer-cached"}


def test_service_that_no_host_can_hold_says_so_and_is_placed_when_one_comes(stack):
    url = stack.control()
    ecs = stack.client("ecs", url)
    ecs.register_container_instance(cluster="default", totalResources=[
        {"name": "CPU", "type": "INTEGER", "integerValue": 128},
        {"name": "MEMORY", "type": "INTEGER", "integerValue": 64}])
    register_sleeper(stack, ecs, "busybox:1", 1024)
    ecs.create_service(serviceName="big", taskDefinition="sleeper", desiredCount=1)

    def service():
        return ecs.describe_services(services=["big"])["services"][0]

    wait_until("an event that says why", lambda: any(
        "was unable to place a task" in event["message"] for event in service()["events"]))
    assert service()["runningCount"] == 0
    stack.agent(url, environment=host_with_image(stack))
    wait_until("the task to be placed on the new host", lambda: service()["runningCount"] == 1, 60)


def test_agent_runs_its_tasks_on_while_the_control_plane_is_down(stack):
    url = stack.control()
    ecs = stack.client("ecs", url)
    stack.agent(url, environment=host_with_image(stack))
    register_sleeper(stack, ecs, "busybox:1", 128)
    wait_until("the host", lambda: ecs.list_container_instances()["containerInstanceArns"])
    ecs.create_service(serviceName="one", taskDefinition="sleeper", desiredCount=1)
    wait_until("the task to run", lambda: ecs.describe_services(services=["one"])["services"][0]["runningCount"] == 1,
               60)
    before = ecs.list_tasks(serviceName="one")["taskArns"]
    running = stack.gantry("ps", "-q").stdout.split()
    assert len(running) == 1

    stack.control_process.kill()
    stack.control_process.wait()
    retries = stack.log("gantry-agent").count("retry")
    wait_until("two tries to connect again", lambda: stack.log("gantry-agent").count("retry") >= retries + 2, 40,
               lambda: stack.log("gantry-agent")[-2000:])
    assert stack.gantry("ps", "-q").stdout.split() == running

    stack.control(port=int(url.rsplit(":", 1)[1]))

    def connected():
        instances = ecs.list_container_instances()["containerInstanceArns"]
        found = ecs.describe_container_instances(containerInstances=instances)["containerInstances"]
        return [instance["agentConnected"] for instance in found] == [True]

    wait_until("the agent to come back", connected, 60)
    assert ecs.list_tasks(serviceName="one")["taskArns"] == before
    assert stack.gantry("ps", "-q").stdout.split() == running
