"""Faults drawn by a seed, as the cluster's own exerciser does it: one after another, each healed and audited."""

import random as dice
import signal
import time

from nezucluster import audit
from nezucluster.rig import RESOURCE
from nezucluster.scene import scene
from nezulab.process import Failed, wait_for


def _kill(rig, active, _rng):
    active.signal(RESOURCE, signal.SIGKILL)


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
    resource, *promoted = ("edge-pair", "--promoted") if rig.kind == "warm" else (RESOURCE,)
    rig.stack.any_node().run(["crm_resource", "--move", "-r", resource, *promoted, "-N", other])
    rig.wait_active(other)
    rig.stack.any_node().run(["crm_resource", "--clear", "-r", resource])


def _stop_and_start(rig, _active, _rng):
    rig.manager.ctl("monitor", "stop", "shop/web")
    rig.manager.wait_state("stopped")
    rig.manager.ctl("monitor", "start", "shop/web")
    rig.manager.wait_state("monitoring")


# With load; what a cold pair may lose is in its records' gaps, what a warm one may lose is nothing. A mirror port that is down loses what
# only it would have seen, whatever the pair is.
FAULTS = {"kill": _kill, "hang": _hang, "node": _node, "cluster-link": _cluster_link, "probe's-link": _probes_link, "manager-link": _manager_link,
          "manager-kill": _manager_kill, "mirror-port": _mirror, "switch-over": _switch_over}
WITHOUT_LOAD = {"stop-and-start": _stop_and_start}


def _step(rig, name, rng):
    active = rig.begin()
    if name in WITHOUT_LOAD:
        WITHOUT_LOAD[name](rig, active, rng)
        return "well"
    load = rig.load(rate=400)
    time.sleep(rng.uniform(1, 3))
    FAULTS[name](rig, active, rng)

    def calm():
        probe, monitoring = rig.manager.probe(), rig.manager.service()["monitoring"]
        if probe["state"] == "connected" and rig.holder() and monitoring["state"] == "monitoring" and not monitoring["interrupted"] \
                and not any(r["open"] for r in rig.failovers()):
            return True
        raise Failed(f"{probe['state']}, holder {rig.holder()}, {monitoring}")
    time.sleep(1)
    wait_for("calm", calm, 60, 0.1)
    time.sleep(1.5)
    entries = rig.settle(load)
    gaps, text = rig.audit(entries, rig.failovers())
    if rig.kind == "warm" and name != "mirror-port":
        audit.expect(audit.length_of(gaps) == 0, f"gaps: {gaps}")
    return f"{len(rig.failovers())} failovers, gaps {audit.length_of(gaps):.2f} s; {text}"


def _run(rig, seed, seconds):
    rng = dice.Random(seed)
    end, steps = time.monotonic() + seconds, []
    while time.monotonic() < end:
        name = rng.choice([*FAULTS, *WITHOUT_LOAD])
        steps.append(name)
        try:
            rig.say(f"step {len(steps)}, {name}: {_step(rig, name, rng)}")
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
