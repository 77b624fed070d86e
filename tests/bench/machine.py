"""Ports, processes and what they cost on this machine."""

import os
import pathlib
import random
import secrets
import signal
import socket
import subprocess
import time

ACCOUNTS = 200  # user0 and so on, of whom the first hundred get mail over SMTP
PATIENCE = 300  # seconds until something is given up


def free_port():
    """One that no outgoing connection takes before the server does."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for(what, condition, seconds=PATIENCE, pause=0.01):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: not within {seconds} s")
        time.sleep(pause)


class Cgroup:
    """The processes of one server, told apart by a cgroup of their own."""

    def __init__(self):
        name = f"rohrpost-bench-{secrets.token_hex(4)}"
        self.folder = pathlib.Path("/sys/fs/cgroup/cpuacct") / name
        self.folder.mkdir()

    def spawn(self, command, log, environment=None):
        """Starts a process in it, with its output at the end of the file `log`."""
        with open(log, "ab") as output:
            return subprocess.Popen(
                command, stdout=output, stderr=output, stdin=subprocess.DEVNULL,
                env={**os.environ, **(environment or {})}, preexec_fn=self.enter,
            )

    def enter(self):
        (self.folder / "tasks").write_text(str(os.getpid()))

    def cpu_ms(self):
        return int((self.folder / "cpuacct.usage").read_text()) / 1e6

    def processes(self):
        return [int(pid) for pid in (self.folder / "cgroup.procs").read_text().split()]

    def memory_mib(self):
        return sum(memory_mib(pid) for pid in self.processes())

    def remove(self):
        """Ends what is left in it."""
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        wait_for("the server's processes end", lambda: not self.processes(), 30)
        self.folder.rmdir()


def memory_mib(pid):
    """Its proportional set size."""
    try:
        rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(l.split()[1]) for l in rollup.splitlines() if l.startswith("Pss:")) / 1024


def cpu_ms(pid):
    """What it has spent so far, in user and kernel mode."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")
