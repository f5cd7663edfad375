"""A guest's life: a folder of its own in the cache, a supervisor that holds its lock, QEMU as the supervisor's child.

Whoever finds a folder whose lock isn't held removes it: a supervisor that was killed took QEMU with it (PDEATHSIG).
"""

import errno
import fcntl
import os
import pathlib
import re
import secrets
import shutil
import signal
import sys
import time

import qemu
from kernel import GuestError, cache_folder, prepare

BOOT_LIMIT = 300  # seconds: an emulated guest on a busy machine
KVM_BOOT_LIMIT = 30
STOPPING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def say(text):
    print(f"guest: {text}", file=sys.stderr, flush=True)


def folder_of(name):
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
        raise GuestError(f"a session's name has letters, digits, _ . -, found {name!r}")
    return cache_folder() / "sessions" / name


def try_lock(session):
    """The lock's descriptor, or None when somebody holds it."""
    lock = os.open(session / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return lock
    except OSError as error:
        os.close(lock)
        if error.errno not in (errno.EAGAIN, errno.EACCES):
            raise
        return None


def sweep():
    """Removes what killed supervisors left."""
    for session in (cache_folder() / "sessions").glob("*"):
        lock = try_lock(session)
        if lock is not None:
            shutil.rmtree(session, ignore_errors=True)
            os.close(lock)


def claim(name):
    session = folder_of(name)
    session.parent.mkdir(mode=0o700, exist_ok=True)
    sweep()
    try:
        session.mkdir(mode=0o700)
    except FileExistsError:
        raise GuestError(f"session {name} is up already (--halt {name} ends it)") from None
    return session, try_lock(session)


def find(name):
    session = folder_of(name)
    if not session.is_dir() or not (session / "supervisor").exists():
        raise GuestError(f"no session {name} is up (--boot {name} starts one)")
    return session


class Guest:
    def __init__(self, name, options):
        kernel, initramfs, modules, _ = prepare(say)
        self.session, self.lock = claim(name)
        self.machine = None
        try:
            (self.session / "job").mkdir()
            (self.session / "job/token").write_text(secrets.token_hex(16))
            qemu.write_job(self.session / "job", options, modules)
            if options.disk:
                qemu.make_disk(self.session, options.disk)
            self.start(options, kernel, initramfs, qemu.accelerator())
        except BaseException:
            self.close()
            raise

    def start(self, options, kernel, initramfs, accel):
        limit = KVM_BOOT_LIMIT if accel == "kvm" else BOOT_LIMIT
        for attempt in range(5):  # somebody may take the free port before QEMU does
            port = qemu.free_port()
            command = qemu.command_line(options, self.session, kernel, initramfs, port, accel)
            self.machine = qemu.start(command, self.session)
            (self.session / "port").write_text(str(port))
            if self.wait_ready(limit):
                (self.session / "supervisor").write_text(str(os.getpid()))
                return
            self.end_machine()
            if f":{port}-" not in self.last_words():
                break
        if accel == "kvm" and not os.environ.get("GANTRY_GUEST_ACCEL"):
            say(f"no boot with KVM ({self.last_words()}): emulating instead")
            return self.start(options, kernel, initramfs, "tcg")
        raise GuestError(f"the guest didn't boot within {limit} s: {self.last_words()}")

    def wait_ready(self, limit):
        deadline = time.monotonic() + limit
        while self.machine.poll() is None and time.monotonic() < deadline:
            if (self.session / "job/ready").exists():
                return True
            time.sleep(0.03)
        return False

    def end_machine(self):
        if self.machine is not None and self.machine.poll() is None:
            self.machine.kill()
            self.machine.wait()

    def last_words(self):
        texts = [(self.session / name).read_text(errors="replace").strip()
                 for name in ("qemu.log", "console.log") if (self.session / name).exists()]
        lines = [line for text in texts for line in text.split("\n") if line.strip()]
        return "\n  ".join(lines[-12:]) or "it said nothing"

    def close(self):
        for number in STOPPING_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        self.end_machine()
        shutil.rmtree(self.session, ignore_errors=True)
        os.close(self.lock)

    def supervise(self, limit):
        """Until QEMU ends, the time is over, or SIGTERM (--halt) comes."""
        deadline = time.monotonic() + limit if limit else None
        while self.machine.poll() is None and (deadline is None or time.monotonic() < deadline):
            time.sleep(0.1)


class Stopped(BaseException):
    def __init__(self, number):
        self.number = number


def stop_on_signals():
    seen = []

    def stop(number, _frame):
        if not seen:  # a second one, on its heels, must not interrupt the clean-up
            seen.append(number)
            raise Stopped(number)

    for number in STOPPING_SIGNALS:
        signal.signal(number, stop)


def boot_in_background(name, options):
    """Returns when the guest is up; a background process supervises it."""
    read, write = os.pipe()
    if os.fork() == 0:
        os.setsid()
        os.close(read)
        status = supervise_in_background(name, options, write)
        os._exit(status)
    os.close(write)
    with os.fdopen(read) as answer:
        text = answer.read()
    if text != "ready":
        raise GuestError(text or "the supervisor died")


def supervise_in_background(name, options, answer):
    guest = None
    try:
        stop_on_signals()
        guest = Guest(name, options)
        null = os.open("/dev/null", os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        os.write(answer, b"ready")
        os.close(answer)
        guest.supervise(options.timeout)
    except Stopped:
        pass
    except GuestError as error:
        os.write(answer, str(error).encode())
        return 1
    finally:
        if guest:
            guest.close()
    return 0


def halt(name):
    session = find(name)
    supervisor = int((session / "supervisor").read_text())
    lock = try_lock(session)
    if lock is None:
        os.kill(supervisor, signal.SIGTERM)  # it holds the lock, so the number is its own
        deadline = time.monotonic() + 20
        while session.exists():
            if time.monotonic() > deadline:
                raise GuestError(f"session {name} doesn't end")
            time.sleep(0.03)
    else:
        shutil.rmtree(session, ignore_errors=True)
        os.close(lock)
