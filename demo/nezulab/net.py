"""Network namespaces, links, a switch with a mirrored port. Needs root (CAP_NET_ADMIN, CAP_SYS_ADMIN)."""

import array
import contextlib
import ctypes
import fcntl
import os
import socket
import struct

from .process import Failed, run

_CLONE_NEWNET = 0x40000000
_SIOCETHTOOL = 0x8946
_ETHTOOL_OFF = {"tso": 0x1F, "gso": 0x24, "gro": 0x2C, "tx": 0x17}
_libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def inside(ns):
    """The calling thread is in the namespace meanwhile: sockets made here stay in it."""
    if not ns:
        yield
        return
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{ns}", os.O_RDONLY)
    try:
        if _libc.setns(there, _CLONE_NEWNET) != 0:
            raise Failed(f"can't enter namespace {ns}: {os.strerror(ctypes.get_errno())}")
        yield
    finally:
        _libc.setns(home, _CLONE_NEWNET)
        os.close(there)
        os.close(home)


def unavailable():
    """Why namespaces, veth and mirroring can't be used here; empty where they can."""
    if os.geteuid() != 0:
        return "needs root"
    trial = Net(f"nezu{os.getpid()}t")
    try:
        a, b = trial.add("a"), trial.add("b")
        trial.link(a, "left0", b, "right0")
        trial.link(a, "copy0", b, "copy1")
        trial.mirror(a, "left0", ["copy0"])
        return ""
    except Failed as error:
        return str(error).splitlines()[-1]
    finally:
        trial.close()


class Net:
    """Namespaces whose names begin with `name`; close() removes them all, and with them their links."""

    def __init__(self, name):
        self.name = name
        self.namespaces = []

    def add(self, short):
        ns = f"{self.name}-{short}"
        run(["ip", "netns", "add", ns])
        self.namespaces.append(ns)
        run(["ip", "-n", ns, "link", "set", "lo", "up"])
        return ns

    def link(self, ns_a, dev_a, ns_b, dev_b, address_a=None, address_b=None):
        """A cable between two namespaces; both ends up."""
        run(["ip", "link", "add", dev_a, "netns", ns_a, "type", "veth", "peer", "name", dev_b, "netns", ns_b])
        for ns, dev, address in ((ns_a, dev_a, address_a), (ns_b, dev_b, address_b)):
            with inside(ns):
                if os.path.exists(f"/proc/sys/net/ipv6/conf/{dev}/disable_ipv6"):
                    with open(f"/proc/sys/net/ipv6/conf/{dev}/disable_ipv6", "w", encoding="ascii") as f:
                        f.write("1")
            if address:
                run(["ip", "-n", ns, "address", "add", address, "dev", dev])
            run(["ip", "-n", ns, "link", "set", dev, "up"])

    def bridge(self, ns, name, ports):
        run(["ip", "-n", ns, "link", "add", name, "type", "bridge", "stp_state", "0", "forward_delay", "0", "mcast_snooping", "0"])
        run(["ip", "-n", ns, "link", "set", name, "up"])
        for port in ports:
            run(["ip", "-n", ns, "link", "set", port, "master", name])

    def plain_frames(self, ns, dev):
        """Frames as on a wire: no segments of 64 KiB, checksums filled in."""
        with inside(ns), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            for command in _ETHTOOL_OFF.values():
                value = array.array("B", struct.pack("II", command, 0))
                request = struct.pack("16sP", dev.encode(), value.buffer_info()[0])
                with contextlib.suppress(OSError):
                    fcntl.ioctl(s.fileno(), _SIOCETHTOOL, request)

    def mirror(self, ns, dev, targets):
        """Every frame that goes in or out at `dev` is copied to each of `targets`, as a switch's mirror port does."""
        run(["tc", "-n", ns, "qdisc", "add", "dev", dev, "clsact"])
        actions = []
        for target in targets:
            actions += ["action", "mirred", "egress", "mirror", "dev", target]
        for direction in ("ingress", "egress"):
            run(["tc", "-n", ns, "filter", "add", "dev", dev, direction, "protocol", "all", "prio", "1",
                 "u32", "match", "u32", "0", "0", *actions])

    def set_link(self, ns, dev, up):
        run(["ip", "-n", ns, "link", "set", dev, "up" if up else "down"])

    def leftover(self):
        """Namespaces of ours that are still there, and processes in them."""
        out = []
        for ns in self.namespaces:
            if os.path.exists(f"/run/netns/{ns}"):
                pids = run(["ip", "netns", "pids", ns], check=False).stdout.split()
                out.append(ns + (f" (processes {' '.join(pids)})" if pids else ""))
        return out

    def pids(self):
        return [int(pid) for ns in self.namespaces if os.path.exists(f"/run/netns/{ns}")
                for pid in run(["ip", "netns", "pids", ns], check=False).stdout.split()]

    def close(self):
        for ns in reversed(self.namespaces):
            if os.path.exists(f"/run/netns/{ns}"):
                run(["ip", "netns", "del", ns], check=False)


class Site:
    """The demo's network: client and web at a switch; the web server's cable is tapped, and all its frames are copied to two nodes; a
    second net for the manager. (The tap is at the server's end: there the copies are made when nginx sends and receives, so that its
    own log and the probe speak of the same instants also on a busy machine.)

        client ── switch ──╥── web          management: node-a, node-b, manager
                           ║ mirror
                        node-a, node-b
    """

    CLIENT, WEB = "10.80.1.1", "10.80.1.2"
    MANAGER, NODE = "10.80.2.1", {"node-a": "10.80.2.11", "node-b": "10.80.2.12"}
    MIRROR = "mirror0"

    def __init__(self, name, nodes=("node-a", "node-b")):
        self.net = Net(name)
        self.loopback = False
        n = self.net
        try:
            self.switch = n.add("switch")
            self.client, self.web, self.manager = n.add("client"), n.add("web"), n.add("manager")
            self.nodes = {node: n.add(node) for node in nodes}
            n.link(self.client, "eth0", self.switch, "client", f"{self.CLIENT}/24")
            n.link(self.web, "eth0", self.switch, "web", f"{self.WEB}/24")
            n.bridge(self.switch, "traffic", ["client", "web"])
            n.link(self.manager, "mgmt0", self.switch, "manager", f"{self.MANAGER}/24")
            ports = ["manager"]
            for i, (node, ns) in enumerate(self.nodes.items()):
                n.link(ns, "mgmt0", self.switch, f"mgmt{i}", f"{self.NODE[node]}/24")
                n.link(ns, self.MIRROR, self.web, f"mirror{i}")
                ports.append(f"mgmt{i}")
            n.bridge(self.switch, "management", ports)
            for ns, dev in ((self.client, "eth0"), (self.web, "eth0"), (self.switch, "client"), (self.switch, "web")):
                n.plain_frames(ns, dev)
            self.tap()
        except Failed:
            n.close()
            raise

    def tap(self, other=None):
        """Begins the copying anew; needed where a node's mirror interface was made anew. `other`: node's index → the device that its copies
        go to instead of its mirror port."""
        run(["tc", "-n", self.web, "qdisc", "del", "dev", "eth0", "clsact"], check=False)
        self.net.mirror(self.web, "eth0", [(other or {}).get(i, f"mirror{i}") for i in range(len(self.nodes))])

    def close(self):
        self.net.close()


class LoopbackSite:
    """Everything on 127.0.0.1, where namespaces aren't allowed: the probe reads the loopback interface."""

    CLIENT = WEB = MANAGER = "127.0.0.1"
    MIRROR = "lo"
    NODE = {"node-a": "127.0.0.1", "node-b": "127.0.0.1"}

    def __init__(self):
        self.net = None
        self.loopback = True
        self.switch = self.client = self.web = self.manager = None
        self.nodes = {"node-a": None, "node-b": None}

    def close(self):
        pass


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]
