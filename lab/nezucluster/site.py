"""The lab's network: nezulab's site (traffic, mirror ports, management) and a cluster link between the nodes, each of which can be cut alone."""

from nezulab.net import Site

RING = {"node-a": "10.80.3.11", "node-b": "10.80.3.12"}


class ClusterSite(Site):
    def __init__(self, name):
        super().__init__(name)
        n = self.net
        ports = []
        for i, (node, ns) in enumerate(self.nodes.items()):
            n.link(ns, "ring0", self.switch, f"ring{i}", f"{RING[node]}/24")
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
