"""Processes that end when we end, whose output is kept, and which are ended by their id only."""

import contextlib
import ctypes
import os
import re
import signal
import subprocess
import time

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """Something that had to happen didn't; the text is for people."""


def expect(condition, text):
    if not condition:
        raise Failed(text)


def expect_equal(got, wanted, what):
    if got != wanted:
        raise Failed(f"{what}: {got!r}, wanted {wanted!r}")


def wait_for(what, condition, timeout=10.0, interval=0.02):
    """Asks `condition` until it gives something true, and gives that. Failed after `timeout` seconds, with the last fault met."""
    end = time.monotonic() + timeout
    fault = ""
    while True:
        try:
            value = condition()
            if value:
                return value
        except (OSError, ValueError, KeyError, Failed) as error:
            fault = f" (last: {error})"
        if time.monotonic() >= end:
            raise Failed(f"{what}: not within {timeout:g} s{fault}")
        time.sleep(interval)


def _die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def in_namespace(ns, argv):
    return ["ip", "netns", "exec", ns, *argv] if ns else list(argv)


def environment(changes=None):
    """Ours, without what systemd would have daemons speak to."""
    kept = {key: value for key, value in os.environ.items() if key not in ("JOURNAL_STREAM", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")}
    return {**kept, **(changes or {})}


def busy():
    """Why times that two programs take can't be held against each other to the millisecond; empty where they can."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load > 2.5 * cores:
        return f"load average {load:.1f} on {cores} cores"
    with contextlib.suppress(OSError), open("/proc/pressure/cpu", encoding="ascii") as f:
        waited = float(re.search(r"some avg10=([\d.]+)", f.read()).group(1))
        if waited > 60:
            return f"tasks waited for a processor in {waited:.0f} % of the last 10 s"
    return ""


def steady():
    """Words before a command that let it run ahead of other work, where that is allowed. On a busy machine nginx takes its own times
    from a clock that it reads once a turn of its loop, and a load that stands still comes in bursts afterwards."""
    for prefix in (["chrt", "--rr", "1"], ["nice", "-n", "-10"]):
        with contextlib.suppress(OSError):
            if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0:
                return prefix
    return []


class Process:
    """A running program; its output goes to `log` (a file's path)."""

    def __init__(self, name, argv, log, ns=None, env=None):
        self.name = name
        self.log = log
        self.argv = [str(a) for a in argv]
        self._out = open(log, "ab")
        self.started = time.time()
        self.popen = subprocess.Popen(
            in_namespace(ns, self.argv), stdin=subprocess.DEVNULL, stdout=self._out, stderr=subprocess.STDOUT,
            env=environment(env), preexec_fn=_die_with_parent, start_new_session=True)

    @property
    def pid(self):
        return self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def must_run(self):
        if not self.running():
            raise Failed(f"{self.name} ended with status {self.popen.returncode}; its last words:\n{self.tail()}")
        return True

    def tail(self, lines=15):
        return "\n".join("    " + line for line in self.text().splitlines()[-lines:])

    def send(self, sig):
        if self.running():
            self.popen.send_signal(sig)

    def wait(self, timeout=10.0):
        """The exit status; minus the signal's number where a signal ended it."""
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} did not end within {timeout:g} s") from None

    def kill(self):
        """SIGKILL, and waits until it is gone."""
        self.send(signal.SIGKILL)
        return self.wait()

    def terminate(self, timeout=10.0):
        """SIGTERM, and waits; SIGKILL and Failed where it doesn't obey."""
        self.send(signal.SIGTERM)
        try:
            return self.wait(timeout)
        except Failed:
            self.kill()
            raise

    def end(self):
        """Ends it in any case, without complaint."""
        if self.running():
            self.send(signal.SIGTERM)
            try:
                self.popen.wait(3)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
        self._out.close()


def run(argv, ns=None, check=True, timeout=60, input_text=None, env=None):
    """Runs to the end; gives the CompletedProcess with text. Failed on another status than 0, where `check`."""
    argv = [str(a) for a in argv]
    try:
        done = subprocess.run(in_namespace(ns, argv), capture_output=True, text=True, timeout=timeout, input=input_text,
                              env=environment(env), preexec_fn=_die_with_parent, check=False)
    except FileNotFoundError as error:
        raise Failed(f"{argv[0]}: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise Failed(f"{' '.join(argv)}: not done within {timeout} s") from None
    if check and done.returncode != 0:
        raise Failed(f"{' '.join(argv)}: status {done.returncode}\n{done.stdout}{done.stderr}".rstrip())
    return done
