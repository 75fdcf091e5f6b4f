"""The program on a terminal, for the Python journeys: what it wrote so far, without the escapes."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

from check_cli import PROGRAM

WAIT = 30


class Screen:
    def __init__(self, *args, rows=36, cols=120):
        self.args, self.size, self.text = args, struct.pack("HHHH", rows, cols, 0, 0), ""

    def __enter__(self):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", LC_ALL="C.UTF-8")
            fcntl.ioctl(0, termios.TIOCSWINSZ, self.size)
            os.execv(PROGRAM, [PROGRAM, *self.args])
        return self

    def wait(self, words, meanwhile=lambda: None):
        until = time.monotonic() + WAIT
        while words not in self.text:
            meanwhile()
            if time.monotonic() > until:
                raise AssertionError(f"{words!r} never came:\n{self.text[-4000:]}")
            if select.select([self.fd], [], [], 0.2)[0]:
                seen = os.read(self.fd, 65536).decode(errors="replace")
                self.text += re.sub(r"\x1b\[[0-9;?>=]*[A-Za-z]|\x1b\(B", "", seen)

    def type(self, keys):
        self.text = ""
        os.write(self.fd, keys.encode())

    def __exit__(self, *why):
        os.kill(self.pid, signal.SIGTERM)
        status = os.waitpid(self.pid, 0)[1]
        os.close(self.fd)
        assert os.WIFEXITED(status) and os.WEXITSTATUS(status) == 128 + signal.SIGTERM, status
