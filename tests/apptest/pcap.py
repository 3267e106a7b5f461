"""Small captures made by hand: Ethernet, IPv4, TCP; a connection with requests and responses at chosen instants."""

import struct

CLIENT, SERVER = bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])


def header(link_type=1):
    return struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, link_type)


def record(ns, frame):
    return struct.pack("<IIII", ns // 10**9, ns % 10**9, len(frame), len(frame)) + frame


def frame(source, target, sport, dport, seq, ack, flags, payload=b""):
    tcp = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 5 << 4, flags, 65535, 0, 0)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40 + len(payload), 0, 0, 64, 6, 0, source, target)
    return b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + ip + tcp + payload


class Connection:
    SYN, ACK, FIN, PSH = 2, 16, 1, 8

    def __init__(self, port=40000):
        self.port, self.client, self.server = port, 1000, 5000
        self.records = []

    def _add(self, ns, from_client, flags, payload=b""):
        if from_client:
            data = frame(CLIENT, SERVER, self.port, 80, self.client, self.server, flags, payload)
            self.client += len(payload) + bool(flags & (self.SYN | self.FIN))
        else:
            data = frame(SERVER, CLIENT, 80, self.port, self.server, self.client, flags, payload)
            self.server += len(payload) + bool(flags & (self.SYN | self.FIN))
        self.records.append(record(ns, data))

    def open(self, ns):
        self._add(ns, True, self.SYN)
        self._add(ns + 1000, False, self.SYN | self.ACK)
        self._add(ns + 2000, True, self.ACK)
        return self

    def exchange(self, ns, path, status=200, after=1_000_000):
        self._add(ns, True, self.ACK | self.PSH, f"GET {path} HTTP/1.1\r\nHost: pcap.test\r\n\r\n".encode())
        self._add(ns + after, False, self.ACK | self.PSH, f"HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\nok".encode())
        return self

    def close(self, ns):
        self._add(ns, True, self.ACK | self.FIN)
        self._add(ns + 1000, False, self.ACK | self.FIN)
        self._add(ns + 2000, True, self.ACK)
        return self

    def bytes(self):
        return b"".join(self.records)
