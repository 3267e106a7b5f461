"""Damaged and strange input gets a clear error, and never ends a daemon."""

import json
import os
import time

import pcap
from harness import expect, expect_equal, test
from nezulab.process import run

T0 = 1_790_000_000 * 10**9
HOUR = 3600 * 10**9


def analyze(lab, *arguments, check=False):
    return run([lab.program("nezu-probe"), "analyze", *arguments], check=check, timeout=20)


def write(lab, name, data):
    with open(lab.path(name), "wb") as f:
        f.write(data)
    return lab.path(name)


def sound_capture():
    c = pcap.Connection().open(T0)
    for i in range(20):
        c.exchange(T0 + (i + 1) * 10**7, f"/{i}", 200 if i % 5 else 500)
    return pcap.header() + c.close(T0 + 10**9).bytes()


@test(namespaces=False)
def a_sound_capture(lab):
    done = analyze(lab, "--transactions", write(lab, "good.pcap", sound_capture()), check=True)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    expect_equal([(t["uri"], t["status"], t["completeness"]) for t in found],
                 [(f"/{i}", 200 if i % 5 else 500, "complete") for i in range(20)], "transactions")
    expect(all(abs(t["response_time"] - 0.001) < 1e-9 for t in found), "response times")
    expect_equal((found[0]["client"], found[0]["server"], found[0]["host"]), ("192.0.2.1:40000", "192.0.2.2:80", "pcap.test"), "ends")


@test(namespaces=False)
def ports_may_stand_before_files(lab):
    file = write(lab, "good.pcap", sound_capture())
    for ports, wanted in ((["-p", "80"], 20), (["--port", "81,80"], 20), (["--port", "81", "-p", "80"], 20), (["--port", "81"], 0)):
        done = analyze(lab, "--transactions", *ports, file, check=True)
        expect_equal(len(done.stdout.splitlines()), wanted, f"transactions with {ports}")


@test(namespaces=False)
def a_truncated_capture_gives_what_is_there_and_the_offset(lab):
    data = sound_capture()
    for cut in (len(data) - 30, len(data) // 2, len(data) - 5):
        done = analyze(lab, "--transactions", write(lab, "cut.pcap", data[:cut]))
        expect_equal(done.returncode, 2, f"status, cut at {cut}")
        expect("cut.pcap" in done.stderr and "at byte" in done.stderr, f"no file and offset in {done.stderr!r}")
        found = [t for t in map(json.loads, done.stdout.splitlines()) if t["completeness"] == "complete"]
        whole = data[:cut].count(b"HTTP/1.1 200 X") + data[:cut].count(b"HTTP/1.1 500 X")
        expect(len(found) >= whole - 1 and found, f"cut at {cut}: {len(found)} transactions before the damage, of {whole}")


@test(namespaces=False)
def files_that_are_no_captures(lab):
    cases = {"empty.pcap": (b"", ""), "text.pcap": (b"this is no capture at all, just text", ""),
             "link.pcap": (pcap.header(link_type=147) + pcap.Connection().open(T0).bytes(), "147"),
             "header.pcap": (pcap.header()[:11], ""), "length.pcap": (pcap.header() + b"\0" * 8 + b"\xff" * 8, "at byte")}
    for name, (data, word) in cases.items():
        done = analyze(lab, write(lab, name, data))
        expect_equal(done.returncode, 2, f"status of {name}: {done.stderr}")
        expect(name in done.stderr and word in done.stderr, f"{name}: {done.stderr!r} names not the file, or not {word!r}")
    done = analyze(lab, lab.path("not-there.pcap"))
    expect_equal(done.returncode, 2, "status of a file that isn't there")
    expect("not-there.pcap" in done.stderr, done.stderr)


@test(namespaces=False)
def random_damage_never_crashes(lab):
    import random
    chance = random.Random(1)
    data = bytearray(sound_capture())
    for i in range(40):
        damaged = bytearray(data)
        for _ in range(chance.randrange(1, 30)):
            damaged[chance.randrange(24, len(data))] = chance.randrange(256)
        done = analyze(lab, "--transactions", write(lab, "damaged.pcap", bytes(damaged)))
        expect(done.returncode in (0, 2), f"damage {i}: status {done.returncode}\n{done.stderr[-500:]}")
        for line in done.stdout.splitlines():
            json.loads(line)


@test(namespaces=False)
def a_clock_that_jumps(lab):
    """Stamps that go back an hour, and forward a day: transactions stay paired, no time is negative, the table comes."""
    for jump in (-HOUR, 24 * HOUR, -10**6):
        c = pcap.Connection().open(T0)
        for i in range(10):
            c.exchange(T0 + i * 10**7, f"/before/{i}")
        for i in range(10):
            c.exchange(T0 + 2 * 10**8 + jump + i * 10**7, f"/after/{i}")
        c.exchange(T0 + 4 * 10**8, "/across", after=jump)
        file = write(lab, "jump.pcap", pcap.header() + c.bytes())
        done = analyze(lab, "--transactions", file, check=True)
        found = [json.loads(line) for line in done.stdout.splitlines()]
        answered = {t["uri"] for t in found if t["status"] == 200}
        expect({f"/before/{i}" for i in range(10)} <= answered, f"jump {jump}: transactions before it are missing")
        if jump < 24 * HOUR:
            expect({f"/after/{i}" for i in range(10)} <= answered, f"jump {jump}: transactions after it are missing: {sorted(answered)}")
        negative = [t for t in found if (t["response_time"] or 0) < 0 or (t["ttfb"] or 0) < 0]
        expect(not negative, f"jump {jump}: negative times: {negative[:2]}")
        table = analyze(lab, file, check=True).stdout
        expect("pcap.test" in table, table)


@test(namespaces=False)
def standard_input_and_packed_files(lab):
    file = write(lab, "good.pcap", sound_capture())
    wanted = analyze(lab, "--transactions", file, check=True).stdout
    run(["gzip", "-k", file])
    run(["zstd", "-q", "-k", file])
    for packed in (file + ".gz", file + ".zst"):
        expect_equal(analyze(lab, "--transactions", packed, check=True).stdout, wanted, packed)
    through = run(["sh", "-c", f"exec {lab.program('nezu-probe')} analyze --transactions - < {file}"])
    expect_equal(through.stdout, wanted, "standard input")


@test(namespaces=False)
def an_interface_that_is_not_there(lab):
    done = analyze(lab, "-i", "nosuch0")
    expect(done.returncode in (1, 2), f"status {done.returncode}")
    expect("nosuch0" in done.stderr, f"{done.stderr!r} doesn't name the interface")


@test(namespaces=False)
def configurations_that_are_wrong(lab):
    cases = [("nezu-probe", "probe: {name: edge}\ncapture: {interfase: eth1}\n", "wrong.yaml:2:11", "interfase"),
             ("nezu-probe", "probe: {name: edge}\ncapture: {interface: eth1, workers: many}\n", "wrong.yaml:2:", "workers"),
             ("nezu-probe", "probe: {name: edge}\nwindow: 1 second\ncapture: {interface: eth1}\n", "wrong.yaml:2:9", "window"),
             ("nezu-probe", "probe: {name: edge}\ncapture: {interface: eth1}\nlimits: {names: 400001}\n", "wrong.yaml:3:", "400000"),
             ("nezu-probe", "probe: [\n", "wrong.yaml:", ""),
             ("nezu-manager", "link: {listen: 'nowhere'}\n", "wrong.yaml:1:16", "link.listen"),
             ("nezu-manager", "storage: {}\nwindows: 1s\n", "wrong.yaml:2:1", "windows"),
             ("nezu-manager", "store: {retention: {1s: -4h}}\n", "wrong.yaml:1:", "retention")]
    for program, text, place, word in cases:
        file = lab.write("wrong.yaml", text)
        done = run([lab.program(program), "run", "--check-config", "--config", file], check=False)
        expect_equal(done.returncode, 2, f"status of {text!r}: {done.stderr}")
        expect(place in done.stderr and word in done.stderr, f"{text!r}: wanted {place} and {word!r} in {done.stderr!r}")
    done = run([lab.program("nezu-manager"), "run", "--check-config", "--config", lab.path("none.yaml")], check=False)
    expect_equal(done.returncode, 2, "status without the file")
    expect("none.yaml" in done.stderr, done.stderr)


@test(namespaces=False)
def the_examples_are_right(lab):
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    examples = [os.path.join(root, folder) for folder in ("examples",)]
    checked = 0
    for folder in examples:
        for program, file in (("nezu-probe", "probe.yaml"), ("nezu-manager", "manager.yaml")):
            path = os.path.join(folder, file)
            if os.path.exists(path):
                run([lab.program(program), "run", "--check-config", "--config", path])
                checked += 1
    expect(checked >= 2, "no example files were found")
    return f"{checked} files"
