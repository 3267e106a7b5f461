"""The comparison with the independent witness: what nginx logged against what the manager summed up."""

import bisect
import collections
import math

from .process import Failed, busy


TURN = 0.25  # seconds; of a standstill that the log shows no more than that is excused


class Check:
    def __init__(self, what, wanted, got, ok):
        self.what, self.wanted, self.got, self.ok = what, wanted, got, ok

    def __str__(self):
        return f"{'ok  ' if self.ok else 'NOT '} {self.what}: nginx {self.wanted}, nezuban {self.got}"


def _span(low, high):
    return str(low) if low == high else f"{low}–{high}"


class Expectation:
    """How many of nginx's requests must have been measured, given the gaps: (begin, end) or (begin, end, watched), seconds since 1970.

    A request counts where its response ended outside of a gap, and all of it was watched: it ended before the gap began, or began
    when the new capture stood (`watched`, at the latest the end of the gap: a service's gap ends when it is measured again).
    Within `margin` seconds of an edge nginx's log (milliseconds, of a cached clock) can't tell on which side it was: `low` counts
    without those, `high` with them. Where nginx stood still (the log shows it: one stamp, and the next one much later), what it
    stamped before may have been sent until then, and what it stamped after may have come since: up to `TURN`.
    """

    def __init__(self, entries, gaps=(), margin=0.004, begin=None, end=None):
        self.low, self.high, self.times = collections.Counter(), collections.Counter(), collections.defaultdict(list)
        stamps = sorted({e.end for e in entries})
        for entry in entries:
            certain, possible = True, True
            sent_by, came_from = _bounds(stamps, entry)
            for gap_begin, gap_end, *rest in gaps:
                watched = min([gap_end, *rest])
                outside = sent_by < gap_begin - margin or came_from > gap_end + margin
                inside = entry.end > gap_begin + margin and (sent_by < gap_end - margin or entry.start < watched - margin)
                certain, possible = certain and outside, possible and not inside
            for edge, sign in ((begin, 1), (end, -1)):
                if edge is None:
                    continue
                inner, outer = (came_from, entry.start) if sign > 0 else (sent_by, entry.end)
                certain = certain and sign * (inner - edge) > margin
                possible = possible and sign * (outer - edge) > -margin
            for key in ("all", ("path", entry.path), ("class", f"{entry.status // 100}xx"), ("status", entry.status)):
                self.low[key] += certain
                self.high[key] += possible
            if certain:
                self.times["all"].append(entry.time)
                self.times[entry.path].append(entry.time)

    def holds(self, key, got):
        return got is not None and self.low[key] <= got <= self.high[key]

    def check(self, what, key, got):
        return Check(what, _span(self.low[key], self.high[key]), got, self.holds(key, got))


def _bounds(stamps, entry):
    """The latest instant at which the last byte of a response was sent, and the earliest at which its request came."""
    after = bisect.bisect_right(stamps, entry.end)
    before = bisect.bisect_left(stamps, entry.start - 0.0005) - 1
    return (min(stamps[after], entry.end + TURN) if after < len(stamps) else entry.end,
            max(stamps[before], entry.start - TURN) if before >= 0 else entry.start)


def quantile(values, q):
    """By the product's rank (model/sketch): of a few, another one is another request."""
    values = sorted(values)
    return values[max(0, math.ceil(q * len(values)) - 1)] if values else 0.0


def compare(expectation, totals, paths=None, only=("average", "p50", "p95", "p99", "max"), client=None):
    """Checks of a query's totals. `paths`: totals by path, of targets that are one path each. `only`: which figures of times are judged.
    `client`: what the load itself said at its end, see `times`."""
    if totals["transactions"] is None:
        return [Check("requests", _span(expectation.low["all"], expectation.high["all"]), "nothing: not covered", False)]
    checks = [expectation.check("requests", "all", totals["transactions"])]
    classes = sorted({key[1] for key in expectation.high if key[0] == "class"} | set(totals["status"]))
    for status in classes:
        got = totals["status"].get(status, 0)
        if got or expectation.high[("class", status)]:
            checks.append(expectation.check(f"status {status}", ("class", status), got))
    errors = expectation.low[("class", "5xx")], expectation.high[("class", "5xx")]
    checks.append(Check("errors", _span(*errors), totals["errors"], errors[0] <= totals["errors"] <= errors[1]))
    for path, of_path in sorted((paths or {}).items()):
        checks.append(expectation.check(f"requests of {path}", ("path", path), of_path["transactions"]))
    checks += times("response time", expectation.times["all"], totals["response_time"], only=only, client=client and client["response_time"])
    for path, of_path in sorted((paths or {}).items()):
        if expectation.times[path]:
            checks += times(f"response time of {path}", expectation.times[path], of_path["response_time"], only=("p50",), client=client and _of_path(client, path))
    return checks


def _of_path(client, path):
    """The client's times of a path; of several methods the longer ones."""
    of = [r["response_time"] for r in client["requests"] if r["path"].split("?")[0] == path and r["response_time"]["count"]]
    return {figure: max(t[figure] for t in of) for figure in of[0]} if of else None


def allow_unmeasured(expectation, totals, paths):
    """On a machine that is busy with much else TCP sends now and then a second copy of what was only late. Where the capture can't tell
    when a request began, it says so, and counts it as unmeasured: accounted for, and no transaction. Gives how many; they must be few."""
    unmeasured = totals["unmeasured"] or 0
    if unmeasured > 2 + totals["transactions"] // 2000:
        raise Failed(f"{unmeasured} requests are unmeasured")
    for key in list(expectation.low):
        if key == "all" or key[0] == "class":
            expectation.low[key] -= unmeasured
        elif key[0] == "path" and key[1] in paths:
            expectation.low[key] -= paths[key[1]]["unmeasured"] or 0
    return unmeasured


def times(what, logged, measured, only=("average", "p50", "p95", "p99", "max"), client=None):
    """nginx's times have a grain of 1 ms; percentiles also the sketch's relative error of 2 %. On a busy machine a packet is stamped
    and nginx reads its clock with a task of somebody else's in between: then only medians are judged. So are averages of a few.

    nginx begins to count when it reads a request, and ends when it has written into its socket: of the time that its process was
    held up before (a machine that stands still for a quarter of a second), and of the bytes' way, it knows nothing, and users wait
    all the same. The `client` knows: its times bound ours from above."""
    checks = []
    for figure in only:
        if not logged or (figure != "p50" and (busy() or len(logged) < 50)):
            continue
        q = {"p50": 0.5, "p95": 0.95, "p99": 0.99}.get(figure)
        wanted = sum(logged) / len(logged) if figure == "average" else max(logged) if figure == "max" else quantile(logged, q)
        got = measured[figure] if measured else None
        # The p95 and p99 of a mix of fast and slow requests move far with few of them.
        slack = {"p50": 0.001 + 0.02 * wanted, "average": 0.002 + 0.02 * wanted, "max": 0.02 + 0.02 * wanted}.get(figure, 0.003 + 0.1 * wanted)
        most = max(wanted, client[figure]) if client else wanted
        ok = got is not None and wanted - slack <= got <= most + slack
        known = f"{wanted * 1e3:.2f} ms" + (f" (client {client[figure] * 1e3:.2f})" if client else "")
        checks.append(Check(f"{what}, {figure}", known, "nothing" if got is None else f"{got * 1e3:.2f} ms", ok))
    return checks
