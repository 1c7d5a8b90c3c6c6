"""Runs a program on a terminal of its own, presses Ctrl-C or hangs up once it has written a text, and tells how it ended.

Input, JSON: program (list), until (text), keys (times Ctrl-C is pressed; 0 hangs up). Output, JSON: screen (all that was
written), status (as a shell would show it).
"""

import json
import os
import pty
import sys
import time

asked = json.load(sys.stdin)
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(asked["program"][0], asked["program"])

screen = b""
pressed = 0


def read():
    """What comes next; nothing at the end."""
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""


while asked["until"].encode() not in screen:
    part = read()
    if not part:
        break
    screen += part
if asked["keys"] == 0:
    os.close(terminal)
else:
    for _ in range(asked["keys"]):
        try:
            os.write(terminal, b"\x03")
        except OSError:
            break
        # Two presses at once are one signal.
        time.sleep(0.1)
    while part := read():
        screen += part
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(json.dumps({"screen": screen.decode(errors="replace"), "status": 128 - status if status < 0 else status}))
