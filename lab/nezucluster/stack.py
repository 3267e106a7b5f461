"""The cluster software as a whole: its configuration, what it says of itself, waiting for it."""

import os
import subprocess
import xml.etree.ElementTree as ElementTree

from nezulab.process import Failed, wait_for

from .site import RING

PROGRAMS = ["corosync", "pacemakerd", "crm", "crm_mon", "crm_resource", "crm_attribute", "unshare", "nsenter"]


def unavailable():
    """Why there can be no cluster here; empty where there can."""
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    missing = [p for p in PROGRAMS if not any(os.access(os.path.join(d, p), os.X_OK) for d in path.split(":"))]
    if missing:
        return f"programs of the cluster are missing: {', '.join(missing)}"
    try:
        trial = subprocess.run(["unshare", "--mount", "--uts", "--ipc", "--pid", "--fork", "--propagation", "private", "sh", "-c",
                                "mount -t proc proc /proc && mount -t tmpfs tmpfs /run"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"namespaces: {error}"
    return "" if trial.returncode == 0 else f"namespaces: {trial.stderr.strip()}"


def corosync_conf(token_ms):
    """wait_for_all is off, which a pair without fencing needs where one node comes back alone; docs/cluster.md says when that is right."""
    nodes = "".join(f"  node {{\n    name: {name}\n    nodeid: {i}\n    ring0_addr: {address}\n  }}\n" for i, (name, address) in enumerate(RING.items(), 1))
    return f"""totem {{
  version: 2
  cluster_name: nezulab
  transport: knet
  crypto_cipher: none
  crypto_hash: none
  token: {token_ms}
}}
logging {{
  to_stderr: no
  to_syslog: no
  to_logfile: yes
  logfile: /var/log/corosync/corosync.log
  timestamp: hires
}}
quorum {{
  provider: corosync_votequorum
  two_node: 1
  wait_for_all: 0
}}
nodelist {{
{nodes}}}
"""


# An election waits dc-deadtime at the start: 20 s unless it is said otherwise. cluster-delay: after a split is healed Pacemaker may wait for
# an answer that has already come, so long and the time-out of the operation.
CIB = """<cib crm_feature_set="3.0.0" validate-with="pacemaker-3.9" epoch="1" num_updates="0" admin_epoch="0">
<configuration><crm_config><cluster_property_set id="cib-bootstrap-options">
<nvpair id="o1" name="dc-deadtime" value="2s"/><nvpair id="o2" name="stonith-enabled" value="false"/>
<nvpair id="o3" name="cluster-delay" value="5s"/>
</cluster_property_set></crm_config><nodes/><resources/><constraints/></configuration><status/></cib>
"""


class Stack:
    def __init__(self, nodes):
        self.nodes = nodes

    def any_node(self):
        for node in self.nodes.values():
            if node.running():
                return node
        raise Failed("no node is up")

    def state(self, node=None):
        done = (node or self.any_node()).run(["crm_mon", "-1", "--output-as=xml", "--inactive"], check=False, timeout=20)
        try:
            return ElementTree.fromstring(done.stdout)
        except ElementTree.ParseError:
            raise Failed(f"crm_mon: {done.stdout[:200]} {done.stderr[:200]}") from None

    def wait_online(self, names=None, timeout=60):
        """Those nodes (all) are members, and somebody decides."""
        wanted = set(names or self.nodes)

        def online():
            state = self.state(self.nodes[next(iter(wanted))])
            there = {n.get("name") for n in state.findall("./nodes/node") if n.get("online") == "true" and n.get("pending") == "false"}
            dc = state.find("./summary/current_dc")
            return wanted <= there and dc is not None and dc.get("present") == "true"
        wait_for(f"the cluster of {', '.join(sorted(wanted))}", online, timeout, 0.1)

    def places(self, resource):
        """Where a resource runs: node → its role there ("Started", "Promoted", "Unpromoted")."""
        out = {}
        for r in self.state().iter("resource"):
            if r.get("id", "").split(":")[0] == resource and r.get("active") == "true" and r.get("failed") != "true":
                for node in r.findall("node"):
                    out[node.get("name")] = {"Master": "Promoted", "Slave": "Unpromoted"}.get(r.get("role"), r.get("role"))
        return out

    def crm(self, *args, check=True):
        return self.any_node().run(["crm", "-F", *args], check=check, timeout=60)

    def load(self, text):
        """Configuration in crmsh's language, added to what is there."""
        node = self.any_node()
        node.write("configuration.crm", text)
        done = node.run(["crm", "-F", "configure", "load", "update", "/run/lab/configuration.crm"], check=False)
        if done.returncode != 0 or "ERROR" in done.stdout + done.stderr:
            raise Failed(f"the cluster refuses this configuration:\n{text}\n{done.stdout}{done.stderr}")

    def move(self, resource, node, there, promoted=False):
        """As an operator moves it: the wish, `there` waits until it is fulfilled, and the constraint that the wish was goes again."""
        self.any_node().run(["crm_resource", "--move", "-r", resource, *(["--promoted"] if promoted else []), "-N", node])
        there(node)
        self.any_node().run(["crm_resource", "--clear", "-r", resource])

    def cleanup(self, resource):
        """Old failures are forgotten, as an operator does after a repair."""
        self.any_node().run(["crm_resource", "--cleanup", "-r", resource], check=False)

    def settle(self, timeout=60):
        """Nothing is left to do."""
        self.any_node().run(["crm_resource", "--wait", f"--timeout={timeout}s"], check=False, timeout=timeout + 10)
