"""Faults drawn by a seed, as the cluster's own exerciser does it: one after another, each healed and audited."""

import os
import random as dice
import signal
import time

from nezucluster import audit
from nezucluster.rig import RESOURCE
from nezucluster.scene import scene
from nezulab.process import Failed, expect, expect_equal, wait_for

from .discovery import start_discovery, stopped_discovery


def _kill(rig, active, _rng):
    active.signal(RESOURCE, signal.SIGKILL)


def _standby_kill(rig, active, _rng):
    rig.nodes[rig.other(active.name)].signal(RESOURCE, signal.SIGKILL)
    rig.wait_standby()


def _hang(rig, active, _rng):
    active.signal(RESOURCE, signal.SIGSTOP)
    rig.wait_active(rig.other(active.name), 40)


def _node(rig, active, rng):
    victim = rng.choice([active, rig.nodes[rig.other(active.name)]])
    victim.power_cut()
    time.sleep(rng.uniform(3, 5))
    victim.boot()


def _cluster_link(rig, active, rng):
    rig.site.cluster_link(active.name, False)
    time.sleep(rng.uniform(1, 6))
    rig.site.cluster_link(active.name, True)


def _probes_link(rig, active, rng):
    rig.site.management_link(active.name, False)
    time.sleep(rng.uniform(0.5, 2))
    rig.site.management_link(active.name, True)


def _manager_link(rig, _active, rng):
    rig.site.manager_link(False)
    time.sleep(rng.uniform(1, 6))
    rig.site.manager_link(True)


def _manager_kill(rig, _active, rng):
    rig.manager.kill()
    time.sleep(rng.uniform(0.5, 4))
    rig.manager.start()


def _mirror(rig, active, _rng):
    rig.site.mirror_port(active.name, False)
    rig.wait_active(rig.other(active.name), 40)
    rig.site.mirror_port(active.name, True)


def _switch_over(rig, active, _rng):
    other = rig.other(active.name)
    warm = rig.kind == "warm"
    rig.stack.move("edge-pair" if warm else RESOURCE, other, rig.wait_active, promoted=warm)


def _clock(rig, active, rng):
    """The other node's clock is off (until its program's next start), and then it has to take over."""
    other = rig.nodes[rig.other(active.name)]
    rig.configure(other, {"capture": {"timestamp_offset": rng.choice(["5ms", "-5ms", "40ms", "-40ms", "2s", "-2s"])}})
    if rig.kind == "warm":
        os.kill(other.daemon(RESOURCE), signal.SIGKILL)
        rig.wait_standby()
        time.sleep(4)  # until it has names in common with the active one
    active.signal(RESOURCE, signal.SIGKILL)
    rig.wait_active(other.name)
    rig.configure(other)


def _wishes(rig, active, rng):
    """Stop and start; before either has been confirmed, the instance may die."""
    for wish, end in (("stop", "stopped"), ("start", "monitoring")):
        node = rig.nodes[rig.wait_active()]
        killed = rng.random() < 0.5
        if killed:
            node.signal(RESOURCE, signal.SIGSTOP)
        rig.manager.ctl("monitor", wish, "shop/web")
        if killed:
            node.signal(RESOURCE, signal.SIGKILL)
        rig.manager.wait_state(end, timeout=30)


# With load; what a cold pair may lose is in its records' gaps, what a warm one may lose is nothing. A mirror port that is down loses what
# only it would have seen, whatever the pair is.
FAULTS = {"kill": _kill, "hang": _hang, "node": _node, "cluster-link": _cluster_link, "probe's-link": _probes_link, "manager-link": _manager_link,
          "manager-kill": _manager_kill, "mirror-port": _mirror, "switch-over": _switch_over, "clock": _clock}
WARM_FAULTS = {"standby-kill": _standby_kill}
WITHOUT_LOAD = {"wishes": _wishes}

# What the manager may have to tell of each beside failovers and gaps; it tells nothing else.
TELLS = {"cluster-link": {"claim.waiting"}, "hang": {"superseded", "probe.disconnected"}, "clock": {"clocks.apart"}, "probe's-link": {"probe.disconnected"},
         "manager-link": {"probe.disconnected"}, "manager-kill": {"probe.disconnected"}, "node": {"probe.disconnected"}}


def _calm(rig):
    """Everything is as it should be for good."""
    def there():
        probe, monitoring = rig.manager.probe(), rig.manager.service()["monitoring"]
        if probe["state"] == "connected" and rig.holder() and monitoring["state"] == "monitoring" and not monitoring["interrupted"] \
                and not any(r["open"] for r in rig.failovers()):
            return True
        raise Failed(f"{probe['state']}, holder {rig.holder()}, {monitoring}")
    time.sleep(1)
    wait_for("calm", there, 60, 0.1)
    if rig.kind == "warm":
        rig.wait_standby()
    rig.stack.settle()


def _discovery_ended(rig, name, discovery):
    """One that was under way: a failover, a long silence and the manager's end stop it; else it goes on until a person stops it."""
    records = rig.failovers()
    if rig.manager.api(f"/discoveries/{discovery}")["state"] != "stopped":
        expect(not records, f"discovery {discovery} goes on after a failover")
        rig.manager.ctl("discovery", "stop", "--probe", "edge")
        return stopped_discovery(rig, discovery, "person")["reason"]
    reasons = ["manager_restarted"] if name == "manager-kill" else ["failover"] if "link" in name else []
    if records:
        reasons += ["failover", "demoted"] if any(r["reason"] == "planned" for r in records) else ["failover"]
    return stopped_discovery(rig, discovery, *reasons)["reason"]


def _told(rig, steps, discovery):
    """One notice per transition, none that nobody could expect, and what is over is closed."""
    name = steps[-1]
    events = rig.events()
    codes = [e["code"] for e in events]
    records = [r for r in rig.failovers() if r["reason"] != "planned"]
    expect_equal(codes.count("failover"), len(records), f"failover events, and failovers that weren't planned ({events}; {records})")
    open_ = [e["code"] for e in events if e["code"] in ("failover", "claim.waiting", "superseded", "probe.disconnected") and not e["closed"]]
    expect_equal(open_, [], "events that are open though all is well")
    expected = {"failover", "gap"} | TELLS.get(name, set()) | ({"discovery.stopped"} if discovery not in (None, "person") else set())
    if "mirror-port" in steps[-3:]:
        expected.add("mirror.differs")  # the ports are compared over some 10 s, and what is missing is known 10 s later
    expect(set(codes) <= expected, f"events: {sorted(set(codes) - expected)} after {name}")
    expect_equal(codes.count("discovery.stopped"), int(discovery not in (None, "person")), "discovery.stopped events")
    return ", ".join(sorted(set(codes)))


def _step(rig, steps, rng):
    """The last of `steps`."""
    name, active = steps[-1], rig.begin()
    if name in WITHOUT_LOAD:
        WITHOUT_LOAD[name](rig, active, rng)
        _calm(rig)
        rig.leftovers()
        return "well"
    load = rig.load(rate=400)
    discovery = start_discovery(rig) if rng.random() < 0.3 else None
    time.sleep(rng.uniform(1, 3))
    {**FAULTS, **WARM_FAULTS}[name](rig, active, rng)
    _calm(rig)
    time.sleep(1.5)
    reason = _discovery_ended(rig, name, discovery) if discovery else None
    entries = rig.settle(load)
    # The port's state is looked at 20 times a second: so long it may be called covered though nothing comes.
    gaps, text = rig.audit(entries, rig.failovers(), margin=0.06 if name == "mirror-port" else 0.0)
    if rig.kind == "warm":
        expect(audit.length_of(gaps) == 0, f"gaps: {gaps}")
    told = _told(rig, steps, reason)
    rig.leftovers()
    faults = rig.lab.faults_in_logs()
    expect(not faults, f"in the logs: {'; '.join(faults[:3])}")
    return f"{len(rig.failovers())} failovers, gaps {audit.length_of(gaps):.2f} s; {text}" + (f"; told: {told}" if told else "") \
        + (f"; discovery: {reason}" if reason else "")


def _run(rig, seed, seconds):
    rng = dice.Random(seed)
    end, steps = time.monotonic() + seconds, []
    while time.monotonic() < end:
        name = rng.choice([*FAULTS, *(WARM_FAULTS if rig.kind == "warm" else ()), *WITHOUT_LOAD])
        steps.append(name)
        try:
            rig.say(f"step {len(steps)}, {name}: {_step(rig, steps, rng)}")
        except Failed as error:
            raise Failed(f"step {len(steps)} of seed {seed} ({', '.join(steps)}): {error}\n"
                         f"again: make lab SCENE={'random' if rig.kind == 'warm' else 'cold-random'} SEED={seed}") from None
    return f"seed {seed}: {len(steps)} faults ({', '.join(steps)})"


@scene("warm", short={"seed": 1, "seconds": 60}, long={"seed": 1, "seconds": 300}, check=False, errors=["probe.disconnected", "no carrier"])
def random(rig, seed, seconds):
    """A warm pair under faults that the seed draws: nothing lost, whatever comes."""
    return _run(rig, seed, seconds)


@scene("cold", short={"seed": 1, "seconds": 60}, long={"seed": 1, "seconds": 300}, check=False, errors=["probe.disconnected", "no carrier"])
def cold_random(rig, seed, seconds):
    """A cold pair under faults that the seed draws: what is lost is in the gaps, and everything else is nginx's."""
    return _run(rig, seed, seconds)
