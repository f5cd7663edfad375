"""The frames between guest.d/client.py on the host and guest.d/agent.py in the guest.

A connection starts with one JSON line from the host (token, argv, cwd, env, terminal, rows, columns) and "ok\n" from
the guest. Then frames both ways: one byte of type, four of length (big-endian), the payload.
To the guest:  i stdin (empty: its end), s a signal's number, w rows and columns.
To the host:   o stdout, e stderr, x the exit status: the last one.
"""

import struct


CONTROL_MAC = "52:54:00:67:75:02"  # of the card that carries this, apart from the guest's own eth0


def pack(kind, payload=b""):
    return kind + struct.pack(">I", len(payload)) + payload


class Frames:
    """Takes bytes as they come, gives whole frames."""

    def __init__(self):
        self.buffer = b""

    def feed(self, data):
        self.buffer += data
        frames = []
        while len(self.buffer) >= 5:
            length = struct.unpack(">I", self.buffer[1:5])[0]
            if len(self.buffer) < 5 + length:
                break
            frames.append((self.buffer[:1], self.buffer[5:5 + length]))
            self.buffer = self.buffer[5 + length:]
        return frames
