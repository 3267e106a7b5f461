"""A warm pair: the standby measures too, and takes over with what it has seen. Not one transaction is lost or counted twice."""

import os
import signal
import time

from nezucluster.audit import length_of, step
from nezucluster.rig import RESOURCE
from nezucluster.scene import scene
from nezulab.process import expect, expect_equal, wait_for

RATE, CONNECTIONS = 800, 100


def _nothing_lost(rig, load, count=1):
    """Ends the load; so many failovers, no gap, every count nginx's."""
    entries = rig.settle(load)
    records = rig.wait_failovers(count)
    expect_equal(len(records), count, "failover records")
    gaps, text = rig.audit(entries, records)
    expect(length_of(gaps) == 0, f"gaps: {gaps}")
    expect_equal([r["mode"] for r in records], ["warm"] * count, "how the records say it went")
    return records, text


def _took(record):
    return f"{record['handed_over']} handed over, {record['left_out']} left out"


@scene("warm", short={"times": 2}, long={"times": 20}, errors=["probe.disconnected", "no carrier"])
def warm_kill(rig, times):
    """SIGKILL of the active one, alternating sides: nothing lost, nothing doubled."""
    rig.begin()
    load = rig.load(rate=RATE if times <= 2 else 2000, connections=CONNECTIONS if times <= 2 else 200, extra=())
    for i in range(times):
        time.sleep(3)
        active = rig.nodes[rig.wait_active()]
        rig.wait_standby()
        active.signal(RESOURCE, signal.SIGKILL)
        rig.wait_active(rig.other(active.name))
        rig.wait_failovers(i + 1)
    time.sleep(2)
    records, text = _nothing_lost(rig, load, times)
    promoted = [step(r, "promote", before="admitted") for r in records]
    expect_equal({(r["stopped"], r["start"]) for r in records}, {(None, None)}, "steps that nobody told, or that lie before the loss")
    return f"promoted {1000 * max(promoted):.0f} ms after the loss at most; {_took(records[-1])}; {text}"


@scene("warm", errors=["probe.disconnected", "no carrier"])
def warm_kill_notified(rig):
    """SIGKILL of the active one in a clone with notify=true: the record also says when the cluster had the old one's stop behind it."""
    def notify(value):
        rig.stack.any_node().run(["crm_resource", "--meta", "-r", "edge-pair", "--set-parameter", "notify", "--parameter-value", value])
    active = rig.begin()
    notify("true")
    try:
        load = rig.load(rate=RATE, connections=CONNECTIONS, extra=())
        time.sleep(3)
        active.signal(RESOURCE, signal.SIGKILL)
        rig.wait_active(rig.other(active.name))
        time.sleep(2)
        records, text = _nothing_lost(rig, load)
    finally:
        notify("false")
    stopped, promoted = step(records[0], "stopped", before="promote"), step(records[0], "promote", before="admitted")
    return f"stopped {1000 * stopped:.0f} ms, promoted {1000 * promoted:.0f} ms after the loss; {_took(records[0])}; {text}"


def _active_lost(rig, lose):
    """`lose` does something to the active node that ends its work; the other one takes over."""
    active = rig.begin()
    load = rig.load(rate=RATE, connections=CONNECTIONS, extra=())
    time.sleep(2)
    lose(active)
    rig.wait_active(rig.other(active.name), 30)
    time.sleep(2)
    records, text = _nothing_lost(rig, load)
    return f"{_took(records[0])}; {text}"


@scene("warm", errors=["probe.disconnected", "no carrier"])
def warm_hang(rig):
    """SIGSTOP of the active one: the check notices, the other takes over; nothing lost."""
    return _active_lost(rig, lambda active: active.signal(RESOURCE, signal.SIGSTOP))


@scene("warm", errors=["probe.disconnected", "no carrier"])
def warm_node_killed(rig):
    """The active node loses its power: nothing lost."""
    return _active_lost(rig, lambda active: active.power_cut())


@scene("warm", errors=["probe.disconnected", "no carrier"])
def warm_switch_over(rig):
    """A planned move of the role: nothing lost, and no event raised."""
    active = rig.begin()
    load = rig.load(rate=RATE, connections=CONNECTIONS, extra=())
    time.sleep(2)
    other = rig.other(active.name)
    rig.stack.move("edge-pair", other, rig.wait_active, promoted=True)
    time.sleep(2)
    _, text = _nothing_lost(rig, load)
    expect_equal([e["code"] for e in rig.events()], [], "events of a planned move")
    return text


@scene("warm", errors=["probe.disconnected", "no carrier"])
def warm_upgrade(rig):
    """The way of docs/cluster.md: the standby's node leaves and comes back, the role moves, the other node leaves and comes back. Nothing lost."""
    active = rig.begin()
    other = rig.other(active.name)
    load = rig.load(rate=RATE, connections=CONNECTIONS, extra=())
    rig.stack.crm("node", "standby", other)
    wait_for("the standby's end", lambda: rig.nodes[other].daemon(RESOURCE) is None, 20)
    rig.stack.crm("node", "online", other)
    rig.wait_standby()
    time.sleep(4)  # until its session counts
    rig.stack.move("edge-pair", other, rig.wait_active, promoted=True)
    rig.stack.crm("node", "standby", active.name)
    wait_for("the other one's end", lambda: active.daemon(RESOURCE) is None, 20)
    rig.stack.crm("node", "online", active.name)
    rig.wait_standby()
    time.sleep(1)
    _, text = _nothing_lost(rig, load)
    return text


@scene("warm", errors=["probe.disconnected", "no carrier"])
def warm_pacemaker_restarted(rig):
    """Maintenance: Pacemaker is started anew on both nodes around daemons that run on, and has forgotten their scores. Nothing moves; and a
    kill after that is as any other."""
    active = rig.begin()
    instance = rig.instance()
    pids = {n.name: n.daemon(RESOURCE) for n in rig.nodes.values()}
    load = rig.load(rate=RATE, connections=CONNECTIONS, extra=())
    rig.stack.crm("configure", "property", "maintenance-mode=true")
    rig.stack.settle()
    for node in rig.nodes.values():
        node.restart_pacemaker()
        rig.stack.wait_online()
    rig.stack.crm("configure", "property", "maintenance-mode=false")
    rig.stack.settle()
    wait_for("both roles", lambda: rig.stack.places(RESOURCE) == {active.name: "Promoted", rig.other(active.name): "Unpromoted"}, 30)
    expect_equal({n.name: n.daemon(RESOURCE) for n in rig.nodes.values()}, pids, "the daemons")
    expect_equal((rig.instance(), rig.failovers()), (instance, []), "the admitted instance, and failover records")
    time.sleep(1)
    active.signal(RESOURCE, signal.SIGKILL)
    rig.wait_active(rig.other(active.name))
    time.sleep(2)
    records, text = _nothing_lost(rig, load)
    return f"{_took(records[-1])}; {text}"


@scene("warm", short={"seconds": 3}, long={"seconds": 30}, errors=["no carrier"])
def warm_cluster_link_cut(rig, seconds):
    """The cluster link is cut, without fencing both are promoted: the older claim goes on, the newer waits; healed, the waiting one is
    demoted, and nothing restarts."""
    active = rig.begin()
    instance = rig.instance()
    other = rig.nodes[rig.other(active.name)]
    pids = {n.name: n.daemon(RESOURCE) for n in rig.nodes.values()}
    load = rig.load(rate=RATE, connections=CONNECTIONS, extra=())
    time.sleep(2)
    rig.site.cluster_link(active.name, False)

    def waits():
        roles = {i["node"]: i["role"] for i in rig.manager.probe()["instances"]}
        return roles.get(other.name) == "waiting"
    wait_for("a claim that waits", waits, 20)
    time.sleep(seconds)
    expect_equal(rig.instance(), instance, "the admitted instance during the cut")
    rig.site.cluster_link(active.name, True)
    rig.stack.wait_online()
    wait_for("the waiting one's demotion", lambda: rig.stack.places(RESOURCE).get(other.name) == "Unpromoted", 100, 0.2)
    time.sleep(1)
    entries = rig.settle(load)
    expect_equal(rig.instance(), instance, "the admitted instance")
    expect_equal({n.name: n.daemon(RESOURCE) for n in rig.nodes.values()}, pids, "the daemons")
    expect_equal(rig.failovers(), [], "failover records")
    gaps, text = rig.audit(entries, [])
    expect_equal(gaps, [], "gaps")
    return text


@scene("warm", errors=["probe.disconnected", "no carrier"])
def warm_cluster_link_cut_then_kill(rig):
    """The cluster link is cut, and then the admitted one's node loses its power: the waiting claim is admitted, nothing lost."""
    active = rig.begin()
    other = rig.other(active.name)
    load = rig.load(rate=RATE, connections=CONNECTIONS, extra=())
    time.sleep(2)
    rig.site.cluster_link(active.name, False)
    wait_for("a claim that waits", lambda: {i["node"]: i["role"] for i in rig.manager.probe()["instances"]}.get(other) == "waiting", 20)
    time.sleep(1)
    active.power_cut()
    rig.wait_active(other, 15)
    time.sleep(2)
    records, text = _nothing_lost(rig, load)
    return f"{_took(records[0])}; {text}"


@scene("warm", short={"offsets": [0.040]}, long={"offsets": [0.005, -0.005, 0.040, -0.040, 2.0, -2.0]}, errors=["probe.disconnected", "no carrier"])
def warm_clock_off(rig, offsets):
    """The standby's clock is ahead or behind: nothing lost or doubled, and the offset is shown."""
    out = []
    for offset in offsets:
        rig.begin()
        active = rig.nodes[rig.wait_active()]
        standby = rig.nodes[rig.other(active.name)]
        rig.configure(standby, {"capture": {"timestamp_offset": f"{round(offset * 1000)}ms"}})
        os.kill(standby.daemon(RESOURCE), signal.SIGKILL)
        rig.wait_standby()
        load = rig.load(rate=RATE, connections=CONNECTIONS, extra=())
        time.sleep(4)
        active.signal(RESOURCE, signal.SIGKILL)
        rig.wait_active(standby.name)
        time.sleep(2)
        records, text = _nothing_lost(rig, load)
        shown = records[0]["clock_offset"]
        # A frame's two copies are stamped one after the other: where others work beside, with their work in between.
        grain = 0.001 if len(offsets) == 1 or os.getloadavg()[0] > 1.5 else 0.0002
        expect(shown is not None and abs(abs(shown) - abs(offset)) < grain, f"the offset is {offset} s, shown is {shown}")
        if abs(offset) >= 1:
            told = [e for e in rig.manager.events("clocks.apart") if e["closed"] is None]  # perhaps since the offset before
            expect(told, "no open event says that the clocks are apart")
        rig.configure(standby)
        out.append(f"{offset * 1000:+.0f} ms shown as {shown * 1000:+.3f} ms; {text}")
    return "; ".join(out)


@scene("warm", errors=["probe.disconnected", "no carrier"])
def warm_active_isolated(rig):
    """Only the active one can't reach the manager: after the isolation time-out the role moves, and nothing is lost."""
    active = rig.begin()
    load = rig.load(rate=RATE, connections=CONNECTIONS, extra=())
    time.sleep(2)
    rig.site.management_link(active.name, False)
    cut = time.time()
    rig.wait_active(rig.other(active.name), 40)
    moved = time.time() - cut
    rig.site.management_link(active.name, True)
    time.sleep(2)
    records, text = _nothing_lost(rig, load)
    return f"moved after {moved:.1f} s; {_took(records[0])}; {text}"


@scene("warm", short={"seconds": 7}, long={"seconds": 120}, errors=["probe.disconnected", "no carrier"])
def warm_manager_unreachable(rig, seconds):
    """Nobody reaches the manager, longer than the isolation time-out: nothing moves, nobody restarts; then all is delivered, once."""
    active = rig.begin()
    instance = rig.instance()
    pids = {n.name: n.daemon(RESOURCE) for n in rig.nodes.values()}
    load = rig.load(rate=RATE, connections=CONNECTIONS, extra=())
    time.sleep(2)
    rig.site.manager_link(False)
    time.sleep(seconds)
    rig.site.manager_link(True)
    rig.wait_active(active.name)
    time.sleep(4)
    expect_equal(rig.instance(), instance, "the instance")
    expect_equal({n.name: n.daemon(RESOURCE) for n in rig.nodes.values()}, pids, "the daemons")
    entries = rig.settle(load)
    gaps, text = rig.audit(entries, rig.failovers())
    expect_equal(gaps, [], "gaps")
    return text


@scene("warm", short={"seconds": 24, "every": 8}, long={"seconds": 300, "every": 10}, check=False, errors=["probe.disconnected", "no carrier"])
def warm_storm(rig, seconds, every):
    """The active one is killed again and again: nothing lost, and each failover has one record."""
    rig.begin()
    load = rig.load(rate=RATE, connections=CONNECTIONS, extra=())
    end, kills = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        began = time.monotonic()
        active = rig.nodes[rig.wait_active()]
        rig.wait_standby()
        active.signal(RESOURCE, signal.SIGKILL)
        kills += 1
        wait_for(f"failover {kills}", lambda: len([r for r in rig.failovers() if not r["open"]]) >= kills, 25, 0.05)
        time.sleep(max(0.0, every - (time.monotonic() - began)))
    _, text = _nothing_lost(rig, load, kills)
    expect_equal([bool(e["closed"]) for e in rig.events("failover")], [True] * kills, "failover events, closed")
    return f"{kills} kills; {text}"


@scene("fenced", errors=["probe.disconnected", "no carrier"])
def warm_fenced(rig):
    """The cluster link is cut, with fencing: the active one's node is shot, the other one takes over, nothing lost; there is one claim at any
    time, and the node comes back as the standby."""
    active = rig.begin()
    if active.name != "node-b":  # the one that is shot first: cluster/crm/fencing.crm
        rig.stack.move("edge-pair", "node-b", rig.wait_active, promoted=True)
        active = rig.begin()
    load = rig.load(rate=RATE, connections=CONNECTIONS, extra=())
    time.sleep(2)
    rig.site.cluster_link(active.name, False)
    cut = time.time()
    rig.wait_active("node-a", 30)
    taken = time.time() - cut
    expect_equal([name for name, _ in rig.fencing.shot], ["node-b"], "nodes that were switched off")
    expect_equal(active.running(), False, "whether node-b runs")
    rig.site.cluster_link(active.name, True)
    active.boot()
    rig.stack.wait_online()
    rig.wait_standby()
    time.sleep(1)
    records, text = _nothing_lost(rig, load)
    expect_equal(rig.events("claim.waiting"), [], "events of two claims")
    expect_equal(rig.fencing.failure, None, "the device")
    return f"taken over {taken:.1f} s after the cut; {_took(records[0])}; {text}"
