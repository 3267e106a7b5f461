"""Programs of tests that run beside each other: most of a test is waiting. Each closes with "N passed, N failed, N skipped"."""

import re
import subprocess
import threading

CLOSING = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$")


class _Runs:
    def __init__(self, commands):
        self.waiting = list(commands)
        self.counts = {"passed": 0, "failed": 0, "skipped": 0}
        self.failed = []
        self.children = []
        self.lock = threading.Lock()

    def next_child(self):
        with self.lock:
            if not self.waiting:
                return None
            name, argv = self.waiting.pop(0)
            child = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
            self.children.append(child)
            return name, child

    def take(self, line):
        """True if it was the closing line."""
        with self.lock:
            if found := CLOSING.match(line):
                for key, number in zip(self.counts, found.groups()):
                    self.counts[key] += int(number)
                return True
            if line.startswith("FAIL "):
                self.failed.append(line.split()[1].rstrip(":"))
            if not line.startswith("failed: "):
                print(line, end="", flush=True)
            return False

    def lane(self):
        while run := self.next_child():
            name, child = run
            closed = [self.take(line) for line in child.stdout]
            if child.wait() not in (0, 1) or not any(closed):
                with self.lock:
                    self.failed.append(f"{name} (ended with {child.returncode}{'' if any(closed) else ', without a closing line'})")
                    self.counts["failed"] += 1

    def end(self):
        with self.lock:
            self.waiting.clear()
        for child in self.children:  # each ends what it has started
            child.terminate()
            child.wait()


def run_beside(commands, at_once):
    """Runs `commands`, (name, argv) each, so many at once; their lines are passed on as they come, but for the closing ones.
    Gives the sums of the closing lines and the names of what failed; a program that ended otherwise counts as one that failed."""
    runs = _Runs(commands)
    lanes = [threading.Thread(target=runs.lane) for _ in range(at_once)]
    for lane in lanes:
        lane.start()
    try:
        for lane in lanes:
            lane.join()
    finally:
        runs.end()
    return runs.counts, runs.failed


def closing_lines(counts, failed):
    """What a program of tests says last."""
    names = f"failed: {', '.join(failed)}\n" if failed else ""
    return f"{names}{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped"
