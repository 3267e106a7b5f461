"""Discovery under failovers: it stops, says why, keeps what it had found, and nobody starts it but a person."""

import json
import signal
import time

from nezucluster.rig import RESOURCE
from nezucluster.scene import scene
from nezulab.process import Failed, expect, expect_equal, wait_for


def start_discovery(rig):
    started = json.loads(rig.manager.ctl("discovery", "start", "--probe", "edge", "--json").stdout)["discoveries"][0]
    expect_equal(started["state"], "discovering", "the discovery's state")
    return started["id"]


def stopped_discovery(rig, discovery, *reasons):
    """As nezuctl shows it, and that nothing discovers any more."""
    def there():
        view = rig.manager.api(f"/discoveries/{discovery}")
        if view["state"] == "stopped":
            return view
        raise Failed(f"discovery {discovery} is {view['state']}")
    view = wait_for("the end of the discovery", there, 20, 0.05)
    expect(view["reason"] in reasons, f"discovery {discovery} stopped: {view['reason']} ({view['text']}), and not {' or '.join(reasons)}")
    expect_equal(rig.manager.probe()["discovery"]["state"], "stopped", "discovery at edge")
    running = [d["id"] for d in rig.manager.api("/discoveries")["discoveries"] if d["state"] != "stopped"]
    expect_equal(running, [], "discoveries that are running")
    return view


def _kept(rig, discovery, entries, first, last):
    """What it had found: nothing that nginx didn't serve in the meantime, and all of it but what was on its way."""
    found = json.loads(rig.manager.ctl("discovery", "show", str(discovery), "--json").stdout)
    requests = sum(e["requests"] for e in found["entries"])
    expect_equal(requests, found["discovery"]["requests"], "requests in the entries, and in the discovery")
    certain = sum(1 for e in entries if first + 0.5 < e.end < last - 2.0)
    possible = sum(1 for e in entries if first - 0.1 <= e.end <= last + 0.1)
    expect(certain <= requests <= possible, f"{requests} requests were found, nginx logged {certain} for certain, {possible} at most")
    served = {(e.method, e.path) for e in entries}
    unknown = {(e["method"], e["path"]) for e in found["entries"]} - served
    expect_equal(unknown, set(), "found and never served")
    return f"{requests} requests kept in {len(found['entries'])} entries ({certain}–{possible} were logged)"


def _kill(rig, monitoring):
    active = rig.begin(monitoring=monitoring)
    load = rig.load()
    first = time.time()
    discovery = start_discovery(rig)
    time.sleep(4)
    last = active.signal(RESOURCE, signal.SIGKILL)
    rig.wait_active(rig.other(active.name))
    view = stopped_discovery(rig, discovery, "failover")
    expect(active.name in view["text"] and rig.other(active.name) in view["text"], f"why: {view['text']}")
    if monitoring:
        rig.manager.wait_state("monitoring", timeout=15)
    time.sleep(2.5)
    stopped_discovery(rig, discovery, "failover")  # nobody has started it again
    expect_equal(rig.manager.service()["monitoring"]["state"], "monitoring" if monitoring else "stopped", "the service's state")
    told = rig.events("discovery.stopped")
    expect_equal([e["subject"] for e in told], ["edge"], f"events ({told})")
    expect(f"discovery {discovery} " in told[0]["text"], told[0]["text"])
    return discovery, load, first, last


@scene("cold")
def discovery_kill(rig):
    """Discovery alone, SIGKILL: stopped, with its reason; what was found stays; not restarted on the other node."""
    discovery, load, first, last = _kill(rig, False)
    load.stop()
    return _kept(rig, discovery, rig.entries(), first, last)


@scene("cold")
def monitoring_and_discovery_kill(rig):
    """Monitoring and discovery, SIGKILL: monitoring resumes by itself, discovery doesn't."""
    discovery, load, first, last = _kill(rig, True)
    entries = rig.settle(load)
    records = rig.wait_failovers(1)
    _, text = rig.audit(entries, records)
    return f"{_kept(rig, discovery, entries, first, last)}; {text}"


@scene("cold", errors=["probe.disconnected"])
def discovery_manager_kill(rig):
    """SIGKILL of the manager while it discovers: monitoring stays, discovery becomes stopped, and what was stored stays."""
    active = rig.begin()
    load = rig.load()
    first = time.time()
    discovery = start_discovery(rig)
    time.sleep(4)
    rig.manager.kill()
    last = time.time()
    time.sleep(1)
    rig.manager.start()
    stopped_discovery(rig, discovery, "manager_restarted")
    wait_for("the connection", lambda: rig.manager.probe()["state"] == "connected" and rig.holder() == active.name, 20)
    time.sleep(1.5)
    expect_equal(rig.manager.service()["monitoring"]["state"], "monitoring", "the service's state")
    entries = rig.settle(load)
    expect_equal(len(rig.events("discovery.stopped")), 1, "events")
    gaps, text = rig.audit(entries, rig.failovers())
    expect_equal(gaps, [], "gaps")
    return f"{_kept(rig, discovery, entries, first, last)}; {text}"
