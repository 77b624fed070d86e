"""The servers that are compared: each can be sent mail or read, asked how much of it
has arrived, and told what it cost."""

import json
import os
import pathlib
import secrets
import shutil
import signal
import subprocess
import urllib.error
import urllib.request

import engines
from machine import ACCOUNTS, Cgroup, cpu_ms, free_port, listens, memory_mib, wait_for
from arrivals import ChangeChannel, Counted, NewFiles
from dovecot import Dovecot, Tuned

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
SESSIONS = 20
MAILBOXES = 100


class Rohrpost:
    """All services in one process, on the embedded engines."""

    name = "rohrpost"
    does = {"transport", "reading"}
    programs = ["rohrpost"]
    # What else is needed to read mail.
    readers = []
    most_sessions = 10_000
    local = "user{n}@bench.example"
    remote = "away{n}@bench.example"

    def __init__(self, folder, sink_port, reading):
        self.folder, self.sink_port, self.cgroup = folder, sink_port, Cgroup()
        self.port, self.web = free_port(), free_port()
        self.reading, self.imap, self.imaps = reading, free_port(), free_port()
        self.config, self.password = folder / "rohrpost.toml", secrets.token_hex(8)

    def build(self):
        self.config.write_text(self.settings())
        self.prepare()
        self.start()
        self.token = (self.folder / "data" / "admin-token").read_text().strip()
        self.request("POST", "domains", {"name": "bench.example", "postmaster": "user0@bench.example"})
        for n in range(ACCOUNTS if self.reading else MAILBOXES):
            account = {"address": f"user{n}@bench.example", "password": self.password}
            self.request("POST", "accounts", account)
            alias = {"address": f"away{n}@bench.example", "targets": [f"user{n}@remote.example"]}
            self.request("POST", "aliases", alias)
        # What hashing the passwords took of memory is not what idling takes.
        self.restart()

    def settings(self):
        return f"""
[server]
hostname = "mail.bench.example"
data = "{self.folder}/data"
[smtp]
mx = ["127.0.0.1:{self.port}"]
submission = ["127.0.0.1:{free_port()}"]
submissions = ["127.0.0.1:{free_port()}"]
max_connections_per_address = 2000
[imap]
starttls = {[f"127.0.0.1:{self.imap}"] if self.reading else []}
tls = {[f"127.0.0.1:{self.imaps}"] if self.reading else []}
plain_login = true
max_connections_per_address = 20000
[pop3]
starttls = []
tls = []
[router]
smarthost = "[127.0.0.1]:{self.sink_port}"
[relay]
per_destination = {SESSIONS}
[web]
listen = "127.0.0.1:{self.web}"
[telemetry]
log_filter = "warn"
"""

    @property
    def certificate(self):
        return self.folder / "data" / "tls-certificate.pem"

    def prepare(self):
        """What must be there before the first start."""

    def start(self, environment=None):
        self.process = self.cgroup.spawn(
            [TARGET / "rohrpost", "--config", self.config, "serve"], self.folder / "log", environment,
        )
        wait_for("rohrpost listens", lambda: listens(self.port) and listens(self.web))

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)

    def restart(self, environment=None):
        self.end()
        self.start(environment)

    def request(self, method, path, body=None):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.web}/api/v1/{path}",
            method=method,
            data=json.dumps(body).encode() if body else None,
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as response:
            text = response.read()
        return json.loads(text) if text else None

    def delivered(self):
        return self.request("GET", "counts")["delivered"]

    def settled(self):
        return self.request("GET", "counts")["in_flight"] == 0

    def arrivals(self):
        """Tells when a message to the first account has arrived."""
        return Counted(self.delivered)

    def memory(self):
        return {"mib": self.cgroup.memory_mib()}

    def cpu_by_part(self):
        return {}

    def stop(self):
        self.cgroup.remove()


class Fleet(Rohrpost):
    """Each service in a process of its own, over a broker and Redis."""

    programs = [
        "rohrpost", "web-gateway", "router", "local-delivery", "remote-relay", "dsn-notifier",
        "smtp-ingress",
    ]
    readers = ["mailbox-access"]

    def settings(self):
        bus, bus_process = self.broker(self.cgroup, self.folder / "broker")
        self.store, store_process = engines.redis(self.cgroup, self.folder / "redis")
        self.parts = {"redis": [store_process.pid], "broker": [bus_process.pid]}
        self.services = {}
        data = self.folder / "data"
        # The disk may be busy with what was measured before.
        return super().settings() + f"""
[tls]
certificate = "{self.certificate}"
key = "{data}/tls-key.pem"
[engines]
bus = "{bus}"
store = "{self.store}?timeout=30000"
content = "file://{data}/content"
"""

    def prepare(self):
        data = self.folder / "data"
        data.mkdir()
        (data / "admin-token").write_text(secrets.token_hex(16))
        subprocess.run(
            [TARGET / "rohrpost", "--config", self.config, "init", "--certificate"],
            check=True, stdout=subprocess.DEVNULL,
        )

    def start(self, environment=None):
        self.environment = environment or {}
        for service in [*self.programs[1:], *(self.readers if self.reading else [])]:
            self.services[service] = []
            self.scale(service, 1)
        wait_for("smtp-ingress listens", lambda: listens(self.port))

    def scale(self, service, instances):
        """Adds instances of a service until it has so many."""
        running = self.services[service]
        while len(running) < instances:
            health = free_port()
            address = {"ROHRPOST__SERVER__HEALTH": f"127.0.0.1:{health}"}
            running.append(self.cgroup.spawn(
                [TARGET / service, "--config", self.config], self.folder / "log",
                self.environment | address,
            ))
            wait_for(f"{service} is ready", lambda: is_ready(running[-1], health), 60)

    def end(self):
        processes = [process for running in self.services.values() for process in running]
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(30)

    def arrivals(self):
        return ChangeChannel(self.store)

    def memory(self):
        services = {
            f"{service}_mib": max(memory_mib(process.pid) for process in running)
            for service, running in self.services.items()
        }
        return {**super().memory(), **services}

    def cpu_by_part(self):
        services = {
            service: [process.pid for process in running]
            for service, running in self.services.items()
        }
        parts = {name: sum(map(cpu_ms, pids)) for name, pids in (services | self.parts).items()}
        return {**parts, "other": self.cgroup.cpu_ms() - sum(parts.values())}


class OverNats(Fleet):
    name = "rohrpost-nats"
    broker = staticmethod(engines.nats)


class OverRabbitMq(Fleet):
    name = "rohrpost-rabbitmq"
    broker = staticmethod(engines.rabbitmq)


class Postfix:
    name = package = "postfix"
    does = {"transport"}
    programs, readers = [], []
    local = "user{n}@bench.example"
    remote = "user{n}@remote.example"

    def __init__(self, folder, sink_port, _reading):
        self.folder, self.sink_port, self.cgroup = folder, sink_port, Cgroup()
        self.port, self.etc = free_port(), folder / "etc"

    def build(self):
        folder = self.folder
        for name in ("etc", "queue", "lib", "mail"):
            (folder / name).mkdir()
        folder.chmod(0o755)
        shutil.chown(folder / "lib", "postfix")
        shutil.chown(folder / "mail", 5000, 5000)
        (self.etc / "main.cf").write_text(
            f"""
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/lib
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = mail.bench.example
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_client_connection_count_limit = 0
relayhost = [127.0.0.1]:{self.sink_port}
smtp_tls_security_level = none
virtual_mailbox_domains = bench.example
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = inline:{{ {', '.join(f'user{n}@bench.example=user{n}/' for n in range(MAILBOXES))} }}
virtual_uid_maps = static:5000
virtual_gid_maps = static:5000
"""
        )
        master = pathlib.Path("/usr/share/postfix/master.cf.dist").read_text()
        lines = [l for l in master.splitlines() if not l.startswith("smtp      inet")]
        lines.append(f"127.0.0.1:{self.port} inet n - n - - smtpd")
        (self.etc / "master.cf").write_text(
            "\n".join(l.replace("  y       -", "  n       -") if " inet" in l else l for l in lines) + "\n"
        )
        self.command("start")
        wait_for("postfix listens", lambda: listens(self.port))

    def command(self, what):
        subprocess.run(
            ["postfix", "-c", self.etc, what], check=True, preexec_fn=self.cgroup.enter,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )

    def delivered(self):
        return sum(len(list(new.iterdir())) for new in (self.folder / "mail").glob("user*/new"))

    def settled(self):
        queue = self.folder / "queue"
        return not any(
            files for name in ("incoming", "active", "deferred", "maildrop")
            for _, _, files in os.walk(queue / name)
        )

    def arrivals(self):
        return NewFiles(self.folder / "mail" / "user0" / "new")

    def memory(self):
        return {"mib": self.cgroup.memory_mib()}

    def cpu_by_part(self):
        return {}

    def stop(self):
        self.cgroup.remove()


def is_ready(process, port):
    if process.poll() is not None:
        raise SystemExit(f"{process.args[0]} ended by {process.returncode}")
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
            return True
    except (urllib.error.URLError, ConnectionError):
        return False


PEERS = [Postfix, Dovecot, Tuned]
ALL = [Rohrpost, OverNats, OverRabbitMq, *PEERS]
