"""Trouble around the daemons: interfaces, peers of another version, wrong certificates, a full disk."""

import os
import socket
import time

import link
from harness import Rig, expect, expect_equal, test
from nezulab.daemons import Pki
from nezulab.net import inside
from nezulab.process import Failed, run, wait_for


@test(timeout=90)
def an_interface_that_goes_down_and_comes_back(lab):
    rig = Rig(lab)
    probe = rig.monitoring()
    lab.expect_error(r"mirror0|interface|capture")
    load = rig.load(rate=400)
    time.sleep(2)
    rig.site.net.set_link(probe.ns, rig.site.MIRROR, False)
    down = time.time()
    instance = wait_for("the fault at the manager", lambda: faulty(rig), 10)
    time.sleep(2)
    probe.process.must_run()
    rig.site.net.set_link(probe.ns, rig.site.MIRROR, True)
    up = time.time()
    wait_for("the capture", lambda: not faulty(rig), 10)
    back = time.time()
    time.sleep(3)
    entries = rig.settle(load)
    points = rig.points(int(down) - 1, int(back) + 2)
    gaps = [p for p in points if p["kind"] == "gap"]
    expect(gaps, f"{up - down:.1f} s without an interface and no gap: {[(p['time'], p['kind'], p['covered']) for p in points]}")
    expect(not any(p["kind"] == "idle" for p in points), "a second without an interface is shown as one without requests")
    before = rig.manager.query(int(entries[0].start) - 1, int(down) - 1)["totals"]["transactions"]
    logged = sum(e.end < int(down) - 1 for e in entries)
    expect(abs(before - logged) <= 4, f"before: {before}, nginx {logged}")
    after = rig.manager.query(int(back) + 2, int(entries[-1].end) + 2)["totals"]["transactions"]
    logged = sum(e.end >= int(back) + 2 for e in entries)
    expect(abs(after - logged) <= 4 and logged > 100, f"after: {after}, nginx {logged}\n    down {down:.3f}, up {up:.3f}, back {back:.3f}\n    " +
           "\n    ".join(rig.second_by_second(entries, [])))
    return f"{len(gaps)} seconds with a gap; fault: {instance['capture_fault'] or 'interface down'}"


def faulty(rig):
    for instance in rig.manager.probe()["instances"]:
        if not instance["interface_up"] or not instance["capture_running"] or instance["capture_fault"]:
            return instance
    return None


@test(timeout=90)
def an_interface_that_is_taken_away_and_made_anew(lab):
    rig = Rig(lab)
    probe = rig.monitoring()
    lab.expect_error(r"mirror0|interface|capture")
    net, site = rig.site.net, rig.site
    run(["ip", "-n", probe.ns, "link", "del", site.MIRROR])
    wait_for("the fault at the manager", lambda: faulty(rig), 10)
    net.link(probe.ns, site.MIRROR, site.web, "mirror0")
    site.tap()
    wait_for("the capture", lambda: probe.process.must_run() and not faulty(rig), 15)
    load = rig.load(rate=300)
    time.sleep(3)
    return rig.compare(rig.settle(load))


@test(timeout=60)
def a_daemon_without_its_interface(lab):
    """It says so, to whoever asks, and begins when the interface is there, or it ends with a status and a word."""
    rig = Rig(lab, probe_changes={"capture": {"interface": "later0"}})
    lab.expect_error("later0")
    probe = rig.probe("node-a").start()

    def ended_or_faulty():
        if not probe.process.running():
            return "ended"
        try:
            return "faulty" if faulty(rig) else None
        except Failed:
            return None
    how = wait_for("a fault", ended_or_faulty, 10)
    expect("later0" in probe.process.text(), "the log doesn't name the interface: " + probe.process.tail())
    if how == "ended":
        expect(probe.process.popen.returncode in (1, 2), f"status {probe.process.popen.returncode}")
        return "it ends"
    rig.site.net.link(probe.ns, "later0", rig.site.switch, "later1")
    wait_for("the capture", lambda: not faulty(rig), 15)
    return "it waits for it"


@test(timeout=60)
def a_manager_of_another_protocol_version(lab):
    rig = Rig(lab, start_manager=False)
    lab.expect_error("protocol|version|refus|manager|session|link")
    fake = link.FakeManager(rig.site.manager, rig.site.MANAGER, 7400, rig.pki.files("manager"),
                            lambda sock, _hello: sock.sendall(link.refusal(link.REASON_PROTOCOL, "this manager speaks 7 to 9", 7, 9)))
    try:
        probe = rig.probe("node-a").start()
        wait_for("two attempts", lambda: len(fake.hellos) >= 2, 20)
        probe.process.must_run()
        text = probe.process.text()
        expect("7" in text and "9" in text and "protocol" in text.lower(), "the log doesn't say which versions:\n" + probe.process.tail())
        kind, hello = fake.hellos[0]
        expect_equal((kind, hello[3], len(hello[5])), (link.HELLO, b"edge", 16), "the probe's first word")
        expect(len(fake.hellos) < 40, f"{len(fake.hellos)} attempts: no pause between them")
    finally:
        fake.close()
    # The right manager takes its place: the probe finds it by itself.
    rig.manager.start()
    probe.wait_admitted(rig.manager, timeout=40)
    return f"{len(fake.hellos)} attempts, then admitted by the real one"


@test(timeout=60)
def a_manager_that_speaks_nonsense(lab):
    rig = Rig(lab, start_manager=False)
    lab.expect_error("magic|frame|refus|manager|session|link|corrupt|unsupported|peer")
    answers = iter([b"HTTP/1.1 400 Bad Request\r\n\r\n" * 4, link.frame(link.WELCOME, b"\xff" * 40), b"NZB1\xff\xff\xff\xff", b"NZB1\0\0\0\0", b""])
    fake = link.FakeManager(rig.site.manager, rig.site.MANAGER, 7400, rig.pki.files("manager"),
                            lambda sock, _hello: sock.sendall(next(answers, b"")))
    try:
        probe = rig.probe("node-a").start()
        wait_for("five attempts", lambda: len(fake.hellos) >= 5, 40)
        probe.process.must_run()
    finally:
        fake.close()


@test(timeout=90)
def records_of_the_future_come_again_until_they_are_not(lab):
    """The probe's clock is 308 s ahead of the manager's, eight more than may be: what is refused is good eight seconds later, and must come again."""
    rig = Rig(lab, probe_changes={"capture": {"timestamp_offset": "308s"}})
    probe = rig.monitoring()
    wait_for("the event", lambda: rig.manager.events("record.refused.future"), 10)
    # More than may be on their way at once (32): those must not stop what follows.
    wait_for("40 windows that are stored", lambda: probe.status()["windows"]["acknowledged"] >= 40, 70)
    windows = probe.status()["windows"]
    expect_equal((windows["overflow"], windows["out_of_order"]), (0, 0), "windows that are lost")
    expect_equal(rig.manager.failovers(), [], "failover records")
    events = rig.manager.events()
    expect_equal([(e["code"], e["closed"]) for e in events if e["code"] in ("record.refused.future", "probe.disconnected", "gap")],
                 [("record.refused.future", None)], f"events ({events})")
    return f"{windows['acknowledged']} of {windows['measured']} windows stored, {probe.status()['session']['lost']} sessions"


@test(timeout=60)
def probes_that_the_manager_refuses(lab):
    rig = Rig(lab)
    lab.expect_error("refus|protocol|certificate|magic|frame|session|peer|tls|TLS")
    files = rig.pki.files("edge")
    reasons = {}
    for name, first, reason in (("version", link.hello(versions=(90, 99)), link.REASON_PROTOCOL),
                                ("name", link.hello(logical="other"), link.REASON_UNKNOWN_PROBE),
                                ("window", link.hello(window_ns=7 * 10**9), link.REASON_WINDOW)):
        with link.connect(rig.site.nodes["node-a"], rig.site.MANAGER, 7400, files) as sock:
            sock.settimeout(5)
            sock.sendall(first)
            kind, body = link.read_frame(sock)
            expect_equal((kind, body.get(1)), (link.REFUSAL, reason), f"answer to a wrong {name}: {body}")
            expect(body.get(2), f"no text in the refusal of a wrong {name}")
            reasons[name] = body[2].decode()
    for rude in (b"GET / HTTP/1.1\r\n\r\n", b"NZB1\x7f\xff\xff\xff", b"NZB1\0\0\0\4\xff\xff\xff\xff", b"\0" * 100):
        with link.connect(rig.site.nodes["node-a"], rig.site.MANAGER, 7400, files) as sock:
            sock.settimeout(5)
            sock.sendall(rude)
            try:
                while sock.recv(4096):
                    pass
            except OSError:
                pass
    with inside(rig.site.nodes["node-a"]):  # no TLS at all
        plain = socket.create_connection((rig.site.MANAGER, 7400), 5)
    with plain:
        plain.settimeout(5)
        plain.sendall(link.hello())
        try:
            plain.recv(100)
        except OSError:
            pass
    rig.probe("node-a").start().wait_admitted(rig.manager)
    return str(reasons)


@test(timeout=60)
def wrong_certificates(lab):
    rig = Rig(lab)
    lab.expect_error("certificate|tls|TLS|handshake|refus|manager|session|link|peer")
    foreign = Pki(lab, rig.site, name="foreign")
    own, other = rig.pki.files("edge"), foreign.files("edge")
    # Files that don't fit each other are a mistake of the configuration: told at once, with the file's name.
    for tls, named in (({**other, "ca": own["ca"]}, "edge.crt"), ({**own, "ca": other["ca"]}, "edge.crt"),
                       ({**own, "key": lab.path("none.key")}, "none.key")):
        probe = rig.probe("node-a", changes={"manager": {"tls": tls}}).start()
        expect_equal(probe.process.wait(10), 2, "status with " + named)
        expect(named in probe.process.text(), probe.process.tail())
    # A whole set of a foreign authority: nobody is admitted, and the log says why.
    probe = rig.probe("node-a", changes={"manager": {"tls": other}}).start()
    wait_for("a word about it", lambda: probe.process.must_run() and any(
        word in probe.process.text().lower() for word in ("certificate", "tls", "handshake")), 15)
    expect(not rig.manager.api("/probes")["probes"] or not rig.manager.probe()["holder"], "admitted with a wrong certificate")
    probe.stop()
    rig.probe("node-a").start().wait_admitted(rig.manager)


@test(timeout=150)
def a_full_disk(lab):
    """No room for the database: an event, ingest pauses, the probe keeps its windows; room again: all of it is delivered once."""
    volume = lab.path("volume")
    os.mkdir(volume)
    run(["mount", "-t", "tmpfs", "-o", "size=24m", "nezutest", volume])
    lab.on_close(lambda: run(["umount", volume], check=False) and None)
    rig = Rig(lab, manager_changes={"store": {"path": f"{volume}/manager.db"}})
    lab.expect_error("space|full|ingest|store|disk")
    rig.manager.database = f"{volume}/manager.db"
    rig.monitoring()
    load = rig.load(rate=400)
    time.sleep(2)
    filler = f"{volume}/filler"
    full_since = time.time()

    def paused():
        fill(filler)
        return rig.manager.api("/status")["manager"]["ingest"]["paused"]
    wait_for("ingest pauses", paused, 60, interval=0.2)
    status = rig.manager.api("/status")["manager"]["ingest"]
    expect(status["fault"], "no fault is named")
    wait_for("the probe keeps windows", lambda: rig.probes["node-a"].status()["windows"]["kept"] >= 3, 15)
    expect(any("space" in e["code"] + e["text"] or "full" in e["text"] for e in rig.manager.events()), f"no event says it: {rig.manager.events()}")
    expect_equal(rig.manager.service()["monitoring"]["state"], "monitoring", "state")
    os.remove(filler)
    wait_for("ingest goes on", lambda: not rig.manager.api("/status")["manager"]["ingest"]["paused"], 30)
    paused_for = time.time() - full_since
    time.sleep(1)
    entries = rig.settle(load, timeout=30)
    text = rig.compare(entries)
    rig.no_gap(entries[0].end, entries[-1].end)
    open_events = [e for e in rig.manager.events() if "space" in e["code"] and not e["closed"]]
    expect(not open_events, f"the event is still open: {open_events}")
    rig.manager.stop()
    expect_equal(rig.manager.integrity(), "ok", "integrity_check")
    return f"full for {paused_for:.1f} s; {text}"


def fill(path):
    """Takes all the room that is left."""
    with open(path, "ab", buffering=0) as f:
        for size in (1 << 20, 1 << 12):
            try:
                while True:
                    f.write(b"\0" * size)
            except OSError:
                pass
