"""Steps 6 and 7: a service within its limits, and the proof that they are enforced."""
import json

import images
from loop import CLUSTER
from show import ClaimFailed, progress, require, say, wait_for


def container(loop, image, **more):
    return {"name": "web", "image": image, "essential": True, "memory": 64,
            "portMappings": [{"containerPort": 80, "hostPort": 0, "protocol": "tcp"}],
            "environment": [{"name": "STAGE", "value": "quickstart"}],
            "healthCheck": {"command": ["CMD-SHELL", "busybox wget -q -O /dev/null http://127.0.0.1/ || exit 1"],
                            "interval": 5, "timeout": 5, "retries": 3, "startPeriod": 5},
            **more}


def register(loop, family, definition, **options):
    done = loop.aws_json("ecs", "register-task-definition", "--family", family, "--cpu", "256", "--memory", "64",
                         "--container-definitions", json.dumps([definition]), **options)
    return done["taskDefinition"]["taskDefinitionArn"].rsplit("/", 1)[-1]


def create_service(loop):
    definition = register(loop, "web", container(loop, loop.image))
    loop.aws("ecs", "create-service", "--cluster", CLUSTER, "--service-name", "web", "--task-definition", definition,
             "--desired-count", "2", "--query", "service.[serviceName,status,desiredCount]", "--output", "text")
    loop.wait_stable("web")
    loop.aws("ecs", "wait", "services-stable", "--cluster", CLUSTER, "--services", "web")
    tasks = loop.service_tasks("web")
    require(len(tasks) == 2, "two tasks run")
    pages = check_pages(loop, "web", "v1")
    return "2 tasks, pages on ports " + ", ".join(str(port) for port in pages)


def check_pages(loop, service, version):
    """Each task answers on its own host port with the page of `version`."""
    ports = []
    for task in loop.service_tasks(service):
        port, body = loop.page_of(task)
        say(f"$ curl http://127.0.0.1:{port}/")
        require(body == images.page(version), f"task {short_id(task)} shows the {version} page", (body or "").strip())
        ports.append(port)
    require(len(set(ports)) == len(ports) > 0, "each task has a host port of its own")
    return ports


def short_id(task):
    return task["taskArn"].rsplit("/", 1)[-1][:8]


def prove_enforcement(loop):
    neighbours = {task["taskArn"] for task in loop.service_tasks("web")}
    show_limits(loop, loop.service_tasks("web")[0])
    out_of_memory(loop)
    usage = burn_cpu(loop)
    still = {task["taskArn"] for task in loop.service_tasks("web")}
    require(neighbours == still, "its neighbours never stopped", f"{len(still)} tasks")
    return f"out of memory: exit 137; a busy loop gets {usage:.0%} of one core"


def show_limits(loop, task):
    node = loop.task_cgroup(task)
    values = {name: loop.read_on_host(f"{node}/{name}") for name in ("memory.max", "cpu.max", "cpu.weight")}
    for name, value in values.items():
        say(f"{name} = {value}")
    require(values["memory.max"] == str(64 << 20), "the kernel has the task's 64 MiB", values["memory.max"])
    quota, period = values["cpu.max"].split()
    require(int(quota) * 4 == int(period), "the kernel has a quarter of a core for 256 units", values["cpu.max"])


def run_task(loop, family, command):
    definition = register(loop, family, {"name": "work", "image": loop.image, "essential": True, "memory": 64,
                                         "command": command})
    started = loop.aws_json("ecs", "run-task", "--cluster", CLUSTER, "--task-definition", definition)
    if started["failures"]:
        raise ClaimFailed(f"run-task {family}: {started['failures']}")
    return started["tasks"][0]["taskArn"]


def out_of_memory(loop):
    say("A task that allocates past its memory:")
    arn = run_task(loop, "hungry", ["sh", "-c", "exec busybox tail /dev/zero"])

    def stopped():
        task = loop.ecs.describe_tasks(cluster=CLUSTER, tasks=[arn])["tasks"][0]
        return task if task["lastStatus"] == "STOPPED" else None

    task = wait_for("the task to be stopped by the kernel", stopped, 120)
    ended = task["containers"][0]
    say(f"stoppedReason: {task.get('stoppedReason')}; container: exitCode {ended.get('exitCode')}, {ended.get('reason')}")
    require(ended.get("exitCode") == 137, "it stopped with exit code 137")
    require("outofmemory" in ended.get("reason", "").replace(" ", "").lower(), "the reason names out of memory")


def burn_cpu(loop):
    say("A task that burns CPU, allowed 256 of 1024 units:")
    arn = run_task(loop, "busy", ["sh", "-c", "while :; do :; done"])

    def running():
        task = loop.ecs.describe_tasks(cluster=CLUSTER, tasks=[arn])["tasks"][0]
        return task if task["lastStatus"] == "RUNNING" else None

    task = wait_for("the task to run", running, 90)
    stat = loop.task_cgroup(task) + "/cpu.stat"
    script = f"cat {stat} /proc/uptime; sleep 5; cat {stat} /proc/uptime"
    with progress("it burns CPU for 5 seconds"):
        lines = loop.host.run(["sh", "-c", script]).splitlines()
    used = [int(line.split()[1]) for line in lines if line.startswith("usage_usec ")]
    clock = [float(line.split()[0]) for line in lines if "." in line.split()[0]]
    share = (used[1] - used[0]) / 1e6 / (clock[1] - clock[0])
    loop.ecs.stop_task(cluster=CLUSTER, task=arn, reason="shown")
    require(0.15 <= share <= 0.27, "it gets its share of a core, no more", f"{share:.3f} (cpu.stat usage_usec over 5 s)")
    return share
