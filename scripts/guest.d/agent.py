"""Runs in the guest: starts the commands that the host's side asks for. guest.d/wire.py says what goes over the wire.

It listens in a network namespace of its own, with a network card of its own, so that nothing a test does to the
guest's network cuts it off. One forked child serves each connection.
"""

import ctypes
import fcntl
import json
import os
import pty
import select
import signal
import socket
import struct
import subprocess
import sys
import termios

sys.path.insert(0, "/guest-job")
from wire import CONTROL_MAC, Frames, pack

CLONE_NEWNET = 0x40000000


def listen_apart():
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    card = next(name for name in os.listdir("/sys/class/net")
                if open(f"/sys/class/net/{name}/address").read().strip() == CONTROL_MAC)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["nsenter", f"--net=/proc/{os.getpid()}/fd/{home}", "ip", "link", "set", card, "netns",
                    str(os.getpid())], check=True, pass_fds=[home])
    subprocess.run(["ip", "address", "add", "10.0.3.15/24", "dev", card], check=True)
    subprocess.run(["ip", "link", "set", card, "up"], check=True)
    listener = socket.create_server(("10.0.3.15", 1), backlog=64)
    if libc.setns(home, 0) != 0:
        raise OSError(ctypes.get_errno(), "setns")
    os.close(home)
    return listener


def relay(left, right):
    """Carries bytes both ways until both directions have ended."""
    open_ends = {left: right, right: left}
    while open_ends:
        for source in select.select(list(open_ends), [], [])[0]:
            try:
                data = source.recv(65536)
                if data:
                    open_ends[source].sendall(data)
                    continue
                open_ends[source].shutdown(socket.SHUT_WR)
            except OSError:
                return
            del open_ends[source]


def reach(port):
    """127.0.0.1:port of the guest leads to 127.0.0.1:port of the host (which QEMU shows as 10.0.2.2)."""
    listener = socket.create_server(("127.0.0.1", port), backlog=64)
    if os.fork() != 0:
        listener.close()
        return
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        client, _ = listener.accept()
        if os.fork() != 0:
            client.close()
            continue
        try:
            relay(client, socket.create_connection(("10.0.2.2", port), timeout=None))
        finally:
            os._exit(0)


def set_size(terminal, rows, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


class Job:
    """A command with its pipes or its terminal. What isn't written to its stdin yet waits in `pending`."""

    def __init__(self, request):
        self.outputs = {}
        self.terminal = self.stdin = None
        self.pending = b""
        self.input_ended = False
        inside = self.make_terminal(request) if request["terminal"] else self.make_pipes(request)
        self.pid = os.fork()
        if self.pid == 0:
            self.execute(request, inside)
        for fd in set(inside):
            os.close(fd)
        if self.stdin is not None:
            os.set_blocking(self.stdin, False)
        self.done = os.pidfd_open(self.pid)

    def make_terminal(self, request):
        self.terminal, inner = pty.openpty()
        set_size(self.terminal, request["rows"], request["columns"])
        self.outputs[self.terminal] = b"o"
        self.stdin = os.dup(self.terminal)
        return [inner, inner, inner]

    def make_pipes(self, request):
        if request["stdin"]:
            inside_in, self.stdin = os.pipe()
        else:
            inside_in = os.open("/dev/null", os.O_RDONLY)
        out, inside_out = os.pipe()
        err, inside_err = os.pipe()
        self.outputs = {out: b"o", err: b"e"}
        return [inside_in, inside_out, inside_err]

    def execute(self, request, inside):
        try:
            os.setsid()
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            if request["terminal"]:
                fcntl.ioctl(inside[0], termios.TIOCSCTTY, 0)
            for number, fd in enumerate(inside):
                os.dup2(fd, number)
            os.closerange(3, 4096)
            os.chdir(request["cwd"] if os.path.isdir(request["cwd"]) else "/")
            os.execvpe(request["argv"][0], request["argv"], request["env"])
        except OSError as error:
            os.write(2, f"guest: {request['argv'][0]}: {error.strerror}\n".encode())
            os._exit(127 if isinstance(error, FileNotFoundError) else 126)

    def signal(self, number):
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            pass

    def write_input(self):
        try:
            self.pending = self.pending[os.write(self.stdin, self.pending):] if self.pending else b""
        except BlockingIOError:
            return
        except OSError:  # it reads no more
            self.pending, self.input_ended = b"", True
        if self.input_ended and not self.pending and self.terminal is None:
            os.close(self.stdin)
            self.stdin = None

    def take(self, kind, payload):
        if kind == b"i" and self.stdin is not None:
            self.pending += payload
            self.input_ended = self.input_ended or not payload
            self.write_input()
        elif kind == b"s":
            self.signal(struct.unpack(">I", payload)[0])
        elif kind == b"w" and self.terminal is not None:
            set_size(self.terminal, *struct.unpack(">HH", payload))

    def forward_output(self, connection, fd):
        try:
            data = os.read(fd, 65536)
        except OSError:  # EIO: nobody has the terminal's other side
            data = b""
        if data:
            connection.sendall(pack(self.outputs[fd], data))
        else:
            del self.outputs[fd]

    def kill(self):
        self.signal(signal.SIGTERM)
        self.signal(signal.SIGKILL)
        os.waitpid(self.pid, 0)


def serve_job(connection, request):
    job, frames = Job(request), Frames()
    while True:
        reading = [connection] if len(job.pending) < 1 << 20 else []
        writing = [job.stdin] if job.pending else []
        ready, writable, _ = select.select([*reading, job.done, *job.outputs], writing, [])
        for fd in [fd for fd in ready if fd in job.outputs]:
            job.forward_output(connection, fd)
        if writable:
            job.write_input()
        if connection in ready:
            data = connection.recv(65536)
            if not data:
                return job.kill()  # the host's side is gone
            for kind, payload in frames.feed(data):
                job.take(kind, payload)
        if job.done in ready:
            break
    # What it wrote before it ended is still in the pipes; what its background children write later isn't waited for.
    while ready := select.select(list(job.outputs), [], [], 0)[0]:
        for fd in ready:
            job.forward_output(connection, fd)
    status = os.waitstatus_to_exitcode(os.waitpid(job.pid, 0)[1])
    connection.sendall(pack(b"x", struct.pack(">I", status if status >= 0 else 128 - status)))


def serve(connection, token):
    head = b""
    while not head.endswith(b"\n"):
        byte = connection.recv(1)
        if not byte:
            return
        head += byte
    request = json.loads(head)
    if request["token"] != token:
        return
    connection.sendall(b"ok\n")
    if request["argv"]:
        serve_job(connection, request)


def main():
    listener = listen_apart()
    token = open("/guest-job/token").read()
    for port in open("/guest-job/reach").read().split():
        reach(int(port))
    open("/guest-job/ready", "w").close()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        connection, _ = listener.accept()
        if os.fork() != 0:
            connection.close()
            continue
        listener.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        try:
            serve(connection, token)
        except BaseException as error:
            print(f"guest: {error!r}", file=sys.stderr)
        os._exit(0)


main()
