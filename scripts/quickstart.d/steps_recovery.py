"""Steps 10 and 11: kill -9 of the agent and the control plane, and the end."""
from loop import CLUSTER
from show import require, say, wait_for
from steps_service import check_pages, short_id


def main_processes(loop):
    """{container id: pid of its main process}, as the host has them."""
    pids = {}
    for container in loop.gantry_on_host("ps", "-q", "--no-trunc").split():
        pids[container] = loop.gantry_on_host("inspect", "--format", "{{.State.Pid}}", container).strip()
    return pids


def kill_and_restart(loop):
    wait_for("the services of step 9 to be gone", lambda: len(loop.tasks()) == 2, 90)
    tasks = {task["taskArn"]: task["startedAt"] for task in loop.service_tasks("web")}
    pids = main_processes(loop)
    require(len(pids) == 2, "two containers run", ", ".join(f"pid {pid}" for pid in pids.values()))
    say(f"$ kill -9 {loop.agent.pid()}   # gantry-agent")
    loop.agent.kill("KILL")
    say(f"$ kill -9 {loop.control.process.pid}   # gantry-control")
    loop.control.kill()
    loop.control.process.wait()
    wait_for("the agent to be gone", lambda: not loop.agent.alive(), 10)
    require(main_processes(loop) == pids, "the containers run on without both")
    loop.control.start()
    loop.agent.start()

    def connected():
        try:
            arns = loop.ecs.list_container_instances(cluster=CLUSTER)["containerInstanceArns"]
            found = loop.ecs.describe_container_instances(cluster=CLUSTER, containerInstances=arns)
        except Exception:
            return None  # not up yet
        return arns if len(arns) == 1 and found["containerInstances"][0]["agentConnected"] else None

    wait_for("the agent to be connected again", connected, 90)
    loop.wait_stable("web")
    now = {task["taskArn"]: task["startedAt"] for task in loop.service_tasks("web")}
    require(now == tasks, "the same tasks, started when they were", ", ".join(a.rsplit("/", 1)[-1][:8] for a in now))
    require(main_processes(loop) == pids, "the same processes")
    check_pages(loop, "web", "v2")
    service = loop.service("web")
    require(service["runningCount"] == 2 and service["taskDefinition"].endswith("web:2"), "the service's state is whole",
            f"{service['runningCount']} running, {service['taskDefinition'].rsplit('/', 1)[-1]}")
    loop.aws("ecs", "update-service", "--cluster", CLUSTER, "--service", "web", "--desired-count", "1", "--query",
             "service.desiredCount", "--output", "text")
    loop.wait_stable("web")
    left = loop.service_tasks("web")
    require(len(left) == 1, "and it still obeys", f"scaled in to task {short_id(left[0])}")
    return "kill -9 of agent and control plane: same tasks, same pids"


def finish(loop):
    if loop.keep:
        loop.write_kept()
        hints(loop)
        return "left running (--keep)"
    loop.aws("ecs", "delete-service", "--cluster", CLUSTER, "--service", "web", "--force", quiet=True)
    wait_for("the last task to stop", lambda: not loop.list_all_tasks(), 90)
    wait_for("the host to run no container", lambda: not loop.gantry_on_host("ps", "-q").split(), 30)
    state = loop.state
    loop.stop()
    require(not state.exists(), "everything that was started is gone")
    return "nothing left but the two archives for the next run"


def hints(loop):
    say("Everything runs on. To go on with it:")
    for key, value in loop.aws_environment().items():
        if value:
            say(f"  export {key}={value}")
    say(f"  export DOCKER_CONFIG={loop.state}/docker")
    say(f"  aws --endpoint-url {loop.control_url} ecs list-tasks")
    say(f"  aws --endpoint-url http://{loop.registry} ecr describe-images --repository-name ns1/web")
    prefix = f"scripts/guest --in {loop.host.name} -- " if loop.facts["in_guest"] else ""
    say(f"  {prefix}{loop.binaries}/gantry {' '.join(loop.host_options())} ps")
    for task in loop.service_tasks("web"):
        port, _ = loop.page_of(task)
        say(f"  curl http://127.0.0.1:{port}/")
    say(f"  {loop.binaries}/gantry --root {loop.root} --run-root {loop.state}/cli-run images")
    say("To end it and remove what it left:")
    say("  scripts/quickstart --stop")
