"""Real podman (with conmon), containerd (with its runc shim), ctr and docker, with gantry-oci as their runtime.
`scripts/test dropin` runs these; GANTRY_BIN_DIR names the programs. What the clients keep lies in a folder of the session;
mounts, network, /run, /dev/shm and the cgroups are its own, so that nothing of the host's clients is touched."""
import ctypes
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import pytest

from clients import Containerd, Podman, write_wrapper
from cri_client import PAUSE_IMAGE, Cri
from docker_client import Docker
from image import write_archive

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWNET = 0x00020000, 0x02000000, 0x40000000


def unshare(flags):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), "unshare: these tests need root")


def host_cgroups():
    """Where cgroup v2 is mounted; on a hybrid host beside the folders of v1."""
    mounts = [line.split() for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
    return next(pathlib.Path(m[4]) for m in mounts if m[m.index("-") + 1] == "cgroup2")


class Cgroups:
    """A cgroup of the session; its processes see it as the root of a host that has v2 alone."""

    def __init__(self):
        root = host_cgroups()
        own = pathlib.Path("/proc/self/cgroup").read_text().rsplit("0::", 1)[1].strip()
        self.home = root / own.lstrip("/") / "cgroup.procs"
        self.folder = root / f"gantry-dropin.{os.getpid()}"
        (self.folder / "tests").mkdir(parents=True)
        self.keep = os.open(self.folder, os.O_RDONLY)  # by its path it is out of sight later on
        self.home_file = os.open(self.home, os.O_WRONLY)
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))
        unshare(CLONE_NEWCGROUP)
        (self.folder / "tests/cgroup.procs").write_text(str(os.getpid()))
        for controller in (self.folder / "cgroup.controllers").read_text().split():
            (self.folder / "cgroup.subtree_control").write_text(f"+{controller}")
        subprocess.run(["mount", "--bind", self.folder, "/sys/fs/cgroup"], check=True)

    def close(self):
        """Removes all that is below; a process that is still there is a defect of a test, and said."""
        os.write(self.home_file, str(os.getpid()).encode())
        here = pathlib.Path("/sys/fs/cgroup")
        for folder in sorted((p for p in here.rglob("*") if p.is_dir()), reverse=True):
            folder.rmdir()
        subprocess.run(["umount", "/sys/fs/cgroup"], check=True)
        self.folder.rmdir()


def pytest_configure(config):
    unshare(CLONE_NEWNS | CLONE_NEWNET)
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    config.cgroups = Cgroups()
    for folder in ("/run", "/dev/shm"):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=1777" if folder == "/dev/shm" else "mode=755", "none",
                        folder], check=True)


def pytest_unconfigure(config):
    config.cgroups.close()


@pytest.fixture(scope="session")
def folder():
    made = pathlib.Path(tempfile.mkdtemp(prefix="gantry-dropin.", dir="/var/tmp"))
    made.chmod(0o755)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "none", made], check=True)  # faster; and overlays work
    yield made
    subprocess.run(["umount", "-R", made], check=True)
    made.rmdir()


@pytest.fixture(scope="session")
def archive(folder):
    return write_archive(folder)


@pytest.fixture(scope="session")
def installed(folder):
    """The program is /usr/bin/gantry-oci, as the documents have it, in this mount namespace."""
    upper, work = folder / "usr-bin", folder / "usr-bin.work"
    upper.mkdir()
    work.mkdir()
    subprocess.run(["mount", "-t", "overlay", "-o", f"lowerdir=/usr/bin,upperdir={upper},workdir={work}", "none",
                    "/usr/bin"], check=True)
    path = pathlib.Path("/usr/bin/gantry-oci")
    write_wrapper(path)
    yield path
    subprocess.run(["umount", "--lazy", "/usr/bin"], check=True)  # it is in use: by this program, too


@pytest.fixture(scope="session")
def podman_session(folder, archive):
    made = Podman(folder / "podman", archive)
    yield made
    made.close()


@pytest.fixture
def podman(podman_session):
    yield podman_session
    podman_session.remove_all()


@pytest.fixture(scope="session")
def containerd_session(folder, archive):
    made = Containerd(folder / "containerd", archive)
    yield made
    made.close()


@pytest.fixture
def containerd(containerd_session):
    yield containerd_session
    containerd_session.remove_all()


@pytest.fixture(scope="session")
def cri_session(folder, archive, installed):
    made = Cri(folder / "cri", archive, write_archive(folder, PAUSE_IMAGE, ("sleep", "2147483647")))
    yield made
    made.close()


@pytest.fixture
def cri(cri_session):
    yield cri_session
    cri_session.remove_all()


@pytest.fixture(scope="session")
def docker_session(folder, archive):
    made = Docker(folder / "docker", archive)
    yield made
    made.close()


@pytest.fixture
def docker(docker_session):
    yield docker_session
    docker_session.remove_all()


@pytest.fixture
def scratch(folder):
    """A folder for one test."""
    made = pathlib.Path(tempfile.mkdtemp(dir=folder))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="session")
def subordinate_ids(folder):
    """The ids that --userns=auto may take, in this mount namespace."""
    for name in ("/etc/subuid", "/etc/subgid"):
        file = folder / pathlib.Path(name).name
        file.write_text("containers:300000:65536\n")
        subprocess.run(["mount", "--bind", file, name], check=True)
    yield range(300000, 365536)
    for name in ("/etc/subuid", "/etc/subgid"):
        subprocess.run(["umount", name], check=True)
