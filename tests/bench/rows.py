"""What is measured of taking mail in and sending it on, beside Postfix."""

import json
import socket
import subprocess
import time
from typing import Callable, NamedTuple

from collector import Collector
from machine import PATIENCE, listens, wait_for
from servers import SESSIONS, TARGET, Fleet


class Row(NamedTuple):
    """A function of server, number of messages and the sink's port that answers
    with figures by name; how many messages it is run with unless others are asked
    for, whether it is run unasked, and what a server must do to be measured."""

    run: Callable
    messages: int
    unasked: bool = False
    about: str = "transport"


POLL = 0.05  # seconds between two looks at whether all has arrived
REPLY = 200  # milliseconds that a slow remote server takes over each reply


def load(server, **options):
    arguments = [TARGET / "bench", "load", "--to", f"127.0.0.1:{server.port}"]
    for name, value in options.items():
        values = value if isinstance(value, (list, tuple)) else [value]
        arguments += [f"--{name.replace('_', '-')}", *map(str, values)]
    return json.loads(subprocess.run(arguments, check=True, stdout=subprocess.PIPE).stdout)


def measured(server, messages, work):
    """Runs `work`; the rate until it returns and the CPU until all is settled."""
    wait_for("the server is idle", server.settled)
    cpu, parts, started = server.cgroup.cpu_ms(), server.cpu_by_part(), time.monotonic()
    report = work()
    seconds = time.monotonic() - started
    wait_for("all is settled", server.settled, pause=POLL)
    spent = server.cgroup.cpu_ms() - cpu
    by_part = {
        f"{part}_cpu_ms": (spent - parts[part]) / messages
        for part, spent in server.cpu_by_part().items()
    }
    return {"per_second": messages / seconds, "cpu_ms": spent / messages, **by_part, **(report or {})}


def accept(per_connection):
    def row(server, messages, _sink_port):
        report = {}

        def work():
            report.update(load(
                server, messages=messages, sessions=SESSIONS, size=(1024, 10240),
                per_connection=per_connection, recipient=server.local,
            ))

        result = measured(server, messages, work)
        # Acceptance is over when the last 250 came, whatever delivery does.
        result["per_second"] = report["per_second"]
        result["p99_ms"] = report["dot_to_reply"]["p99_ms"]
        return result

    return row


def deliver(size):
    def row(server, messages, _sink_port):
        before = server.delivered()

        def work():
            load(server, messages=messages, sessions=SESSIONS, size=(size, size),
                 per_connection=100, recipient=server.local)
            wait_for("all is stored", lambda: server.delivered() >= before + messages, pause=POLL)

        return measured(server, messages, work)

    return row


def relay(server, messages, sink_port, slow=0):
    sink = subprocess.Popen(
        [TARGET / "bench", "sink", "--listen", f"127.0.0.1:{sink_port}",
         "--expect", str(messages), "--slow", str(slow)],
        stdout=subprocess.PIPE,
    )

    def work():
        load(server, messages=messages, sessions=SESSIONS, size=(10240, 10240),
             per_connection=100, recipient=server.remote)
        arrived = json.loads(sink.communicate(timeout=PATIENCE)[0])
        if not arrived["all"]:
            raise SystemExit(f"only {arrived['messages']} of {messages} arrived")

    try:
        wait_for("the sink listens", lambda: listens(sink_port))
        return measured(server, messages, work)
    finally:
        sink.kill()
        sink.wait()


def scaled(instances):
    """Relaying to servers that are slow, so that connections are what is short."""

    def row(server, messages, sink_port):
        if not isinstance(server, Fleet):
            return None  # one process has no instances
        server.scale("remote-relay", instances)
        return relay(server, messages * instances, sink_port, slow=REPLY)

    return row


def tracing(server, messages, sink_port):
    """Delivering without a collector and with one, in turns."""
    seconds, cpu = {}, {}
    collector = Collector()
    try:
        for _ in range(2):
            for name, environment in (("untraced", {}), ("traced", collector.environment)):
                server.restart(environment)
                result = deliver(10_240)(server, messages, sink_port)
                seconds[name] = seconds.get(name, 0) + messages / result["per_second"]
                cpu[name] = cpu.get(name, 0) + result["cpu_ms"] / 2
    finally:
        server.restart()
        collector.stop()
    rates = {name: 2 * messages / spent for name, spent in seconds.items()}
    return {
        "untraced_per_second": rates["untraced"], "traced_per_second": rates["traced"],
        "overhead_percent": 100 * (1 - rates["traced"] / rates["untraced"]),
        "untraced_cpu_ms": cpu["untraced"], "traced_cpu_ms": cpu["traced"],
    }


def idle_latency(server, _messages, _sink_port):
    report = load(server, messages=400, sessions=2, rate=20, size=(4096, 4096),
                  per_connection=10, recipient=server.local)
    dot = report["dot_to_reply"]
    return {"p50_ms": dot["p50_ms"], "p99_ms": dot["p99_ms"]}


def idle_mailbox(server, messages, _sink_port):
    """From the final dot until the message is in its mailbox, one at a time."""
    recipient = server.local.replace("{n}", "0")
    # The first one makes the mailbox where there is none.
    before = server.delivered()
    load(server, messages=1, sessions=1, recipient=recipient)
    wait_for("the first is stored", lambda: server.delivered() > before)
    wait_for("the server is idle", server.settled)
    arrivals, latencies = server.arrivals(), []
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        replies = connection.makefile("rb")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        say(connection, replies, None)
        say(connection, replies, "EHLO bench.example")
        for number in range(messages):
            due = time.monotonic() + 0.05
            for line in ("MAIL FROM:<bench@sender.example>", f"RCPT TO:<{recipient}>", "DATA"):
                say(connection, replies, line)
            text = f"Subject: message {number}\r\n\r\n" + "The quick brown fox.\r\n" * 180
            started = time.monotonic()
            connection.sendall(f"{text}.\r\n".encode())
            arrivals.wait()
            latencies.append((time.monotonic() - started) * 1000)
            say(connection, replies, None)
            time.sleep(max(0, due - time.monotonic()))
    arrivals.close()
    latencies.sort()
    return {"p50_ms": latencies[messages // 2], "p99_ms": latencies[messages * 99 // 100]}


def say(connection, replies, line):
    """Sends a line, where there is one, and reads the reply to its end."""
    if line:
        connection.sendall(f"{line}\r\n".encode())
    reply = replies.readline()
    while reply[3:4] == b"-":
        reply = replies.readline()
    if reply[:1] not in b"23":
        raise SystemExit(f"{line}: {reply.decode()}")


def memory(server, _messages, _sink_port):
    return server.memory()


TRANSPORT = {
    "idle-memory": Row(memory, 0, unasked=True),
    "idle-latency": Row(idle_latency, 0, unasked=True),
    "idle-mailbox": Row(idle_mailbox, 200, unasked=True),
    "accept-one": Row(accept(1), 10_000, unasked=True),
    "accept-many": Row(accept(100), 10_000, unasked=True),
    "deliver-10k": Row(deliver(10_240), 10_000, unasked=True),
    "deliver-200k": Row(deliver(204_800), 2_000, unasked=True),
    "relay-10k": Row(relay, 10_000, unasked=True),
    "loaded-memory": Row(memory, 0, unasked=True),
    "tracing": Row(tracing, 10_000),
    "scale-1": Row(scaled(1), 1_000),
    "scale-2": Row(scaled(2), 1_000),
    "scale-4": Row(scaled(4), 1_000),
}
