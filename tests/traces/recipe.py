"""What a case is made of: one connection's packets, and what must be said of them. Times are in milliseconds since the trace's beginning.
Expected lines name only the fields that the case is about."""

import struct

BASE = 1_800_000_000
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


class Trace:
    """One connection's packets, in the order in which they are made; lost() and at() bend that."""

    def __init__(self, client=("10.0.0.7", 40000), server=("192.0.2.1", 80), link=1, v6=False, vlan=(), snap=0):
        self.records, self.expected = [], []
        self.client, self.server, self.link, self.v6, self.vlan, self.snap = client, server, link, v6, vlan, snap
        self.seq = {"C": 1000, "S": 5000}
        self.now = 0.0

    def frame(self, who, seq, ack, flags, data, window=65535):
        (src, sport), (dst, dport) = (self.client, self.server) if who == "C" else (self.server, self.client)
        tcp = struct.pack(">HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x50, flags, window, 0, 0) + data
        if self.v6:
            address = lambda n: b"\x20\x01\x0d\xb8" + bytes(11) + bytes([n])
            ip = struct.pack(">IHBB", 0x60000000, len(tcp), 6, 64) + address(7 if who == "C" else 1) + address(1 if who == "C" else 7) + tcp
        else:
            address = lambda a: bytes(int(x) for x in a.split("."))
            ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0x4000, 64, 6, 0) + address(src) + address(dst) + tcp
        kind = 0x86DD if self.v6 else 0x0800
        if self.link == 1:
            tags = b"".join(struct.pack(">HH", t, v) for t, v in self.vlan)
            return bytes.fromhex("020000000001020000000002") + tags + struct.pack(">H", kind) + ip
        if self.link == 113:
            return struct.pack(">HHH8sH", 0, 1, 6, bytes(8), kind) + ip
        if self.link == 276:
            return struct.pack(">HHIHBB8s", kind, 0, 1, 1, 0, 6, bytes(8)) + ip
        if self.link == 0:
            return struct.pack("<I", 30 if self.v6 else 2) + ip
        return ip

    def packet(self, who, data=b"", flags=ACK, t=None, lost=False, seq=None, ack=None, window=65535):
        """Sends data. Without t: 1 ms after the packet before."""
        other = "S" if who == "C" else "C"
        self.now = self.now + 1 if t is None else t
        data = data.encode() if isinstance(data, str) else data
        moves = seq is None
        seq = self.seq[who] if seq is None else seq
        ack = self.seq[other] if ack is None else ack
        frame = self.frame(who, seq, ack if flags & ACK else 0, flags | (PSH if data else 0), data, window)
        if not lost:
            self.records.append((self.now, frame))
        if moves:
            self.seq[who] += len(data) + (1 if flags & (SYN | FIN) else 0)
        return seq

    def c(self, data=b"", **more):
        return self.packet("C", data, **more)

    def s(self, data=b"", **more):
        return self.packet("S", data, **more)

    def open(self):
        self.c(flags=SYN, t=0)
        self.s(flags=SYN | ACK)
        self.c()
        return self

    def close(self):
        self.c(flags=FIN | ACK)
        self.s(flags=FIN | ACK)
        self.c()

    def expect(self, **fields):
        if "ms" in fields:
            fields["response_time"] = round(fields.pop("ms") / 1000, 9)
        self.expected.append(fields)

    def bytes(self):
        out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, self.snap or 262144, self.link)
        for t, frame in self.records:
            us = round(t * 1000)
            cut = frame[: self.snap] if self.snap else frame
            out += struct.pack("<IIII", BASE + us // 1_000_000, us % 1_000_000, len(cut), len(frame)) + cut
        return out


def get(path="/", extra=""):
    return f"GET {path} HTTP/1.1\r\nHost: a.example\r\n{extra}\r\n"


def ok(body="hello", extra=""):
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{extra}\r\n{body}"


COMPLETE = dict(completeness="complete", status=200)
