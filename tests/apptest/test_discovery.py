"""Discovery: what it finds is what nginx logged, and it stops where failover.md says so."""

import collections
import glob
import http.client
import json
import time

from harness import Rig, expect, expect_equal, test
from nezulab import net
from nezulab.process import Failed, run, wait_for


class Discovery:
    """One discovery at edge, as nezuctl shows it."""

    def __init__(self, rig, *options):
        self.rig = rig
        started = json.loads(rig.manager.ctl("discovery", "start", "--probe", "edge", "--json", *options).stdout)["discoveries"]
        self.id = started[0]["id"]
        expect_equal(started[0]["state"], "discovering", "state")
        wait_for("the probe's word that it discovers", lambda: rig.probes["node-a"].status()["discovery"]["job"] == self.id, 5)
        time.sleep(0.2)  # until every worker has taken it up

    def wait_quiet(self):
        """Until the probe's workers have heard of the end, some milliseconds after the manager said so."""
        wait_for("the probe's word that it has stopped", lambda: self.rig.probes["node-a"].status()["discovery"]["job"] == 0, 5)
        time.sleep(0.2)

    def view(self):
        return self.rig.manager.api(f"/discoveries/{self.id}")

    def entries(self):
        return json.loads(self.rig.manager.ctl("discovery", "show", str(self.id), "--json").stdout)["entries"]

    def counts(self):
        return {(e["method"], e["host"], e["port"], e["path"]): e["requests"] for e in self.entries()}

    def wait_requests(self, wanted, timeout=10):
        def there():
            requests = self.view()["requests"]
            if requests == wanted:
                return True
            raise Failed(f"{requests} requests in its entries, wanted {wanted}")
        wait_for("what was found", there, timeout)

    def wait_stopped(self, reason, timeout=10):
        def there():
            view = self.view()
            if view["state"] == "stopped":
                return view
            raise Failed(f"state is {view['state']}")
        view = wait_for("the end of the discovery", there, timeout)
        expect_equal(view["reason"], reason, f"reason ({view['text']})")
        return view


def logged(entries, host):
    return dict(collections.Counter((e.method, host, 80, e.path) for e in entries))


def stopped_events(rig):
    return len(rig.manager.events("discovery.stopped"))


@test(timeout=60)
def what_nginx_served_is_found(lab):
    rig = Rig(lab)
    rig.probe("node-a").start().wait_admitted(rig.manager)
    for n in range(5):
        ask_from(rig, rig.site.CLIENT, f"/id/early{n}")  # nobody discovers yet
    before = len(rig.nginx.wait_entries(5))
    discovery = Discovery(rig)
    load = rig.load(rate=400, mix=["GET:/fast:10", "GET:/page:3", "POST:/post:1:700", "GET:/error:0.3", "GET:/missing?card=hidden-value:1", "GET:/id/7?token=hidden-value:1",
                                   "HEAD:/page:0.5", "GET:/moved:0.3", "GET:/slow:0.1"])
    time.sleep(5)
    sent = load.stop()
    asked = [ask_from(rig, rig.site.CLIENT, "/id/7;jsessionid=hidden-value/x", headers={"Cookie": "id=hidden-value"}) for _ in range(3)]
    entries = rig.nginx.wait_entries(before + sent["sent"] + 3)[before:]
    expect_equal(len(entries), sent["sent"] + 3, "requests that nginx logged")
    discovery.wait_requests(len(entries))
    rig.manager.ctl("discovery", "stop", str(discovery.id))
    discovery.wait_quiet()
    ask_from(rig, rig.site.CLIENT, "/id/late")
    view = discovery.wait_stopped("person")
    wanted = logged(entries, rig.site.WEB)
    wanted[("GET", rig.site.WEB, 80, "/id/7/x")] = wanted.pop(("GET", rig.site.WEB, 80, "/id/7;jsessionid=hidden-value/x"))
    time.sleep(1)
    expect_equal(discovery.counts(), wanted, "entries")
    expect_equal(view["left_out"], {"other_source": 0, "no_room": 0, "unreadable": 0, "over_limit": 0}, "left out")
    # What the clients saw: more than that it can't be, and nginx knows nothing of what held it up before it read a request (see witness.times).
    clients = {(r["method"], r["path"].split("?")[0]): r["response_time"]["average"] for r in sent["requests"]}
    clients[("GET", "/id/7/x")] = sum(asked) / len(asked)
    for e in discovery.entries():
        times = [l.time for l in entries if (l.method, l.path.replace(";jsessionid=hidden-value", "")) == (e["method"], e["path"])]
        mean, client = sum(times) / len(times), clients[(e["method"], e["path"])]
        slack = 0.003 + mean / 20
        expect(mean - slack < e["response_time"]["average"] < max(mean, client) + slack, f"average of {e}: nginx logged {mean:.4f}, its clients saw {client:.4f}")
    expect(len(discovery.entries()) >= 10, "too little was asked for")
    for file in glob.glob(rig.manager.database + "*"):
        with open(file, "rb") as f:
            expect(b"hidden-value" not in f.read(), f"{file} holds what stood behind the ? or in a cookie")
    expect_equal(stopped_events(rig), 0, "events: a person who stops it needn't be told")
    return f"{view['requests']} requests, {view['entries']} entries"


def ask_from(rig, address, path, headers=None):
    """How long the answer took, in seconds."""
    with net.inside(rig.site.client):
        connection = http.client.HTTPConnection(rig.nginx.address, rig.nginx.port, timeout=5, source_address=(address, 0))
        connection.connect()
    begin = time.monotonic()
    connection.request("GET", path, headers=headers or {})
    connection.getresponse().read()
    took = time.monotonic() - begin
    connection.close()
    return took


@test(timeout=60)
def of_one_client_and_for_so_long(lab):
    rig = Rig(lab)
    rig.probe("node-a").start().wait_admitted(rig.manager)
    other = "10.80.1.3"
    run(["ip", "-n", rig.site.client, "address", "add", f"{other}/24", "dev", "eth0"])
    started = time.monotonic()
    discovery = Discovery(rig, "--source", "10.80.1.2/31", "--for", "4s")
    for n in range(30):
        ask_from(rig, other, f"/id/{n % 3}")
        ask_from(rig, rig.site.CLIENT, "/id/of-the-other")
    expect(time.monotonic() - started < 3.5, "this machine is too slow for the test")
    view = discovery.wait_stopped("time_limit")
    lasted = time.monotonic() - started
    expect(3.9 < lasted < 8, f"it lasted {lasted:.2f} s")
    discovery.wait_quiet()
    for _ in range(5):
        ask_from(rig, other, "/id/too-late")
    time.sleep(1)
    host = rig.site.WEB
    expect_equal(discovery.counts(), {("GET", host, 80, f"/id/{n}"): 10 for n in range(3)}, "entries")
    view = discovery.view()
    expect_equal(view["left_out"]["other_source"], 30, "requests of other clients")
    expect_equal((view["source"], view["time_limit"]), ("10.80.1.2/31", 4.0), "source and limit")
    expect_equal([e["severity"] for e in rig.manager.events("discovery.stopped")], ["information"], "events")
    done = rig.manager.ctl("discovery", "start", "--probe", "edge", "--source", "10.80.1.3/24", check=False)
    expect(done.returncode == 2 and "wanted 10.80.1.0/24" in done.stderr, f"a source with bits behind its prefix: {done.stderr}")
    return f"it lasted {lasted:.2f} s"


@test(timeout=90)
def sigkill_of_the_probe_stops_it_and_keeps_what_was_found(lab):
    rig = Rig(lab)
    active = rig.monitoring()
    discovery = Discovery(rig)
    load = rig.load(rate=400)
    time.sleep(4.3)
    before = time.time()
    active.kill()
    killed = time.time()
    rig.manager.wait_state("monitoring", interrupted=True, timeout=5)
    standby = rig.probe("node-b").start()
    standby.wait_admitted(rig.manager)
    view = discovery.wait_stopped("failover")
    expect("node-b took over from node-a" in view["text"], f"why: {view['text']}")
    rig.manager.wait_state("monitoring", timeout=5)
    found = discovery.counts()
    time.sleep(3)
    expect_equal(standby.status()["discovery"]["job"], 0, "the standby's discovery")
    rig.settle(load)
    entries = rig.nginx.entries()
    expect_equal(discovery.counts(), found, "entries after the failover")
    requests = sum(found.values())
    certain = sum(1 for e in entries if e.end < before - 2.0)
    possible = sum(1 for e in entries if e.end <= killed + 0.05)
    expect(certain <= requests <= possible, f"{requests} requests in its entries, nginx logged {certain} until two seconds before the kill, {possible} until the kill")
    expect(set(found) <= set(logged(entries, rig.site.WEB)), f"entries that nginx didn't log: {set(found) - set(logged(entries, rig.site.WEB))}")
    expect_equal(stopped_events(rig), 1, "events")
    expect_equal([d["state"] for d in rig.manager.api("/discoveries")["discoveries"]], ["stopped"], "discoveries")
    again = json.loads(rig.manager.ctl("discovery", "start", "--json").stdout)["discoveries"]
    expect_equal([(d["probe"], d["node"], d["state"]) for d in again], [("edge", "node-b", "discovering")], "a new one, by hand")
    return f"{requests} requests kept ({certain}–{possible} were logged)"


@test(timeout=90)
def sigkill_of_the_manager_stops_it_and_keeps_what_was_found(lab):
    rig = Rig(lab)
    lab.expect_error(r"connect|session|manager|link|silent|time")
    probe = rig.monitoring()
    discovery = Discovery(rig, "--for", "10m")
    load = rig.load(rate=400)
    time.sleep(3)
    stored = discovery.view()["requests"]
    time.sleep(1)
    before = time.time()
    rig.manager.kill()
    killed = time.time()
    time.sleep(1)
    rig.manager.start()
    view = discovery.wait_stopped("manager_restarted")
    expect(view["stopped"] is not None, "when it stopped")
    rig.manager.wait_state("monitoring", timeout=10)
    wait_for("the probe's word that it has stopped", lambda: probe.status()["discovery"]["job"] == 0, 10)
    found = discovery.counts()
    expect(sum(found.values()) == view["requests"] >= stored > 500, f"{sum(found.values())} requests in entries, {view['requests']} in the job, {stored} were stored a second before the kill")
    entries = rig.settle(load)
    certain = sum(1 for e in entries if e.end < before - 2.0)
    possible = sum(1 for e in entries if e.end <= killed + 0.05)
    expect(certain <= view["requests"] <= possible, f"{view['requests']} requests, nginx logged {certain} until two seconds before the kill, {possible} until the kill")
    expect_equal(rig.manager.integrity(), "ok", "the database")
    expect_equal(stopped_events(rig), 1, "events")
    rig.manager.stop()
    rig.manager.start()
    expect_equal(stopped_events(rig), 1, "events after one more restart")
    expect_equal(discovery.counts(), found, "entries after one more restart")
    expect_equal(discovery.view()["reason"], "manager_restarted", "reason after one more restart")
    return f"{view['requests']} requests kept ({certain}–{possible} were logged)"


@test(timeout=60)
def the_same_instance_back_in_time_goes_on(lab):
    rig = Rig(lab, manager_changes={"failover": {"reconnect_grace": "8s"}})  # time enough to be back also on a slow machine
    lab.expect_error(r"connect|session|manager|link|silent|time")
    rig.monitoring()
    discovery = Discovery(rig)
    load = rig.load(rate=300)
    time.sleep(1.5)
    node = rig.site.nodes["node-a"]
    rig.site.net.set_link(node, "mgmt0", False)
    wait_for("the interruption", lambda: rig.manager.probe()["state"] != "connected", 5)
    rig.site.net.set_link(node, "mgmt0", True)
    wait_for("the connection", lambda: rig.manager.probe()["state"] == "connected", 10)
    time.sleep(1)
    entries = rig.settle(load)
    expect_equal(discovery.view()["state"], "discovering", "state")
    discovery.wait_requests(len(entries))
    expect_equal(discovery.counts(), logged(entries, rig.site.WEB), "entries")
    expect_equal(stopped_events(rig), 0, "events")
    metrics = rig.manager.metrics()
    expect_equal(metrics["nezu_discoveries_running"], 1, "nezu_discoveries_running")
    expect(metrics['nezu_discovery_entries_total{fate="stored"}'] > 10, "entries that were stored")
    return f"{len(entries)} requests, none lost or doubled"


@test(timeout=60)
def too_many_paths_end_it(lab):
    rig = Rig(lab, manager_changes={"discovery": {"entries": 50}}, probe_changes={"limits": {"discovery_entries": 30}})
    rig.probe("node-a").start().wait_admitted(rig.manager)
    discovery = Discovery(rig)
    asked = 0
    while discovery.view()["state"] == "discovering" and asked < 2000:
        for _ in range(40):
            ask_from(rig, rig.site.CLIENT, f"/id/{asked}")
            asked += 1
    view = discovery.wait_stopped("limits_reached")
    time.sleep(1)
    view = discovery.view()
    expect_equal((view["entries"], len(discovery.entries()), view["requests"]), (50, 50, 50), "entries")
    left = view["left_out"]
    expect(left["no_room"] + left["over_limit"] > 0, f"left out: {left}")
    expect(view["requests"] + sum(left.values()) <= asked, f"{view['requests']} + {left} of {asked} requests")
    expect_equal([e["severity"] for e in rig.manager.events("discovery.stopped")], ["warning"], "events")
    return f"{asked} paths: {left}"
