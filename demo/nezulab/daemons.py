"""The product's programs, started and asked: manager, probes, nezuctl, the certificates between them."""

import contextlib
import datetime
import json
import signal
import sqlite3
import urllib.parse

from .http import ask, ask_json
from .process import Failed, run, wait_for

SERVICES = """\
apiVersion: nezuban/v1
services:
  - group: shop
    name: web
    ports: [{port}]
    transactions:
{transactions}"""


def services_yaml(port, paths):
    """One service "shop/web" whose web transactions are one path each; names are made from the paths."""
    lines = "".join(f"      - name: {target_of(path)}\n        path: {{exact: {path}}}\n" for path in paths)
    return SERVICES.format(port=port, transactions=lines)


def target_of(path):
    return path.strip("/").replace("/", "-")


def to_yaml(value, indent=0):
    """Nested mappings as block style; leaves as JSON, which YAML reads."""
    out = ""
    for key, item in value.items():
        if isinstance(item, dict) and item:
            out += f"{' ' * indent}{key}:\n{to_yaml(item, indent + 2)}"
        else:
            out += f"{' ' * indent}{key}: {json.dumps(item)}\n"
    return out


def merge(base, changes):
    """`changes` laid over `base`, mapping by mapping; None takes a key away."""
    out = dict(base)
    for key, item in (changes or {}).items():
        if item is None:
            out.pop(key, None)
        elif isinstance(item, dict) and isinstance(out.get(key), dict):
            out[key] = merge(out[key], item)
        else:
            out[key] = item
    return out


def rfc3339(seconds):
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"


def seconds_of(text):
    """RFC 3339 to seconds since 1970; None stays None."""
    if not text:
        return None
    main, _, fraction = text.rstrip("Z").partition(".")
    whole = datetime.datetime.strptime(main, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=datetime.timezone.utc).timestamp()
    return whole + (float("0." + fraction) if fraction else 0.0)


class Pki:
    """A certificate authority and certificates, made by `nezuctl pki`."""

    def __init__(self, lab, site, probes=("edge",), name="pki"):
        self.dir = lab.path(name)
        ctl = lab.program("nezuctl")
        run([ctl, "pki", "init", "--dir", self.dir])
        run([ctl, "pki", "issue", "--dir", self.dir, "--role", "manager", "--host", site.MANAGER, "--host", "manager", "--name", "manager"])
        for probe in probes:
            run([ctl, "pki", "issue", "--dir", self.dir, "--role", "probe", "--name", probe])

    def files(self, name):
        return {"ca": f"{self.dir}/ca.crt", "certificate": f"{self.dir}/{name}.crt", "key": f"{self.dir}/{name}.key"}


class Manager:
    def __init__(self, lab, site, pki, link_port=7400, api_port=7480, changes=None, name="manager"):
        self.lab, self.site, self.name = lab, site, name
        self.link_port, self.api_port = link_port, api_port
        self.database = lab.path(name, "manager.db")
        config = {
            "link": {"listen": f"{site.MANAGER}:{link_port}", "tls": pki.files("manager")},
            "api": {"listen": f"127.0.0.1:{api_port}"},
            "store": {"path": self.database},
        }
        lab.write(f"{name}/.keep", "")
        self.settings = merge(config, changes)
        self.config = lab.path(f"{name}.yaml")
        self.configure()
        self.process = None

    def configure(self, changes=None):
        """The configuration as it is read at the next start."""
        self.lab.write(f"{self.name}.yaml", to_yaml(merge(self.settings, changes)))

    def start(self, wait=True):
        self.process = self.lab.start("nezu-manager", [self.lab.program("nezu-manager"), "run", "--config", self.config],
                                      ns=self.site.manager)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout=20):
        def ready():
            self.process.must_run()
            return self.http("GET", "/readyz").status == 200  # probes are let in
        wait_for("the manager's /readyz", ready, timeout)

    def kill(self):
        return self.process.kill()

    def stop(self):
        return self.process.terminate()

    def http(self, method, path, body=None):
        return ask(self.site.manager, "127.0.0.1", self.api_port, method, path, body)

    def api(self, path, method="GET", body=None):
        return ask_json(self.site.manager, "127.0.0.1", self.api_port, method, "/api/v1" + path, body)

    def metrics(self):
        """Samples of /metrics: "name{labels}" → value."""
        out = {}
        for line in self.http("GET", "/metrics").body.decode().splitlines():
            if line and not line.startswith("#"):
                key, _, value = line.rpartition(" ")
                out[key] = float(value)
        return out

    def ctl(self, *args, check=True, input_text=None):
        return run([self.lab.program("nezuctl"), "--manager", f"http://127.0.0.1:{self.api_port}", *args],
                   ns=self.site.manager, check=check, input_text=input_text)

    def service(self, name="shop/web"):
        return self.api("/services/" + urllib.parse.quote(name, safe=""))

    def probe(self, name="edge"):
        return self.api(f"/probes/{name}")

    def wait_state(self, state, interrupted=False, name="shop/web", timeout=15):
        def there():
            monitoring = self.service(name)["monitoring"]
            if monitoring["state"] == state and bool(monitoring["interrupted"]) == interrupted:
                return True
            raise Failed(f"state is {monitoring}")
        wait_for(f"{name} {state}{' interrupted' if interrupted else ''}", there, timeout)

    def query(self, begin, end, target="all", step="auto", service="shop/web", probe=None):
        args = {"service": service, "target": target, "from": rfc3339(begin), "to": rfc3339(end), "step": step}
        if probe:
            args["probe"] = probe
        return self.api("/query?" + urllib.parse.urlencode(args))

    def stored_until(self, probe="edge"):
        return seconds_of(self.probe(probe)["stored_until"]) or 0.0

    def wait_stored(self, until, probe="edge", timeout=15):
        def there():
            at = self.stored_until(probe)
            if at >= until:
                return True
            raise Failed(f"stored until {at:.3f}, wanted {until:.3f}")
        wait_for("the last windows in the store", there, timeout)

    def failovers(self):
        return self.api("/failovers")["failovers"]

    def events(self, code=None):
        return [e for e in self.api("/events")["events"] if code is None or e["code"] == code]

    def integrity(self):
        """What SQLite's own check says of the database file ("ok")."""
        with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=rw", uri=True)) as db:
            return db.execute("pragma integrity_check").fetchone()[0]


class Probe:
    def __init__(self, lab, site, pki, node="node-a", logical="edge", link_port=7400, changes=None, ports=None, certificate=None):
        self.lab, self.site, self.node, self.logical = lab, site, node, logical
        self.ns = site.nodes[node]
        self.socket = lab.path(f"{node}.sock")
        config = {
            "probe": {"name": logical, "node": node},
            "manager": {"address": f"{site.MANAGER}:{link_port}", "tls": pki.files(certificate or logical)},
            "capture": {"interface": site.MIRROR},
            "control": {"socket": self.socket},
        }
        if ports:
            config["capture"]["ports"] = list(ports)
        self.config = lab.write(f"{node}.yaml", to_yaml(merge(config, changes)))
        self.process = None

    def start(self, env=None, prefix=()):
        self.process = self.lab.start(f"nezu-probe-{self.node}",
                                      [*prefix, self.lab.program("nezu-probe"), "run", "--config", self.config], ns=self.ns, env=env)
        return self

    def kill(self):
        return self.process.kill()

    def stop(self):
        return self.process.terminate()

    def reload(self):
        self.process.send(signal.SIGHUP)

    def status(self):
        done = run([self.lab.program("nezu-probe"), "status", "--socket", self.socket, "--json"], ns=self.ns)
        return json.loads(done.stdout)

    def wait_admitted(self, manager, timeout=15):
        def there():
            self.process.must_run()
            view = manager.probe(self.logical)
            mine = [i for i in view["instances"] if i["node"] == self.node]
            if view["holder"] and mine and mine[0]["instance"] == view["holder"]:
                return True
            raise Failed(f"{view['state']}, holder {view['holder'] or 'nobody'}")
        wait_for(f"the admission of {self.logical} on {self.node}", there, timeout)


def gaps_of(failover):
    """The gaps of a failover record as (begin, end, since when the new instance watched) in seconds, without empty ones."""
    watched = seconds_of(failover["first_covered"]) if failover["first_covered"] else float("inf")
    spans = {(seconds_of(g["begin"]), seconds_of(g["end"]), watched) for g in failover["gaps"]}
    return sorted(span for span in spans if span[1] > span[0])
