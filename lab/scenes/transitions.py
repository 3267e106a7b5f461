"""The table "States that are in transition" of docs/failover.md, each row that the other scenes don't show."""

import os
import signal
import time

from nezucluster.rig import RESOURCE
from nezucluster.scene import scene
from nezulab.process import expect, expect_equal, wait_for


def _state(rig):
    return rig.manager.service()["monitoring"]["state"]


def _pause_and_kill(rig, active, wish, in_transit):
    """The instance is stopped in its tracks, the wish is sent to it while its session still counts, and it dies without an answer."""
    pid = active.daemon(RESOURCE)
    os.kill(pid, signal.SIGSTOP)
    try:
        rig.manager.ctl("monitor", wish, "shop/web")
        expect_equal(_state(rig), in_transit, "the state while nobody has confirmed")
    finally:
        os.kill(pid, signal.SIGKILL)


@scene("cold")
def starting_in_flight(rig):
    """Told to start, not confirmed, SIGKILL: the wish stands, and the new instance carries it out."""
    active = rig.begin(monitoring=False)
    _pause_and_kill(rig, active, "start", "starting")
    rig.manager.wait_state("monitoring", timeout=20)
    expect_equal(rig.wait_active(), rig.other(active.name), "the node")
    return "starting → monitoring on the other node"


@scene("cold")
def stopping_in_flight(rig):
    """Told to stop, not confirmed, SIGKILL: the wish stands; it ends stopped."""
    active = rig.begin()
    _pause_and_kill(rig, active, "stop", "stopping")
    rig.manager.wait_state("stopped", timeout=20)
    rig.wait_active(rig.other(active.name))
    time.sleep(0.5)
    expect_equal(_state(rig), "stopped", "the state afterwards")
    return "stopping → stopped on the other node"


@scene("cold", errors=["probe.disconnected"])
def wishes_while_nobody_is_there(rig):
    """Start and stop while no instance is connected: not sent to anybody yet, they complete on the next one."""
    rig.begin(monitoring=False)
    out = []
    for wish, transit, end in (("start", "starting", "monitoring"), ("stop", "stopping", "stopped")):
        rig.stack.crm("resource", "stop", RESOURCE)
        wait_for("the end of the instance", lambda: rig.manager.probe()["state"] == "disconnected", 20)
        rig.manager.ctl("monitor", wish, "shop/web")
        expect_equal(_state(rig), transit, "the state while nobody is there")
        rig.stack.crm("resource", "start", RESOURCE)
        rig.manager.wait_state(end, timeout=30)
        out.append(f"{transit} → {end}")
    return ", ".join(out)


@scene("cold", errors=["probe.disconnected"])
def transition_times_out(rig):
    """Told to start, and nobody confirms within `transition_timeout`: stopped again, the wish with it, and one event says so."""
    rig.begin(monitoring=False)
    with rig.manager_with({"failover": {"transition_timeout": "3s"}}):
        rig.wait_active()
        rig.stack.crm("resource", "stop", RESOURCE)
        wait_for("the end of the instance", lambda: rig.manager.probe()["state"] == "disconnected", 20)
        asked = time.monotonic()
        rig.manager.ctl("monitor", "start", "shop/web")
        expect_equal(_state(rig), "starting", "the state while nobody is there")
        rig.manager.wait_state("stopped", timeout=10)
        waited = time.monotonic() - asked
        expect(2.5 < waited < 8, f"it gave up after {waited:.1f} s")
        told = rig.events("transition.timeout")
        expect_equal([(e["subject"], bool(e["closed"])) for e in told], [("shop/web", True)], "events")
        rig.stack.crm("resource", "start", RESOURCE)
        rig.wait_active()
        time.sleep(1)
        expect_equal(_state(rig), "stopped", "the state when an instance is there again")
        expect_equal([p["wished"] for p in rig.manager.service()["monitoring"]["probes"]], [False], "what is wished of the logical probe")
        expect_equal(len(rig.events("transition.timeout")), 1, "events afterwards")
    return f"gave up after {waited:.1f} s: {told[0]['text']}"
