"""What Python's poplib sees of a maildrop of many messages.

Arguments: the port with STLS, the port under TLS, user, password, number of
messages. They are numbered in their subjects, in the order of their delivery.
"""

import poplib
import socket
import ssl
import sys

STLS, TLS, USER, PASSWORD, COUNT = sys.argv[1:]
COUNT = int(COUNT)
CONTEXT = ssl.create_default_context()
CONTEXT.check_hostname = False
CONTEXT.verify_mode = ssl.CERT_NONE


def under_tls():
    client = poplib.POP3_SSL("127.0.0.1", int(TLS), context=CONTEXT, timeout=60)
    client.user(USER)
    client.pass_(PASSWORD)
    return client


def refused(call, code):
    try:
        answer = call()
    except poplib.error_proto as error:
        assert code in str(error), error
    else:
        raise AssertionError(f"not refused: {answer}")


def octets(lines):
    return b"".join(line + b"\r\n" for line in lines)


# Before TLS there is no login, after STLS there is.
client = poplib.POP3("127.0.0.1", int(STLS), timeout=60)
assert "STLS" in client.capa() and "SASL" not in client.capa()
refused(lambda: client.user(USER), "STLS")
client.stls(CONTEXT)
assert "STLS" not in client.capa() and client.capa()["SASL"] == ["PLAIN", "LOGIN"]
client.user(USER)
refused(lambda: client.pass_("wrong"), "[AUTH]")
client.user(USER)
client.pass_(PASSWORD)

# One session at a time.
refused(under_tls, "[IN-USE]")

# Sizes, ids and octets agree.
count, total = client.stat()
assert count == COUNT, count
sizes = [int(line.split()[1]) for line in client.list()[1]]
assert sum(sizes) == total
ids = [line.split()[1] for line in client.uidl()[1]]
assert len(set(ids)) == COUNT
messages = [octets(client.retr(number + 1)[1]) for number in range(COUNT)]
assert [len(message) for message in messages] == sizes
for number, message in enumerate(messages):
    assert f"Subject: number {number}\r\n".encode() in message, message[:500]
    assert message.endswith(b"\r\n.\r\n..\r\n.end\r\n"), message[-50:]
top = client.top(1, 1)[1]
assert octets(top) == messages[0].split(b"\r\n\r\n")[0] + b"\r\n\r\nhello\r\n", top

# What ends without QUIT removes nothing, and the lock goes with the connection.
client.dele(1)
client.sock.shutdown(socket.SHUT_RDWR)
client.close()
while True:
    try:
        client = under_tls()
        break
    except poplib.error_proto as error:
        assert "[IN-USE]" in str(error), error
assert client.stat() == (COUNT, total)

# Commands sent ahead are answered in order.
client.sock.sendall(b"NOOP\r\nDELE 1\r\nSTAT\r\nLIST 2\r\nUIDL 2\r\n")
answers = [client.file.readline() for _ in range(5)]
assert all(answer.startswith(b"+OK") for answer in answers), answers
assert answers[2].split()[1] == str(COUNT - 1).encode(), answers
assert answers[4].split()[2] == ids[1], answers
client.rset()
client.dele(1)
client.dele(COUNT)
client.quit()

# QUIT removed them; the others keep their ids.
client = under_tls()
assert client.stat()[0] == COUNT - 2
assert [line.split()[1] for line in client.uidl()[1]] == ids[1:-1]
client.quit()
print("all is well")
