"""nezu-load itself: what it says it sent is what nginx logged."""

import collections

from harness import expect, expect_equal, test
from nezulab import net
from nezulab.load import Load
from nezulab.process import run
from nezulab.web import Nginx


def web(lab):
    site = net.LoopbackSite()
    return site, Nginx(lab, "127.0.0.1", net.free_port())


@test(namespaces=False)
def counts_equal_the_log(lab):
    site, nginx = web(lab)
    load = Load(lab, site, nginx, ["GET:/fast:5", "POST:/post:2:300", "HEAD:/page", "GET:/error", "GET:/id/{n}", "GET:/empty", "GET:/big:0.2"],
                rate=1000, connections=20, duration="2s", extra=["--poisson", "--close-share", "0.3"])
    result = load.result()
    entries = nginx.wait_entries(result["sent"])
    expect_equal(result["answered"], result["sent"], "answered")
    expect_equal(len(entries), result["sent"], "entries of the log")
    expect(1600 < result["sent"] < 2400, f"rate isn't 1000/s: {result['sent']} in 2 s")
    statuses = collections.Counter(str(e.status) for e in entries)
    expect_equal(result["statuses"], dict(statuses), "statuses")
    ids = [e.uri for e in entries if e.uri.startswith("/id/")]
    expect_equal(len(set(ids)), len(ids), "numbers that are there once")
    expect(result["connections"] > 200, f"only {result['connections']} connections with a close share of 0.3")
    return f"{result['sent']} requests"


@test(namespaces=False)
def as_fast_as_possible_and_a_number_of_requests(lab):
    site, nginx = web(lab)
    result = Load(lab, site, nginx, ["GET:/fast"], rate=0, connections=8, duration="20s", extra=["-n", "4001", "-t", "2"]).result()
    expect_equal((result["sent"], len(nginx.wait_entries(4001))), (4001, 4001), "requests")


@test(namespaces=False)
def usage_errors_end_with_2(lab):
    for arguments, word in ((["127.0.0.1"], "SERVER"), (["127.0.0.1:1", "-u", "GET"], "wanted METHOD"), (["127.0.0.1:1", "-d", "x"], "--duration"),
                            (["127.0.0.1:1", "--close-share", "2"], "--close-share"), (["name:80"], "IP address"), ([], "SERVER")):
        done = run([lab.program("nezu-load"), *arguments], check=False)
        expect_equal(done.returncode, 2, f"status of {arguments}")
        expect(word in done.stderr + done.stdout, f"{arguments}: {done.stderr!r} doesn't say {word!r}")


@test(namespaces=False)
def nobody_there_is_a_failure(lab):
    done = run([lab.program("nezu-load"), f"127.0.0.1:{net.free_port()}", "-d", "1s", "--json"], check=False)
    expect_equal(done.returncode, 1, "status")
    expect("connect_failures" in done.stdout and "not one request" in done.stderr, done.stderr)
