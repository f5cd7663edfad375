"""A registry whose certificate no public authority signed."""
import pytest

from conftest import PRIVATE_ADDRESS, free_port


@pytest.fixture
def private(stack, private_tls):
    certificate, key = private_tls
    port = free_port()
    stack.start("gantry-registry", "--listen", f"{PRIVATE_ADDRESS}:{port}", "--tls-cert", str(certificate), "--tls-key",
                str(key), "--data", str(stack.folder / "registry"), "--credentials", str(stack.credentials),
                "--create-on-push")
    registry = f"{PRIVATE_ADDRESS}:{port}"
    made = stack.run("/usr/bin/aws", "--endpoint-url", f"https://{registry}", "--ca-bundle", certificate, "ecr",
                     "get-login-password")
    return registry, certificate, made.stdout


def test_login_push_and_pull_trust_the_given_authority_only(stack, private):
    registry, certificate, password = private
    image = f"{registry}/app:1"
    login = ("login", "-u", "AWS", "--password-stdin", registry)
    refused = stack.gantry(*login, input=password)
    assert refused.returncode == 1
    assert "certificate" in refused.stderr
    done = stack.gantry("--ca-file", certificate, *login, input=password)
    assert done.returncode == 0, done.stderr
    assert stack.gantry("import", stack.busybox_root(), image).returncode == 0
    assert "certificate" in stack.gantry("push", image).stderr
    trusting = {"GANTRY_CA_FILE": str(certificate)}
    for arguments in (("push", image), ("rmi", image), ("run", "--rm", image, "true")):
        done = stack.gantry(*arguments, environment=trusting)
        assert done.returncode == 0, done.stderr
    assert stack.gantry("--ca-file", "/no/such", "pull", image).returncode == 1
