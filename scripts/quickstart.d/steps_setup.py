"""Steps 2 to 5: the host, the servers, the images, the push."""
import json
import urllib.error
import urllib.request

import hosts
import images
from loop import CLUSTER
from show import require, say, wait_for

REPOSITORY = "ns1/web"


def choose_host(loop, in_guest):
    missing = hosts.missing_controllers()
    if in_guest:
        reason = f"cgroup v2 lacks {', '.join(missing)} here" if missing else "--guest was given"
        say(f"{reason}: the host that runs containers is {loop.host.kind}.")
    else:
        say("This host enforces cpu, memory, pids and io limits (cgroup v2): all runs natively.")
    loop.host.boot()
    have = loop.read_on_host("/sys/fs/cgroup/cgroup.controllers").split()
    require(all(name in have for name in hosts.NEEDED), "the host can enforce limits", " ".join(have))
    return "cgroup v2 controllers cpu, memory, pids, io"


def start_servers(loop):
    for process in (loop.registry_server, loop.control):
        say(f"$ {process.name} {' '.join(process.command[1:5])} …")
        process.start()
    for name, url, process in (("gantry-registry", f"http://{loop.registry}/v2/", loop.registry_server),
                               ("gantry-control", loop.control_url, loop.control)):
        wait_for(f"{name} to answer", lambda u=url, p=process: answers(u, p), 20)
    say("$ gantry-agent   (ECS_CLUSTER=default ECS_BACKEND_HOST=… as the ECS agent has it)")
    loop.agent.start()

    def registered():
        arns = loop.ecs.list_container_instances(cluster=CLUSTER)["containerInstanceArns"]
        if not arns:
            return None
        found = loop.ecs.describe_container_instances(cluster=CLUSTER, containerInstances=arns)["containerInstances"]
        return found[0] if found[0]["agentConnected"] else None

    instance = wait_for("the agent to register its host", registered, 60)
    loop.aws("ecs", "describe-container-instances", "--cluster", CLUSTER, "--container-instances",
             instance["containerInstanceArn"].rsplit("/", 1)[-1], "--query",
             "containerInstances[].[containerInstanceArn,status,agentConnected,registeredResources[?name=='CPU'||"
             "name=='MEMORY'].[name,integerValue]]", "--output", "text")
    resources = {entry["name"]: entry.get("integerValue") for entry in instance["registeredResources"]}
    cores = int(loop.host.run(["nproc"]))
    memory = int(loop.host.run(["awk", "/^MemTotal/ {print int($2 / 1024)}", "/proc/meminfo"]))
    require(resources["CPU"] == cores * 1024, "registered CPU is the host's", f"{cores} cores, {resources['CPU']} units")
    require(abs(resources["MEMORY"] - memory) <= 1, "registered memory is the host's", f"{resources['MEMORY']} MiB")
    return f"{resources['CPU']} CPU units and {resources['MEMORY']} MiB in cluster {CLUSTER}"


def answers(url, process):
    process.check()
    try:
        urllib.request.urlopen(url, timeout=2)
        return True
    except urllib.error.HTTPError:
        return True  # 401 is an answer
    except OSError:
        return False


def make_images(loop):
    archives = images.make_archives()
    for version, path in archives.items():
        loop.gantry("import", "--change", 'CMD ["nginx"]', "--change", "EXPOSE 80", "--change",
                    f"ENV GREETING=hello-from-{version}", str(path), f"web:{version}", quiet=True)
    loop.gantry("images")
    return "web:v1 and web:v2, nginx on a Debian root"


def push(loop, version, tag=None):
    reference = f"{loop.registry}/{REPOSITORY}:{tag or version}"
    loop.gantry("tag", f"web:{version}", reference)
    loop.gantry("push", reference, quiet=True)
    return reference


def log_in_and_push(loop):
    password = loop.aws("ecr", "get-login-password", quiet=True)
    loop.gantry("login", "--username", "AWS", "--password-stdin", loop.registry, input=password)
    loop.aws("ecr", "create-repository", "--repository-name", REPOSITORY, "--query", "repository.repositoryUri",
             "--output", "text")
    loop.image = push(loop, "v1")
    listed = loop.aws_json("ecr", "list-images", "--repository-name", REPOSITORY)
    require([image["imageTag"] for image in listed["imageIds"]] == ["v1"], "the registry lists what was pushed",
            json.dumps(listed["imageIds"][0]))
    detail = loop.aws_json("ecr", "describe-images", "--repository-name", REPOSITORY)["imageDetails"][0]
    inspected = json.loads(loop.gantry("image", "inspect", loop.image, quiet=True))[0]
    compressed, uncompressed = detail["imageSizeInBytes"], inspected["Size"]
    require(0 < compressed < uncompressed, "sizes",
            f"{compressed / 1e6:.1f} MB compressed in the registry, {uncompressed / 1e6:.1f} MB on the host")
    return f"{compressed / 1e6:.1f} MB compressed, {uncompressed / 1e6:.1f} MB unpacked"
