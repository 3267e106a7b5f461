#!/usr/bin/env python3
"""The built programs, whole: real nginx, real load, mirrored traffic in network namespaces.

run.py [NAME…] --bin DIR [--list] [--keep] [--two]

NAME selects tests whose name contains it. Each test starts its own servers and ends them. After each one is looked whether a log holds
a sanitizer's line, a broken invariant or an error that wasn't expected, and whether a process, namespace or file was left behind.
Closing line: "N passed, N failed, N skipped"; status 0 only if none failed.
--two: two files of tests at a time (most of a test is waiting), but for those that hold times of two programs against each other.
NEZU_SKIP_NETNS=1: where namespaces can't be made, tests that need them are skipped; without it they fail."""

import argparse
import importlib
import os
import signal
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "demo")]
from harness import Skip, TESTS  # noqa: E402
from nezulab import net  # noqa: E402
from nezulab.beside import closing_lines, run_beside  # noqa: E402
from nezulab.lab import Lab  # noqa: E402
from nezulab.process import Failed  # noqa: E402


ALONE = ("witness", "failover", "load")  # files of tests that want the machine for themselves


class TimedOut(Failed):
    pass


def on_alarm(_signal, _frame):
    raise TimedOut("the test's time is up")


def check_after(lab):
    """What must be true after every test, whatever it tested."""
    faults = lab.faults_in_logs()
    if faults:
        more = f" (and {len(faults) - 3} more)" if len(faults) > 3 else ""
        raise Failed("in the logs: " + "; ".join(faults[:3]) + more)


def run_one(test, programs, no_namespaces, keep):
    """(outcome, text): outcome is passed, failed or skipped."""
    if test.needs_namespaces and no_namespaces:
        if os.environ.get("NEZU_SKIP_NETNS") == "1":
            return "skipped", f"no network namespaces here: {no_namespaces}"
        return "failed", f"no network namespaces here: {no_namespaces} (NEZU_SKIP_NETNS=1 skips)"
    lab = Lab(programs, "nezutest")
    outcome, text = "passed", ""
    signal.alarm(test.timeout)
    try:
        text = test.function(lab) or ""
        check_after(lab)
    except Skip as skip:
        outcome, text = "skipped", str(skip)
    except Failed as error:
        outcome, text = "failed", str(error)
    except Exception:  # pylint: disable=broad-except
        outcome, text = "failed", traceback.format_exc()
    finally:
        signal.alarm(0)
    if outcome == "failed":
        for process in lab.processes:
            if process.name.startswith("nezu"):
                text += f"\n--- the last lines of {process.name}:\n{process.tail(10)}"
    if keep and outcome == "failed":
        for process in lab.processes:
            process.end()
        return outcome, text + f"\nkept: {lab.dir}"
    left = lab.close()
    if left:
        outcome, text = "failed", text + "\nleft behind: " + ", ".join(left)
    return outcome, text


def select(names):
    for file in sorted(os.listdir(HERE)):
        if file.startswith("test_") and file.endswith(".py"):
            importlib.import_module(file[:-3])
    tests = [t for t in TESTS if not names or any(n in t.name for n in names)]
    if not tests:
        sys.exit(f"no test's name contains {' or '.join(names)}")
    return tests


def two_at_a_time(tests, arguments):
    """Each file of tests in a process of its own, the longest first. (counts, names of those that failed)"""
    files = {}
    for test in tests:
        files.setdefault(test.name.split(".")[0], []).append(test)
    longest_first = sorted(files, key=lambda file: -sum(t.timeout for t in files[file]))
    return run_beside([(file, [sys.executable, os.path.abspath(__file__), *(t.name for t in files[file]), *arguments]) for file in longest_first], 2)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--bin", help="folder of the programs")
    parser.add_argument("--list", action="store_true", help="names only")
    parser.add_argument("--keep", action="store_true", help="keep the files of failed tests")
    parser.add_argument("--two", action="store_true", help="two files of tests at a time")
    args = parser.parse_args()
    tests = select(args.names)
    if args.list:
        print("\n".join(t.name for t in tests))
        return 0
    if not args.bin:
        parser.error("--bin is missing")
    signal.signal(signal.SIGALRM, on_alarm)
    signal.signal(signal.SIGTERM, lambda _s, _f: sys.exit(143))
    no_namespaces = net.unavailable()
    counts, failed = {"passed": 0, "failed": 0, "skipped": 0}, []
    if args.two:
        beside = [t for t in tests if t.name.split(".")[0] not in ALONE]
        tests = [t for t in tests if t not in beside]
        counts, failed = two_at_a_time(beside, ["--bin", args.bin, *(["--keep"] if args.keep else [])])
    for test in tests:
        print(f"     {test.name} …", end="\r" if sys.stdout.isatty() else "\n", flush=True)
        begin = time.monotonic()
        outcome, text = run_one(test, args.bin, no_namespaces, args.keep)
        counts[outcome] += 1
        word = {"passed": "ok  ", "failed": "FAIL", "skipped": "skip"}[outcome]
        print(f"{word} {test.name} ({time.monotonic() - begin:.1f} s){': ' + text if text else ''}", flush=True)
        if outcome == "failed":
            failed.append(test.name)
    print(closing_lines(counts, failed))
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
