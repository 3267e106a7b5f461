"""A warm pair without a cluster: who is promoted is said over the control socket. Nothing may be lost or counted twice, whatever dies."""

import json
import signal
import socket
import time

from harness import Rig, expect, expect_equal, test
from nezulab.process import Failed, wait_for
from port import BadPort

OTHER = {"node-a": "node-b", "node-b": "node-a"}


def command(probe, name):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(5)
        s.connect(probe.socket)
        s.sendall(json.dumps({"command": name}).encode() + b"\n")
        answer = json.loads(s.makefile().readline())
    expect(answer["ok"], f"{name}: {answer}")
    return answer


def wait_shadowing(probe, active, compared=True):
    """The standby has everything since the end of what is stored, and knows the active's clock."""
    def there():
        probe.process.must_run()
        mine, other = probe.status(), active.status()
        known = mine["clock"]["known"]
        if mine["role"] == "standby" and mine["session"]["open"] and other["standby_ok"] and (known == "compared" or not compared):
            return mine
        raise Failed(f"{mine['role']}, clock {known}, standby_ok {other['standby_ok']}")
    return wait_for(f"the shadow at {probe.node}", there, 15)


class Pair:
    def __init__(self, rig, changes_b=None):
        self.rig = rig
        changes = {"node-a": {}, "node-b": changes_b or {}}
        self.probes = {node: rig.probe(node, changes={"standby": "warm", **changes[node]}) for node in OTHER}
        self.active = "node-a"
        for probe in self.probes.values():
            probe.start()
        for probe in self.probes.values():
            wait_for("the control socket", lambda probe=probe: probe.status(), 10)
        command(self.probes["node-a"], "promote")
        self.probes["node-a"].wait_admitted(rig.manager)
        rig.apply()
        rig.manager.ctl("monitor", "start", "shop/web")
        rig.manager.wait_state("monitoring")

    def of(self, active=True):
        return self.probes[self.active if active else OTHER[self.active]]

    def ready(self):
        return wait_shadowing(self.of(False), self.of())

    def fail_over(self, stop):
        """`stop` ends the active; the standby is promoted, and the old one comes back as the standby."""
        old, new = self.of(), self.of(False)
        stop(old)
        time.sleep(0.08)  # what the cluster takes
        command(new, "promote")
        new.wait_admitted(self.rig.manager)
        self.active = OTHER[self.active]
        return old


def nothing_lost(rig, entries, begin):
    """Every second since `begin` is covered whole, and the sums are nginx's to the last request."""
    rig.no_gap(begin, min(e.end for e in entries[-1:]))
    # Two probes beside everything else, one of them just killed.
    text = rig.compare(entries, busy=True)
    totals = rig.manager.query(min(e.start for e in entries) - 2, max(e.end for e in entries) + 2)["totals"]
    expect_equal(totals["transactions"] + totals["unmeasured"], len(entries), "transactions and unmeasured requests, to the last one")
    return text


@test(timeout=120)
def kill_9_loses_and_doubles_nothing(lab):
    rig = Rig(lab)
    pair = Pair(rig)
    begin = time.time()
    load = rig.load(rate=1000, connections=100)
    pair.ready()
    rounds = 6
    for _ in range(rounds):
        time.sleep(1.3)
        old = pair.fail_over(lambda probe: probe.kill())
        old.start()
        wait_for("the control socket", old.status, 10)
        pair.ready()
    entries = rig.settle(load)
    expect_equal(len(rig.manager.failovers()), rounds, "failover records")
    return f"{rounds} times; " + nothing_lost(rig, entries, begin)


def clocks_apart(lab, offset, wanted):
    rig = Rig(lab)
    pair = Pair(rig, {"capture": {"timestamp_offset": offset}})
    begin = time.time()
    load = rig.load(rate=1000, connections=80)
    seen = pair.ready()
    time.sleep(2.4)
    seen = pair.of(False).status()
    error = seen["clock"]["offset"] - wanted
    pair.fail_over(lambda probe: probe.kill())
    time.sleep(2.5)
    entries = rig.settle(load, timeout=25)
    expect(abs(error) < 0.0002, f"offset {seen['clock']['offset']:.6f} s, the true one is {wanted}")
    return f"offset {error * 1e6:+.0f} us off; " + nothing_lost(rig, entries, begin)


@test(timeout=60)
def a_standby_5_ms_ahead(lab):
    return clocks_apart(lab, "5ms", 0.005)


@test(timeout=60)
def a_standby_40_ms_behind(lab):
    return clocks_apart(lab, "-40ms", -0.040)


@test(timeout=60)
def a_standby_2_s_ahead(lab):
    return clocks_apart(lab, "2s", 2.0)


@test(timeout=60)
def a_standby_2_s_behind(lab):
    return clocks_apart(lab, "-2s", -2.0)


@test(timeout=90)
def the_superseded_one_that_wakes_up_counts_nothing_twice(lab):
    """SIGSTOP of the active; the standby takes over after claim_patience; SIGCONT: it steps down and shadows."""
    rig = Rig(lab)
    pair = Pair(rig)
    begin = time.time()
    load = rig.load(rate=800, connections=80)
    pair.ready()
    time.sleep(1.7)
    old = pair.fail_over(lambda probe: probe.process.send(signal.SIGSTOP))
    time.sleep(2)
    old.process.send(signal.SIGCONT)
    wait_for("the old one's stepping down", lambda: old.status()["role"] == "waiting", 5)
    command(old, "demote")
    pair.ready()
    time.sleep(1)
    pair.fail_over(lambda probe: probe.kill())
    time.sleep(1.5)
    entries = rig.settle(load)
    return nothing_lost(rig, entries, begin)


@test(timeout=90)
def a_planned_switch_loses_nothing(lab):
    rig = Rig(lab)
    pair = Pair(rig)
    begin = time.time()
    load = rig.load(rate=800, connections=80)
    pair.ready()
    for _ in range(4):
        time.sleep(1.2)
        pair.fail_over(lambda probe: command(probe, "demote"))
        pair.ready()
    entries = rig.settle(load)
    return nothing_lost(rig, entries, begin)


def bad_port(lab, node):
    """The node's mirror port lacks some requests, then shows them late: it can't tell when they began, and says unmeasured. The other one, whose
    port is well, measures them all. Then the role moves."""
    rig = Rig(lab)
    pair = Pair(rig)
    port = BadPort(lab, rig.site, node)
    begin = time.time()
    load = rig.load(rate=300, connections=30)
    pair.ready()
    time.sleep(0.5)
    port.dropping = True
    time.sleep(0.1)
    port.dropping, port.delay = False, 0.001
    time.sleep(2.4)
    port.delay = 0
    in_doubt = pair.probes[node].status()["counters"]["request_fate"]["hole"]
    expect(in_doubt > 50 and port.dropped > 0, f"the port was meant to be bad: {in_doubt} requests unmeasured, {port.dropped} frames dropped")
    pair.fail_over(lambda probe: command(probe, "demote"))
    time.sleep(1.2)
    entries = rig.settle(load)
    rig.no_gap(begin, entries[-1].end)
    totals = rig.manager.query(begin - 2, time.time() + 2)["totals"]
    told = totals["transactions"] + totals["unmeasured"]
    expect(len(entries) - port.hidden <= told <= len(entries),
           f"{totals['transactions']} transactions and {totals['unmeasured']} unmeasured: {told}, nginx {len(entries)}, {port.hidden} hidden")
    return f"{len(entries)} requests, {in_doubt} unmeasured at {node}, {totals['unmeasured']} told as such"


@test(timeout=60)
def what_the_active_cannot_measure_is_not_counted_again_by_the_standby(lab):
    return bad_port(lab, "node-a")


@test(timeout=60)
def what_the_active_has_measured_is_not_counted_again_by_a_standby_that_could_not(lab):
    return bad_port(lab, "node-b")
