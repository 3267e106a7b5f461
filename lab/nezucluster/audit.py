"""What must be true after a scene: the manager's record against the witness's, and the record against itself."""

from nezulab import witness
from nezulab.daemons import gaps_of, seconds_of, target_of
from nezulab.process import Failed, expect, expect_equal


def gaps_of_all(failovers):
    """Of several failovers; where one began in another's gap they are one."""
    spans = sorted(span for record in failovers for span in gaps_of(record))
    joined = []
    for begin, end, watched in spans:
        if joined and begin <= joined[-1][1] + 1e-6:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]), max(watched, joined[-1][2]))
        else:
            joined.append((begin, end, watched))
    return joined


def length_of(gaps):
    return sum(end - begin for begin, end, *_ in gaps)


def counts(manager, entries, gaps, paths, margin):
    """Sums of all targets against nginx's log; text for people. Within `margin` of a gap's edge either is right."""
    first, last = min(e.start for e in entries) - 2, max(e.end for e in entries) + 2
    expectation = witness.Expectation(entries, gaps, margin)
    totals = manager.query(first, last)["totals"]
    by_path = {path: manager.query(first, last, target_of(path))["totals"] for path in paths}
    unmeasured = witness.allow_unmeasured(expectation, totals, by_path)
    # Times are tests/apptest's to judge: here the machine is busy with the cluster's own work.
    checks = [c for c in witness.compare(expectation, totals, by_path) if not c.what.startswith("response time")]
    wrong = [str(c) for c in checks if not c.ok]
    if wrong:
        raise Failed(f"{len(wrong)} of {len(checks)} comparisons with nginx's log failed:\n    " + "\n    ".join(wrong + second_by_second(manager, entries, gaps)))
    told = f", {unmeasured} unmeasured" if unmeasured else ""
    return f"{totals['transactions']} requests{told}, {len(checks)} comparisons with nginx's log"


def second_by_second(manager, entries, gaps):
    """For people who look for the reason."""
    logged = {}
    for e in entries:
        logged[int(e.end)] = logged.get(int(e.end), 0) + 1
    lines = [f"the gaps: {[(f'{a:.6f}', f'{b:.6f}') for a, b, *_ in gaps]}"]
    for p in manager.query(min(logged), max(logged) + 1, step="1s")["points"]:
        second = int(seconds_of(p["time"]))
        if (p["transactions"] or 0) != logged.get(second, 0):
            lines.append(f"{second}: nginx {logged.get(second, 0)}, nezuban {p['transactions']} ({p['kind']}, covered {p['covered']:.6f})")
    return lines[:12]


def coverage(manager, begin, end, gaps):
    """Covered time and gaps make up the whole span, and no second tells otherwise."""
    points = manager.query(int(begin), int(end), step="1s")["points"]
    missing = sum(1 - p["covered"] for p in points if p["kind"] != "off")
    wanted = sum(max(0.0, min(b, int(end)) - max(a, int(begin))) for a, b, *_ in gaps)
    if abs(missing - wanted) > 0.003 + 0.001 * len(gaps):
        bad = [f"{p['time']} {p['kind']} {p['covered']:.4f}" for p in points if p["covered"] < 0.999][:6]
        raise Failed(f"seconds that aren't covered: {missing:.4f}, gaps of the failover records: {wanted:.4f}; {'; '.join(bad)}")


def records(failovers):
    """Each failover record hangs together."""
    for r in failovers:
        what = f"failover {r['id']}"
        expect(not r["open"], f"{what} is still open: {r}")
        expect(r["epoch"] > 0 and r["to_node"], f"{what} without epoch or node: {r}")
        times = [seconds_of(r[k]) for k in ("lost", "admitted", "first_window") if r[k]]  # a warm one had announced itself before
        expect(times == sorted(times) or r["reason"] == "another claim", f"{what}: its times are out of order: {r}")
        for step in ("stopped", "start", "promote"):
            expect(r[step] is None or seconds_of(r["lost"]) <= seconds_of(r[step]) <= seconds_of(r["admitted"]), f"{what}: {step} lies outside of it: {r}")
    epochs = [r["epoch"] for r in failovers]
    expect(epochs == sorted(set(epochs)), f"epochs don't grow: {epochs}")


STEP_MARGIN = 0.02  # two ways of messages, and a busy machine


def step(record, name, before):
    """When the cluster took that step, in seconds after the loss: it is there, and lies between the loss and `before`, one of the record's other times."""
    expect(record[name] is not None, f"no {name} in {record}")
    lost, at, end = (seconds_of(record[k]) for k in ("lost", name, before))
    expect(lost - STEP_MARGIN <= at <= end + STEP_MARGIN, f"{name} not between lost and {before}: {record}")
    return at - lost
