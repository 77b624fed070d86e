"""What is measured of reading mail: rows over IMAP, beside Dovecot."""

import json
import subprocess
import time

from rows import Row, measured
from servers import SESSIONS, TARGET

# Accounts by their numbers: those of many sessions come first.
LARGE, HUGE, ALONE, FRESH, IDLING = 50, 51, 52, 100, 100
MESSAGES, SIZE = 10_000, (1024, 10_240)
SHOWN = "From To Cc Bcc Subject Date Message-ID Priority References In-Reply-To Content-Type Reply-To"


class Client:
    """The generator's IMAP client, which waits before each step until told to go on."""

    def __init__(self, server, *work, first=0, accounts=1, tls=False):
        arguments = [
            TARGET / "bench", "imap", "--to", f"127.0.0.1:{server.imaps if tls else server.imap}",
            "--password", server.password, "--first", first, "--accounts", accounts,
            *(("--tls", server.certificate) if tls else ()), *work,
        ]
        self.process = subprocess.Popen(
            list(map(str, arguments)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        self.ready()

    def ready(self):
        if self.process.stdout.readline() != "ready\n":
            raise SystemExit("the client failed")

    def go_on(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def report(self):
        """Takes the last step."""
        output, _ = self.process.communicate("\n")
        if self.process.returncode:
            raise SystemExit("the client failed")
        return json.loads(output)

    def stop(self):
        self.process.kill()
        self.process.communicate()


def work(server, messages, *arguments, **options):
    """What some work cost and came to."""
    client = Client(server, *arguments, **options)
    report = {}
    try:
        result = measured(server, messages, lambda: report.update(client.report()))
    finally:
        client.stop()
    # Parts with nothing to do say nothing, and time to end the client does not count.
    for part in [part for part in result if part.endswith("_cpu_ms") and result[part] < result["cpu_ms"] / 50]:
        del result[part]
    if seconds := report.get("seconds"):
        result["per_second"] = messages / seconds
    return result, report


def size(octets):
    return ("--size", *octets)


def fill(server, account, messages, octets=SIZE, sessions=SESSIONS):
    """Sees to it that so many messages are in the INBOX of an account."""
    filled = server.__dict__.setdefault("filled", {})
    if account in filled:
        return filled[account]
    client = Client(
        server, "append", "--sessions", sessions, "--messages", messages, "--together", 50,
        *size(octets), first=account,
    )
    client.report()
    filled[account] = messages
    return messages


def append(server, messages, _sink_port):
    result, report = work(
        server, messages, "append", "--sessions", SESSIONS, "--messages", messages,
        *size((10_240, 10_240)), accounts=SESSIONS,
    )
    append = report["append"]
    return {**result, "p50_ms": append["p50_ms"], "p99_ms": append["p99_ms"]}


def fetch(items, times=3):
    """A client that sees the mailbox for the first time, then others that do."""

    def row(server, messages, _sink_port):
        messages = fill(server, LARGE, messages)
        command = ("ask", "--command", f"FETCH 1:* ({items})")
        first, report = work(server, messages, *command, first=LARGE)
        expect(report["responses"], messages)
        again, report = work(server, times * messages, *command, "--times", times, first=LARGE)
        expect(report["responses"], times * messages)
        return {
            "first_per_second": first["per_second"], "first_cpu_ms": first["cpu_ms"], **again,
            "mib_per_second": report["octets"] / report["seconds"] / 2**20,
        }

    return row


def expect(heard, expected):
    # Servers may tell other news between.
    if not expected <= heard <= expected + 10:
        raise SystemExit(f"{heard} responses where {expected} are due")


def flags(sessions):
    """One message at a time: flagged, then not."""

    def row(server, messages, _sink_port):
        account, each = (ALONE, messages) if sessions == 1 else (20, messages // sessions)
        for number in range(account, account + sessions):
            fill(server, number, each, (2048, 2048), sessions=2)
        result, report = work(
            server, 2 * each * sessions, "ask", "--sessions", sessions, "--times", 2 * each,
            "--numbers", each, "--command", r"UID STORE {n} +FLAGS (\Flagged)",
            "--command", r"UID STORE {n} -FLAGS (\Flagged)", first=account, accounts=sessions,
        )
        expect(report["responses"], 2 * each * sessions)
        answer = report["answer"]
        return {**result, "p50_ms": answer["p50_ms"], "p99_ms": answer["p99_ms"]}

    return row


def all_flags(server, messages, _sink_port):
    """All messages with one command: read, then unread, and so on."""
    messages, times = fill(server, LARGE, messages), 6
    result, report = work(
        server, times * messages, "ask", "--times", times, "--command", r"UID STORE 1:* +FLAGS (\Seen)",
        "--command", r"UID STORE 1:* -FLAGS (\Seen)", first=LARGE,
    )
    expect(report["responses"], times * messages)
    return result


def idle_latency(server, messages, _sink_port):
    # A server that waits for more before it tells takes half a second for each.
    messages = min(messages, 100)
    _, report = work(server, messages, "arrivals", "--messages", messages, *size((4096, 4096)), first=ALONE)
    return {"p50_ms": report["arrival"]["p50_ms"], "p99_ms": report["arrival"]["p99_ms"]}


def select(server, messages, _sink_port):
    messages, times = fill(server, HUGE, messages, (512, 512)), 20
    command = ("ask", "--command", "SELECT INBOX")
    result, report = work(server, times, *command, "--times", times, first=HUGE)
    answer = report["answer"]
    return {"p50_ms": answer["p50_ms"], "max_ms": answer["max_ms"], "cpu_ms": result["cpu_ms"]}


def search(server, messages, _sink_port):
    """A word in the text of each hundredth message."""
    messages, times = fill(server, LARGE, messages), 5
    command = ("ask", "--command", "UID SEARCH RETURN (COUNT) BODY pneumatic")
    _, first = work(server, 1, *command, first=LARGE)
    result, report = work(server, times, *command, "--times", times, first=LARGE)
    hits = (messages + 99) // 100
    if not report["last"].endswith(f"COUNT {hits}"):
        raise SystemExit(f"{report['last']}: not the {hits} that are there")
    return {
        "first_ms": first["answer"]["p50_ms"], "p50_ms": report["answer"]["p50_ms"],
        "cpu_ms": result["cpu_ms"],
    }


def idle_memory(server, sessions, _sink_port):
    """What each session under IDLE takes of memory, with and without TLS."""
    sessions = min(sessions, server.most_sessions)
    plain, under_tls = (each_idle_kib(server, sessions, tls) for tls in (False, True))
    return {"sessions": sessions, "plain_kib": plain, "tls_kib": under_tls}


def each_idle_kib(server, sessions, tls):
    server.restart()
    client = Client(server, "idle", "--sessions", sessions, first=FRESH, accounts=IDLING, tls=tls)
    try:
        before = settled_mib(server)
        client.go_on()
        client.ready()
        after = settled_mib(server)
        client.report()
    finally:
        client.stop()
    return (after - before) * 1024 / sessions


def settled_mib(server):
    """The memory once it neither grows nor shrinks."""
    last = None
    while True:
        time.sleep(3)
        now = server.cgroup.memory_mib()
        if last and abs(now - last) < last / 200:
            return now
        last = now


READING = {
    "imap-append": Row(append, MESSAGES, about="reading"),
    "imap-headers": Row(
        fetch(f"UID FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS ({SHOWN})]"), MESSAGES, about="reading",
    ),
    "imap-envelopes": Row(
        fetch("UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE"), MESSAGES, about="reading",
    ),
    "imap-bodies": Row(fetch("UID FLAGS BODY.PEEK[]"), MESSAGES, about="reading"),
    "imap-flags-one": Row(flags(1), 1_000, about="reading"),
    "imap-flags-many": Row(flags(SESSIONS), 5_000, about="reading"),
    "imap-flags-all": Row(all_flags, MESSAGES, about="reading"),
    "imap-search": Row(search, MESSAGES, about="reading"),
    "imap-idle-latency": Row(idle_latency, 100, about="reading"),
    "imap-select": Row(select, 100_000, about="reading"),
    "imap-idle-memory": Row(idle_memory, 10_000, about="reading"),
}
