"""The guest's kernel and initramfs: fetched and made once, kept in the cache folder."""

import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile

MODULES = "virtio_pci virtio_rng virtio_console 9pnet_virtio 9p overlay virtio_blk virtio_net ext4 loop".split()
HERE = pathlib.Path(__file__).resolve().parent
PACKAGES = {
    "qemu-system-x86_64": "qemu-system-x86", "cpio": "cpio", "depmod": "kmod", "modprobe": "kmod",
    "busybox": "busybox-static", "dpkg-deb": "dpkg", "apt-get": "apt", "ip": "iproute2", "mkfs.ext4": "e2fsprogs",
}


class GuestError(Exception):
    pass


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = pathlib.Path(base) / "gantry-guest"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder.resolve()


def check_packages():
    if os.uname().machine != "x86_64":
        raise GuestError(f"the guest needs an x86-64 host, this one is {os.uname().machine}")
    missing = sorted({package for program, package in PACKAGES.items() if not shutil.which(program)})
    if missing:
        raise GuestError(f"packages are missing: {' '.join(missing)} (scripts/deps installs them)")
    head = subprocess.run(["busybox"], capture_output=True, text=True).stdout.split("\n")[0]
    with open(shutil.which("busybox"), "rb") as program:
        if b"ld-linux-x86-64" in program.read(4096):
            raise GuestError(f"busybox isn't static ({head}): package busybox-static is missing (scripts/deps installs it)")


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip() or "no message").split("\n")[-1]
        raise GuestError(f"{' '.join(map(str, command))}: {last}")
    return done.stdout


def fetch_kernel(folder):
    """Unpacks Debian's current kernel package below `folder`; returns the folder that was made."""
    depends = run("apt-cache", "depends", "linux-image-amd64")
    names = [line.split()[1] for line in depends.split("\n") if "Depends: linux-image" in line]
    if not names:
        raise GuestError("apt knows no linux-image-amd64: run apt-get update")
    with tempfile.TemporaryDirectory(dir=folder, prefix="fetch.") as scratch:
        os.chmod(scratch, 0o755)
        run("apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", names[0], cwd=scratch)
        package = next(pathlib.Path(scratch).glob("*.deb"))
        root = pathlib.Path(scratch) / "root"
        run("dpkg-deb", "-x", package, root)
        modules = next(path for path in (root / "lib/modules", root / "usr/lib/modules") if path.is_dir())
        version = next(modules.iterdir()).name
        if not (root / "lib").exists():  # merged /usr: depmod -b wants lib/modules
            (root / "lib").symlink_to("usr/lib")
        run("depmod", "-b", root, version)
        target = folder / f"kernel-{version}"
        shutil.rmtree(target, ignore_errors=True)
        os.rename(root, target)
    return target


def make_initramfs(kernel, version, output):
    with tempfile.TemporaryDirectory(dir=output.parent, prefix="initramfs.") as scratch:
        tree = pathlib.Path(scratch) / "tree"
        for name in ("bin", "modules", "root", "proc", "dev", "layer", "lower"):
            (tree / name).mkdir(parents=True)
        shutil.copy(shutil.which("busybox"), tree / "bin/busybox")
        shutil.copy(HERE / "initramfs-init", tree / "init")
        (tree / "init").chmod(0o755)
        order = []
        for module in MODULES:
            for line in run("modprobe", "-d", kernel, "-S", version, "--show-depends", module).split("\n"):
                if line.startswith("insmod ") and line.split()[1] not in order:
                    order.append(line.split()[1])
        for path in order:
            shutil.copy(path, tree / "modules")
        (tree / "modules/order").write_text("".join(os.path.basename(path) + "\n" for path in order))
        packed = pathlib.Path(scratch) / "packed"
        run("sh", "-c", f'find . | cpio -o -H newc --quiet | gzip -1 >"{packed}"', cwd=tree)
        os.rename(packed, output)


def prepare(say):
    """Returns (kernel image, initramfs, modules folder, version), made if they aren't in the cache."""
    check_packages()
    folder = cache_folder()
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kernels = sorted(folder.glob("kernel-*"), key=lambda path: path.stat().st_mtime)
        if not kernels:
            say("fetching Debian's kernel (once, about 70 MB)")
        kernel = kernels[-1] if kernels else fetch_kernel(folder)
        version = kernel.name.removeprefix("kernel-")
        content = b"".join((HERE / name).read_bytes() for name in ("initramfs-init", "kernel.py"))
        key = hashlib.sha256(content + pathlib.Path(shutil.which("busybox")).read_bytes()).hexdigest()[:16]
        initramfs = folder / f"initramfs-{version}-{key}.gz"
        if not initramfs.exists():
            for old in folder.glob("initramfs-*"):
                old.is_dir() or old.unlink()
            make_initramfs(kernel, version, initramfs)
    return kernel / f"boot/vmlinuz-{version}", initramfs, (kernel / "lib/modules").resolve(), version
