"""Debian's Dovecot as a peer, with a configuration of its own."""

import shutil
import subprocess

from machine import ACCOUNTS, Cgroup, free_port, listens, wait_for

HOST = "mail.bench.example"
OWNER = 5000  # user and group of the first account; each has its own


class Dovecot:
    """As Debian ships it, but for limits that would end the rows early, and with
    login processes that serve many clients: maildirs, a process for each session."""

    name = package = "dovecot"
    does = {"reading"}
    programs, readers = [], []
    location = "maildir:~/Maildir"
    # Each session is a process of about a megabyte.
    most_sessions = 1_000
    tuning = ""

    def __init__(self, folder, _sink_port, _reading):
        self.folder, self.cgroup = folder, Cgroup()
        self.imap, self.imaps = free_port(), free_port()
        self.certificate, self.password = folder / "certificate.pem", "bench"

    def build(self):
        self.folder.chmod(0o755)
        self.add_accounts()
        key = self.folder / "key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
             "-nodes", "-days", "2", "-subj", f"/CN={HOST}", "-config", "/dev/null",
             "-addext", f"subjectAltName=DNS:{HOST}", "-keyout", key, "-out", self.certificate],
            check=True, stderr=subprocess.DEVNULL,
        )
        self.config = self.folder / "dovecot.conf"
        self.config.write_text(self.settings(key))
        self.start()

    def add_accounts(self):
        """Of users of their own: the kernel lets each watch 128 mailboxes only."""
        users = []
        for n in range(ACCOUNTS):
            home, owner = self.folder / f"user{n}", OWNER + n
            home.mkdir()
            shutil.chown(home, owner, owner)
            users.append(f"user{n}@bench.example:{{PLAIN}}{self.password}:{owner}:{owner}::{home}::\n")
        (self.folder / "users").write_text("".join(users))

    def settings(self, key):
        return f"""
base_dir = {self.folder}/run
state_dir = {self.folder}/state
log_path = {self.folder}/log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{self.certificate}
ssl_key = <{key}
disable_plaintext_auth = no
passdb {{
  driver = passwd-file
  args = {self.folder}/users
}}
userdb {{
  driver = passwd-file
  args = {self.folder}/users
}}
mail_location = {self.location}
mail_fsync = always
mail_max_userip_connections = 0
first_valid_uid = {OWNER}
namespace inbox {{
  inbox = yes
}}
default_vsz_limit = 0
service imap-login {{
  service_count = 0
  process_min_avail = 2
  client_limit = 10500
  inet_listener imap {{
    port = {self.imap}
  }}
  inet_listener imaps {{
    port = {self.imaps}
    ssl = yes
  }}
}}
service imap {{
  process_limit = 10500
}}
service anvil {{
  client_limit = 15000
}}
service auth {{
  client_limit = 15000
}}
service stats {{
  client_limit = 15000
}}
{self.tuning}
"""

    def start(self, _environment=None):
        self.process = self.cgroup.spawn(
            ["dovecot", "-F", "-c", self.config], self.folder / "log",
        )
        wait_for("dovecot listens", lambda: listens(self.imap) and listens(self.imaps))

    def restart(self, environment=None):
        self.process.terminate()
        self.process.wait(30)
        wait_for("dovecot's processes end", lambda: not self.cgroup.processes(), 30)
        self.start(environment)

    def settled(self):
        return True

    def cpu_by_part(self):
        return {}

    def memory(self):
        return {"mib": self.cgroup.memory_mib()}

    def stop(self):
        self.cgroup.remove()


class Tuned(Dovecot):
    """For speed and for many sessions: its own format of mailboxes, and sessions
    under IDLE given to one process that waits for them all."""

    name = "dovecot-tuned"
    location = "sdbox:~/sdbox"
    most_sessions = 10_000
    tuning = """
imap_hibernate_timeout = 1s
service imap {
  unix_listener imap-master {
    user = dovecot
  }
}
service imap-hibernate {
  client_limit = 10500
  process_limit = 1
}
"""
