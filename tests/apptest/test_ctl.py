"""nezuctl, and the API behind it."""

import csv
import io
import json
import re
import shutil
import time

from harness import PATHS, Rig, Skip, expect, expect_equal, test, wait_failover
from nezulab.daemons import rfc3339, services_yaml
from nezulab.process import Failed, run, wait_for


@test(timeout=60)
def apply_is_strict(lab):
    rig = Rig(lab)
    ctl = rig.manager.ctl
    cases = [("apiVersion: nezuban/v1\nservices:\n  - group: shop\n    nam: web\n", ":4:5", "nam"),
             ("apiVersion: nezuban/v1\nservices:\n  - name: web\n    ports: [70000]\n", ":4:13", "70000"),
             ("apiVersion: nezuban/v1\nservices:\n  - name: web\n    transactions:\n      - {name: x, path: {prefx: /a}}\n", ":5:", "prefx"),
             ("apiVersion: nezuban/v9\nservices: []\n", ":1:", "v9"), ("services: [\n", ":", "")]
    for text, place, word in cases:
        file = lab.write("wrong.yaml", text)
        done = ctl("service", "apply", "-f", file, check=False)
        expect_equal(done.returncode, 2, f"status of {text!r}: {done.stderr}")
        expect("wrong.yaml" + place in done.stderr and word in done.stderr, f"{text!r}: wanted {place} and {word!r} in {done.stderr!r}")
    expect_equal(rig.manager.api("/services")["services"], [], "services after wrong files")


@test(timeout=60)
def apply_diff_export(lab):
    rig = Rig(lab)
    ctl = rig.manager.ctl
    first = lab.write("one.yaml", services_yaml(80, PATHS[:3]))
    second = lab.write("two.yaml", services_yaml(8080, PATHS[:4]))
    expect("shop/web" in ctl("service", "apply", "-f", first).stdout, "apply doesn't name what it made")
    expect("unchanged" in ctl("service", "apply", "-f", first).stdout, "a second apply changes nothing, and says so")
    diff = ctl("service", "diff", "-f", second, check=False)
    expect("8080" in diff.stdout and "shop/web" in diff.stdout, f"diff: {diff.stdout}{diff.stderr}")
    expect_equal(rig.manager.service()["definition"]["ports"], [80], "ports after a diff")
    ctl("service", "apply", "-f", second)
    expect_equal(rig.manager.service()["definition"]["ports"], [8080], "ports after apply")
    exported = ctl("service", "export").stdout
    again = ctl("service", "apply", "-f", lab.write("exported.yaml", exported)).stdout
    expect("unchanged" in again, f"export and apply isn't the identity: {again}")
    expect("shop/web" in ctl("service", "list").stdout, "list")
    expect("8080" in ctl("service", "show", "shop/web").stdout, "show")
    missing = ctl("service", "show", "no/such", check=False)
    expect_equal(missing.returncode, 4, f"status of a service that isn't there: {missing.stderr}")


@test(timeout=60)
def nobody_at_the_other_end(lab):
    done = run([lab.program("nezuctl"), "--manager", "http://127.0.0.1:9", "status"], check=False)
    expect_equal(done.returncode, 3, f"status: {done.stderr}")
    expect("127.0.0.1:9" in done.stderr, done.stderr)
    done = run([lab.program("nezuctl"), "no-such-command"], check=False)
    expect_equal(done.returncode, 2, "status of a wrong command")


@test(timeout=90)
def what_people_see(lab):
    """status, probe, monitor, query in three forms, failover list and show."""
    rig = Rig(lab)
    active = rig.monitoring()
    ctl = rig.manager.ctl
    load = rig.load(rate=300)
    time.sleep(3)
    begin = rig.nginx.entries()[0].start - 1
    active.kill()
    rig.manager.wait_state("monitoring", interrupted=True)
    rig.probe("node-b").start().wait_admitted(rig.manager)
    time.sleep(2)
    entries = rig.settle(load)
    end = entries[-1].end + 2
    record = wait_failover(rig.manager)
    span = ["--from", rfc3339(begin), "--to", rfc3339(end)]
    table = ctl("query", "shop/web", *span).stdout
    expect(re.search(r"p95|95", table), table)
    values = json.loads(ctl("query", "shop/web", *span, "--json").stdout)
    expect_equal(values["totals"]["transactions"], rig.manager.query(begin, end)["totals"]["transactions"], "transactions by --json")
    rows = list(csv.DictReader(io.StringIO(ctl("query", "shop/web", *span, "--step", "1s", "--csv").stdout)))
    expect(len(rows) >= 5 and "transactions" in rows[0], f"rows of --csv: {rows[:2]}")
    expect_equal(sum(int(float(r["transactions"] or 0)) for r in rows), values["totals"]["transactions"], "sum over the rows of --csv")
    text = ctl("status").stdout
    expect("edge" in text or "monitoring" in text, text)
    json.loads(ctl("status", "--json").stdout)
    expect("edge" in ctl("probe", "list").stdout, "probe list")
    expect("node-b" in ctl("probe", "show", "edge").stdout, "probe show")
    expect("edge" in ctl("failover", "list").stdout, "failover list")
    shown = ctl("failover", "show", str(record["id"])).stdout
    expect(all(word in shown for word in ("node-a", "node-b", "shop/web")), shown)
    ctl("monitor", "stop", "shop/web")
    rig.manager.wait_state("stopped")
    stopped = int(time.time())

    def after():
        points = rig.points(stopped - 2, stopped + 2)
        if any(p["kind"] == "gap" for p in points) or points[-1]["kind"] != "off":
            raise Failed(f"around the stop: {[(p['time'], p['kind'], p['covered']) for p in points]}")
        return True
    wait_for("no gap where nobody wished monitoring", after, 6)


@test(timeout=60)
def answers_are_what_the_openapi_document_says(lab):
    """Every GET of the document, asked of the real manager after a failover (tests/api holds all operations against a made-up one)."""
    try:
        import jsonschema
    except ImportError:
        raise Skip("python3-jsonschema is missing") from None
    rig = Rig(lab)
    rig.monitoring().kill()
    rig.probe("node-b").start().wait_admitted(rig.manager)
    load = rig.load(rate=200)
    time.sleep(2)
    rig.settle(load)
    wait_failover(rig.manager)
    document = rig.manager.http("GET", "/api/v1/openapi.json").json()
    discovery = rig.manager.api("/discoveries", "POST", {"probe": "edge", "by": "test"})
    names = {"/services": "shop%2Fweb", "/probes": "edge", "/failovers": "1", "/discoveries": str(discovery["id"])}
    asked = 0
    for path, item in document["paths"].items():
        if "get" not in item or path.endswith("/live"):
            continue
        full = path if path.startswith(("/api", "/metrics", "/healthz", "/readyz")) else "/api/v1" + path
        for word, name in names.items():
            full = re.sub(rf"{word}/\{{[^}}]+\}}", f"{word}/{name}", full)
        if full.endswith("/query"):
            full += "?service=shop/web&step=1s"
        answer = rig.manager.http("GET", full)
        expect_equal(answer.status, 200, f"status of GET {full}")
        content = item["get"]["responses"]["200"].get("content", {})
        kind = answer.headers["Content-Type"].split(";")[0]
        expect(kind in content, f"GET {full}: {kind} isn't documented, {sorted(content)} are")
        if kind == "application/json" and not full.endswith("openapi.json"):
            schema = {**content[kind]["schema"], "components": document["components"]}
            try:
                jsonschema.validate(answer.json(), schema, cls=jsonschema.Draft202012Validator)
            except jsonschema.ValidationError as error:
                raise Failed(f"GET {full}: {'/'.join(map(str, error.absolute_path))}: {error.message[:300]}") from None
        asked += 1
    expect(asked >= 8, f"only {asked} paths with GET in the document")
    return f"{asked} paths"


@test(timeout=60)
def metrics_are_what_prometheus_takes(lab):
    expect(shutil.which("promtool"), "promtool is missing (Debian package prometheus)")
    rig = Rig(lab)
    rig.monitoring()
    load = rig.load(rate=200)
    time.sleep(2)
    rig.settle(load)
    text = rig.manager.http("GET", "/metrics").body.decode()
    done = run(["promtool", "check", "metrics"], input_text=text, check=False)
    expect_equal(done.returncode, 0, f"promtool: {done.stdout}{done.stderr}")
    samples = rig.manager.metrics()
    expect(any("edge" in key for key in samples) and any("repeat" in key for key in samples), f"metrics: {sorted(samples)[:60]}")
    return f"{len(samples)} samples"
