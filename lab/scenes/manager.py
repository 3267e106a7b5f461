"""The manager goes away: probes measure on and keep what they have."""

import time

from nezucluster.audit import expect_equal
from nezucluster.scene import scene
from nezulab.process import wait_for


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
