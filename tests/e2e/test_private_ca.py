"""A registry whose certificate no public authority signed."""
import subprocess

import pytest

from conftest import free_port

ADDRESS = "198.51.100.7"  # not loopback, where plain HTTP would do


@pytest.fixture
def private(stack):
    subprocess.run(["ip", "address", "add", f"{ADDRESS}/32", "dev", "lo"], check=True)
    key, certificate = stack.folder / "key.pem", stack.folder / "certificate.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=registry",
                    "-addext", f"subjectAltName=IP:{ADDRESS}", "-keyout", key, "-out", certificate], check=True,
                   capture_output=True)
    port = free_port()
    stack.start("gantry-registry", "--listen", f"{ADDRESS}:{port}", "--tls-cert", str(certificate), "--tls-key",
                str(key), "--data", str(stack.folder / "registry"), "--credentials", str(stack.credentials),
                "--create-on-push")
    made = stack.run("/usr/bin/aws", "--endpoint-url", f"https://{ADDRESS}:{port}", "--ca-bundle", certificate, "ecr",
                     "get-login-password")
    yield f"{ADDRESS}:{port}", certificate, made.stdout
    subprocess.run(["ip", "address", "del", f"{ADDRESS}/32", "dev", "lo"], check=True)


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
