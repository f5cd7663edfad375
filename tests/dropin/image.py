"""The image of these tests: one static busybox, as an archive that podman load, ctr images import and docker load take:
an OCI layout, and beside it docker's own manifest.json of the same blobs."""
import hashlib
import io
import json
import pathlib
import subprocess
import tarfile

NAME = "localhost/box:latest"
FOLDERS = ("bin", "dev", "etc", "proc", "root", "run", "sys", "tmp", "var")
FILES = {"etc/passwd": "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/tmp:/bin/sh\n",
         "etc/group": "root:x:0:\nuser:x:1000:\n"}


def write_archive(folder, name=NAME, command=("sh",)):
    layer = make_layer()
    blobs = {}

    def descriptor(content, media_type):
        digest = hashlib.sha256(content).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = content
        return {"mediaType": f"application/vnd.oci.image.{media_type}", "digest": f"sha256:{digest}",
                "size": len(content)}

    config = {"architecture": "amd64", "os": "linux", "config": {"Env": ["PATH=/bin"], "Cmd": command},
              "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]}}
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": descriptor(json.dumps(config).encode(), "config.v1+json"),
                "layers": [descriptor(layer, "layer.v1.tar")]}
    entry = descriptor(json.dumps(manifest).encode(), "manifest.v1+json")
    entry["annotations"] = {"org.opencontainers.image.ref.name": name, "io.containerd.image.name": name}
    entry["platform"] = {"architecture": "amd64", "os": "linux"}
    blobs["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
    config_path, layer_path = (f"blobs/sha256/{part['digest'][7:]}" for part in (manifest["config"], *manifest["layers"]))
    blobs["manifest.json"] = json.dumps([{"Config": config_path, "RepoTags": [name], "Layers": [layer_path]}]).encode()
    blobs["oci-layout"] = b'{"imageLayoutVersion":"1.0.0"}'
    path = folder / f"{pathlib.PurePath(name).name.split(':')[0]}.tar"
    with tarfile.open(path, "w") as archive:
        for name, content in blobs.items():
            add_file(archive, name, content)
    return path


def add_file(archive, name, content, mode=0o644):
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), mode
    archive.addfile(info, io.BytesIO(content))


def make_layer():
    layer = io.BytesIO()
    applets = subprocess.run(["/bin/busybox", "--list"], capture_output=True, text=True, check=True).stdout.split()
    with tarfile.open(fileobj=layer, mode="w") as archive:
        for name in FOLDERS:
            info = tarfile.TarInfo(name)
            info.type, info.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            archive.addfile(info)
        for name, text in FILES.items():
            add_file(archive, name, text.encode())
        with open("/bin/busybox", "rb") as busybox:
            add_file(archive, "bin/busybox", busybox.read(), 0o755)
        for name in applets:
            if name == "busybox":
                continue
            info = tarfile.TarInfo(f"bin/{name}")
            info.type, info.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(info)
    return layer.getvalue()
