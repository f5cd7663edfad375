"""The same Dockerfiles by gantry build and by buildah: the same files with the same owners and modes, the same config."""
import gzip
import hashlib
import io
import json
import pathlib
import shutil
import subprocess
import tarfile
import tempfile

import pytest
from conftest import BINARIES

APPLETS = ["sh", "cat", "echo", "ls", "mkdir", "rm", "mv", "ln", "chmod", "chown", "touch", "id", "pwd", "true", "env"]
PASSWD = "root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1000:web:/home/web:/bin/sh\n"
GROUP = "root:x:0:\nweb:x:1000:\nstaff:x:50:web\n"

DOCKERFILES = {
    "instructions": """
FROM busybox:1
ARG V=1
ENV A="x y" B=$V C='$V'
LABEL one=1 "two words"="a b"
WORKDIR /work/sub
WORKDIR more
USER web
EXPOSE 80 53/udp
VOLUME /v1 /v2
STOPSIGNAL SIGUSR1
ENTRYPOINT ["cat"]
CMD ["/etc/passwd"]
""",
    "shell-forms": """
FROM busybox:1
CMD echo $HOME
HEALTHCHECK --interval=7s --timeout=3s --retries=4 CMD cat /etc/passwd
ONBUILD RUN echo never
""",
    "shell": """
FROM busybox:1
SHELL ["/bin/sh", "-ec"]
RUN echo a > /a; true
""",
    "run": """
FROM busybox:1
ENV WHO=me
RUN echo $WHO > /who && mkdir -p /d/e && touch /d/e/f && chmod 4755 /d/e/f && chown 7:8 /d
RUN rm /etc/group && rm -r /d/e && mkdir /d/e && ln -s /etc/passwd /d/link && ln /who /hard
RUN ["/bin/sh", "-c", "echo exec > /exec"]
RUN mv /home /moved
""",
    "copy": """
FROM busybox:1
COPY a /a
COPY a b /both/
COPY src /src
COPY src/ /src2/
COPY src/*.c /globbed/
COPY a /dir-to-be/
COPY a /renamed/file
WORKDIR /w
COPY a .
COPY src/link /followed
""",
    "copy-onto": """
FROM busybox:1
RUN mkdir /t && echo old > /t/x.c && touch /t/kept && ln -s /t /tl && chmod 700 /t
COPY src /t
COPY a /tl
COPY b /tl/named
COPY a /etc/passwd
""",
    "copy-owner": """
FROM busybox:1
COPY --chown=web a /a1
COPY --chown=web:staff src /src
COPY --chown=5:6 a /deep/er/a2
COPY --chown=1000:1000 --chmod=640 a /a3
""",
    "stages": """
FROM busybox:1 AS build
RUN mkdir /out && echo built > /out/bin && chown 5:6 /out/bin && chmod 750 /out && ln -s bin /out/link
FROM build AS more
RUN echo more > /out/more
FROM busybox:1
COPY --from=build /out /from-build
COPY --from=more /out/more /out/link /some/
COPY --from=0 --chown=web /out/bin /owned
""",
    "scratch": """
FROM busybox:1 AS build
RUN echo x > /x
FROM scratch
COPY --from=build /x /bin/busybox /
""",
    "add": """
FROM busybox:1
ADD archive.tar.gz /added/
ADD archive.tar.gz /added-again
ADD a /plain
COPY archive.tar.gz /not-unpacked
""",
    "ignore": """
FROM busybox:1
COPY . /all
""",
    "arguments": """
ARG TAG=1
FROM busybox:${TAG}
ARG TAG
ARG OTHER=${TAG:-none}x
RUN echo "$TAG $OTHER" > /args
LABEL tag=${TAG}
ENV OTHER=env
RUN echo "$OTHER" > /env
""",
    "entrypoint-resets": """
FROM busybox:1 AS base
CMD ["base"]
FROM base
ENTRYPOINT ["echo"]
""",
    "user-and-workdir": """
FROM busybox:1
RUN mkdir /mine && chown web /mine
USER web
WORKDIR /mine
RUN id -u > uid && pwd > pwd
WORKDIR made
""",
}


@pytest.fixture(scope="module")
def peers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("build-peers")
    base = folder / "base"
    # With what a container has mounted: buildah would leave it in a layer.
    for name in ("bin", "etc", "tmp", "home/web", "root", "dev", "proc", "sys", "run"):
        (base / name).mkdir(parents=True)
    for name in ("hosts", "hostname", "resolv.conf"):
        (base / "etc" / name).touch()
    shutil.copy("/bin/busybox", base / "bin/busybox")
    for name in APPLETS:
        (base / "bin" / name).symlink_to("busybox")
    (base / "etc/passwd").write_text(PASSWD)
    (base / "etc/group").write_text(GROUP)
    pair = Gantry(folder), Buildah(folder)
    for each in pair:
        each.make_base(base)
    return pair


def make_context(folder):
    (folder / "src/deep").mkdir(parents=True)
    (folder / "a").write_text("a\n")
    (folder / "b").write_text("b\n")
    (folder / "b").chmod(0o755)
    for name in ("x.c", "y.c", "z.o", "deep/w.c"):
        (folder / "src" / name).write_text(name)
    (folder / "src/link").symlink_to("x.c")
    (folder / "src/dangling").symlink_to("/no/such")
    (folder / "src/deep").chmod(0o750)
    (folder / "drop").mkdir()
    (folder / "drop/gone").write_text("gone")
    (folder / "drop/kept").write_text("kept")
    with tarfile.open(folder / "archive.tar.gz", "w:gz") as archive:
        for name, mode in (("d", None), ("d/file", 0o640), ("top", 0o755)):
            entry = tarfile.TarInfo(name)
            entry.uid, entry.gid, entry.mtime = 11, 12, 1000
            entry.type, entry.mode = (tarfile.DIRTYPE, 0o750) if mode is None else (tarfile.REGTYPE, mode)
            entry.size = 0 if mode is None else len(name)
            archive.addfile(entry, io.BytesIO(name.encode()))


def check(words, **more):
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, **more)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


class Gantry:
    def __init__(self, folder):
        self.root = folder / "gantry"
        self.call = [BINARIES / "gantry", "--root", self.root, "--run-root", folder / "gantry-run"]

    def make_base(self, base):
        check([*self.call, "import", "--change", "ENV PATH=/bin", "--change", 'CMD ["sh"]', base, "busybox:1"])

    def build(self, context):
        check([*self.call, "build", "-q", "--network", "none", "-t", "made:1", context])
        images = json.loads((self.root / "images/index.json").read_text())["images"]
        made = next(image for image in images if "docker.io/library/made:1" in image.get("tags", []))
        return read_image(lambda digest: (self.root / "images/blobs/sha256" / digest).read_bytes(),
                          made["manifest"].split(":")[1])


class Buildah:
    def __init__(self, folder):
        self.folder = folder
        self.call = ["buildah", "--root", folder / "buildah", "--runroot", folder / "buildah-run", "--storage-driver",
                     "vfs"]

    def build_in(self, context, tag):
        # The network is the session's own, which has none.
        check([*self.call, "build", "--isolation", "chroot", "--network", "host", "--format", "docker", "--layers=false",
               "--pull-never", "-t", tag, context])

    def make_base(self, base):
        context = self.folder / "buildah-base"
        context.mkdir()
        check(["tar", "-cf", context / "base.tar", "-C", base, "."])
        (context / "Dockerfile").write_text('FROM scratch\nADD base.tar /\nENV PATH=/bin\nCMD ["sh"]\n')
        self.build_in(context, "localhost/busybox:1")

    def build(self, context):
        self.build_in(context, "localhost/made:1")
        out = self.folder / "pushed"
        shutil.rmtree(out, ignore_errors=True)
        check([*self.call, "push", "localhost/made:1", f"dir:{out}"])
        return read_image(lambda digest: (out / digest).read_bytes(), "manifest.json")


def read_image(read, manifest):
    """(its files, its config): layers applied in memory."""
    document = json.loads(read(manifest))
    config = json.loads(read(document["config"]["digest"].split(":")[1]))["config"]
    tree = {}
    for layer in document["layers"]:
        apply_layer(tree, read(layer["digest"].split(":")[1]))
    return tree, config


def apply_layer(tree, blob):
    if blob[:2] == b"\x1f\x8b":
        blob = gzip.decompress(blob)
    added = {}
    with tarfile.open(fileobj=io.BytesIO(blob)) as archive:
        for entry in archive:
            path = pathlib.PurePosixPath("/", entry.name)
            if path.name == ".wh..wh..opq":
                remove(tree, str(path.parent), keep_itself=True)
            elif path.name.startswith(".wh."):
                remove(tree, str(path.parent / path.name[4:]))
            else:
                added[str(path)] = describe(archive, entry, added, tree)
    for path, (kind, *rest) in added.items():
        if kind != "directory":
            remove(tree, path)
        tree[path] = (kind, *rest)


def remove(tree, path, keep_itself=False):
    for each in list(tree):
        if each.startswith(path.rstrip("/") + "/") or (each == path and not keep_itself):
            del tree[each]


def describe(archive, entry, added, tree):
    if entry.islnk():
        target = str(pathlib.PurePosixPath("/", entry.linkname))
        return added.get(target) or tree[target]
    if entry.issym():
        return ("link", entry.linkname, entry.uid, entry.gid)
    kind = "directory" if entry.isdir() else "file"
    content = hashlib.sha256(archive.extractfile(entry).read()).hexdigest() if entry.isfile() else ""
    return (kind, oct(entry.mode & 0o7777), entry.uid, entry.gid, content)


def plain_config(config):
    """Without what is the builder's own or says nothing."""
    kept = ("User", "Env", "Cmd", "Entrypoint", "WorkingDir", "Labels", "ExposedPorts", "Volumes", "StopSignal",
            "Shell", "OnBuild", "Healthcheck")
    found = {name: config.get(name) for name in kept if config.get(name)}
    found["Labels"] = {k: v for k, v in (config.get("Labels") or {}).items() if not k.startswith("io.buildah.")}
    return found


# What docker does and buildah doesn't: an image of nothing has a PATH and a working folder.
DOCKERS_OWN = {"scratch": ("Env", "WorkingDir")}


@pytest.mark.parametrize("name", DOCKERFILES)
def test_same_tree_and_config(peers, tmp_path, name):
    make_context(tmp_path)
    (tmp_path / "Dockerfile").write_text(DOCKERFILES[name].lstrip())
    if name == "ignore":
        (tmp_path / ".dockerignore").write_text("# comment\ndrop\n!drop/kept\n**/*.o\narchive*\n.dockerignore\n")
    (own_tree, own_config), (their_tree, their_config) = [each.build(tmp_path) for each in peers]
    for tree in (own_tree, their_tree):
        tree.pop("/", None)
    different = {path: (own_tree.get(path), their_tree.get(path)) for path in own_tree.keys() | their_tree.keys()
                 if own_tree.get(path) != their_tree.get(path)}
    assert different == {}, "path: (gantry, buildah)"
    own, theirs = plain_config(own_config), plain_config(their_config)
    for member in DOCKERS_OWN.get(name, ()):
        own.pop(member, None)
        theirs.pop(member, None)
    assert own == theirs


@pytest.mark.parametrize("transport", ["docker-archive", "oci-archive"])
def test_skopeo_reads_what_save_writes_and_load_what_it_writes(peers, tmp_path, transport):
    gantry = peers[0]
    image = check([*gantry.call, "image", "inspect", "-f", "{{.Id}}", "busybox:1"])
    saved, written = tmp_path / "saved.tar", tmp_path / "written.tar"
    check([*gantry.call, "save", "-o", saved, "busybox:1"])
    name = "docker.io/library/copied:1"
    source = f"{transport}:{saved}" + (":busybox:1" if transport == "docker-archive" else "")
    check(["skopeo", "copy", "-q", source, f"{transport}:{written}:{name}"])
    said = check([*gantry.call, "load", "-i", written])
    assert said in ("Loaded image: copied:1", f"Loaded image ID: {image}")
    assert check([*gantry.call, "image", "inspect", "-f", "{{.Id}}", "copied:1"]) == image


def test_podman_loads_what_save_writes(peers, tmp_path):
    gantry = peers[0]
    check([*gantry.call, "save", "-o", tmp_path / "saved.tar", "busybox:1"])
    image = check([*gantry.call, "image", "inspect", "-f", "{{.Id}}", "busybox:1"])
    with tempfile.TemporaryDirectory(prefix="gp.") as folder:  # podman takes no long run root
        podman = ["podman", "--root", f"{folder}/root", "--runroot", f"{folder}/run", "--storage-driver", "vfs"]
        assert "busybox:1" in check([*podman, "load", "-q", "-i", tmp_path / "saved.tar"])
        assert check([*podman, "image", "inspect", "-f", "{{.Id}}", "busybox:1"]) == image.split(":")[1]
