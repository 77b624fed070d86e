"""Two sessions of one account, over IMAP and POP3: asks what it reads, a line each,
`imap COMMAND` or `pop3 COMMAND`, and writes the answer as a line; IMAP's ends also
where the server says to go on. `hear TEXT` waits for a line of IMAP that nobody asked
for, `say TEXT` sends one."""

import imaplib
import poplib
import ssl
import sys

imap_port, pop3_port, user, password = sys.argv[1:]
trusting = ssl.create_default_context()
trusting.check_hostname = False
trusting.verify_mode = ssl.CERT_NONE
imap = imaplib.IMAP4_SSL("127.0.0.1", int(imap_port), ssl_context=trusting, timeout=50)
imap.login(user, password)
imap.select("INBOX")
pop3 = poplib.POP3_SSL("127.0.0.1", int(pop3_port), context=trusting, timeout=50)
pop3.user(user)
pop3.pass_(password)


def ask_imap(command):
    return converse(b"t " + command)


def converse(said):
    imap.send(said + b"\r\n")
    lines = []
    while not lines or not lines[-1].startswith((b"t ", b"+")):
        lines.append(imap.readline().strip())
        if not lines[-1] and len(lines) > 100:
            break
    return b" | ".join(lines)


def hear(text):
    while text not in (line := imap.readline()):
        if not line:
            return b"the end"
    return line.strip()


def ask_pop3(command):
    pop3.sock.sendall(command + b"\r\n")
    first = pop3.file.readline().strip()
    if first.startswith(b"+OK") and command.startswith((b"RETR", b"LIST")):
        while pop3.file.readline() not in (b".\r\n", b""):
            pass
    return first


ask = {"imap": ask_imap, "pop3": ask_pop3, "hear": hear, "say": converse}
print("ready", flush=True)
for line in sys.stdin:
    protocol, _, command = line.strip().partition(" ")
    print(ask[protocol](command.encode()).decode(), flush=True)
