"""The lab's network: nezulab's site (traffic, mirror ports, management) and a cluster link between the nodes, each of which can be cut alone."""

from nezulab.net import Site
from nezulab.process import run

RING = {"node-a": "10.80.3.11", "node-b": "10.80.3.12"}


class ClusterSite(Site):
    """`more`: machines that aren't in the cluster, with a mirror port of their own (node-c)."""

    NODE = {**Site.NODE, "node-c": "10.80.2.13"}

    def __init__(self, name, more=()):
        super().__init__(name, nodes=(*RING, *more))
        n = self.net
        ports = []
        for i, node in enumerate(RING):
            n.link(self.nodes[node], "ring0", self.switch, f"ring{i}", f"{RING[node]}/24")
            ports.append(f"ring{i}")
        n.bridge(self.switch, "cluster", ports)
        self._index = {node: i for i, node in enumerate(self.nodes)}

    # Cables are cut at the switch: the node sees its carrier go, as it would.

    def cluster_link(self, node, up):
        self.net.set_link(self.switch, f"ring{self._index[node]}", up)

    def management_link(self, node, up):
        self.net.set_link(self.switch, f"mgmt{self._index[node]}", up)

    def manager_link(self, up):
        self.net.set_link(self.switch, "manager", up)

    def mirror_port(self, node, up):
        """The port of the switch that the copies go out at; the probe's interface loses its carrier."""
        self.net.set_link(self.web, f"mirror{self._index[node]}", up)

    def free_managers_address(self):
        run(["ip", "-n", self.manager, "address", "flush", "dev", "mgmt0"])

    def all_links(self, node, up):
        """A machine without power says nothing any more, not even that a connection has ended."""
        self.cluster_link(node, up)
        self.management_link(node, up)
        self.mirror_port(node, up)

    def only_own_address(self, node):
        """Addresses that cluster software had put there are gone with a restart."""
        ns = self.nodes[node]
        run(["ip", "-n", ns, "address", "flush", "dev", "mgmt0"])
        run(["ip", "-n", ns, "address", "add", f"{self.NODE[node]}/24", "dev", "mgmt0"])
