"""What people see: progress lines, colours where there is a terminal, a block that is drawn anew, single keys."""

import contextlib
import os
import select
import sys
import termios
import time
import tty


class Screen:
    def __init__(self, script=False):
        self.started = time.monotonic()
        self.colour = sys.stdout.isatty() and os.environ.get("NO_COLOR") is None and os.environ.get("TERM") != "dumb"
        self.redraws = sys.stdout.isatty() and not script
        self.keys = sys.stdin.isatty() and not script
        self._drawn = 0

    def paint(self, code, text):
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text

    def bold(self, text):
        return self.paint("1", text)

    def red(self, text):
        return self.paint("31;1", text)

    def green(self, text):
        return self.paint("32;1", text)

    def dim(self, text):
        return self.paint("2", text)

    def say(self, text):
        """A progress line: what is done now, and why."""
        self._drawn = 0
        at = time.monotonic() - self.started
        print(f"{self.dim(f'[{at:5.1f} s]')} {text}", flush=True)

    def show(self, text):
        """Something to read, indented under the progress line before it."""
        self._drawn = 0
        for line in text.rstrip().splitlines():
            print(f"          {line}")
        sys.stdout.flush()

    def draw(self, lines):
        """A block that takes the place of the one before."""
        if self.redraws and self._drawn:
            sys.stdout.write(f"\x1b[{self._drawn}F\x1b[J")
        for line in lines:
            print(line)
        sys.stdout.flush()
        self._drawn = len(lines)

    @contextlib.contextmanager
    def single_keys(self):
        """Keys come without Enter, and without echo."""
        if not self.keys:
            yield
            return
        old = termios.tcgetattr(sys.stdin)
        try:
            tty.setcbreak(sys.stdin)
            yield
        finally:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, old)

    def key(self, seconds):
        """A key that was pressed within so many seconds, else an empty string."""
        if not self.keys:
            time.sleep(seconds)
            return ""
        ready, _, _ = select.select([sys.stdin], [], [], seconds)
        return os.read(sys.stdin.fileno(), 1).decode(errors="replace") if ready else ""
