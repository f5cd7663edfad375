"""Hosts without a stored login pull from gantry-registry with tokens that they get with their own key (--registry)."""
import json
import pathlib
import subprocess

from conftest import PRIVATE_ADDRESS, free_port, wait_until
from test_images_of_services import create_service, push, wait_for_running


def start_registry(stack, listen, *options):
    return stack.start("gantry-registry", "--listen", listen, "--data", str(stack.folder / "registry"),
                       "--credentials", str(stack.credentials), "--create-on-push", *options)


def log_in(stack, registry, scheme, *options):
    made = stack.run("/usr/bin/aws", "--endpoint-url", f"{scheme}://{registry}", *options, "ecr", "get-login-password")
    done = stack.gantry("login", "-u", "AWS", "--password-stdin", registry, input=made.stdout,
                        environment={"GANTRY_CA_FILE": options[1]} if options else {})
    assert done.returncode == 0, done.stderr


def start_host(stack, url, *options, docker="none"):
    stack.agent(url, *options, environment={"DOCKER_CONFIG": str(stack.folder / docker)})
    ecs = stack.client("ecs", url)
    wait_until("the host", lambda: ecs.list_container_instances()["containerInstanceArns"], 30,
               lambda: stack.log("gantry-agent"))
    return ecs


def test_a_host_pulls_with_a_token_although_its_stored_login_is_wrong(stack):
    registry = f"127.0.0.1:{free_port()}"
    process = start_registry(stack, registry)
    stack.wait_for_port(int(registry.rsplit(":", 1)[1]), process, "gantry-registry")
    url = stack.control("--registry", registry)
    log_in(stack, registry, "http")
    image = f"{registry}/ns1/app:1"
    push(stack, image, "one")
    stored = pathlib.Path(stack.folder / "wrong" / "config.json")
    stored.parent.mkdir()
    stored.write_text(json.dumps({"auths": {registry: {"auth": "QVdTOndyb25n"}}}))
    ecs = start_host(stack, url, docker="wrong")
    create_service(ecs, "app", image)
    wait_for_running(stack, ecs, "app", 1)


def test_a_token_that_the_registry_refuses_is_asked_for_anew(stack):
    registry = f"127.0.0.1:{free_port()}"
    process = start_registry(stack, registry)
    port = int(registry.rsplit(":", 1)[1])
    stack.wait_for_port(port, process, "gantry-registry")
    url = stack.control("--registry", registry)
    log_in(stack, registry, "http")
    for name in ("first", "second"):
        push(stack, f"{registry}/ns1/{name}:1", name)
    ecs = start_host(stack, url)
    create_service(ecs, "first", f"{registry}/ns1/first:1")
    wait_for_running(stack, ecs, "first", 1)
    process.terminate()
    process.wait(20)
    (stack.folder / "registry/token.key").unlink()  # all tokens that it gave are void
    stack.wait_for_port(port, start_registry(stack, registry), "gantry-registry")
    create_service(ecs, "second", f"{registry}/ns1/second:1")
    wait_for_running(stack, ecs, "second", 1)


def test_the_token_comes_over_https_of_the_agents_authority(stack, private_tls):
    certificate, key = private_tls
    port = free_port()
    registry = f"{PRIVATE_ADDRESS}:{port}"
    start_registry(stack, registry, "--tls-cert", str(certificate), "--tls-key", str(key))
    url = stack.control("--registry", registry)
    log_in(stack, registry, "https", "--ca-bundle", str(certificate))
    image = f"{registry}/ns1/app:1"
    root = stack.busybox_root()
    for arguments in (("import", root, image), ("--ca-file", certificate, "push", image)):
        done = stack.gantry(*arguments, root="developer")
        assert done.returncode == 0, done.stderr
    ecs = start_host(stack, url, "--ca-file", str(certificate))
    create_service(ecs, "app", image)
    wait_for_running(stack, ecs, "app", 1)
