#!/usr/bin/env python3
"""Measures `nezu-probe analyze` on generated captures, in one run with the floors (bench/floor.cc): programs take turns, at least five rounds,
CPU time (user + system) of each run; what is printed are ratios within a round: median (smallest-largest). No figure stands without
how many transactions were found against the truth, in the same row. Exit status 1: a transaction is missing or differs on a capture
from which nothing was left out."""
import argparse
import csv
import json
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys

SEED = 1


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def run(argv, stdout=subprocess.DEVNULL):
    """CPU seconds, largest resident set in MB, exit status."""
    process = subprocess.Popen(argv, stdout=stdout, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, process.returncode


def capture(options, spec, size):
    kind, _, loss = spec.partition(":")
    name = os.path.join(options.data, f"{kind}-{size}-{SEED}" + (f"-{loss}" if loss else "") + ".pcap")
    if not os.path.exists(name + ".ok"):
        os.makedirs(options.data, exist_ok=True)
        say(f"generating {name} …")
        subprocess.run([f"{options.build}/bin/gen_capture", kind, str(size), str(SEED), name] + ([loss] if loss else []), check=True)
        open(name + ".ok", "w").close()
    with open(name, "rb") as f:  # into the page cache
        while f.read(1 << 24):
            pass
    return name, json.load(open(name + ".json"))


def found(options, name):
    """In a process of its own: a program that is started has at least the memory of who started it as its largest."""
    with multiprocessing.Pool(1) as pool:
        return pool.apply(compare, (options, name))


def compare(options, name):
    """How many of the truth's transactions are told, with every field equal; how many are told otherwise."""
    fields = ["ts", "client", "server", "method", "host", "uri", "version", "status", "response_time", "ttfb", "request_bytes", "response_bytes"]
    with open(name + ".truth.csv", newline="") as f:
        truth = {}
        for row in csv.reader(f):
            truth[tuple(row)] = truth.get(tuple(row), 0) + 1
    told = os.path.join(options.data, "told.csv")
    with open(told, "wb") as f:
        subprocess.run([f"{options.build}/bin/nezu-probe", "analyze", "--transactions", "--csv", name], stdout=f, check=True)
    equal = other = unanswered = 0
    with open(told, newline="") as f:
        for row in csv.DictReader(f):
            key = tuple(row[k] for k in fields)
            if truth.get(key, 0) > 0:
                truth[key] -= 1
                equal += 1
            elif row["status"] and row["completeness"] in ("complete", "timing_only"):
                other += 1
            else:
                unanswered += 1
    os.unlink(told)
    return equal, other, unanswered


def spread(values):
    return {"median": round(statistics.median(values), 3), "min": round(min(values), 3), "max": round(max(values), 3)}


def measure(options, spec):
    kind = spec.partition(":")[0]
    name, truth = capture(options, spec, options.size if kind == "web" else options.size // 3)
    probe = [f"{options.build}/bin/nezu-probe", "analyze"]
    programs = {f"floor {mode}": [f"{options.build}/bin/floor", mode, name] for mode in ("pcap", "map", "ahead", "read")}
    programs["nezu-probe analyze"] = probe + [name]
    programs["nezu-probe analyze --transactions"] = probe + ["--transactions", name]
    if shutil.which("tcpdump"):
        programs["tcpdump -w /dev/null"] = ["tcpdump", "-r", name, "-w", "/dev/null"]
    cpu = {p: [] for p in programs}
    memory = {p: 0 for p in programs}
    for r in range(options.rounds):
        say(f"{spec}: round {r + 1} of {options.rounds}")
        for p, argv in programs.items():
            seconds, rss, status = run(argv)
            if status != 0:
                sys.exit(f"{' '.join(argv)}: exit status {status}")
            cpu[p].append(seconds)
            memory[p] = max(memory[p], rss)
    equal, other, unanswered = found(options, name)
    rows = []
    for p in programs:
        row = {"program": p, "over_map": spread([a / b for a, b in zip(cpu[p], cpu["floor map"])]), "over_pcap": spread([a / b for a, b in zip(cpu[p], cpu["floor pcap"])]),
               "memory_mb": round(memory[p])}
        if p.startswith("nezu"):
            row |= {"transactions_found": equal, "transactions_true": truth["transactions"], "differing": other, "unanswered": unanswered,
                    "transactions_per_cpu_second": round(truth["transactions"] / statistics.median(cpu[p]))}
        rows.append(row)
    return {"capture": spec, "command": " ".join(probe + [name]), **truth, "rows": rows, "exact": ":" in spec or (equal == truth["transactions"] and other == 0)}


def against_tshark(options):
    """A small capture: tshark would take minutes for the large ones."""
    name, truth = capture(options, "web", 20_000_000)
    argv = ["tshark", "-r", name, "-Y", "http.response", "-T", "fields", "-e", "http.time"]
    ours, theirs = [], []
    for r in range(min(options.rounds, 3)):
        say(f"tshark: round {r + 1}")
        ours.append(sum(run([f"{options.build}/bin/nezu-probe", "analyze", name])[0] for _ in range(10)) / 10)
        theirs.append(run(argv)[0])
    lines = subprocess.run(argv, capture_output=True, text=True).stdout.split("\n")
    return {"capture": "web, 20 MB", "over_nezu_probe": spread([a / b for a, b in zip(theirs, ours)]), "paired": sum(1 for x in lines if x.strip()),
            "transactions_true": truth["transactions"], "nezu_probe_found": found(options, name)[0]}


def table(result):
    for c in result["captures"]:
        print(f"\n{c['capture']}: {c['bytes'] / 1e6:.0f} MB, {c['packets']} packets, {c['transactions']} transactions, {c['connections']} connections")
        print(f"    {c['command']}")
        print(f"  {'CPU over a floor, median (min–max)':36}{'÷ map (B)':>22}{'÷ pcap':>22}{'MB':>6}  found of true")
        for r in c["rows"]:
            cell = lambda s: f"{s['median']:.2f} ({s['min']:.2f}–{s['max']:.2f})"
            tail = ""
            if "transactions_found" in r:
                tail = (f"{r['transactions_found']} of {r['transactions_true']} with all fields equal, {r['differing']} otherwise"
                        f" (times are bounds, or wrong), {r['unanswered']} told as not answered or not seen; {r['transactions_per_cpu_second'] / 1e6:.2f} M/CPU-s")
            print(f"  {r['program']:36}{cell(r['over_map']):>22}{cell(r['over_pcap']):>22}{r['memory_mb']:>6}  {tail}")
    if "tshark" in result:
        t = result["tshark"]
        s = t["over_nezu_probe"]
        print(f"\ntshark on {t['capture']}: {s['median']:.0f} × the CPU of nezu-probe ({s['min']:.0f}–{s['max']:.0f});"
              f" pairs {t['paired']} of {t['transactions_true']} transactions (nezu-probe {t['nezu_probe_found']})")
    print(f"\n{result['rounds']} rounds, programs taking turns; {result['compiler']}; {result['cores']} cores, {result['processor']}; {result['command']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--size", type=int, default=1_000_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kinds", default="web api conns junk web:0.01")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    cache = open(f"{options.build}/CMakeCache.txt").read()
    compiler = next(x.split("=", 1)[1] for x in cache.split("\n") if x.startswith("CMAKE_CXX_COMPILER:"))
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True).stdout.split("\n")[0]
    processor = next((x.split(":", 1)[1].strip() for x in open("/proc/cpuinfo") if x.startswith("model name")), "unknown processor")
    result = {"command": f"make bench SIZE={options.size} ROUNDS={options.rounds} KINDS=\"{options.kinds}\"", "rounds": options.rounds, "compiler": version,
              "cores": os.cpu_count(), "processor": processor, "captures": [measure(options, spec) for spec in options.kinds.split()]}
    if shutil.which("tshark"):
        result["tshark"] = against_tshark(options)
    if options.json:
        print(json.dumps(result, indent=1))
    else:
        table(result)
    sys.exit(0 if all(c["exact"] for c in result["captures"]) else 1)


if __name__ == "__main__":
    main()
