"""QEMU's command line, and whether /dev/kvm really works."""

import ctypes
import fcntl
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys

from kernel import HERE, GuestError, run
from wire import CONTROL_MAC

PROJECT = HERE.parent.parent
COVERED = ("/tmp", "/run", "/dev/shm", "/var/lib/gantry")  # init mounts fresh folders here
SYSTEMD = "/lib/systemd/systemd"
KVM_GET_API_VERSION, KVM_CREATE_VM, KVM_CREATE_VCPU = 0xAE00, 0xAE01, 0xAE41


def kvm_works():
    """Some hosts have the device, but can't make a machine or its processor, or do it without the processor's help
    (kvm_pvm), where a stock kernel doesn't run."""
    if not any(os.path.isdir(f"/sys/module/{name}") for name in ("kvm_intel", "kvm_amd")):
        return False
    try:
        device = os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    machine = processor = -1
    try:
        if fcntl.ioctl(device, KVM_GET_API_VERSION, 0) != 12:
            return False
        machine = fcntl.ioctl(device, KVM_CREATE_VM, 0)
        processor = fcntl.ioctl(machine, KVM_CREATE_VCPU, 0)
        return True
    except OSError:
        return False
    finally:
        for fd in (processor, machine, device):
            if fd >= 0:
                os.close(fd)


def accelerator():
    wanted = os.environ.get("GANTRY_GUEST_ACCEL", "")
    if wanted not in ("", "tcg", "kvm"):
        raise GuestError(f"GANTRY_GUEST_ACCEL must be tcg or kvm, found {wanted!r}")
    if wanted == "kvm" and not kvm_works():
        raise GuestError("GANTRY_GUEST_ACCEL=kvm, but /dev/kvm doesn't work here")
    return wanted or ("kvm" if kvm_works() else "tcg")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def below(path, folder):
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def visible_paths(options):
    """Paths that the guest's own tmpfs mounts would hide and somebody needs."""
    wanted = [str(PROJECT), os.getcwd(), *map(os.path.realpath, options.include)]
    wanted = [path for path in dict.fromkeys(wanted) if any(below(path, covered) for covered in COVERED)]
    for path in wanted:
        if path in COVERED:
            raise GuestError(f"{path} is covered by a fresh folder in the guest: work in a folder below it")
    return [path for path in wanted if not any(below(path, share) for share in options.share)]


def write_job(job, options, modules):
    """The files that guest.d/init and guest.d/agent.py read."""
    if options.systemd and not (os.path.exists(SYSTEMD) and shutil.which("dbus-daemon")):
        raise GuestError("--systemd needs the packages systemd and dbus (scripts/deps installs them)")
    python = os.path.realpath("/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable)
    settings = {"MODULES": modules, "PYTHON": python, "AGENT": "/guest-job/agent.py",
                "DISK": "/dev/vda" if options.disk else "", "SYSTEMD": SYSTEMD if options.systemd else ""}
    lines = [f"{name}={shlex.quote(str(value))}\n" for name, value in settings.items()]
    (job / "settings").write_text("".join(lines))
    for name in ("init", "systemd-init", "agent.py", "wire.py"):
        (job / name).write_text((HERE / name).read_text())
    (job / "busybox").write_text(shutil.which("busybox"))
    (job / "visible").write_text("".join(path + "\n" for path in visible_paths(options)))
    (job / "shares").write_text("".join(path + "\n" for path in options.share))
    (job / "reach").write_text("".join(f"{port}\n" for port in options.reach))


def share_arguments(name, path, flags=""):
    return ["-fsdev", f"local,id={name},path={path.replace(',', ',,')},security_model=none,multidevs=remap{flags}",
            "-device", f"virtio-9p-pci,fsdev={name},mount_tag={name}"]


def command_line(options, session, kernel, initramfs, control_port, accel):
    machine = ["-accel", "kvm", "-cpu", "host"] if accel == "kvm" else ["-accel", "tcg,thread=multi", "-cpu", "Nehalem"]
    forwards = "".join(f",hostfwd={protocol}:127.0.0.1:{port}-:{port}" for protocol, port in options.forward)
    append = "console=ttyS0 quiet panic=-1 mitigations=off random.trust_cpu=on"
    append += "" if accel == "kvm" else " tsc=reliable no_timer_check"
    command = ["qemu-system-x86_64", "-M", "q35", *machine, "-smp", str(options.cpus), "-m", str(options.memory),
               "-display", "none", "-no-reboot", "-nodefaults", "-kernel", str(kernel), "-initrd", str(initramfs),
               "-append", append, "-serial", f"file:{session}/console.log", "-device", "virtio-rng-pci",
               "-netdev", f"user,id=n0,net=10.0.2.0/24{forwards}", "-device", "virtio-net-pci,netdev=n0,romfile=",
               "-netdev", f"user,id=n1,net=10.0.3.0/24,restrict=on,hostfwd=tcp:127.0.0.1:{control_port}-10.0.3.15:1",
               "-device", f"virtio-net-pci,netdev=n1,romfile=,mac={CONTROL_MAC}"]
    command += share_arguments("root", "/", ",readonly=on") + share_arguments("job", f"{session}/job")
    for number, path in enumerate(options.share):
        command += share_arguments(f"share{number}", path)
    if options.disk:
        command += ["-drive", f"file={session}/disk.img,if=virtio,format=raw,cache=unsafe"]
    return command


def make_disk(session, size):
    run("truncate", "-s", size, session / "disk.img")
    run("mkfs.ext4", "-q", "-F", session / "disk.img")


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    os.setsid()


def start(command, session):
    with open(session / "qemu.log", "wb") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent)
