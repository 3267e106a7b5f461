"""nginx's own access log as the independent witness of what the probe and the manager say."""

import collections
import json
import signal
import time

from harness import Rig, expect, expect_equal, test
from nezulab.process import Failed, busy, wait_for

IDS = ["GET:/id/{n}:8", "POST:/id/{n}:2:900", "GET:/page?n={n}:2", "GET:/big?n={n}:0.1", "GET:/slow?n={n}:0.05", "GET:/error?n={n}:0.2",
       "GET:/missing?n={n}:0.2", "HEAD:/page?n={n}:0.3"]


@test(timeout=90)
def sums_of_the_manager_equal_the_log(lab):
    rig = Rig(lab)
    rig.monitoring()
    load = rig.load(rate=1200, connections=50, extra=["--poisson", "--close-share", "0.05"])
    time.sleep(6)
    entries = rig.settle(load)
    text = rig.compare(entries)
    rig.no_gap(entries[0].end, entries[-1].end)
    status = rig.probes["node-a"].status()
    reconcile(status["counters"])
    drops = status["counters"]["kernel_drops"]
    expect_equal(drops, 0, "frames dropped by the kernel")
    reconcile(rig.manager.probe()["counters"])
    return text


@test(timeout=90)
def three_rings_count_what_one_would(lab):
    rig = Rig(lab, probe_changes={"capture": {"workers": 3, "filter": "tcp port 80"}})
    probe = rig.monitoring()
    load = rig.load(rate=1000, connections=60, extra=["--poisson", "--close-share", "0.05"])
    time.sleep(5)
    entries = rig.settle(load)
    text = rig.compare(entries)
    rig.no_gap(entries[0].end, entries[-1].end)
    status = probe.status()
    reconcile(status["counters"])
    expect_equal(status["counters"]["kernel_drops"], 0, "frames dropped by the kernel")
    expect_equal(probe.stop(), 0, "status after SIGTERM")
    return text


def total(fates):
    return sum(fates.values()) if isinstance(fates, dict) else sum(fates)


def reconcile(c, open_requests=0):
    """The equations of model/window/counters.h, from outside."""
    expect(c["frames"] > 0 and c["requests"] > 0, f"nothing was counted: {c}")
    expect_equal(total(c["frame_fate"]), c["frames"], "frames = sum of their fates")
    expect_equal(c["segments"] + c["bare_segments"], c["frame_fate"]["decoded"] + c["frame_fate"].get("snapped", 0), "decoded = segments")
    expect_equal(total(c["segment_fate"]), c["segments"], "segments = sum of their fates")
    expect_equal(total(c["request_fate"]), c["requests"] - open_requests, "requests = sum of their fates")


def analyze(rig, node, *arguments):
    process = rig.lab.start("nezu-probe-analyze", [rig.lab.program("nezu-probe"), "analyze", "-i", rig.site.MIRROR, *arguments],
                            ns=rig.site.nodes[node])
    return process


def transactions_of(process):
    return [json.loads(line) for line in process.text().splitlines() if line.startswith("{")]


@test(timeout=120)
def each_transaction_equals_its_line_of_the_log(lab):
    """All but the times of each round; those of one in three: of one standstill nginx's log shows nothing, and all who wait then are late."""
    rig = Rig(lab, certificates=False)
    shares = []
    for _ in range(3):
        entries, share, far = hold_against_the_log(rig)
        shares.append(f"{share:.2%}")
        # The product's promise is 99 %; where other work keeps the processors busy nginx's own clock is late more often.
        if share >= (0.9 if busy() else 0.99):
            return f"{len(entries)} transactions, {' then '.join(shares)} within 1 ms{', busy: ' + busy() if busy() else ''}"
    raise Failed(f"only {', '.join(shares)} of the response times are within 1 ms of nginx's; the last further away: " +
                 ", ".join(f"{len(v)} of /{k} by {min(v) * 1e3:.1f} … {max(v) * 1e3:.1f} ms" for k, v in far.items()))


def hold_against_the_log(rig):
    """A load, and each of its transactions against its line. (lines, share of times within 1 ms, the other times' differences by path)"""
    before = len(rig.nginx.entries())
    process = analyze(rig, "node-b", "--transactions")
    wait_capturing(rig, "node-b", process)
    load = rig.load(rate=1000, connections=40, mix=IDS)
    time.sleep(6)
    _, entries = load.end(lambda: rig.nginx.entries()[before:])
    wait_for("the last transaction", lambda: len(transactions_of(process)) >= len(entries), 10)
    process.send(signal.SIGINT)
    expect_equal(process.wait(), 0, "status of analyze after SIGINT")
    found = transactions_of(process)
    by_uri = collections.defaultdict(list)
    for t in found:
        by_uri[t["uri"]].append(t)
    differences, near, overtaken, far = [], 0, 0, collections.defaultdict(list)
    for entry in entries:
        t = by_uri.pop(entry.uri, [])
        # The copies of the two directions come by two ways (here: two processors' queues). One that comes after its answer tells no time.
        late = len(t) == 1 and (t[0]["completeness"], t[0]["reason"], t[0]["response_time"]) == ("timing_only", "late_copy", None)
        if len(t) != 1 or t[0]["status"] != entry.status or t[0]["method"] != entry.method or not (late or t[0]["completeness"] == "complete"):
            differences.append(f"{entry.method} {entry.uri} {entry.status}: {t}")
            continue
        if late:
            overtaken += 1
        else:
            away = t[0]["response_time"] - entry.time
            near += abs(away) <= 0.001 + 1e-9
            if abs(away) > 0.001 + 1e-9:
                far[entry.path.split("/")[1]].append(away)
        if entry.method != "HEAD" and t[0]["response_bytes"] != entry.bytes:
            differences.append(f"{entry.uri}: {t[0]['response_bytes']} bytes, nginx sent {entry.bytes}")
    expect(not differences, f"{len(differences)} of {len(entries)} differ, the first: {differences[:3]}")
    expect(not by_uri, f"{len(by_uri)} transactions that nginx doesn't know: {list(by_uri)[:3]}")
    expect(overtaken <= len(entries) // 500, f"{overtaken} of {len(entries)} requests came after their answer")
    return entries, near / (len(entries) - overtaken), far


def wait_capturing(rig, node, process):
    """Until the interface has a packet socket of that process."""
    from nezulab.process import run
    wait_for("the capture", lambda: process.must_run() and "mirror0" in run(["ss", "-0nlp"], ns=rig.site.nodes[node]).stdout, 10)


@test(timeout=90)
def a_probe_started_mid_stream_measures_at_once(lab):
    """200 keep-alive connections under load: within one second of its start the probe reports 99 % of what nginx serves."""
    rig = Rig(lab)
    rig.apply()
    rig.manager.ctl("monitor", "start", "shop/web")
    load = rig.load(rate=2000, connections=200, mix=["GET:/fast:10", "GET:/page:2", "POST:/post:1:300", "GET:/error:0.1"])
    wait_for("all connections in use", lambda: len({e.connection for e in rig.nginx.entries()}) >= 200, 20)
    started = time.time()
    rig.probe("node-a").start().wait_admitted(rig.manager)
    time.sleep(5)
    entries = rig.settle(load)
    begin, end = int(started) + 2, int(entries[-1].end)
    begin_exact = started + 1.0
    counted = rig.manager.query(begin, end)["totals"]["transactions"]
    logged = sum(begin <= e.end < end for e in entries)
    expect(logged > 4000, f"only {logged} requests")
    expect(counted >= 0.99 * logged, f"{counted} transactions from one second after the start on, nginx has {logged}")
    expect(counted <= 1.01 * logged, f"{counted} transactions, more than nginx has ({logged})")
    first = rig.manager.query(int(started), begin, step="1s")["points"]
    return f"{counted} of {logged} after the first second ({begin - begin_exact:+.2f} s); first seconds: {[(p['kind'], round(p['covered'], 2)) for p in first]}"


@test(timeout=60)
def analyze_mid_stream(lab):
    rig = Rig(lab, certificates=False)
    load = rig.load(rate=2000, connections=200, mix=["GET:/id/{n}"])
    wait_for("all connections in use", lambda: len({e.connection for e in rig.nginx.entries()}) >= 200, 20)
    started = time.time()
    process = analyze(rig, "node-a", "--transactions")
    time.sleep(4)
    load.stop()
    entries = [e for e in rig.nginx.entries() if e.start > started + 1]
    uris = {e.uri for e in entries}
    expect(len(uris) > 3000, f"only {len(uris)} requests")
    wait_for("99 % of the transactions", lambda: len(uris & {t["uri"] for t in transactions_of(process)}) >= 0.99 * len(uris), 5)
    process.send(signal.SIGINT)
    process.wait()
    found = [t for t in transactions_of(process) if t["completeness"] == "complete"]
    share = len(uris & {t["uri"] for t in found}) / len(uris)
    expect(share >= 0.99, f"{share:.2%} of nginx's transactions")
    return f"{share:.2%}; the first began {min(t['ts'] for t in found) - started:.3f} s after the start of the process"
