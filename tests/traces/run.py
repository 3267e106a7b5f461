#!/usr/bin/env python3
"""Runs a probe over the traces and compares what it says with what must be said.
  run.py --probe build/dev/bin/nezu-probe [NAME…]
Each NAME.pcap has NAME.jsonl beside it (make.py makes both): one line a transaction, in order, with the fields that count.
The last line is "N passed, N failed"; exit status 0 if none failed."""
import argparse
import glob
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def same(wanted, got):
    if isinstance(wanted, float) and isinstance(got, (int, float)):
        return abs(wanted - got) < 1e-6
    return wanted == got


def differences(expected, lines):
    found = []
    if len(expected) != len(lines):
        found.append(f"{len(expected)} transactions expected, {len(lines)} said")
    for i, (want, got) in enumerate(zip(expected, lines)):
        for field, value in want.items():
            if not same(value, got.get(field)):
                found.append(f"line {i + 1}: {field} is {got.get(field)!r}, not {value!r}")
    return found


def run(probe, pcap):
    done = subprocess.run([probe, "analyze", "--transactions", pcap], capture_output=True, text=True, timeout=60)
    with open(pcap[:-5] + ".jsonl") as f:
        expected = [json.loads(line) for line in f]
    try:
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    except ValueError as e:
        return [f"not JSON: {e}"]
    found = differences(expected, lines)
    if done.returncode != 0:
        found.append(f"exit status {done.returncode}: {done.stderr.strip()[:200]}")
    return found


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--probe", required=True)
    arguments.add_argument("names", nargs="*")
    options = arguments.parse_args()
    pcaps = [os.path.join(HERE, n + ".pcap") for n in options.names] or sorted(glob.glob(os.path.join(HERE, "*.pcap")))
    failed = 0
    for pcap in pcaps:
        found = run(options.probe, pcap)
        failed += bool(found)
        for text in found:
            print(f"{os.path.basename(pcap)[:-5]}: {text}")
    print(f"{len(pcaps) - failed} passed, {failed} failed")
    return 1 if failed or not pcaps else 0


if __name__ == "__main__":
    sys.exit(main())
