"""Steps 8 and 9: new versions start before old ones stop; a followed image is noticed."""
import threading
import time

from loop import CLUSTER
from show import ClaimFailed, require, say, wait_for
from steps_service import check_pages, container, register, short_id
from steps_setup import push


class Watch:
    """Looks at a service's tasks every 0.3 s: when each came and went, and how many were healthy at the worst moment."""

    def __init__(self, loop, service):
        self.ecs, self.service = loop.client("ecs"), service
        self.seen, self.fewest, self.order_broken = {}, None, None
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.begin = time.monotonic()
        self.problem = None

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()

    def watch(self):
        while not self.done.is_set():
            try:
                self.look()
            except Exception as error:
                self.problem = error
            self.done.wait(0.3)

    def look(self):
        now = time.monotonic() - self.begin
        arns = set(self.ecs.list_tasks(cluster=CLUSTER, serviceName=self.service)["taskArns"]) | set(self.seen)
        if not arns:
            return
        tasks = self.ecs.describe_tasks(cluster=CLUSTER, tasks=sorted(arns))["tasks"]
        healthy = 0
        for task in tasks:
            times = self.seen.setdefault(task["taskArn"], {"definition": task["taskDefinitionArn"].rsplit("/", 1)[-1]})
            running = task["lastStatus"] == "RUNNING" and task["desiredStatus"] == "RUNNING"
            if running:
                times.setdefault("running", now)
            if running and task.get("healthStatus") == "HEALTHY":
                times.setdefault("healthy", now)
                healthy += 1
            if task["desiredStatus"] == "STOPPED":
                times.setdefault("stopping", now)
            if task["lastStatus"] == "STOPPED":
                times.setdefault("stopped", now)
        self.fewest = healthy if self.fewest is None else min(self.fewest, healthy)

    def timeline(self):
        def moment(times, name):
            return f"{times[name]:6.1f} s" if name in times else "       –"

        for arn, times in sorted(self.seen.items(), key=lambda item: item[1].get("running", 1e9)):
            say(f"task {arn.rsplit('/', 1)[-1][:8]} {times['definition']:<8} running {moment(times, 'running')}   healthy "
                f"{moment(times, 'healthy')}   told to stop {moment(times, 'stopping')}   stopped {moment(times, 'stopped')}")

    def check(self, old, wanted):
        """`old`: the tasks before; `wanted`: how many must always be healthy."""
        self.timeline()
        if self.problem:
            raise ClaimFailed(f"could not watch service {self.service}: {self.problem}")
        require(self.fewest >= wanted, f"never fewer than {wanted} healthy tasks", f"fewest seen: {self.fewest}")
        new = [times for arn, times in self.seen.items() if arn not in old]
        gone = [self.seen[arn] for arn in old]
        require(len(new) >= wanted and all("healthy" in times for times in new), "the new tasks are healthy")
        require(all("stopping" in times for times in gone), "the old tasks were stopped")
        last_healthy = max(times["healthy"] for times in new)
        first_stop = min(times["stopping"] for times in gone)
        require(first_stop >= last_healthy, "old tasks stopped only after the new ones were healthy",
                f"healthy at {last_healthy:.1f} s, first stop at {first_stop:.1f} s")
        return last_healthy, max(times.get("stopped", first_stop) for times in gone)


def roll(loop, update, old_count=2):
    """Runs `update` and waits until the service is stable with other tasks than before."""
    old = {task["taskArn"] for task in loop.service_tasks("web")}
    require(len(old) == old_count, f"{old_count} tasks run before the update")
    with Watch(loop, "web") as watch:
        time.sleep(0.5)
        update()

        def rolled():
            now = {task["taskArn"] for task in loop.service_tasks("web")}
            service = loop.service("web")
            return len(now) == old_count and not now & old and len(service["deployments"]) == 1

        wait_for("the new tasks to replace the old ones", rolled, 240)
        time.sleep(0.7)  # one more look by the watch
    return watch.check(old, old_count)


def roll_out(loop):
    image = push(loop, "v2")
    definition = register(loop, "web", container(loop, image))
    _, first = roll(loop, lambda: loop.aws(
        "ecs", "update-service", "--cluster", CLUSTER, "--service", "web", "--task-definition", definition, "--query",
        "service.deployments[].[id,status,rolloutState]", "--output", "text"))
    check_pages(loop, "web", "v2")
    say("Again with the same task definition:")
    _, second = roll(loop, lambda: loop.aws(
        "ecs", "update-service", "--cluster", CLUSTER, "--service", "web", "--force-new-deployment", "--query",
        "service.deployments[].[id,status,rolloutState]", "--output", "text"))
    check_pages(loop, "web", "v2")
    for event in loop.service("web")["events"][:4]:
        say("event: " + event["message"])
    return f"v1 → v2 in {first:.0f} s, forced again in {second:.0f} s, never below 2 healthy"


def follow_image(loop):
    image = push(loop, "v1", "live")
    definition = register(loop, "live", container(loop, image))
    for name, tags in (("follower", ["--tags", "key=gantry:follow-image,value=true"]), ("pinned", [])):
        loop.aws("ecs", "create-service", "--cluster", CLUSTER, "--service-name", name, "--task-definition", definition,
                 "--desired-count", "1", *tags, "--query", "service.[serviceName,status]", "--output", "text")
    for name in ("follower", "pinned"):
        loop.wait_stable(name)
        check_pages(loop, name, "v1")
    before = {name: {task["taskArn"] for task in loop.service_tasks(name)} for name in ("follower", "pinned")}
    say("Now another image is pushed to the tag that both use:")
    push(loop, "v2", "live")

    def redeployed():
        tasks = loop.service_tasks("follower")
        service = loop.service("follower")
        return (len(tasks) == 1 and tasks[0]["taskArn"] not in before["follower"] and len(service["deployments"]) == 1
                and service["deployments"][0]["rolloutState"] == "COMPLETED")

    wait_for("the follower to be redeployed by nobody", redeployed, 150)
    check_pages(loop, "follower", "v2")
    pinned = loop.service_tasks("pinned")
    require({task["taskArn"] for task in pinned} == before["pinned"], "the other service was left alone",
            f"task {short_id(pinned[0])}")
    check_pages(loop, "pinned", "v1")
    for name in ("follower", "pinned"):
        loop.aws("ecs", "delete-service", "--cluster", CLUSTER, "--service", name, "--force", quiet=True)
    return "follower redeployed with v2, pinned still v1"
