"""kill -9 at random moments, many times over: the next command or start puts right what it finds."""
import base64
import hashlib
import http.client
import json
import os
import pathlib
import random
import subprocess
import threading
import time

import pytest

from conftest import BINARIES, free_port, wait_until

SECONDS = float(os.environ.get("GANTRY_KILL_SECONDS", "9"))  # each test's rounds
SEED = int(os.environ.get("GANTRY_KILL_SEED", random.randrange(1 << 32)))
CHUNK = 256 << 10


@pytest.fixture
def moments():
    print(f"GANTRY_KILL_SEED={SEED}")  # a failure shows it
    return random.Random(SEED)


def files_below(folder):
    return sorted(str(path.relative_to(folder)) for path in pathlib.Path(folder).rglob("*"))


class Host:
    """gantry with verbs that are killed, and what must hold after all of them."""

    def __init__(self, stack, moments):
        self.stack, self.moments, self.registry = stack, moments, stack.registry()
        stack.client("ecr", f"http://{self.registry}").create_repository(repositoryName="app")
        password = base64.b64decode(stack.client("ecr", f"http://{self.registry}").get_authorization_token()[
            "authorizationData"][0]["authorizationToken"]).decode().split(":", 1)[1]
        self.do("login", "-u", "AWS", "--password-stdin", self.registry, input=password)
        self.image = f"{self.registry}/app:1"
        self.do("import", stack.busybox_root(), "busybox:1")
        self.do("tag", "busybox:1", self.image)
        self.do("push", self.image)
        self.took = {}

    def do(self, *arguments, **options):
        done = self.stack.gantry(*arguments, **options)
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        return done.stdout

    def kill(self, verb, *arguments):
        """Runs it once to its end to learn how long it takes, then kills it on the way."""
        command = [BINARIES / "gantry", "--root", self.stack.folder / "host", "--run-root", self.stack.folder / "run",
                   "--cgroup-limits", "best-effort", verb, *arguments]
        began = time.monotonic()
        process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self.stack.environment)
        try:
            process.wait(self.moments.uniform(0, self.took[verb]) if verb in self.took else 30)
            self.took.setdefault(verb, time.monotonic() - began)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def round(self):
        self.kill("run", "-d", "--name", "killed", "busybox:1", "sleep", "60")
        self.kill("rm", "-f", "killed")
        self.kill("import", self.stack.busybox_root(), "other:1")
        self.stack.gantry("rmi", self.image)
        self.kill("pull", self.image)
        self.do("tag", "busybox:1", self.image)
        self.kill("push", self.image)
        for container in self.do("ps", "-aq").split():
            self.do("rm", "-f", container)

    def leftovers(self):
        """Any command sweeps; one that a monitor started may hold the lock just then."""
        self.do("ps")
        host = self.stack.folder / "host"
        left = [f"{folder}/{name}" for folder in ("containers", "names", "volumes", "images/ingest", "images/leases",
                                                  "images/holds") for name in os.listdir(host / folder)]
        left += [str(path) for path in (self.stack.folder / "run/network/leases").glob("*")]
        left += [f"layers/{name}" for name in os.listdir(host / "images/layers") if name.startswith("tmp-")]
        left += [name for name in files_below(host) if name.endswith(".tmp")]
        left += [line for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines() if str(host) in line]
        return left


def test_gantry_killed_at_any_moment(stack, moments):
    host = Host(stack, moments)
    host.round()  # nothing is killed: it learns how long each takes
    deadline, rounds = time.monotonic() + SECONDS, 0
    while time.monotonic() < deadline:
        host.round()
        rounds += 1
    wait_until("nothing is left behind", lambda: not host.leftovers(), 20, lambda: "\n".join(host.leftovers()))
    assert "ok" in host.do("run", "--rm", "busybox:1", "echo", "ok")
    assert "busybox" in host.do("images")
    host.do("import", stack.busybox_root(), "other:1")
    host.do("push", host.image)
    host.do("rmi", "-f", host.image, "busybox:1", "other:1")
    assert "ok" in host.do("run", "--rm", host.image, "echo", "ok"), "a pull after all that"
    print(f"rounds={rounds}")


class Pusher:
    """Pushes images and deletes some of them, until the registry dies; knows what was acknowledged."""

    def __init__(self, port, token, moments):
        self.port, self.moments = port, moments
        self.headers = {"Authorization": "Basic " + token}
        self.tags, self.gone, self.number = {}, set(), 0  # tag -> manifest's bytes; digests

    def send(self, method, target, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, target, body, {**self.headers, **headers})
            answer = connection.getresponse()
            return answer.status, answer.read(), dict(answer.headers)
        finally:
            connection.close()

    def expect(self, wanted, method, target, body=None, **headers):
        status, text, answer = self.send(method, target, body, **headers)
        assert status == wanted, f"{method} {target}: {status} {text[:300]}"
        return text, answer

    @staticmethod
    def digest(content):
        return "sha256:" + hashlib.sha256(content).hexdigest()

    def push_blob(self, content):
        _, answer = self.expect(202, "POST", "/v2/app/blobs/uploads/")
        location = answer["Location"]
        for begin in range(0, len(content), CHUNK):
            piece = content[begin:begin + CHUNK]
            self.expect(202, "PATCH", location, piece, **{"Content-Range": f"{begin}-{begin + len(piece) - 1}"})
        self.expect(201, "PUT", f"{location}?digest={self.digest(content)}", b"")
        return {"digest": self.digest(content), "size": len(content)}

    def push_image(self):
        self.number += 1
        tag = f"t{self.number}"
        layer = self.push_blob(self.moments.randbytes(3 * CHUNK + self.number))
        config = self.push_blob(json.dumps({"number": self.number}).encode())
        manifest = json.dumps({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **config},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", **layer}]}).encode()
        self.expect(201, "PUT", f"/v2/app/manifests/{tag}", manifest,
                    **{"Content-Type": "application/vnd.oci.image.manifest.v1+json"})
        self.tags[tag] = manifest

    def delete_one(self):
        tag = self.moments.choice(list(self.tags))
        manifest = self.tags.pop(tag)  # cut short it may be there or not
        self.expect(202, "DELETE", f"/v2/app/manifests/{self.digest(manifest)}")
        self.gone.add(self.digest(manifest))

    def until_it_dies(self):
        try:
            while True:
                self.push_image()
                if self.number % 3 == 0:
                    self.delete_one()
        except (OSError, http.client.HTTPException) as error:
            return error

    def check(self):
        for tag, manifest in self.tags.items():
            text, _ = self.expect(200, "GET", f"/v2/app/manifests/{tag}")
            assert text == manifest, tag
            document = json.loads(manifest)
            for blob in (document["config"], *document["layers"]):
                content, _ = self.expect(200, "GET", f"/v2/app/blobs/{blob['digest']}")
                assert self.digest(content) == blob["digest"], tag
        for digest in self.gone:
            self.expect(404, "GET", f"/v2/app/manifests/{digest}")

    def needed(self):
        documents = [json.loads(manifest) for manifest in self.tags.values()]
        blobs = {blob["digest"] for document in documents for blob in (document["config"], *document["layers"])}
        return blobs | {self.digest(manifest) for manifest in self.tags.values()}


def make_old(data):
    """As if three days had passed: what no manifest needs is collected at the next start."""
    then = time.time() - 3 * 86400
    for folder in ("store/blobs", "store/ingest", "repositories"):
        for path in (data / folder).rglob("*"):
            os.utime(path, (then, then))


def test_registry_killed_at_any_moment(stack, moments):
    port, data = free_port(), stack.folder / "registry"

    def start():
        process = stack.start("gantry-registry", "--listen", f"127.0.0.1:{port}", "--data", str(data), "--credentials",
                              str(stack.credentials))
        stack.wait_for_port(port, process, "gantry-registry")
        return process

    process = start()
    ecr = stack.client("ecr", f"http://127.0.0.1:{port}")
    ecr.create_repository(repositoryName="app")
    pusher = Pusher(port, ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"], moments)
    deadline, rounds = time.monotonic() + SECONDS, 0
    while time.monotonic() < deadline:
        outcome = []
        work = threading.Thread(target=lambda: outcome.append(pusher.until_it_dies()))
        work.start()
        time.sleep(moments.uniform(0, 0.4))
        process.kill()
        process.wait()
        work.join(30)
        assert outcome, "an answer of the registry was wrong: see the thread's traceback"
        make_old(data)
        process = start()  # collects while the next round pushes
        rounds += 1
    pusher.check()
    pusher.push_image()
    process.kill()
    process.wait()
    make_old(data)
    start()
    pusher.check()

    def stored():
        return {f"sha256:{path.name}" for path in (data / "store/blobs/sha256").iterdir()}

    # A push or a delete that was cut short may have left its manifest, with what that names.
    cut = {f"sha256:{path.name}" for path in (data / "repositories/app/_gantry/manifests/sha256").iterdir()}
    for digest in cut - pusher.needed():
        document = json.loads((data / "store/blobs/sha256" / digest[7:]).read_bytes())
        pusher.tags[digest] = json.dumps(document).encode()
    spare = pusher.needed() | cut
    wait_until("blobs that nothing needs are collected", lambda: stored() <= spare, 20,
               lambda: str(stored() - spare))
    left = [name for name in files_below(data) if name.endswith(".tmp")]
    left += os.listdir(data / "store/ingest") + os.listdir(data / "repositories/app/_gantry/uploads")
    assert not left
    print(f"rounds={rounds} images={len(pusher.tags)}")
