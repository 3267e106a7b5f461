"""Lab: what one demo or one test starts, and the certainty that nothing of it is left afterwards."""

import contextlib
import os
import re
import shutil
import signal
import tempfile
import time

from .process import Process

_SANITIZER = re.compile(r"(ERROR|WARNING): (Address|Leak|Memory|Thread|UndefinedBehavior)Sanitizer|runtime error:|SUMMARY: \w+Sanitizer")
_BUG = re.compile(r"\bBUG\b")
_LEVEL = re.compile(r'^\S+Z error |"level" ?: ?"error"')


class Lab:
    count = 0

    def __init__(self, programs, name="nezu"):
        Lab.count += 1
        self.name = f"{name}{os.getpid()}" + (f"x{Lab.count}" if Lab.count > 1 else "")
        self.programs = os.path.abspath(programs)
        self.dir = tempfile.mkdtemp(prefix=f"{self.name}.")
        os.chmod(self.dir, 0o755)
        self.processes = []
        self.closers = []
        self.expected_errors = []
        self.other_logs = {}  # of programs that something else started: name → path
        self.pids = set()

    def program(self, name):
        return os.path.join(self.programs, name)

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def write(self, name, text):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def start(self, name, argv, ns=None, env=None):
        number = sum(1 for p in self.processes if p.name == name)
        log = self.path(f"{name}{'.' + str(number) if number else ''}.log")
        process = Process(name, argv, log, ns, env)
        self.processes.append(process)
        self.pids.add(process.pid)
        return process

    def expect_error(self, pattern):
        """Lines of level error that match are wanted here."""
        self.expected_errors.append(re.compile(pattern))

    def on_close(self, function):
        self.closers.append(function)

    def faults_in_logs(self):
        """Lines that must not be there: of sanitizers, of broken invariants, errors that weren't expected."""
        faults = []
        for name, log in [*((p.name, p.log) for p in self.processes), *self.other_logs.items()]:
            if not os.path.exists(log):
                continue
            with open(log, encoding="utf-8", errors="replace") as f:
                lines = f.read().splitlines()
            for line in lines:
                bad = _SANITIZER.search(line) or (name.startswith("nezu") and _BUG.search(line))
                if not bad and name.startswith("nezu") and _LEVEL.search(line):
                    bad = not any(p.search(line) for p in self.expected_errors)
                if bad:
                    faults.append(f"{name}: {line[:300]}")
        return faults

    def close(self):
        """Ends everything, removes everything; gives what is left over all the same."""
        for process in reversed(self.processes):
            process.end()
        left = [f"process {p.name} ({p.pid})" for p in self.processes if p.running()]
        for function in reversed(self.closers):
            left += function() or []
        shutil.rmtree(self.dir, ignore_errors=True)
        if os.path.exists(self.dir):
            left.append(self.dir)
        return left

    def use(self, site):
        """The site is closed with the lab, after its processes."""
        def closer():
            if site.net is None:
                return []
            # What was told to end, or lost its parent, needs a moment to do so.
            end = time.monotonic() + 3
            while (strays := [pid for pid in site.net.pids() if pid not in self.pids]) and time.monotonic() < end:
                time.sleep(0.05)
            for pid in strays:  # started by something that we started: in a namespace that is ours alone
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            site.close()
            return [f"process {pid} in a namespace (now killed)" for pid in strays] + site.net.leftover()
        self.on_close(closer)
        return site
