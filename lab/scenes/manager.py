"""The manager goes away: probes measure on and keep what they have."""

import signal
import time

from nezucluster.scene import scene
from nezulab.process import expect, expect_equal, wait_for

from .discovery import start_discovery, stopped_discovery


def _same_instance_delivers(rig, active, instance, load):
    wait_for("the connection", lambda: rig.manager.probe()["state"] == "connected" and rig.holder() == active.name, 20)
    time.sleep(1)
    entries = rig.settle(load)
    expect_equal(rig.instance(), instance, "the instance")
    gaps, text = rig.audit(entries, rig.failovers())
    expect_equal(gaps, [], "gaps")
    return text


@scene("cold", short={"seconds": 8}, long={"seconds": 120}, errors=["probe.disconnected"])
def manager_unreachable(rig, seconds):
    """Nobody reaches the manager for a while: nothing moves, nobody restarts; afterwards every window is delivered, once."""
    active = rig.begin()
    instance = rig.instance()
    load = rig.load()
    time.sleep(1.5)
    rig.site.manager_link(False)
    time.sleep(seconds)
    rig.site.manager_link(True)
    return _same_instance_delivers(rig, active, instance, load)


@scene("cold", short={"seconds": 3}, long={"seconds": 30}, errors=["probe.disconnected"])
def manager_kill(rig, seconds):
    """SIGKILL of the manager, and a start after a while: states as they were, nothing acknowledged is lost, the rest is delivered once."""
    active = rig.begin()
    instance = rig.instance()
    load = rig.load()
    time.sleep(1.5)
    rig.manager.kill()
    time.sleep(seconds)
    rig.manager.start()
    monitoring = rig.manager.service()["monitoring"]
    expect_equal(monitoring["state"], "monitoring", "the service's state after the manager's start")
    text = _same_instance_delivers(rig, active, instance, load)
    expect_equal(rig.manager.integrity(), "ok", "SQLite's own check of the database")
    return text


def _begin(rig):
    """The manager's node, its probe's instance, the load, and a discovery that is under way."""
    node, instance = rig.begin(), rig.instance()
    load = rig.load()
    discovery = start_discovery(rig)
    time.sleep(2)
    return node, instance, load, discovery


def _moves(rig, node, instance, load, discovery):
    """The other node has the manager now: everything is as it was but the discovery, the same instance goes on, nothing is lost."""
    rig.wait_manager(rig.other(node.name))
    back = time.time()
    stopped_discovery(rig, discovery, "manager_restarted")
    expect_equal(rig.manager.service()["monitoring"]["state"], "monitoring", "the service's state after the move")
    wait_for("the probe's session", lambda: rig.manager.probe()["state"] == "connected" and rig.holder() == "node-c", 30)
    time.sleep(1.5)
    entries = rig.settle(load)
    expect_equal(rig.instance(), instance, "the probe's instance")
    gaps, text = rig.audit(entries, rig.failovers())
    expect_equal(gaps, [], "gaps")
    expect_equal(rig.failovers(), [], "failover records of the probe")
    expect_equal([bool(e["closed"]) for e in rig.events("discovery.stopped")], [True], "events that tell of the discovery's end")
    expect(stopped_discovery(rig, discovery, "manager_restarted")["requests"] > 0, "what was found is gone")
    expect_equal(rig.manager.integrity(), "ok", "SQLite's own check of the database")
    return back, text


@scene("manager", errors=["probe.disconnected"])
def manager_pair_kill(rig):
    """A pair of managers, SIGKILL: the other node takes the address and the database; nothing acknowledged is lost, the rest is delivered once."""
    node, *more = _begin(rig)
    killed = node.signal("nezu-manager", signal.SIGKILL)
    back, text = _moves(rig, node, *more)
    return f"there again after {back - killed:.2f} s; {text}"


@scene("manager", errors=["probe.disconnected"])
def manager_node_killed(rig):
    """The manager's node loses its power: likewise."""
    node, *more = _begin(rig)
    killed = node.power_cut()
    back, text = _moves(rig, node, *more)
    return f"there again after {back - killed:.2f} s (corosync's token: {rig.token_ms} ms); {text}"


@scene("manager", errors=["probe.disconnected"])
def manager_switch_over(rig):
    """The manager is moved on purpose: likewise."""
    node, *more = _begin(rig)
    rig.stack.any_node().run(["crm_resource", "--move", "-r", "nezu-manager-group", "-N", rig.other(node.name)])
    asked = time.time()
    back, text = _moves(rig, node, *more)
    rig.stack.any_node().run(["crm_resource", "--clear", "-r", "nezu-manager-group"])
    return f"there again after {back - asked:.2f} s; {text}"


@scene("manager", errors=["probe.disconnected"])
def manager_fenced(rig):
    """The managers' cluster link is cut: the node that runs the manager is shot before the other one touches the database; likewise."""
    if rig.wait_manager().name != "node-b":  # the one that is shot first: cluster/crm/fencing.crm
        rig.stack.move("nezu-manager-group", "node-b", rig.wait_manager)
    node, *more = _begin(rig)
    before = len(rig.fencing.shot)
    rig.site.cluster_link(node.name, False)
    cut = time.time()
    back, text = _moves(rig, node, *more)
    expect_equal([name for name, _ in rig.fencing.shot[before:]], ["node-b"], "nodes that were switched off")
    expect_equal(node.running(), False, "whether node-b runs")
    rig.site.cluster_link(node.name, True)
    return f"there again {back - cut:.2f} s after the cut; {text}"
