"""Whole nodes die."""

import time

from nezucluster.audit import length_of
from nezucluster.scene import scene
from nezulab.process import expect, expect_equal


@scene("cold", errors=["no carrier"])
def cold_node_killed(rig):
    """The active node loses its power: the other one takes over when the cluster has missed it."""
    active = rig.begin()
    load = rig.load()
    time.sleep(2)
    killed = active.power_cut()
    rig.wait_active(rig.other(active.name))
    taken = time.time()
    time.sleep(2)
    entries = rig.settle(load)
    records = rig.wait_failovers(1)
    gaps, text = rig.audit(entries, records)
    expect_equal(len(gaps), 1, f"gaps in {records}")
    return f"taken over after {taken - killed:.2f} s (corosync's token: {rig.token_ms} ms), gap {length_of(gaps):.3f} s; {text}"


@scene("cold", errors=["probe.disconnected", "no carrier"])
def both_nodes_die(rig):
    """Both nodes lose their power, one comes back: the gap is recorded, monitoring resumes."""
    active = rig.begin()
    load = rig.load()
    time.sleep(2)
    for node in rig.nodes.values():
        node.power_cut()
    dead = time.time()
    rig.manager.wait_state("monitoring", interrupted=True, timeout=5)
    time.sleep(3)
    back = rig.nodes[rig.other(active.name)].boot()
    rig.wait_active(back.name, 60)
    rig.manager.wait_state("monitoring")
    time.sleep(2)
    entries = rig.settle(load)
    records = rig.wait_failovers(1)
    gaps, text = rig.audit(entries, records)
    expect_equal(len(gaps), 1, f"gaps in {records}")
    expect(gaps[0][1] > dead + 3, "the gap ends before a node was back")
    return f"gap {length_of(gaps):.2f} s; {text}"
