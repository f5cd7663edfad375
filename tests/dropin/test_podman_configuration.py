"""podman by the lines of docs/dropin.md and README.md, in the files that these name."""
import os
import pathlib
import shutil
import subprocess

import pytest

from clients import Podman, enforces_limits
from documented import lines_of, row_of
from image import NAME
from test_podman_rootless import UserPodman, user  # noqa: F401 (a fixture)

LINES = {"dropin": lines_of("podman", "toml"), "README": row_of("podman")}

# What docs/dropin.md says to set where limits are missing, and no network.
CONTAINERS = f"""
[containers]
pids_limit = {2048 if enforces_limits() else 0}
default_ulimits = ["nofile=1024:4096", "nproc=1024:4096"]
netns = "none"
"""
GLOBAL = ("--cgroup-manager", "cgroupfs", "--events-backend", "file")


class Configured(Podman):
    """It finds its containers.conf itself."""

    def command(self, *arguments):
        return super().command(*GLOBAL, *arguments)

    def result(self, *arguments, **options):
        self.environment.pop("CONTAINERS_CONF", None)
        return super().result(*arguments, **options)


class ConfiguredUser(Configured, UserPodman):
    pass


@pytest.fixture(scope="module")
def system_podman(folder, archive, installed):
    """/etc/containers is a copy, in this mount namespace."""
    etc = folder / "etc-containers"
    shutil.copytree("/etc/containers", etc)
    (etc / "containers.conf").write_text(CONTAINERS)
    subprocess.run(["mount", "--bind", etc, "/etc/containers"], check=True)
    made = Configured(folder / "podman-configured", archive)
    yield made
    made.close()
    subprocess.run(["umount", "/etc/containers"], check=True)
    shutil.rmtree(etc)


@pytest.fixture(params=LINES)
def system(request, system_podman):
    """/etc/containers/containers.conf has the lines."""
    pathlib.Path("/etc/containers/containers.conf").write_text(LINES[request.param] + CONTAINERS)
    yield system_podman
    system_podman.remove_all()


@pytest.fixture(scope="module")
def any_users(user, archive, installed):  # noqa: F811
    made = ConfiguredUser(user / "podman-configured", archive)
    yield made
    made.close()


@pytest.fixture(params=LINES)
def users(request, any_users):
    """The user's ~/.config/containers/containers.conf has the lines."""
    config = pathlib.Path(any_users.environment["HOME"]) / ".config/containers"
    config.mkdir(parents=True, exist_ok=True)
    (config / "containers.conf").write_text(LINES[request.param] + CONTAINERS)
    yield any_users
    any_users.remove_all()


def runs_by_default(podman, *options):
    assert podman("info", "--format", "{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Path}}") == \
        "gantry-oci /usr/bin/gantry-oci"
    assert podman("run", *options, "--name", "c", NAME, "echo", "hello") == "hello"
    assert podman.inspect("c", ".OCIRuntime") == "gantry-oci"
    podman.fails("run", *options, "--rm", NAME, "nosuch", status=127, says="executable file not found in $PATH")
    podman("run", *options, "-d", "--name", "d", NAME, "sleep", "1000")
    assert podman("exec", "d", "echo", "inside") == "inside"


def test_containers_conf_of_the_system(system):
    runs_by_default(system)


def test_containers_conf_of_a_user(users):
    runs_by_default(users, "--cgroups", "disabled")
    assert os.stat(f"/proc/{users.pid('d')}").st_uid != 0
