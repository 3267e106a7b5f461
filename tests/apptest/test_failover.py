"""The probe dies, stops, is told to read its configuration again."""

import time

from harness import Rig, expect, expect_equal, test, wait_failover
from nezulab.daemons import gaps_of, seconds_of
from nezulab.process import wait_for


@test(timeout=90)
def sigkill_and_the_cold_standby(lab):
    rig = Rig(lab)
    active = rig.monitoring()
    load = rig.load(rate=600, connections=50)
    time.sleep(4.3)
    active.kill()
    killed = time.time()
    rig.manager.wait_state("monitoring", interrupted=True, timeout=5)
    time.sleep(1.5)
    started = time.time()
    standby = rig.probe("node-b").start()
    standby.wait_admitted(rig.manager)
    rig.manager.wait_state("monitoring", timeout=5)
    time.sleep(3)
    entries = rig.settle(load)
    record = wait_failover(rig.manager)
    expect_equal(len(rig.manager.failovers()), 1, "failover records")
    expect_equal((record["from_node"], record["to_node"]), ("node-a", "node-b"), "from which node to which")
    gaps = gaps_of(record)
    expect_equal(len(gaps), 1, f"gaps in {record}")
    begin, end, watched = gaps[0]
    expect(0 <= end - watched < 1.0, f"the gap ends {end - watched:.3f} s after the new capture stood")
    # The last window that was sent ended at most window + its way before the kill.
    expect(killed - 2.2 < begin <= killed, f"the gap begins {killed - begin:.3f} s before the kill")
    expect(started <= end < started + 3, f"the gap ends {end - started:.3f} s after the standby's start")
    points = rig.points(int(begin) - 1, int(end) + 2)
    missing = sum(1 - p["covered"] for p in points if p["kind"] != "off")
    expect(abs(missing - (end - begin)) < 0.002, f"seconds not covered: {missing:.4f}, gap {end - begin:.4f}")
    expect(all(p["kind"] == "gap" for p in points if begin <= seconds_of(p["time"]) and seconds_of(p["time"]) + 1 <= end), "whole seconds in the gap aren't gaps")
    text = rig.compare(entries, gaps)
    return f"gap {end - begin:.3f} s, it ended {end - started:.3f} s after the standby's start; {text}"


@test(timeout=60)
def sigterm_delivers_the_open_window(lab):
    rig = Rig(lab)
    probe = rig.monitoring()
    load = rig.load(rate=400)
    time.sleep(3.4)
    before = time.time()
    expect_equal(probe.stop(), 0, "status after SIGTERM")
    after = time.time()
    until = rig.manager.stored_until()
    expect(before - 0.3 <= until <= after, f"stored until {until - before:+.3f} s of the SIGTERM")
    entries = rig.end_load(load)
    return f"stored until {until - before:+.3f} s of the SIGTERM; " + rig.compare(entries, end=until)


@test(timeout=60)
def sighup_reads_the_configuration_again(lab):
    rig = Rig(lab)
    probe = rig.monitoring()
    load = rig.load(rate=300)
    time.sleep(1)
    with open(probe.config, encoding="utf-8") as f:
        good = f.read()
    lines = len(probe.process.text().splitlines())
    lab.write("node-a.yaml", good + "log:\n  level: debug\n")
    probe.reload()
    wait_for("a word about the reload", lambda: "configuration is taken" in " ".join(probe.process.text().splitlines()[lines:]), 5)
    lab.expect_error("node-a.yaml|reload|configuration")
    lines = len(probe.process.text().splitlines())
    lab.write("node-a.yaml", good + "nonsense: 1\n")
    probe.reload()
    wait_for("an error that names the key", lambda: "nonsense" in " ".join(probe.process.text().splitlines()[lines:]), 5)
    rig.manager.ctl("status")
    time.sleep(1)
    probe.process.must_run()
    entries = rig.settle(load)
    rig.no_gap(entries[0].end, entries[-1].end)
    return rig.compare(entries)


@test(timeout=60)
def the_same_instance_back_in_time_is_no_failover(lab):
    """A cable that blinks: the management link is down for a second."""
    rig = Rig(lab, manager_changes={"failover": {"reconnect_grace": "8s"}})  # time enough to be back also on a slow machine
    lab.expect_error(r"connect|session|manager|link|silent|time")
    rig.monitoring()
    load = rig.load(rate=300)
    time.sleep(1.5)
    node = rig.site.nodes["node-a"]
    rig.site.net.set_link(node, "mgmt0", False)
    wait_for("the interruption", lambda: rig.manager.probe()["state"] != "connected", 5)
    rig.site.net.set_link(node, "mgmt0", True)
    wait_for("the connection", lambda: rig.manager.probe()["state"] == "connected", 10)
    time.sleep(1)
    entries = rig.settle(load)
    expect_equal(len(rig.manager.failovers()), 0, "failover records")
    rig.no_gap(entries[0].end, entries[-1].end)
    return rig.compare(entries)


@test(timeout=90)
def an_isolated_probe_ends_itself_where_that_is_wanted(lab):
    """on_isolation: exit. The active one is cut off from the manager and ends; the other node goes on. Without services it would stay."""
    rig = Rig(lab, probe_changes={"on_isolation": "exit", "isolation_timeout": "3s"})
    lab.expect_error(r"connect|session|manager|link|silent|time")
    active = rig.probe("node-a").start()
    active.wait_admitted(rig.manager)
    node = rig.site.nodes["node-a"]

    def cut_for(seconds):
        rig.site.net.set_link(node, "mgmt0", False)
        time.sleep(seconds)
        active.process.must_run()
        rig.site.net.set_link(node, "mgmt0", True)
        wait_for("the connection", lambda: rig.manager.probe()["state"] == "connected", 10)

    cut_for(5)  # nothing is monitored
    rig.apply()
    rig.manager.ctl("monitor", "start", "shop/web")
    rig.manager.wait_state("monitoring")
    cut_for(1.5)  # shorter than the time-out
    rig.site.net.set_link(node, "mgmt0", False)
    cut = time.time()
    expect_equal(active.process.wait(15), 1, "exit status")
    took = time.time() - cut
    expect(2.9 < took < 6, f"it ended {took:.2f} s after the cut")
    expect("on_isolation" in active.process.text(), "it doesn't say why")
    standby = rig.probe("node-b").start()
    standby.wait_admitted(rig.manager)
    rig.manager.wait_state("monitoring", timeout=5)
    wait_failover(rig.manager)
    standby.process.must_run()
    return f"ended {took:.2f} s after the cut"


@test(timeout=60)
def stopped_stays_stopped(lab):
    """Row 1 of failover.md: nothing was monitored, so nothing starts after the failover."""
    rig = Rig(lab)
    active = rig.probe("node-a").start()
    active.wait_admitted(rig.manager)
    rig.apply()
    active.kill()
    wait_for("the loss", lambda: rig.manager.probe()["state"] == "disconnected", 10)
    rig.probe("node-b").start().wait_admitted(rig.manager)
    time.sleep(1)
    monitoring = rig.manager.service()["monitoring"]
    expect_equal((monitoring["state"], bool(monitoring["interrupted"])), ("stopped", False), "state")
