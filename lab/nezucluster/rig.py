"""The whole of the lab: traffic, web server, manager, a pair of nodes under the cluster software; faults to inject, and what scenes ask."""

import contextlib
import os
import shutil
import tempfile
import time

from nezulab.daemons import Manager, Pki, merge, services_yaml, to_yaml
from nezulab.load import Load
from nezulab.process import Failed, busy, expect_equal, run, wait_for
from nezulab.web import Nginx

from . import audit
from .fencing import DEVICES, Fencing
from .node import Node
from .site import RING, ClusterSite
from .stack import CIB, Stack, corosync_conf

RESOURCE = "edge"
PATHS = ["/fast", "/page", "/big", "/post", "/error", "/missing", "/empty"]
MIX = ["GET:/fast:10", "GET:/page:3", "GET:/big:0.1", "POST:/post:1:700", "GET:/error:0.3", "GET:/missing:0.3", "GET:/empty:0.5"]

OPERATIONS = {
    "cold": """op start timeout=30s interval=0 op stop timeout=30s interval=0 \\
  op monitor interval=200ms timeout=10s op monitor interval={deep} timeout=10s OCF_CHECK_LEVEL=10 \\
  meta migration-threshold=1 failure-timeout={forget} resource-stickiness=100
""",
    "warm": """op start timeout=30s interval=0 op stop timeout=30s interval=0 op promote timeout=10s interval=0 op demote timeout=10s interval=0 \\
  op monitor interval=1s timeout=4s role=Unpromoted op monitor interval=200ms timeout=4s role=Promoted \\
  op monitor interval={deep} timeout=10s role=Unpromoted OCF_CHECK_LEVEL=10 op monitor interval={deep1} timeout=10s role=Promoted OCF_CHECK_LEVEL=10 \\
  meta failure-timeout={forget}
clone edge-pair edge meta promotable=true promoted-max=1 clone-max=2 interleave=true notify=false
""",
}


# Cold: the node that reaches the manager is preferred, with a finite score. dampen is twice the interval and the attempts, as in the examples.
PATH_TO_MANAGER = """primitive manager-path ocf:pacemaker:ping params host_list={address} name=manager-path-score dampen=6s multiplier=1000 attempts=2 timeout=1 \\
  op start timeout=20s interval=0 op stop timeout=20s interval=0 op monitor interval=1s timeout=20s
clone manager-path-clone manager-path
location edge-reaches-manager {resource} rule 500: manager-path-score gte 1000
"""


class Rig:
    """`kind`: cold or warm. Times are short, so that a scene shows in seconds what a real pair takes minutes for."""

    MORE = ()  # machines beside the pair

    def __init__(self, lab, kind, log, token_ms=1000, isolation="3s", fencing=False):
        self.lab, self.kind, self.say = lab, kind, log
        self.isolation, self.token_ms = isolation, token_ms
        self.site = lab.use(ClusterSite(lab.name, self.MORE))
        # Memory, not disk: the cluster software writes and syncs at each step, and other work on the machine would show in its times.
        self.dir = tempfile.mkdtemp(prefix=f"{lab.name}.", dir="/dev/shm")
        os.chmod(self.dir, 0o755)
        lab.on_close(self._remove)
        self.nginx = self.pki = self.manager = self.nodes = self.stack = None
        self.scene_begin, self.known, self.known_events, self.counters = 0.0, set(), set(), {}
        self.extra_agents = {}  # provider → files, beside the product's
        self.fencing = None
        self.with_fencing = fencing

    def _remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)
        return [self.dir] if os.path.exists(self.dir) else []

    # ---- building up

    def up(self):
        lab = self.lab
        build = os.path.dirname(lab.programs)
        run(["cmake", "--install", build, "--prefix", os.path.join(self.dir, "product")], timeout=120)
        for provider, files in self.extra_agents.items():
            folder = os.path.join(self.dir, "product", "lib", "ocf", "resource.d", provider)
            os.makedirs(folder)
            for file in files:
                shutil.copy2(file, folder)
        self.nginx = Nginx(lab, self.site.WEB, 80, self.site.web)
        self.pki = Pki(lab, self.site)
        self.nodes = {name: Node(lab, self.site, name, os.path.join(self.dir, "nodes", name)) for name in RING}
        self.stack = Stack(self.nodes)
        self.make_manager()
        os.makedirs(os.path.join(self.dir, "nodes"))
        if self.with_fencing:
            self.fencing = Fencing(os.path.join(self.dir, "fence"), self.nodes)
            lab.on_close(self.fencing.close)
        for node in self.nodes.values():
            node.format(corosync_conf(self.token_ms), CIB)
            shutil.copytree(self.pki.dir, os.path.join(node.folder, "pki"))
            run(["chmod", "-R", "a+rX", os.path.join(node.folder, "pki")])  # the daemon is no root, as in the field
            self.configure(node)
            lab.other_logs[f"nezu-{self.kind} on {node.name}"] = os.path.join(node.folder, "log", f"{self.RESOURCE}.log")
        for node in self.nodes.values():
            node.boot()
        self.stack.wait_online()
        self.stack.load(self.resources() + (DEVICES if self.fencing else ""))
        self.ready()
        return self

    # What another kind of pair does otherwise:

    RESOURCE = RESOURCE

    def make_manager(self):
        self.manager = Manager(self.lab, self.site, self.pki).start()

    @contextlib.contextmanager
    def manager_with(self, changes):
        """Its configuration is another one meanwhile; it is restarted before and after."""
        self.manager.stop()
        self.manager.configure(changes)
        try:
            self.manager.start()
            yield
        finally:
            self.manager.stop()
            self.manager.configure()
            self.manager.start()

    def resources(self):
        parameters = f"config=/run/lab/probe.yaml user=nobody log=/run/lab/log/{RESOURCE}.log long_poll=3s check_timeout=1s stop_timeout=7s"
        if self.kind == "warm":
            parameters += f" isolation_timeout={self.isolation}"
        text = f"primitive {RESOURCE} ocf:nezuban:probe params {parameters} \\\n  " + OPERATIONS[self.kind].format(deep="2s", deep1="2001ms", forget="5s")
        if self.kind == "cold":
            text += PATH_TO_MANAGER.format(address=self.site.MANAGER, resource=RESOURCE)
        return text

    def ready(self):
        self.apply_services()
        self.wait_active()

    def apply_services(self):
        self.manager.ctl("service", "apply", "-f", self.lab.write("services.yaml", services_yaml(80, PATHS)))

    def configure(self, node, changes=None):
        """The probe's configuration on a node, as it is read at its next start."""
        files = {key: f"/run/lab/pki/{os.path.basename(path)}" for key, path in self.pki.files("edge").items()}
        config = {
            "probe": {"name": "edge", "node": node.name},
            "manager": {"address": f"{self.site.MANAGER}:7400", "tls": files},
            "capture": {"interface": self.site.MIRROR, "ring": "16MiB"},
            "standby": self.kind,
        }
        node.write("probe.yaml", to_yaml(merge(config, changes)))

    # ---- looking

    def holder(self):
        """The node whose instance is admitted and connected; None where there is none."""
        try:
            probe = self.manager.probe()
        except Failed:
            return None  # not known yet
        for i in probe["instances"]:
            if probe["holder"] and i["instance"] == probe["holder"]:
                return i["node"]
        return None

    def instance(self):
        return self.manager.probe()["holder"]

    def wait_active(self, node=None, timeout=40):
        """The admitted node, as soon as there is one (this one)."""
        def there():
            holder = self.holder()
            if holder and (node is None or holder == node):
                return holder
            raise Failed(f"holder: {holder or 'nobody'}; the cluster: {self.stack.places(RESOURCE)}")
        return wait_for(f"an admitted instance{' on ' + node if node else ''}", there, timeout, 0.03)

    def wait_standby(self, timeout=30):
        """Warm: both instances are connected."""
        def there():
            nodes = {i["node"] for i in self.manager.probe()["instances"]}
            return len(nodes) == 2 or None
        wait_for("the standby's session", there, timeout, 0.05)

    def other(self, node):
        return next(n for n in self.nodes if n != node)

    def failovers(self):
        """Those of this scene, oldest first."""
        return sorted((r for r in self.manager.failovers() if r["id"] not in self.known), key=lambda r: r["id"])

    def wait_failovers(self, count, timeout=20):
        def there():
            records = self.failovers()
            if len(records) >= count and not any(r["open"] for r in records):
                return records
            raise Failed(f"{len(records)} records, {sum(r['open'] for r in records)} open")
        return wait_for(f"{count} closed failover records", there, timeout, 0.05)

    def events(self, code=None):
        return [e for e in self.manager.events(code) if e["id"] not in self.known_events]

    # ---- a scene

    def begin(self, monitoring=True):
        """Everything is well, and what is already recorded belongs to earlier scenes."""
        self.repair()
        node = self.wait_active()
        if monitoring != (self.manager.service()["monitoring"]["state"] == "monitoring"):
            self.manager.ctl("monitor", "start" if monitoring else "stop", "shop/web")
        self.manager.wait_state("monitoring" if monitoring else "stopped", timeout=30)
        if self.kind == "warm":
            self.wait_standby()
        self.stack.settle()
        self.known = {r["id"] for r in self.manager.failovers()}
        self.known_events = {e["id"] for e in self.manager.events()}
        self.counters = self.manager.probe()["counters"]
        self.scene_begin = time.time()
        return self.nodes[node]

    def repair(self):
        """Undoes what a scene, also one that failed in the middle, may have left."""
        if not self.manager.process.running():
            self.manager.start()
        self.site.manager_link(True)
        for name, node in self.nodes.items():
            self.site.cluster_link(name, True)
            self.site.management_link(name, True)
            self.site.mirror_port(name, True)
            if not node.running():
                node.boot()
        self.stack.wait_online()
        self.stack.cleanup(self.RESOURCE)

    def load(self, rate=400, connections=40, extra=("--poisson",)):
        load = Load(self.lab, self.site, self.nginx, MIX, rate, connections, extra=extra)
        wait_for("the first requests", lambda: len(self.entries()) > rate / 10, 10)
        return load

    def entries(self):
        return [e for e in self.nginx.entries() if e.start >= self.scene_begin]

    def settle(self, load, timeout=30):
        """Ends the load, waits until all of it is stored. nginx's entries of this scene."""
        _, entries = load.end(self.entries)
        self.manager.wait_stored(int(time.time()) + 1, timeout=timeout)
        return entries

    def audit(self, entries, failovers, margin=0.0):
        """Counts, coverage and records against each other and against nginx's log. The gaps, and a text."""
        # nginx logs by a clock that it reads once a turn: at a gap's edge it may be a little late, more so where it waits for a processor.
        margin = max(margin, 0.03 if busy() else 0.01)
        gaps = audit.gaps_of_all(failovers)
        audit.records(failovers)
        audit.coverage(self.manager, min(e.end for e in entries) + 1, max(e.end for e in entries), gaps)
        try:
            return gaps, audit.counts(self.manager, entries, gaps, PATHS, margin)
        except Failed as error:
            raise Failed(f"{error}\n    what the probe counted meanwhile: {self.counted()}") from None

    def leftovers(self):
        """No instance but those that the cluster runs: one a node, in a cold pair only on the admitted one's."""
        for name, node in self.nodes.items():
            wanted = [node.daemon(self.RESOURCE)] if self.kind == "warm" or name == self.holder() else []
            expect_equal(node.processes("nezu-probe"), wanted, f"instances that run on {name}")

    def counted(self):
        """What the logical probe's counters grew by in this scene, without zeros: for people who look for a reason."""
        def grown(now, before):
            out = {k: grown(v, before.get(k, {})) if isinstance(v, dict) else v - before.get(k, 0) for k, v in now.items()}
            return {k: v for k, v in out.items() if v}
        return grown(self.manager.probe()["counters"], self.counters)
