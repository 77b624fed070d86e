"""Runs a program at a terminal, and plays a dialogue with it.

Arguments: the program and its own. The dialogue comes on standard input, a line each:

    see TEXT     waits until the screen was sent TEXT, since the last keys
    type KEYS    presses them; \\r, \\t and \\x.. are as in Python

It ends when the program does, with its status; what was on the screen is printed
when that is none, or when nothing came in time.
"""

import codecs
import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time

DEADLINE = 30
CONTROL = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|[()][A-Z0-9]|[=>78MDEHc])|[\x0e\x0f]")

child, terminal = pty.fork()
if child == 0:
    os.environ["TERM"] = "vt100"
    os.execvp(sys.argv[1], sys.argv[1:])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 120, 0, 0))

decoder = codecs.getincrementaldecoder("utf-8")("replace")
screen = ""
line = "the end"


def read():
    """More of what the program writes; nothing at its end."""
    deadline = time.monotonic() + DEADLINE
    while not select.select([terminal], [], [], 1)[0]:
        if time.monotonic() > deadline:
            raise TimeoutError
    try:
        return decoder.decode(os.read(terminal, 4096))
    except OSError:
        return ""


def play(line):
    global screen
    word, _, text = line.partition(" ")
    if word == "see":
        while text not in CONTROL.sub("", screen):
            more = read()
            if not more:
                raise TimeoutError
            screen += more
    elif word == "type":
        screen = ""
        os.write(terminal, codecs.decode(text.encode(), "unicode_escape").encode())
    else:
        raise ValueError(line)


try:
    for line in sys.stdin:
        play(line.rstrip("\n"))
    while more := read():
        screen += more
except TimeoutError:
    os.kill(child, 9)
    print(f"in vain: {line}", CONTROL.sub("", screen), sep="\n")
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
if status != 0:
    print(CONTROL.sub("", screen))
sys.exit(status != 0)
