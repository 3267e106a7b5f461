"""The manager dies, or is away: no window is lost, none is counted twice."""

import os
import random
import time

from harness import Rig, expect, expect_equal, test

KILLS = int(os.environ.get("NEZU_KILLS", "50"))


@test(timeout=180)
def fifty_kills_lose_and_double_nothing(lab):
    seed = int(os.environ.get("NEZU_SEED", time.time_ns() % 100000))
    chance = random.Random(seed)
    rig = Rig(lab)
    lab.expect_error(r"connect|session|manager|link|closed|refused|reset")
    rig.monitoring()
    load = rig.load(rate=400, connections=30)
    time.sleep(1.5)
    for _ in range(KILLS):
        # Instants from "not yet ready" to "has committed and acknowledged a few windows".
        time.sleep(chance.choice((chance.uniform(0.01, 0.3), chance.uniform(0.3, 1.4))))
        rig.manager.kill()
        rig.manager.start(wait=False)
    rig.manager.wait_ready()
    time.sleep(2)
    entries = rig.settle(load, timeout=30)
    text = rig.compare(entries)
    rig.no_gap(entries[0].end, entries[-1].end)
    expect_equal(len(rig.manager.failovers()), 0, "failovers recorded for a manager that was away")
    records = rig.manager.probe()["records"]
    rig.manager.stop()
    expect_equal(rig.manager.integrity(), "ok", "integrity_check")
    return f"{KILLS} kills (seed {seed}), {text}, records since the last start: {records}"


@test(timeout=90)
def windows_are_kept_while_the_manager_is_away(lab):
    rig = Rig(lab)
    lab.expect_error(r"connect|session|manager|link|closed|refused|reset")
    rig.monitoring()
    load = rig.load(rate=400)
    time.sleep(2)
    rig.manager.stop()
    time.sleep(8)
    kept = rig.probes["node-a"].status()["windows"]["kept"]
    expect(kept >= 6, f"after 8 s without a manager the probe keeps {kept} windows")
    rig.manager.start()
    time.sleep(1)
    entries = rig.settle(load)
    text = rig.compare(entries)
    rig.no_gap(entries[0].end, entries[-1].end)
    expect_equal(rig.probes["node-a"].status()["windows"]["kept"] <= 2, True, "the spool is empty again")
    expect_equal(rig.manager.service()["monitoring"]["state"], "monitoring", "state")
    return f"{kept} windows were kept; {text}"


@test(timeout=60)
def a_clean_stop_is_known_as_one(lab):
    rig = Rig(lab)
    expect_equal(rig.manager.stop(), 0, "status after SIGTERM")
    rig.manager.start()
    expect_equal(rig.manager.api("/status")["manager"]["clean_stop"], True, "clean_stop after SIGTERM")
    rig.manager.kill()
    rig.manager.start()
    expect_equal(rig.manager.api("/status")["manager"]["clean_stop"], False, "clean_stop after SIGKILL")
