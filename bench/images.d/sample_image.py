"""The image that bench/images moves about: layers of this host's own files below /usr, as real images hold them."""
import hashlib
import json
import os
import random
import stat
import subprocess
import tarfile

FILES = 17_000
LAYERS_MB = (135, 105, 76, 48, 26)
LARGEST = 24 << 20
MEDIA_TYPES = {"gzip": "application/vnd.oci.image.layer.v1.tar+gzip",
               "zstd": "application/vnd.oci.image.layer.v1.tar+zstd"}
COMPRESSORS = {"gzip": ["pigz", "-6", "-n", "-c"], "zstd": ["zstd", "-q", "-3", "-c"]}


def regular_files(top):
    """Every plain file with one name, in an order that is the same each time."""
    for folder, folders, names in os.walk(top):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            info = os.lstat(path)
            if stat.S_ISREG(info.st_mode) and info.st_nlink == 1 and 0 < info.st_size <= LARGEST:
                yield path, info.st_size


def choose(files, count, size):
    """`count` files of about `size` bytes together: a large one whenever the average is below what is wanted."""
    chosen, total = [], 0
    while files and len(chosen) < count:
        left = size - total
        mean = left / (count - len(chosen))
        large = total <= size * len(chosen) / count
        at = next((i for i in range(min(256, len(files)))
                   if (mean < files[i][1] <= left / 4 if large else files[i][1] <= mean)), 0)
        chosen.append(files[at][0])
        total += files.pop(at)[1]
    return sorted(chosen)


def plan():
    files = list(regular_files("/usr"))
    random.Random(7).shuffle(files)
    total = sum(LAYERS_MB)
    return [choose(files, round(FILES * size / total), size << 20) for size in LAYERS_MB]


def whole_seconds(entry):
    entry.mtime = int(entry.mtime)
    return entry


def write_blob(folder, data):
    digest = hashlib.sha256(data).hexdigest()
    with open(os.path.join(folder, "blobs", "sha256", digest), "wb") as file:
        file.write(data)
    return {"digest": "sha256:" + digest, "size": len(data)}


def compress(plain, compression):
    with open(plain, "rb") as file:
        return subprocess.run(COMPRESSORS[compression], stdin=file, stdout=subprocess.PIPE, check=True).stdout


def write_layout(folder, plains, compression):
    """An OCI layout with one image, tagged `latest`."""
    os.makedirs(os.path.join(folder, "blobs", "sha256"))
    layers, diff_ids = [], []
    for plain in plains:
        with open(plain, "rb") as file:
            diff_ids.append("sha256:" + hashlib.file_digest(file, "sha256").hexdigest())
        layers.append({"mediaType": MEDIA_TYPES[compression], **write_blob(folder, compress(plain, compression))})
    config = {"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/true"]},
              "rootfs": {"type": "layers", "diff_ids": diff_ids}}
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", **write_blob(folder, json.dumps(config).encode())}
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config,
                "layers": layers}
    entry = {"mediaType": manifest["mediaType"], **write_blob(folder, json.dumps(manifest).encode()),
             "annotations": {"org.opencontainers.image.ref.name": "latest"}}
    with open(os.path.join(folder, "index.json"), "w") as file:
        json.dump({"schemaVersion": 2, "manifests": [entry]}, file)
    with open(os.path.join(folder, "oci-layout"), "w") as file:
        file.write('{"imageLayoutVersion":"1.0.0"}')
    return manifest


def make(folder):
    """Writes FOLDER/gzip and FOLDER/zstd; returns their manifests and what the image holds."""
    plains = []
    for number, paths in enumerate(plan()):
        plains.append(os.path.join(folder, f"layer{number}.tar"))
        with tarfile.open(plains[-1], "w", format=tarfile.PAX_FORMAT) as tar:
            for path in paths:
                tar.add(path, arcname=path.lstrip("/"), recursive=False, filter=whole_seconds)
    manifests = {name: write_layout(os.path.join(folder, name), plains, name) for name in COMPRESSORS}
    size = sum(os.path.getsize(plain) for plain in plains)
    for plain in plains:
        os.unlink(plain)
    return manifests, size
