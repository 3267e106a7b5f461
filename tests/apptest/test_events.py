"""Events of a pair as people see them: each opened once and closed once, also when the manager is killed in between."""

import re
import signal
import time

from harness import Rig, expect, expect_equal, test, wait_failover
from nezulab.process import Failed, wait_for
from test_warm import Pair, command


def wait_event(rig, code, closed, timeout=20):
    def there():
        events = rig.manager.events(code)
        if events and (events[0]["closed"] is not None) == closed:
            return events[0]
        raise Failed(f"{code}: {events}")
    return wait_for(f"the event {code}, {'closed' if closed else 'open'}", there, timeout, 0.05)


def expect_once(rig, *codes):
    for code in codes:
        events = rig.manager.events(code)
        expect_equal([(e["code"], e["closed"] is not None) for e in events], [(code, True)], f"events {code} ({events})")


@test(timeout=90)
def gap_and_failover_of_a_cold_pair(lab):
    rig = Rig(lab)
    lab.expect_error(r"connect|session|manager|link|silent|time")
    active = rig.monitoring()
    load = rig.load(rate=300)
    time.sleep(2.5)
    active.kill()
    rig.manager.wait_state("monitoring", interrupted=True, timeout=5)
    time.sleep(1)
    rig.probe("node-b").start().wait_admitted(rig.manager)
    record = wait_failover(rig.manager)
    gap = wait_event(rig, "gap", closed=False, timeout=5)
    expect_equal((gap["subject"], gap["severity"]), ("shop/web at edge", "warning"), "subject and severity")
    expect(gap["text"].endswith(f"nobody measured from {record['gaps'][0]['begin']} on"), f"text {gap['text']}, record {record['gaps']}")
    counted = {k: v for k, v in rig.manager.metrics().items() if k.startswith("nezu_events_")}
    expect_equal(counted.get('nezu_events_open{code="gap",severity="warning"}'), 1, f"open gaps in {counted}")
    expect_equal(counted.get('nezu_events_total{code="failover",severity="warning"}'), 1, f"failovers in {counted}")
    rig.manager.kill()
    rig.manager.start()
    wait_event(rig, "gap", closed=True)
    rig.manager.stop()
    rig.manager.start()
    rig.manager.wait_state("monitoring", timeout=10)
    time.sleep(2)
    expect_once(rig, "gap", "failover")
    listed = rig.manager.ctl("event", "list").stdout
    expect(listed.count(" gap ") == 1 and "shop/web at edge" in listed, listed)
    load.stop()
    return f"gap {record['gaps'][0]['length']:.3f} s"


@test(timeout=90)
def clocks_of_a_warm_pair_that_are_apart(lab):
    rig = Rig(lab, probe_changes={"standby": "warm"})
    active = rig.probe("node-a").start()
    wait_for("the control socket", lambda: active.status()["role"] == "standby", 10)
    command(active, "promote")
    active.wait_admitted(rig.manager)
    standby = rig.probe("node-b", {"capture": {"timestamp_offset": "2s"}}).start()
    event = wait_event(rig, "clocks.apart", closed=False)
    expect(re.search(r"the packet clock of node-b is \+(2\.00|1\.99)\d s off", event["text"]), event["text"])
    standby.kill()
    wait_event(rig, "clocks.apart", closed=True)
    standby = rig.probe("node-b", {"capture": {"timestamp_offset": "40ms"}}).start()
    wait_for("the standby's session", lambda: len(rig.manager.probe()["instances"]) == 2, 10)
    time.sleep(3)
    expect_once(rig, "clocks.apart")
    return event["text"]


@test(timeout=90)
def an_instance_that_was_superseded_while_it_slept(lab):
    rig = Rig(lab)
    lab.expect_error(r"connect|session|manager|link|silent|time|superseded")
    active = rig.monitoring()
    second = rig.probe("node-b").start()  # cold, and promoted all the same: no fencing
    wait_event(rig, "claim.waiting", closed=False)
    active.process.send(signal.SIGSTOP)
    second.wait_admitted(rig.manager)
    time.sleep(1)
    expect_equal(rig.manager.events("superseded"), [], "events while it sleeps")
    active.process.send(signal.SIGCONT)
    wait_for("its stepping down", lambda: active.status()["role"] == "waiting", 10)
    # It wakes up with the manager's last word in its socket: it may read that before its timer finds the session silent, and step down without
    # ever having said that it believed to be at work. What it says afterwards counts as well, and both together once.
    event = wait_event(rig, "superseded", closed=True)
    expect("node-a" in event["text"] and "has been superseded (epoch 2)" in event["text"], event["text"])
    time.sleep(1)
    rig.manager.kill()
    rig.manager.start()
    wait_for("both sessions again", lambda: len(rig.manager.probe()["instances"]) == 2, 10)
    time.sleep(2)
    expect_once(rig, "superseded")
    expect_equal({i["node"]: i["role"] for i in rig.manager.probe()["instances"]}, {"node-a": "waiting", "node-b": "active"}, "roles")
    return event["text"]


@test(timeout=60)
def a_planned_move_raises_none(lab):
    rig = Rig(lab)
    active = rig.probe("node-a").start()
    active.wait_admitted(rig.manager)
    rig.apply()
    expect_equal(active.stop(), 0, "status")
    rig.probe("node-b").start().wait_admitted(rig.manager)
    time.sleep(1)
    expect_equal(rig.manager.events(), [], "events")
    expect_equal([r["reason"] for r in rig.manager.failovers()], ["planned"], "records")


@test(timeout=90)
def a_warm_pair_raises_a_failover_and_nothing_else(lab):
    """Planned: nothing at all, but what becomes of a discovery. Killed: the failover, no gap."""
    rig = Rig(lab)
    pair = Pair(rig)
    load = rig.load(rate=500, connections=50)
    pair.ready()
    started = rig.manager.api("/discoveries", "POST", {"probe": "edge", "by": "test"})
    time.sleep(1.5)
    pair.fail_over(lambda probe: command(probe, "demote"))
    pair.ready()
    time.sleep(1.5)
    told = rig.manager.events()
    expect_equal([(e["code"], e["severity"]) for e in told], [("discovery.stopped", "information")], "events of a planned switch")
    expect("demoted" in told[0]["text"] and f"discovery {started['id']} of test" in told[0]["text"], told[0]["text"])
    expect_equal(rig.manager.api(f"/discoveries/{started['id']}")["reason"], "demoted", "why the discovery stopped")

    second = rig.manager.api("/discoveries", "POST", {"probe": "edge"})
    wait_for("what it finds", lambda: rig.manager.api(f"/discoveries/{second['id']}")["requests"] > 300, 10)
    pair.fail_over(lambda probe: probe.kill())
    wait_failover(rig.manager, 2)
    time.sleep(3)
    rig.settle(load)
    codes = sorted(e["code"] for e in rig.manager.events())
    expect_equal(codes, ["discovery.stopped", "discovery.stopped", "failover"], "events after a kill")
    expect(all(e["closed"] for e in rig.manager.events()), "an event is open")
    view = rig.manager.api(f"/discoveries/{second['id']}")
    expect_equal(view["reason"], "failover", "why the second discovery stopped")
    expect(view["requests"] > 300, f"what it had found: {view}")
    expect_equal(pair.of().status()["discovery"]["job"], 0, "the new instance's discovery")
    return f"{view['requests']} requests kept"
