"""The laboratory's own judgement: a witness that never disagrees, or a check of logs that never finds anything, would be of no use."""

import contextlib
import io
import json
import sys

import link
from harness import expect, expect_equal, test
from nezulab import net, witness
from nezulab.beside import run_beside
from nezulab.process import Failed, run
from nezulab.web import Entry


def entry(end, time, status=200, uri="/fast"):
    return Entry(json.dumps({"end": end, "time": time, "method": "GET", "uri": uri, "status": status, "bytes": 1, "connection": 1,
                             "number": 1, "complete": "OK"}))


def totals(transactions, status, errors=0, average=0.010):
    t = {"average": average, "p50": average, "p95": average, "p99": average, "max": average}
    return {"transactions": transactions, "status": status, "errors": errors, "response_time": t}


def disagreements(expectation, measured):
    return [c.what for c in witness.compare(expectation, measured) if not c.ok]


@test(namespaces=False)
def the_witness_tells_right_from_wrong(lab):
    # Further apart than what is excused of a standstill: so it is certain on which side of an edge each one was.
    entries = [entry(100 + i, 0.010, 500 if i % 10 == 0 else 200) for i in range(100)]
    whole = witness.Expectation(entries)
    expect_equal(disagreements(whole, totals(100, {"2xx": 90, "5xx": 10}, 10)), [], "all right")
    expect("requests" in disagreements(whole, totals(99, {"2xx": 89, "5xx": 10}, 10)), "one lost")
    expect("requests" in disagreements(whole, totals(101, {"2xx": 91, "5xx": 10}, 10)), "one doubled")
    expect("status 2xx" in disagreements(whole, totals(100, {"2xx": 91, "5xx": 9}, 10)), "a wrong status")
    expect("errors" in disagreements(whole, totals(100, {"2xx": 90, "5xx": 10}, 9)), "a wrong error count")
    expect("response time, p50" in disagreements(whole, totals(100, {"2xx": 90, "5xx": 10}, 10, 0.0115)), "a wrong median")
    # nginx was held up for 0.2 s before it read anything: the client knows, and nothing above what the client saw holds.
    held_up = {figure: 0.2 for figure in ("average", "p50", "p95", "p99", "max")}
    for measured, wrong in ((0.010, False), (0.190, False), (0.260, True), (0.005, True)):
        checks = witness.compare(whole, totals(100, {"2xx": 90, "5xx": 10}, 10, measured), client={"response_time": held_up, "requests": []})
        expect_equal(any(not c.ok for c in checks), wrong, f"{measured} s where nginx saw 0.010 and the client 0.200")
    # A gap from 102.5 to 112.5: the ten that ended in it, and the one that had begun in it.
    gap = witness.Expectation([*entries, entry(112.9, 0.5)], [(102.5, 112.5)])
    expect_equal((gap.low["all"], gap.high["all"]), (90, 90), "outside the gap")
    # The new capture stood 200 ms before the gap's end: what began since then and ended after the gap may be there.
    stood = witness.Expectation([*entries, entry(112.51, 0.1), entry(112.9, 0.7)], [(102.5, 112.5, 112.3)])
    expect_equal((stood.low["all"], stood.high["all"]), (90, 91), "begun in the gap, since the capture stood")
    edge = witness.Expectation(entries, [(102.0, 112.0)])
    expect_equal((edge.low["all"], edge.high["all"]), (89, 90), "at the edge nobody can tell, within the margin")
    # nginx stood still before the gap: what it stamped before may have gone out in the gap, but not any time after.
    for stamped, excused in ((981, 1), (781, 1), (701, 0)):
        still = witness.Expectation([entry(100 + i / 1000, 0.0005) for i in (*range(stamped), *range(1000, 1100))], [(100.99, 101.05)])
        expect_equal((still.low["all"], still.high["all"]), (stamped - excused + 43, stamped + 53), f"stamped before a standstill of {1001 - stamped} ms")
    # After the gap it is the same with what may have come in it: the first one stamped, and by the log's grain the next one.
    for first, excused in ((1100, 2), (1280, 2), (1320, 0)):
        still = witness.Expectation([entry(100 + i / 1000, 0.0005) for i in (*range(1000), *range(first, first + 100))], [(100.9, 101.05)])
        expect_equal((still.low["all"], still.high["all"]), (895 + 100 - excused, 905 + 100), f"stamped after a standstill of {first - 999} ms")
    span = witness.Expectation(entries, begin=100.5, end=110.5)
    expect_equal((span.low["all"], span.high["all"]), (10, 10), "between two instants")


@test(namespaces=False)
def the_witness_ranks_as_the_product_does(lab):
    """The smallest that so many aren't beyond: of 60 the p99 is the greatest, the p95 the 57th."""
    times = [0.200 if i == 30 else 0.010 for i in range(60)]
    expect_equal([witness.quantile(times, q) for q in (0.5, 0.95, 0.99)], [0.010, 0.010, 0.200], "p50, p95, p99")
    expect_equal([witness.quantile(list(range(1, n + 1)), q) for n, q in ((1, 0.99), (2, 0.5), (3, 0.5), (100, 0.99), (101, 0.99))], [1, 1, 2, 99, 100], "ranks")


@test(namespaces=False)
def programs_beside_each_other_are_summed(lab):
    """One that dies, or says nothing of its end, must never pass for one in which nothing failed."""
    said = {"good": ("print('ok  a.b'); print('3 passed, 0 failed, 1 skipped')", 0),
            "bad": ("print('FAIL a.c (1 s): why'); print('failed: a.c'); print('1 passed, 1 failed, 0 skipped'); exit(1)", 1),
            "mute": ("print('ok  a.d')", 1), "dead": ("print('2 passed, 0 failed, 0 skipped'); exit(3)", 1)}
    sink = io.StringIO()
    with contextlib.redirect_stdout(sink):
        counts, failed = run_beside([(name, [sys.executable, "-c", code]) for name, (code, _) in said.items()], 2)
    expect_equal(counts, {"passed": 6, "failed": sum(n for _, n in said.values()), "skipped": 1}, "sums")
    expect_equal(sorted(name.split()[0] for name in failed), ["a.c", "dead", "mute"], "names of what failed")
    expect_equal(sorted(sink.getvalue().splitlines()), ["FAIL a.c (1 s): why", "ok  a.b", "ok  a.d"], "lines passed on")


@test(namespaces=False)
def bad_lines_in_logs_are_found(lab):
    lines = {"nezu-x": ["==1==ERROR: AddressSanitizer: heap-use-after-free", "a.cc:1: runtime error: signed integer overflow",
                        "WARNING: ThreadSanitizer: data race", "BUG: a.cc:1: x does not hold", "2026-11-24T07:00:00.000Z error  store: no",
                        '{"time":"2026-11-24T07:00:00Z","level":"error","text":"x"}']}
    for name, texts in lines.items():
        for i, text in enumerate(texts):
            process = lab.start(f"{name}{i}", [sys.executable, "-c", f"print({text!r})"])
            process.wait()
            expect_equal(len(lab.faults_in_logs()), 1, f"faults found for {text!r}")
            lab.processes.clear()
    process = lab.start("nezu-x", [sys.executable, "-c", "print('2026-11-24T07:00:00.000Z error  store: no space'); print('2026-11-24T07:00:00.000Z info   all is well error=none')"])
    process.wait()
    lab.expect_error("no space")
    expect_equal(lab.faults_in_logs(), [], "faults where the error is expected")


@test()
def what_is_left_behind_is_found(lab):
    from nezulab.lab import Lab
    inner = Lab(lab.programs, lab.name)
    site = inner.use(net.Site(inner.name, nodes=()))
    run(["sh", "-c", "sleep 20 >/dev/null 2>&1 & echo started"], ns=site.client)
    stray = site.net.pids()
    expect_equal(len(stray), 1, "processes in the namespaces")
    left = inner.close()
    expect(any("process" in text for text in left), f"a stray process wasn't reported: {left}")
    expect_equal((site.net.leftover(), site.net.pids()), ([], []), "namespaces, processes")


@test(namespaces=False)
def the_hand_made_link_reads_what_it_writes(lab):
    body = link.field(1, 300) + link.field(3, "edge") + link.field(5, b"\0" * 16)
    data = link.frame(link.HELLO, body)
    expect_equal(data[:4], b"NZB1", "magic")
    expect_equal(link.fields(data[8:]), {1: body}, "message")
    expect_equal(link.fields(body), {1: 300, 3: b"edge", 5: b"\0" * 16}, "fields")
    try:
        expect(False, "always")
    except Failed:
        return
    raise AssertionError("expect() let a false condition pass")
