"""When a message has arrived in a mailbox: each class waits for the next one in
the way of its server that disturbs it least."""

import ctypes
import os
import socket
import struct
import time

PATIENCE = 30  # seconds


class NewFiles:
    """Files that appear in a folder (inotify)."""

    CREATED_OR_MOVED = 0x100 | 0x80

    def __init__(self, folder):
        libc = ctypes.CDLL(None, use_errno=True)
        self.events = libc.inotify_init1(0)
        if libc.inotify_add_watch(self.events, bytes(folder), self.CREATED_OR_MOVED) < 0:
            raise OSError(ctypes.get_errno(), f"cannot watch {folder}")
        self.seen = 0

    def wait(self):
        while self.seen == 0:
            events, at = os.read(self.events, 65536), 0
            while at < len(events):
                self.seen += 1
                at += 16 + struct.unpack_from("I", events, at + 12)[0]
        self.seen -= 1

    def close(self):
        os.close(self.events)


class ChangeChannel:
    """Changes that the store publishes in the very step that appends."""

    def __init__(self, url):
        host, port = url.removeprefix("redis://").split(":")
        self.socket = socket.create_connection((host, int(port)), PATIENCE)
        self.socket.sendall(b"PSUBSCRIBE m:changed:*\r\n")
        self.replies = self.socket.makefile("rb")
        self.element(self.replies.readline())

    def element(self, line):
        if line.startswith(b"*"):
            return [self.element(self.replies.readline()) for _ in range(int(line[1:]))]
        if line.startswith(b"$"):
            return self.replies.read(int(line[1:]) + 2)[:-2]
        return line.rstrip()

    def wait(self):
        self.element(self.replies.readline())

    def close(self):
        self.socket.close()


class Counted:
    """A count that rises."""

    def __init__(self, count):
        self.count, self.last = count, count()

    def wait(self):
        deadline = time.monotonic() + PATIENCE
        while (now := self.count()) <= self.last:
            if time.monotonic() > deadline:
                raise TimeoutError("no message arrived")
        self.last = now

    def close(self):
        pass
