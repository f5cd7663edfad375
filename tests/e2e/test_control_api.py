"""gantry-control alone, driven by the aws command line and boto3; the agents are fake_agent.py's."""
import json
import threading

import botocore.exceptions
import pytest
from conftest import free_port, wait_until
from fake_agent import FakeAgent

CONTAINER = {"name": "app", "image": "127.0.0.1:5000/ns1/web:v1", "cpu": 256, "memory": 64,
             "portMappings": [{"containerPort": 80}], "environment": [{"name": "A", "value": "b"}]}


def aws(stack, url, *arguments):
    done = stack.run("/usr/bin/aws", "--endpoint-url", url, "--output", "json", "ecs", *arguments)
    assert done.returncode == 0, f"aws ecs {' '.join(arguments)}: {done.stderr}"
    return json.loads(done.stdout) if done.stdout.strip() else {}


def kill_and_restart(stack, url):
    stack.control_process.kill()
    stack.control_process.wait()
    stack.control(port=int(url.rsplit(":", 1)[1]))


def test_the_aws_command_line_makes_and_removes_everything(stack):
    url = stack.control()
    assert aws(stack, url, "create-cluster", "--cluster-name", "blue")["cluster"]["status"] == "ACTIVE"
    assert len(aws(stack, url, "list-clusters")["clusterArns"]) == 2
    definition = aws(stack, url, "register-task-definition", "--family", "web", "--container-definitions",
                     json.dumps([CONTAINER]))["taskDefinition"]
    assert definition["revision"] == 1 and definition["networkMode"] == "bridge"
    made = aws(stack, url, "create-service", "--cluster", "blue", "--service-name", "web", "--task-definition", "web",
               "--desired-count", "2", "--tags", "key=team,value=a")["service"]
    assert made["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    event = wait_until("an event that says why nothing starts",
                       lambda: aws(stack, url, "describe-services", "--cluster", "blue", "--services",
                                   "web")["services"][0]["events"])[0]
    assert "was unable to place a task" in event["message"]
    assert aws(stack, url, "list-tags-for-resource", "--resource-arn", made["serviceArn"])["tags"] == [
        {"key": "team", "value": "a"}]
    aws(stack, url, "update-service", "--cluster", "blue", "--service", "web", "--desired-count", "0")
    aws(stack, url, "delete-service", "--cluster", "blue", "--service", "web")
    aws(stack, url, "wait", "services-inactive", "--cluster", "blue", "--services", "web")
    assert aws(stack, url, "delete-cluster", "--cluster", "blue")["cluster"]["status"] == "INACTIVE"
    gone = stack.run("/usr/bin/aws", "--endpoint-url", url, "ecs", "list-tasks", "--cluster", "blue")
    assert gone.returncode != 0 and "ClusterNotFoundException" in gone.stderr and "Cluster not found." in gone.stderr


def test_a_service_becomes_stable_rolls_and_survives_a_kill(stack):
    url = stack.control()
    ecs = stack.client("ecs", url)
    agent = FakeAgent(stack, url)
    ecs.register_task_definition(family="web", containerDefinitions=[CONTAINER])
    ecs.create_service(serviceName="web", taskDefinition="web", desiredCount=2,
                       deploymentConfiguration={"minimumHealthyPercent": 0, "maximumPercent": 100})
    waiter = ecs.get_waiter("services_stable")
    waiter.wait(services=["web"], WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    tasks = ecs.describe_tasks(tasks=ecs.list_tasks(serviceName="web")["taskArns"])["tasks"]
    assert [task["lastStatus"] for task in tasks] == ["RUNNING", "RUNNING"]
    assert ecs.describe_container_instances(containerInstances=[agent.arn])["containerInstances"][0][
        "remainingResources"][0]["integerValue"] == 2048 - 2 * 256

    kill_and_restart(stack, url)
    before = ecs.describe_services(services=["web"])["services"][0]
    assert before["runningCount"] == 2
    assert not ecs.describe_container_instances(containerInstances=[agent.arn])["containerInstances"][0]["agentConnected"]
    agent.connect()
    ecs.register_task_definition(family="web", containerDefinitions=[CONTAINER])
    ecs.update_service(service="web", taskDefinition="web")
    waiter.wait(services=["web"], WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    after = ecs.describe_services(services=["web"])["services"][0]
    assert after["taskDefinition"].endswith("web:2") and len(after["deployments"]) == 1
    assert {task["taskDefinitionArn"] for task in
            ecs.describe_tasks(tasks=ecs.list_tasks(serviceName="web")["taskArns"])["tasks"]} == {after["taskDefinition"]}
    agent.close()


def test_a_single_task_runs_and_is_stopped(stack):
    url = stack.control()
    ecs = stack.client("ecs", url)
    agent = FakeAgent(stack, url)
    ecs.register_task_definition(family="web", containerDefinitions=[CONTAINER])
    task = ecs.run_task(taskDefinition="web", count=1)["tasks"][0]["taskArn"]
    ecs.get_waiter("tasks_running").wait(tasks=[task], WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    ecs.stop_task(task=task, reason="enough")
    ecs.get_waiter("tasks_stopped").wait(tasks=[task], WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    stopped = ecs.describe_tasks(tasks=[task])["tasks"][0]
    assert (stopped["stopCode"], stopped["stoppedReason"]) == ("UserInitiated", "enough")
    agent.close()


def test_without_a_connected_agent_nothing_is_placed_and_the_reason_says_so(stack):
    url = stack.control()
    ecs = stack.client("ecs", url)
    agent = FakeAgent(stack, url)
    agent.close()
    wait_until("the agent counts as gone", lambda: not ecs.describe_container_instances(
        containerInstances=[agent.arn])["containerInstances"][0]["agentConnected"])
    ecs.register_task_definition(family="web", containerDefinitions=[CONTAINER])
    answer = ecs.run_task(taskDefinition="web")
    assert answer["tasks"] == [] and answer["failures"] == [{"arn": agent.arn, "reason": "AGENT"}]


def test_what_was_acknowledged_survives_kills_at_any_moment(stack):
    url = stack.control()
    acknowledged, stop = [], threading.Event()

    def write(number):
        ecs = stack.client("ecs", url)
        for i in range(100000):
            if stop.is_set():
                return
            try:
                ecs.create_cluster(clusterName=f"c{number}-{i}")
                acknowledged.append(f"c{number}-{i}")
            except botocore.exceptions.BotoCoreError:
                pass  # killed meanwhile: not acknowledged

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    for _ in range(5):
        seen = len(acknowledged)
        wait_until("more clusters", lambda: len(acknowledged) > seen + 20)
        kill_and_restart(stack, url)
    stop.set()
    for writer in writers:
        writer.join()
    listed = {arn.rsplit("/", 1)[1] for page in stack.client("ecs", url).get_paginator("list_clusters").paginate()
              for arn in page["clusterArns"]}
    assert set(acknowledged) <= listed, sorted(set(acknowledged) - listed)[:5]


def test_over_tls_on_any_address(stack):
    certificate, key = stack.folder / "tls.crt", stack.folder / "tls.key"
    made = stack.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                     "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key,
                     "-out", certificate)
    assert made.returncode == 0, made.stderr
    port = free_port()
    process = stack.start("gantry-control", "--listen", f"0.0.0.0:{port}", "--tls-cert", str(certificate), "--tls-key",
                          str(key), "--state", str(stack.folder / "control"), "--credentials", str(stack.credentials))
    stack.wait_for_port(port, process, "gantry-control")
    url = f"https://localhost:{port}"
    done = stack.run("/usr/bin/aws", "--endpoint-url", url, "--ca-bundle", certificate, "ecs", "discover-poll-endpoint")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["endpoint"] == url


@pytest.mark.parametrize("arguments, message", [
    (["--listen", "0.0.0.0:0"], "plain HTTP is for loopback addresses only"),
    (["--account", "12"], "must have 12 digits"),
    (["--colour", "red"], 'unknown option "--colour"'),
    (["--log-level", "loud"], "loud"),
])
def test_bad_options_are_refused(stack, arguments, message):
    process = stack.start("gantry-control", "--credentials", str(stack.credentials), "--state",
                          str(stack.folder / "control"), *arguments)
    assert process.wait(10) != 0
    assert message in stack.log("gantry-control")
