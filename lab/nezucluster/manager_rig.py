"""A pair of managers: the database on what both nodes can reach, the address that probes know moves with the manager; one probe beside them."""

import os
import time

from nezulab.daemons import Manager, Probe, to_yaml
from nezulab.process import Failed, wait_for

from .rig import Rig

GROUP = """primitive nezu-address ocf:heartbeat:IPaddr2 params ip={address} cidr_netmask=24 nic=mgmt0 op start timeout=20s interval=0 \\
  op stop timeout=20s interval=0 op monitor interval=5s timeout=20s
primitive nezu-manager ocf:nezuban:manager params config=/run/lab/manager.yaml user=nobody log=/run/lab/log/nezu-manager.log long_poll=3s check_timeout=1s \\
  op start timeout=60s interval=0 op stop timeout=40s interval=0 op monitor interval=200ms timeout=10s op monitor interval=2s timeout=10s OCF_CHECK_LEVEL=10
group nezu-manager-group nezu-address nezu-manager meta migration-threshold=1 failure-timeout=5s resource-stickiness=100
"""


class _Place:
    """Where the manager is asked: in the node that runs it. Its API is on the loopback there."""

    def __init__(self, rig):
        self.rig = rig
        self.MANAGER = rig.site.MANAGER

    @property
    def manager(self):
        node = self.rig.manager_node()
        if node is None:
            raise OSError("no node runs the manager")
        return node.ns


class ManagerRig(Rig):
    MORE = ("node-c",)
    RESOURCE = "nezu-manager"

    def make_manager(self):
        # The address moves: nobody else may have it.
        self.site.free_managers_address()
        os.makedirs(os.path.join(self.dir, "shared"))
        os.chmod(os.path.join(self.dir, "shared"), 0o777)
        self.manager = Manager(self.lab, _Place(self), self.pki)
        self.manager.database = os.path.join(self.dir, "shared", "manager.db")

    def configure(self, node, changes=None):
        files = {key: f"/run/lab/pki/{os.path.basename(path)}" for key, path in self.pki.files("manager").items()}
        node.write("manager.yaml", to_yaml({"link": {"listen": "0.0.0.0:7400", "tls": files}, "store": {"path": "/run/shared/manager.db"}}))

    def resources(self):
        return GROUP.format(address=self.site.MANAGER)

    def ready(self):
        self.wait_manager()
        self.probe = Probe(self.lab, self.site, self.pki, node="node-c").start()
        self.apply_services()
        self.wait_active()

    def manager_node(self):
        return next((n for n in self.nodes.values() if n.daemon("nezu-manager")), None)

    def wait_manager(self, node=None, timeout=40):
        """The node where the manager lets probes in (this one)."""
        def there():
            found = self.manager_node()
            if found and (node is None or found.name == node) and self.manager.http("GET", "/readyz").status == 200:
                return found
            raise Failed(f"on {found.name if found else 'no node'}")
        return wait_for("the manager" + (f" on {node}" if node else ""), there, timeout, 0.05)

    def begin(self, monitoring=True):
        self.repair()
        node = self.wait_manager()
        self.wait_active("node-c")
        if monitoring and self.manager.service()["monitoring"]["state"] != "monitoring":
            self.manager.ctl("monitor", "start", "shop/web")
        self.manager.wait_state("monitoring")
        self.stack.settle()
        self.known = {r["id"] for r in self.manager.failovers()}
        self.known_events = {e["id"] for e in self.manager.events()}
        self.counters = self.manager.probe()["counters"]
        self.scene_begin = time.time()
        return node

    def repair(self):
        for node in self.nodes.values():
            if not node.running():
                node.boot()
        self.stack.wait_online()
        self.stack.cleanup(self.RESOURCE)
