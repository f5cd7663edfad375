"""Runs a command in a guest that is up: streams its output, passes signals and the terminal on."""

import fcntl
import json
import os
import select
import signal
import socket
import struct
import sys
import termios
import time
import tty

from kernel import GuestError
from wire import Frames, pack

DIED, TIMED_OUT = 125, 124
STOP_LIMIT = 10  # seconds that a command has to obey a signal that was passed on
PASSED_ON = ("TERM", "LANG")


def environment(options):
    chosen = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "USER": "root"}
    chosen.update((name, value) for name, value in os.environ.items() if name in PASSED_ON or name.startswith("GANTRY_"))
    for entry in options.env:
        name, equals, value = entry.partition("=")
        if equals or name in os.environ:
            chosen[name] = value if equals else os.environ[name]
    return chosen


def connect(session, request):
    port, token = int((session / "port").read_text()), (session / "job/token").read_text()
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(json.dumps(dict(request, token=token)).encode() + b"\n")
    answer = b""
    while not answer.endswith(b"\n"):
        byte = connection.recv(1)  # QEMU accepts for the guest: only an answer proves that it is there
        if not byte:
            raise GuestError("the guest closed the connection")
        answer += byte
    connection.settimeout(None)
    return connection


def window_size():
    return struct.unpack("HHHH", fcntl.ioctl(0, termios.TIOCGWINSZ, b"\0" * 8))[:2]


class Run:
    """One command: the loop between our stdio and the connection."""

    def __init__(self, session, argv, options, terminal):
        rows, columns = window_size() if terminal else (0, 0)
        self.input = terminal or options.stdin
        self.stopping = 0
        self.deadline = time.monotonic() + options.timeout if options.timeout else None
        self.connection = connect(session, {
            "argv": argv, "cwd": os.getcwd(), "env": environment(options), "terminal": terminal,
            "stdin": self.input, "rows": rows, "columns": columns})
        self.frames = Frames()
        self.wake_read, self.wake_write = os.pipe()
        os.set_blocking(self.wake_write, False)
        self.signals = []
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, *([signal.SIGWINCH] if terminal else [])):
            signal.signal(number, self.on_signal)

    def on_signal(self, number, _frame):
        self.signals.append(number)
        try:
            os.write(self.wake_write, b"!")
        except BlockingIOError:
            pass

    def send(self, kind, payload=b""):
        self.connection.sendall(pack(kind, payload))

    def pass_signals_on(self):
        os.read(self.wake_read, 64)
        while self.signals:
            number = self.signals.pop(0)
            if number == signal.SIGWINCH:
                self.send(b"w", struct.pack(">HH", *window_size()))
            else:
                self.send(b"s", struct.pack(">I", number))
                self.stopping = number
                self.deadline = min(self.deadline or float("inf"), time.monotonic() + STOP_LIMIT)

    def receive(self):
        """The exit status, once it is there."""
        try:
            data = self.connection.recv(65536)
        except OSError:
            data = b""
        if not data:
            raise GuestError("the guest died")
        for kind, payload in self.frames.feed(data):
            if kind == b"x":
                return struct.unpack(">I", payload)[0]
            write_whole(1 if kind == b"o" else 2, payload)
        return None

    def loop(self):
        while True:
            left = None if self.deadline is None else self.deadline - time.monotonic()
            if left is not None and left <= 0 and self.stopping:
                return 128 + self.stopping
            if left is not None and left <= 0:
                print("guest: the command's time is over", file=sys.stderr)
                return TIMED_OUT  # closing the connection kills it
            ready = select.select([self.connection, self.wake_read, *([0] if self.input else [])], [], [], left)[0]
            if self.wake_read in ready:
                self.pass_signals_on()
            if self.connection in ready and (status := self.receive()) is not None:
                return status
            if 0 in ready:
                data = os.read(0, 65536)
                self.input = bool(data)
                self.send(b"i", data)


def write_whole(fd, data):
    while data:
        data = data[os.write(fd, data):]


def run(session, argv, options, terminal=False):
    """The command's exit status. GuestError when the guest died."""
    runner = Run(session, argv, options, terminal)
    before = termios.tcgetattr(0) if terminal else None
    try:
        if terminal:
            tty.setraw(0)
        return runner.loop()
    finally:
        if terminal:
            termios.tcsetattr(0, termios.TCSADRAIN, before)
        runner.connection.close()
