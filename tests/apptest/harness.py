"""How tests are declared, and the whole set-up that most of them begin with."""

import collections
import time

from nezulab import net, witness
from nezulab.daemons import Manager, Pki, Probe, seconds_of, services_yaml, target_of
from nezulab.load import Load
from nezulab.process import Failed, expect, expect_equal, wait_for
from nezulab.web import Nginx

TESTS = []


class Skip(Exception):
    """The test can't be made here; the text says why."""


class Test:
    def __init__(self, function, timeout, needs_namespaces):
        self.function, self.timeout, self.needs_namespaces = function, timeout, needs_namespaces
        self.name = f"{function.__module__.removeprefix('test_')}.{function.__name__}"


def test(timeout=60, namespaces=True):
    """Declares a test: a function of a Lab. It fails by raising; what it gives back is shown beside "ok"."""
    def declare(function):
        TESTS.append(Test(function, timeout, namespaces))
        return function
    return declare


PATHS = ["/fast", "/page", "/big", "/slow", "/post", "/error", "/busy", "/missing", "/moved", "/empty"]
MIX = ["GET:/fast:10", "GET:/page:3", "GET:/big:0.1", "GET:/slow:0.1", "POST:/post:1:700", "GET:/error:0.3", "GET:/busy:0.2",
       "GET:/missing:0.3", "HEAD:/page:0.5", "GET:/moved:0.3", "GET:/empty:0.5"]


class Rig:
    """Network, nginx, certificates, manager; probes and load on demand."""

    def __init__(self, lab, manager_changes=None, probe_changes=None, start_manager=True, certificates=True):
        self.lab = lab
        self.site = lab.use(net.Site(lab.name))
        self.nginx = Nginx(lab, self.site.WEB, 80, self.site.web)
        self.pki = Pki(lab, self.site) if certificates else None
        self.manager = Manager(lab, self.site, self.pki, changes=manager_changes) if certificates else None
        self.probe_changes = probe_changes
        self.probes = {}
        self.begin = time.time()
        self.client = None  # what the load said at its end
        if start_manager and certificates:
            self.manager.start()

    def probe(self, node="node-a", changes=None, certificate=None):
        """A probe of that node, not started."""
        from nezulab.daemons import merge
        self.probes[node] = Probe(self.lab, self.site, self.pki, node, certificate=certificate,
                                  changes=merge(self.probe_changes or {}, changes))
        return self.probes[node]

    def monitoring(self, node="node-a"):
        """A started and admitted probe, definitions applied, shop/web monitored."""
        probe = self.probe(node).start()
        probe.wait_admitted(self.manager)
        self.apply()
        self.manager.ctl("monitor", "start", "shop/web")
        self.manager.wait_state("monitoring")
        return probe

    def apply(self):
        self.manager.ctl("service", "apply", "-f", self.lab.write("services.yaml", services_yaml(80, PATHS)))

    def load(self, rate=500, connections=40, mix=None, extra=("--poisson",)):
        return Load(self.lab, self.site, self.nginx, mix or MIX, rate, connections, extra=extra)

    def settle(self, load, timeout=20):
        """Ends the load, waits until everything of it is stored. nginx's entries."""
        entries = self.end_load(load)
        self.manager.wait_stored(int(time.time()) + 1, timeout=timeout)
        return entries

    def end_load(self, load):
        """nginx's entries, as many as the load has sent."""
        self.client, entries = load.end(self.nginx.entries)
        return entries

    def compare(self, entries, gaps=(), begin=None, end=None, busy=False):
        """Holds the manager's sums against nginx's log; Failed with all that differs."""
        first = begin if begin is not None else min(e.start for e in entries) - 2
        last = end if end is not None else max(e.end for e in entries) + 2
        expectation = witness.Expectation(entries, gaps, begin=begin, end=end)
        totals = self.manager.query(first, last)["totals"]
        paths = {path: self.manager.query(first, last, target_of(path))["totals"] for path in PATHS}
        checks = self.judge(expectation, totals, paths, busy)
        wrong = [str(c) for c in checks if not c.ok]
        if wrong:
            raise Failed(f"{len(wrong)} of {len(checks)} comparisons with nginx's log failed:\n    " +
                         "\n    ".join(wrong + self.second_by_second(entries, gaps)))
        return f"{totals['transactions']} requests, {len(checks)} comparisons"

    def judge(self, expectation, totals, paths, busy):
        """`busy`: a machine with much else to do: of times only medians say something, and a few requests may be told as unmeasured."""
        if not busy:
            return witness.compare(expectation, totals, paths, client=self.client)
        witness.allow_unmeasured(expectation, totals, paths)
        return witness.compare(expectation, totals, paths, only=("p50",))

    def second_by_second(self, entries, gaps):
        """For people who look for the reason: nginx's requests and ours in each second, where they differ."""
        logged = collections.Counter(int(e.end) for e in entries)
        lines = [f"the gaps: {[(f'{a:.6f}', f'{b:.6f}') for a, b, *_ in gaps]}"]
        for p in self.points(min(logged), max(logged) + 1):
            second = int(seconds_of(p["time"]))
            if (p["transactions"] or 0) != logged[second]:
                lines.append(f"{second}: nginx {logged[second]}, nezuban {p['transactions']} ({p['kind']}, covered {p['covered']:.6f})")
        return lines[:12]

    def points(self, begin, end):
        return self.manager.query(begin, end, step="1s")["points"]

    def no_gap(self, begin, end):
        """Every second from begin to end was covered whole."""
        bad = [p for p in self.points(int(begin) + 1, int(end)) if p["kind"] not in ("measured", "idle") or p["covered"] < 0.999]
        if bad:
            raise Failed(f"{len(bad)} seconds aren't covered whole, the first: {bad[0]['time']} {bad[0]['kind']} {bad[0]['covered']}")


def wait_failover(manager, count=1, timeout=15):
    """The newest failover record, as soon as there are `count`, and it is closed."""
    def there():
        records = manager.failovers()
        return records[0] if len(records) >= count and not records[0]["open"] else None
    return wait_for(f"failover record {count}", there, timeout)
