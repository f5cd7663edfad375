"""The config.json that podman really gives to a runtime by default, its sources of bind mounts included."""
import json
import os
import resource
import shutil
import subprocess

# Stands in for the runtime: keeps the bundle's config.json, and fails, so that podman gives up.
CATCHER = """#!/bin/sh
previous=
for word in "$@"; do
  [ "$previous" = --bundle ] && cp "$word/config.json" {target}
  previous=$word
done
case "$*" in *features* | *--version*) exec crun "$@" ;; esac
exit 1
"""


def capture(folder, rootfs, program):
    """The configuration as a dict; copies of what it binds are put below `folder`."""
    target = os.path.join(folder, "podman.json")
    catcher = os.path.join(folder, "catcher")
    with open(catcher, "w") as file:
        file.write(CATCHER.format(target=target))
    os.chmod(catcher, 0o755)
    podman = ["podman", "--root", folder + "/storage", "--runroot", folder + "/run", "--tmpdir", folder + "/tmp",
              "--storage-driver", "vfs", "--runtime", catcher, "--cgroup-manager", "cgroupfs"]
    output = subprocess.DEVNULL
    subprocess.run([*podman, "create", "--name", "bench", "--network", "none", "--rootfs", rootfs, program],
                   stdout=output, check=True)
    subprocess.run([*podman, "init", "bench"], stdout=output, stderr=output)
    with open(target) as file:
        config = json.load(file)
    keep_sources(config, folder)
    subprocess.run([*podman, "rm", "--force", "bench"], stdout=output, stderr=output, check=True)
    return config


def keep_sources(config, folder):
    sources = os.path.join(folder, "sources")
    os.makedirs(sources)
    for number, mount in enumerate(config["mounts"]):
        if mount["type"] != "bind":
            continue
        copy = os.path.join(sources, str(number))
        if os.path.isdir(mount["source"]):
            os.mkdir(copy)
        elif os.path.exists(mount["source"]):
            shutil.copy(mount["source"], copy)
        else:
            open(copy, "w").close()
        mount["source"] = copy


def without_limits(config):
    """For a host where not every runtime may make cgroups or raise limits; everything else stays."""
    for limit in config["process"].get("rlimits", []):
        hard = resource.getrlimit(getattr(resource, limit["type"]))[1]
        if hard != resource.RLIM_INFINITY:
            limit["hard"] = limit["soft"] = min(limit["hard"], hard)
    config["linux"]["resources"] = {}
    config["linux"].pop("cgroupsPath", None)
    config["linux"].pop("rootfsPropagation", None)
    return config
