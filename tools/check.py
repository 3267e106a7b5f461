#!/usr/bin/env python3
"""Everything that must hold, step by step. A step that fails doesn't stop the others; at the end stands all that failed.

check.py [--list] [STEP…]     without STEP: those of ALWAYS; the longer ones (asan-whole, tsan-whole) by name

Closing line: "N passed, N failed, N skipped", summed over all steps; status 1 on any failure, or where fewer tests ran than there must
be (MINIMUM). Output of each step: build/check/STEP.log. NEZU_SKIP_NETNS=1: tests that need network namespaces are skipped where there
are none, and counted as skipped; without it they fail there. NEZU_SKIP_LAB=1: likewise for the scenes that need a cluster."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOGS = os.path.join(ROOT, "build", "check")
MINIMUM = 1000          # tests of a full run
FUZZ_SECONDS = 5        # each fuzzer
ASAN_APPTESTS = ["bad_input", "load.", "apply", "protocol_version", "nonsense", "refuses", "sigkill", "sigterm", "what_people_see"]
# Modules that start threads themselves, and the queues between threads.
TSAN = ["common/base", "common/log", "manager/api", "manager/store/sqlite"]
# Also those whose peers are on another thread.
TSAN_WHOLE = ["common/base", "common/log", "common/net", "common/tls", "common/http", "common/metrics", "manager/store/sqlite", "manager/session",
        "manager/api", "probe/pipeline", "probe/link", "probe/control", "probe/capture"]
# Modules that read what strangers send.
HOSTILE = ["model/sketch", "model/window", "model/wire", "probe/decode", "probe/http1", "probe/pipeline"]
# Modules that keep transactions one by one.
KEEPING = ["probe/aggregate", "probe/shadow", "probe/spool", "probe/role"]
JOBS = str(os.cpu_count() or 2)


class Counts:
    def __init__(self, passed=0, failed=0, skipped=0):
        self.passed, self.failed, self.skipped = passed, failed, skipped

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def count_closing_line(text):
    """Of our own runners."""
    found = re.findall(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$", text, re.M)
    return Counts(*(int(n or 0) for n in found[-1])) if found else None


def count_ctest(text):
    """Of `ctest --verbose`: GoogleTest's cases, and programs without them as one each."""
    sum_, cases = Counts(), {}
    for number, passed in re.findall(r"^(\d+): \[  PASSED  \] (\d+) test", text, re.M):
        cases.setdefault(number, Counts()).passed += int(passed)
    for number, failed in re.findall(r"^(\d+): \[  FAILED  \] (\d+) test", text, re.M):
        cases.setdefault(number, Counts()).failed += int(failed)
    for number, skipped in re.findall(r"^(\d+): \[  SKIPPED \] (\d+) test", text, re.M):
        cases.setdefault(number, Counts()).skipped += int(skipped)
    results = re.findall(r"^\s*\d+/\d+ Test\s+#(\d+): .*?(Passed|Failed|\*\*\*\S+|Not Run|Timeout)", text, re.M)
    for number, result in results:
        counted = cases.get(number, Counts())
        if result != "Passed" and counted.failed == 0:
            counted.failed = 1  # it crashed, or timed out
        elif number not in cases:
            counted.passed = 1
        sum_.add(counted)
    return sum_ if results else None


class Check:
    def __init__(self):
        self.sum, self.failures = Counts(), []
        self.steps, self.building = [], None  # of this run; a build that was begun beside another step
        self.begin = time.monotonic()
        os.makedirs(LOGS, exist_ok=True)

    def clock(self):
        seconds = int(time.monotonic() - self.begin)
        return f"[{seconds // 60:2}:{seconds % 60:02}]"

    def run(self, name, command, count=None, env=None):
        """One step. `count` reads tests from its output; a step without one counts as one test. Gives whether it went well."""
        print(f"{self.clock()} {name} …", flush=True)
        begin = time.monotonic()
        log = os.path.join(LOGS, re.sub(r"[^a-z0-9-]+", "-", name.lower()) + ".log")
        with open(log, "w+", encoding="utf-8", errors="replace") as out:
            status = self.wait(subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                                env={**os.environ, **(env or {})}), log)
            out.seek(0)
            text = out.read()
        counts = count(text) if count else Counts(passed=int(status == 0), failed=int(status != 0))
        if counts is None:
            counts = Counts(failed=1)
        if status != 0 and counts.failed == 0:
            counts.failed = 1
        self.sum.add(counts)
        ok = counts.failed == 0
        print(f"{self.clock()} {'ok  ' if ok else 'FAIL'} {name} ({time.monotonic() - begin:.0f} s){': ' + str(counts) if count else ''}", flush=True)
        if not ok:
            self.failures.append((name, log))
            print("\n".join("        " + line[:300] for line in interesting(text)), flush=True)
            print(f"        all of it: {os.path.relpath(log, ROOT)}", flush=True)
        return ok

    def wait(self, process, log):
        """Says now and then how far it is."""
        said = time.monotonic()
        try:
            while True:
                try:
                    return process.wait(1)
                except subprocess.TimeoutExpired:
                    pass
                if time.monotonic() - said >= 30:
                    said = time.monotonic()
                    print(f"{self.clock()}      … {last_line(log)[:110]}", flush=True)
        except BaseException:
            process.send_signal(signal.SIGTERM)
            process.wait()
            raise

    def skip(self, name, why):
        print(f"{self.clock()} skip {name}: {why}", flush=True)
        self.sum.skipped += 1

    def cmake(self, preset, *options):
        return self.run(f"configure {preset}", ["cmake", "--preset", preset, *options])

    def build(self, preset, *targets):
        return self.run(f"build {preset}", ["cmake", "--build", f"build/{preset}", "--", "-k", "0", *targets])

    def build_ahead(self, preset, *targets):
        """Begins to build at the lowest priority, beside a step that mostly waits."""
        command = f"cmake --preset {preset} && exec cmake --build build/{preset} -- -k 0 {' '.join(targets)}"
        self.building = subprocess.Popen(["nice", "-n", "19", "sh", "-c", command], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL, start_new_session=True)

    def stop_building(self):
        """What it has built stays; what failed, fails again where it is seen."""
        process, self.building = self.building, None
        if process and process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()

    def ctest(self, preset, *options, env=None):
        return self.run(f"unit tests {preset}", ["ctest", "--test-dir", f"build/{preset}", "--verbose", "-j", JOBS, *options], count_ctest, env)


def last_line(path):
    with open(path, "rb") as f:
        f.seek(0, os.SEEK_END)
        f.seek(max(0, f.tell() - 400))
        lines = f.read().decode(errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "")


def interesting(text):
    """The lines that say what went wrong, else the last ones."""
    lines = text.splitlines()
    wanted = [i for i, line in enumerate(lines) if re.search(
        r"^FAIL|\[  FAILED  \]|: Failure$|error:|Error |ERROR: |runtime error|WARNING: ThreadSanitizer|BUG:|\*\*\*(Failed|Exception|Timeout)", line)]
    if not wanted:
        return lines[-15:]
    shown = sorted({j for i in wanted[:12] for j in range(i, min(len(lines), i + 4))})
    return [lines[j] for j in shown] + ([f"… and {len(wanted) - 12} more such lines"] if len(wanted) > 12 else [])


def release(check):
    if check.cmake("release", "-DNEZU_TESTS=ON", "-DNEZU_BENCH=OFF"):
        check.build("release")
        check.ctest("release")


def traces(check):
    if os.path.exists(f"{ROOT}/tests/traces/run.py"):
        check.run("traces", [sys.executable, "tests/traces/run.py", "--probe", "build/release/bin/nezu-probe"], count_closing_line)
    else:
        check.run("traces", [sys.executable, "-c", "raise SystemExit('tests/traces/run.py is missing')"])


def apptest(check):
    check.run("end to end", [sys.executable, "tests/apptest/run.py", "--two", "--bin", "build/release/bin"], count_closing_line)


def lab(check):
    """Failover under real cluster software: the scenes that hold, in their short forms."""
    if "asan" in check.steps:
        check.build_ahead("fuzz", *fuzz_targets())
    check.run("lab", [sys.executable, "lab/lab.py", "check", "--bin", "build/release/bin"], count_closing_line)
    check.stop_building()


def asan(check):
    """clang, AddressSanitizer, UndefinedBehaviorSanitizer, libFuzzer: whatever reads bytes that strangers send; each fuzzer for a while."""
    if not check.cmake("fuzz"):
        return
    check.build("fuzz", *fuzz_targets())
    env = {"ASAN_OPTIONS": "detect_stack_use_after_return=1", "UBSAN_OPTIONS": "print_stacktrace=1"}
    check.ctest("fuzz", "-R", f"^unit\\.({'|'.join(HOSTILE + KEEPING)})$", env=env)
    check.run("simulation, sanitizers", ["sh", "-c", "exec build/fuzz/tests/sim/nezu-sim sweep 1"], env=env)  # sh: says where it is missing
    for program in fuzzers():
        stem = os.path.basename(program)
        work = os.path.join(LOGS, "fuzz", stem)
        shutil.rmtree(work, ignore_errors=True)
        os.makedirs(work)
        corpus = os.path.join(ROOT, "tests", "fuzz", "corpus", stem)
        check.run(f"fuzz {stem}", [program, f"-max_total_time={FUZZ_SECONDS}", "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1",
                                   f"-artifact_prefix={work}/", work, *([corpus] if os.path.isdir(corpus) else [])], env=env)


def asan_whole(check):
    """All unit tests under the sanitizers, and end-to-end tests of the programs. Long: not part of a run without arguments."""
    if not check.cmake("fuzz"):
        return
    check.build("fuzz")
    env = {"ASAN_OPTIONS": "detect_stack_use_after_return=1", "UBSAN_OPTIONS": "print_stacktrace=1"}
    check.ctest("fuzz", env=env)
    check.run("end to end, sanitizers", [sys.executable, "tests/apptest/run.py", "--bin", "build/fuzz/bin", *ASAN_APPTESTS], count_closing_line,
              {**env, "NEZU_KILLS": "5"})


def fuzz_targets():
    return ["fuzzers", "nezu-sim", *[test_of(m) for m in HOSTILE + KEEPING]]


def test_of(module):
    return f"nezu_{module.replace('/', '_')}_test"


def fuzzers():
    out = []
    for folder, _, files in os.walk(os.path.join(ROOT, "build", "fuzz", "src")):
        out += [os.path.join(folder, f) for f in files if f.endswith("_fuzz") and os.access(os.path.join(folder, f), os.X_OK)]
    return sorted(out)


def tsan(check):
    """Only what has threads: the rest says nothing new there. Not the store's long runs of crashes, which have one thread."""
    tsan_of(check, TSAN, {"GTEST_FILTER": "-StoreCrash.*:StoreFull.*:StoreSyncError.*"})


def tsan_whole(check):
    tsan_of(check, TSAN_WHOLE, {})


def tsan_of(check, modules, env):
    if not check.cmake("tsan"):
        return
    check.build("tsan", *[test_of(m) for m in modules])
    check.ctest("tsan", "-R", f"^unit\\.({'|'.join(modules)})$", env={"TSAN_OPTIONS": "halt_on_error=1 second_deadlock_stack=1", **env})


def lint(check):
    check.run("lint", ["tools/lint.sh"])


STEPS = {"release": release, "traces": traces, "apptest": apptest, "lab": lab, "lint": lint, "asan": asan, "asan-whole": asan_whole, "tsan": tsan,
         "tsan-whole": tsan_whole}
ALWAYS = ["release", "traces", "apptest", "lab", "lint", "asan", "tsan"]  # without arguments


def main():
    arguments = sys.argv[1:]
    if "--list" in arguments:
        print("\n".join(STEPS))
        return 0
    unknown = [a for a in arguments if a not in STEPS]
    if unknown:
        print(f"check: no such step: {' '.join(unknown)} (there are {' '.join(STEPS)})", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda _s, _f: sys.exit(143))
    check = Check()
    check.steps = arguments or ALWAYS
    try:
        for name in check.steps:
            STEPS[name](check)
    finally:
        check.stop_building()
    for name, log in check.failures:
        print(f"failed: {name}   ({os.path.relpath(log, ROOT)})")
    ran = check.sum.passed + check.sum.failed
    if not arguments and ran < MINIMUM:
        print(f"failed: only {ran} tests ran; there must be at least {MINIMUM}")
        check.sum.failed += 1
    print(f"total time {check.clock()}")
    print(check.sum)
    return 1 if check.sum.failed else 0


if __name__ == "__main__":
    sys.exit(main())
