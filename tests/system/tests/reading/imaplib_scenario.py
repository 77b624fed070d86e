"""What Python's imaplib does with an account that has nothing in it yet.

Arguments: the port with STARTTLS, the port under TLS, user, password.
"""

import imaplib
import re
import ssl
import sys

STARTTLS, TLS, USER, PASSWORD = sys.argv[1:]
CONTEXT = ssl.create_default_context()
CONTEXT.check_hostname = False
CONTEXT.verify_mode = ssl.CERT_NONE


def under_tls():
    return imaplib.IMAP4_SSL("127.0.0.1", int(TLS), ssl_context=CONTEXT, timeout=60)


def ok(answer):
    status, told = answer
    assert status == "OK", answer
    return told


def refused(call):
    try:
        status, told = call()
    except imaplib.IMAP4.error:
        return
    assert status in ("NO", "BAD"), (status, told)


def letter(number, text="hello"):
    lines = [
        "From: carol@example.org",
        f"To: {USER}",
        f"Subject: =?utf-8?q?n=C3=BCmber_{number}?=",
        f"Date: Mon, {number + 1:02} Nov 2026 12:00:00 +0000",
        f"Message-ID: <{number}@example.org>",
        "",
        text,
        ".",
        "",
    ]
    return "\r\n".join(lines).encode()


def uids(client, *criteria):
    return ok(client.uid("SEARCH", *criteria))[0].split()


# Before TLS there is no login, after STARTTLS there is.
client = imaplib.IMAP4("127.0.0.1", int(STARTTLS), timeout=60)
assert "STARTTLS" in client.capabilities and "LOGINDISABLED" in client.capabilities
refused(lambda: client.login(USER, PASSWORD))
ok(client.starttls(CONTEXT))
assert "LOGINDISABLED" not in client.capabilities, client.capabilities
refused(lambda: client.login(USER, "wrong"))
ok(client.authenticate("PLAIN", lambda _: f"\0{USER}\0{PASSWORD}".encode()))
assert client.logout()[0] == "BYE"

client = under_tls()
ok(client.login(USER, PASSWORD))
assert ok(client.namespace()) == [b'(("" "/")) NIL NIL']

# Mailboxes are made, subscribed, renamed with what is below them, and deleted.
standard = {b"INBOX", b"Sent", b"Drafts", b"Junk", b"Trash", b"Archive"}
names = {line.split(b' "/" ')[1].strip(b'"') for line in ok(client.list())}
assert names == standard, names
for name in ["Work", "Work/2026", "Entw&APw-rfe"]:
    ok(client.create(name))
refused(lambda: client.create("Work"))
ok(client.subscribe("Work/2026"))
ok(client.rename("Work", "Labour"))
names = {line.split(b' "/" ')[1].strip(b'"') for line in ok(client.list())}
assert names - standard == {b"Labour", b"Labour/2026", b"Entw&APw-rfe"}, names
assert any(b"Work/2026" in line for line in ok(client.lsub()))
ok(client.unsubscribe("Work/2026"))
ok(client.delete("Entw&APw-rfe"))
refused(lambda: client.select("Entw&APw-rfe"))
refused(lambda: client.delete("INBOX"))

# What is appended comes back octet for octet, with its flags and its date.
letters = [letter(number) for number in range(10)]
date = '"17-Jul-1996 02:44:25 -0700"'
for number, octets in enumerate(letters):
    flags = r"(\Seen \Flagged $Label1)" if number == 0 else None
    told = ok(client.append("Labour", flags, date, octets))
    assert re.search(rb"\[APPENDUID \d+ %d\]" % (number + 1), told[0]), told
assert ok(client.select("Labour")) == [b"10"]
for number, octets in enumerate(letters):
    assert ok(client.fetch(str(number + 1), "(BODY.PEEK[])"))[0][1] == octets
    assert ok(client.fetch(str(number + 1), "(RFC822.HEADER)"))[0][1] + b"hello\r\n.\r\n" == octets
first = ok(client.fetch("1", "(FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)"))[0]
assert set(imaplib.ParseFlags(first)) >= {b"\\Seen", b"\\Flagged", b"$Label1"}, first
assert imaplib.Internaldate2tuple(first) is not None and b"1996" in first, first
assert b"RFC822.SIZE %d" % len(letters[0]) in first, first
assert b'"<0@example.org>"' in first, first
assert ok(client.fetch("2", "(BODY[TEXT]<1.3>)"))[0][1] == b"ell"

# What was read is seen, what was only looked at is not.
assert uids(client, "SEEN") == [b"1", b"2"]
assert uids(client, "HEADER", "Message-ID", "<7@example.org>") == [b"8"]
client.literal = "nümber 3".encode()
assert ok(client.uid("SEARCH", "CHARSET", "UTF-8", "SUBJECT"))[0] == b"4"
assert ok(client.sort("(REVERSE DATE)", "UTF-8", "ALL"))[0].split()[:2] == [b"10", b"9"]
assert ok(client.thread("REFERENCES", "UTF-8", "ALL"))[0].count(b"(") == 10

# A second session sees what the first one changes.
other = under_tls()
ok(other.login(USER, PASSWORD))
ok(other.select("Labour"))
ok(client.uid("STORE", "5", "+FLAGS", r"(\Answered)"))
ok(other.noop())
seen = ok(other.fetch("5", "(FLAGS)"))[0]
assert b"\\Answered" in seen, seen

# Copies, moves and removals.
ok(client.uid("COPY", "1:2", "Archive"))
told = client.response("COPYUID")[1]
assert told[0].endswith(b" 1:2 1:2"), told
ok(client.uid("MOVE", "3", "Trash"))
refused(lambda: client.uid("COPY", "1", "Nowhere"))
assert uids(client, "ALL") == [b"1", b"2", b"4", b"5", b"6", b"7", b"8", b"9", b"10"]
ok(client.uid("STORE", "4:6", "+FLAGS.SILENT", r"(\Deleted)"))
ok(client.uid("EXPUNGE", "4,10"))
assert b"4" not in uids(client, "ALL") and b"10" in uids(client, "ALL")
ok(client.expunge())
assert uids(client, "ALL") == [b"1", b"2", b"7", b"8", b"9", b"10"]
ok(other.noop())
assert uids(other, "ALL") == [b"1", b"2", b"7", b"8", b"9", b"10"]
told = ok(client.status("Archive", "(MESSAGES UNSEEN UIDNEXT)"))[0]
assert b"MESSAGES 2" in told and b"UNSEEN 0" in told and b"UIDNEXT 3" in told, told
assert b"MESSAGES 1" in ok(client.status("Trash", "(MESSAGES)"))[0]

# Read-only is read-only.
ok(other.select("Archive", readonly=True))
refused(lambda: other.store("1", "+FLAGS", r"(\Deleted)"))
ok(other.unselect())

# UTF-8 without detours, for those who asked for it.
ok(other.enable("UTF8=ACCEPT"))
ok(other.create('"Übung"'))
assert any("Übung".encode() in line for line in ok(other.list()))
ok(other.append('"Übung"', None, None, letter(99, "grüße")))
assert ok(other.select('"Übung"')) == [b"1"]
assert any(b"&" in line and b"bung" in line for line in ok(client.list()))
assert ok(client.getquotaroot("INBOX"))

ok(client.close())
assert client.logout()[0] == "BYE"
assert other.logout()[0] == "BYE"
print("all is well")
