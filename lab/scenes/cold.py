"""A cold pair: the standby's node runs nothing until it is needed."""

import signal
import time

from nezucluster.audit import length_of, step
from nezucluster.rig import RESOURCE
from nezucluster.scene import scene
from nezulab.process import expect, expect_equal, wait_for


@scene("cold")
def cold_idle_kill(rig):
    """Nothing is monitored, SIGKILL: the connection is restored, and only that."""
    active = rig.begin(monitoring=False)
    active.signal(RESOURCE, signal.SIGKILL)
    wait_for("the loss, or what became of it", lambda: rig.manager.probe()["state"] != "connected" or rig.failovers(), 5)
    rig.wait_active(rig.other(active.name))
    records = wait_for("a failover record", rig.failovers)  # stays open: nothing is watched, so no window ends it
    time.sleep(1)
    monitoring = rig.manager.service()["monitoring"]
    expect_equal((monitoring["state"], bool(monitoring["interrupted"])), ("stopped", False), "the service's state")
    expect_equal([g for r in records for g in r["gaps"]], [], "gaps of a service that nobody watched")
    return f"{active.name} → {records[-1]['to_node']}"


def _interrupted(rig):
    monitoring = rig.manager.service()["monitoring"]
    return monitoring["state"] == "monitoring" and bool(monitoring["interrupted"])


@scene("cold")
def cold_kill(rig):
    """Monitoring, SIGKILL: monitoring resumes by itself on the other node; the gap is exact, and all counts outside of it are nginx's."""
    active = rig.begin()
    load = rig.load(rate=600, connections=50)
    time.sleep(2.5)
    killed = active.signal(RESOURCE, signal.SIGKILL)
    wait_for("the interruption, or what became of it", lambda: _interrupted(rig) or rig.failovers(), 5)
    rig.wait_active(rig.other(active.name))
    rig.manager.wait_state("monitoring", timeout=10)
    time.sleep(2.5)
    entries = rig.settle(load)
    records = rig.wait_failovers(1)
    expect_equal(len(records), 1, "failover records")
    record = records[0]
    expect_equal((record["from_node"], record["to_node"]), (active.name, rig.other(active.name)), "from which node to which")
    gaps, text = rig.audit(entries, records)
    expect_equal(len(gaps), 1, f"gaps in {record}")
    begin, end, _ = gaps[0]
    expect(killed - 2.2 < begin <= killed, f"the gap begins {killed - begin:.3f} s before the kill")
    expect(killed < end < killed + 5, f"the gap ends {end - killed:.3f} s after the kill")
    started = step(record, "start", before="announced")
    expect_equal((record["stopped"], record["promote"]), (None, None), "steps that a cold primitive has no own time of")
    return f"gap {end - begin:.3f} s, it ended {end - killed:.3f} s after the kill; the cluster started the other {1000 * started:.0f} ms after the loss; {text}"


@scene("cold")
def cold_hang(rig):
    """SIGSTOP: the daemon's socket falls silent, the check says so, the cluster kills it and starts the other one."""
    active = rig.begin()
    load = rig.load()
    time.sleep(2)
    stopped = active.signal(RESOURCE, signal.SIGSTOP)
    rig.wait_active(rig.other(active.name), 30)
    taken = time.time()
    time.sleep(2)
    entries = rig.settle(load)
    records = rig.wait_failovers(1)
    gaps, text = rig.audit(entries, records)
    expect_equal(len(gaps), 1, f"gaps in {records}")
    expect_equal(active.daemon(RESOURCE), None, "the daemon that hung")
    return f"noticed and taken over after {taken - stopped:.1f} s, gap {length_of(gaps):.3f} s; {text}"


@scene("cold")
def link_blink(rig):
    """The probe's link to the manager is cut for 1 s: the same instance goes on, no failover, no record of one, nothing lost."""
    with rig.manager_with({"failover": {"reconnect_grace": "8s"}}):  # time enough to be back also on a slow machine
        active = rig.begin()
        instance = rig.instance()
        load = rig.load()
        time.sleep(1.5)
        rig.site.management_link(active.name, False)
        wait_for("the interruption", lambda: rig.manager.probe()["state"] != "connected", 5)
        rig.site.management_link(active.name, True)
        wait_for("the connection", lambda: rig.manager.probe()["state"] == "connected", 10)
        time.sleep(1.5)
        entries = rig.settle(load)
        expect_equal(rig.failovers(), [], "failover records")
        expect_equal([e["code"] for e in rig.events()], [], "events of a blink")
        expect_equal(rig.instance(), instance, "the instance")
        _, text = rig.audit(entries, [])
    return text


USUAL = 0.4  # seconds from a fault of the capture to the manager's word of it


def _faulty(rig, node):
    """The manager knows of the capture's fault; or the cluster was faster than our look, and has ended the instance."""
    of_node = [i for i in rig.manager.probe()["instances"] if i["node"] == node]
    return not of_node or any(not i["interface_up"] or not i["capture_running"] or i["capture_fault"] for i in of_node)


@scene("cold", errors=["no carrier"])
def mirror_down(rig):
    """The active node's mirror port goes down: the deep check fails, the other node takes over."""
    active = rig.begin()
    load = rig.load()
    time.sleep(2)
    rig.site.mirror_port(active.name, False)
    cut = time.time()
    wait_for("the fault at the manager", lambda: _faulty(rig, active.name), 10)
    seen = time.time() - cut
    rig.wait_active(rig.other(active.name), 30)
    taken = time.time()
    time.sleep(2)
    entries = rig.settle(load)
    records = rig.wait_failovers(1)
    # The port's state is looked at 20 times a second: so long it may be called covered though nothing comes. Where the machine stood still then,
    # it was late: the manager knew late as well. A probe that looks too seldom is later than that.
    margin = 0.06 if seen < USUAL else min(seen, 0.6)
    gaps, text = rig.audit(entries, records, margin=margin)
    expect(gaps and gaps[0][0] <= cut + margin, f"the gap begins {gaps[0][0] - cut:.3f} s after the port went down" if gaps else "no gap was recorded")
    rig.site.mirror_port(active.name, True)
    return f"known after {seen:.2f} s, taken over after {taken - cut:.1f} s, gap {length_of(gaps):.3f} s; {text}"


@scene("cold", errors=["probe.disconnected"])
def cold_active_isolated(rig):
    """Only the active node can't reach the manager: ocf:pacemaker:ping says so, and the cluster moves the probe; what lies between is a gap."""
    active = rig.begin()
    load = rig.load()
    time.sleep(2)
    rig.site.management_link(active.name, False)
    cut = time.time()
    rig.wait_active(rig.other(active.name), 60)
    moved = time.time() - cut
    rig.site.management_link(active.name, True)
    time.sleep(2)
    entries = rig.settle(load)
    records = rig.wait_failovers(1)
    expect_equal(len(records), 1, "failover records")
    gaps, text = rig.audit(entries, records)
    expect(gaps and gaps[0][0] <= cut + 0.06, f"the gap: {gaps}, the cut: {cut}")
    return f"moved after {moved:.1f} s, gap {length_of(gaps):.2f} s; {text}"


@scene("cold")
def cold_switch_over(rig):
    """A planned move: the old instance delivers its open window, and ends; what lies between its end and the other's start is a gap."""
    active = rig.begin()
    load = rig.load()
    time.sleep(2)
    other = rig.other(active.name)
    rig.stack.crm("resource", "move", RESOURCE, other, "force")
    asked = time.time()
    rig.wait_active(other)
    time.sleep(2)
    entries = rig.settle(load)
    records = rig.wait_failovers(1)
    rig.stack.crm("resource", "clear", RESOURCE)
    gaps, text = rig.audit(entries, records)
    expect(length_of(gaps) < 2, f"a planned move cost {length_of(gaps):.3f} s")
    expect(all(asked - 2 < begin for begin, *_ in gaps), "the open window was not delivered")
    return f"gap {length_of(gaps):.3f} s; {text}"


@scene("cold", short={"seconds": 21, "every": 7}, long={"seconds": 300, "every": 10})
def cold_storm(rig, seconds, every):
    """The active one is killed again and again, under load: in the end all is well, and each failover has one record."""
    rig.begin()
    load = rig.load()
    end, kills = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        began = time.monotonic()
        rig.nodes[rig.wait_active()].signal(RESOURCE, signal.SIGKILL)
        kills += 1
        wait_for(f"failover {kills}", lambda: len([r for r in rig.failovers() if not r["open"]]) >= kills, 25, 0.05)
        time.sleep(max(0.0, every - (time.monotonic() - began)))
    entries = rig.settle(load)
    records = rig.wait_failovers(kills)
    expect_equal(len(records), kills, "failover records")
    expect_equal([bool(e["closed"]) for e in rig.events("failover")], [True] * kills, "failover events, closed")
    gaps, text = rig.audit(entries, records)
    lengths = sorted(b - a for a, b, *_ in gaps)
    rig.manager.wait_state("monitoring")
    return f"{kills} kills, gaps {lengths[0]:.2f}–{lengths[-1]:.2f} s; {text}"
