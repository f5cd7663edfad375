"""Which image a service's tasks run: the digest that the first one found, until the tag is pushed anew."""
from conftest import wait_until

FOLLOWS = [{"key": "gantry:follow-image", "value": "true"}]


def start(stack, *registry_options, **environment):
    """Registry, control plane and agent; the registry's host, and a client."""
    url = stack.control()
    registry = stack.registry("--create-on-push", "--events-endpoint", url, *registry_options)
    password = stack.run("/usr/bin/aws", "--endpoint-url", f"http://{registry}", "ecr", "get-login-password").stdout
    done = stack.gantry("login", "--username", "AWS", "--password-stdin", registry, input=password)
    assert done.returncode == 0, done.stderr
    stack.agent(url, environment=environment)
    ecs = stack.client("ecs", url)
    wait_until("the host", lambda: ecs.list_container_instances()["containerInstanceArns"], 30,
               lambda: stack.log("gantry-agent"))
    return registry, ecs


def push(stack, reference, marker):
    root = stack.busybox_root()
    (root / "marker").write_text(marker)
    for arguments in (("import", root, reference), ("push", reference)):
        done = stack.gantry(*arguments, root="developer")
        assert done.returncode == 0, done.stderr


def create_service(ecs, name, image, count=1, tags=()):
    ecs.register_task_definition(family=name, containerDefinitions=[
        {"name": "main", "image": image, "memory": 32, "command": ["sleep", "1000"], "stopTimeout": 2}])
    ecs.create_service(serviceName=name, taskDefinition=name, desiredCount=count, tags=list(tags))


def wait_for_running(stack, ecs, name, count):
    def running():
        arns = ecs.list_tasks(serviceName=name)["taskArns"]
        tasks = ecs.describe_tasks(tasks=arns)["tasks"] if arns else []
        good = [task for task in tasks if task["lastStatus"] == "RUNNING"]
        return good if len(good) == len(tasks) == count else None

    return wait_until(f"{count} tasks of {name} to run", running, 60,
                      lambda: str(ecs.describe_services(services=[name])["services"][0]["events"])
                      + stack.log("gantry-agent"))


def containers(tasks):
    return [task["containers"][0] for task in tasks]


def test_later_tasks_run_the_digest_that_the_first_one_found(stack):
    registry, ecs = start(stack)
    image = f"{registry}/ns1/app:live"
    push(stack, image, "one")
    create_service(ecs, "app", image)
    [first] = containers(wait_for_running(stack, ecs, "app", 1))
    assert first["image"] == image and first["imageDigest"].startswith("sha256:")
    push(stack, image, "two")
    ecs.update_service(service="app", desiredCount=2)
    both = containers(wait_for_running(stack, ecs, "app", 2))
    assert {each["image"] for each in both} == {image, f"{registry}/ns1/app@{first['imageDigest']}"}
    assert {each["imageDigest"] for each in both} == {first["imageDigest"]}
    assert all(stack.gantry("exec", each["runtimeId"], "cat", "/marker").stdout == "one" for each in both)


def test_an_image_that_no_registry_has_stays_with_its_tag(stack):
    _, ecs = start(stack, ECS_IMAGE_PULL_BEHAVIOR="prefer-cached")
    assert stack.gantry("import", stack.busybox_root(), "busybox:1").returncode == 0
    create_service(ecs, "local", "busybox:1")
    wait_for_running(stack, ecs, "local", 1)
    ecs.update_service(service="local", desiredCount=2)
    assert {each["image"] for each in containers(wait_for_running(stack, ecs, "local", 2))} == {"busybox:1"}


def test_a_push_redeploys_services_of_that_registry_alone(stack):
    registry, ecs = start(stack, "--host", "registry.example:5000")
    image = f"{registry}/ns1/app:live"
    push(stack, image, "one")
    create_service(ecs, "ours", image, tags=FOLLOWS)
    for name, host in (("by-other-name", "registry.example:5000/"), ("hub", "docker.io/"), ("no-host", "")):
        create_service(ecs, name, f"{host}ns1/app:live", count=0, tags=FOLLOWS)
    wait_for_running(stack, ecs, "ours", 1)
    push(stack, image, "two")

    def redeployed(name):
        events = ecs.describe_services(services=[name])["services"][0]["events"]
        return any("because image ns1/app:live was pushed" in event["message"] for event in events)

    wait_until("the service to be redeployed", lambda: redeployed("ours"))
    assert redeployed("by-other-name")
    assert not redeployed("hub") and not redeployed("no-host")
    tasks = wait_for_running(stack, ecs, "ours", 1)
    [running] = containers(tasks)
    assert stack.gantry("exec", running["runtimeId"], "cat", "/marker").stdout == "two"
