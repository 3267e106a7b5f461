#!/usr/bin/env python3
"""Makes the traces: NAME.pcap, and NAME.jsonl with what must be said of it. A catalogue of what goes wrong in real HTTP.
  make.py           writes all of them beside this file
  make.py --check   fails if a file differs from what would be written
Times are in milliseconds since the trace's beginning. Expected lines name only the fields that the case is about."""
import json
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
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


@case
def simple():
    t = Trace().open()
    t.c(get("/a?b=c"), t=10)
    t.s(ok(), t=30)
    t.close()
    t.expect(client="10.0.0.7:40000", server="192.0.2.1:80", method="GET", host="a.example", uri="/a?b=c", version="1.1", ms=20, ttfb=0.02,
             request_bytes=0, response_bytes=5, reason=None, **COMPLETE)
    return t


@case
def host_with_port():
    t = Trace().open()
    t.c("GET / HTTP/1.1\r\nhOsT:\t a.example:8080 \r\n\r\n")
    t.s(ok())
    t.expect(host="a.example", **COMPLETE)
    return t


@case
def absolute_form():
    t = Trace().open()
    t.c("GET http://b.example:81/x?y HTTP/1.1\r\nHost: ignored\r\n\r\n")
    t.s(ok())
    t.expect(host="b.example", uri="/x?y", **COMPLETE)
    return t


@case
def no_host_http10():
    t = Trace().open()
    t.c("GET /old HTTP/1.0\r\n\r\n", t=10)
    t.s("HTTP/1.0 200 OK\r\n\r\nuntil the end", t=20)
    t.s(flags=FIN | ACK, t=25)
    t.c(flags=FIN | ACK)
    t.expect(host="192.0.2.1", version="1.0", response_bytes=13, ms=10, **COMPLETE)
    return t


@case
def bare_lf_and_leading_empty_lines():
    t = Trace().open()
    t.c("\r\n\r\nGET /lf HTTP/1.1\nHost: a.example\n\n")
    t.s("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
    t.expect(uri="/lf", response_bytes=2, **COMPLETE)
    return t


@case
def a_line_end_too_many_after_a_body():
    t = Trace().open()
    t.c(get("/1"), t=10)
    t.s(ok() + "\n", t=20)
    t.c(get("/2"), t=30)
    t.s(ok(), t=45)
    t.s("\r\n", t=46)
    t.c(get("/3"), t=60)
    t.s(ok(), t=63)
    t.close()
    t.expect(uri="/1", ms=10, response_bytes=5, **COMPLETE)
    t.expect(uri="/2", ms=15, response_bytes=5, **COMPLETE)
    t.expect(uri="/3", ms=3, response_bytes=5, **COMPLETE)
    return t


@case
def obsolete_folding():
    t = Trace().open()
    t.c("GET /fold HTTP/1.1\r\nX: a\r\n b\r\nHost: a.example\r\n\r\n")
    t.s(ok())
    t.expect(uri="/fold", host="a.example", **COMPLETE)
    return t


@case
def pipelined():
    t = Trace().open()
    t.c(get("/1") + get("/2") + get("/3"), t=10)
    t.s(ok("one") + "HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\ntwo\r\n0\r\nTrailer: t\r\n\r\n", t=20)
    t.s(ok("three"), t=40)
    t.expect(uri="/1", ms=10, response_bytes=3, **COMPLETE)
    t.expect(uri="/2", ms=10, response_bytes=3, completeness="complete", status=404)
    t.expect(uri="/3", ms=30, response_bytes=5, **COMPLETE)
    return t


@case
def bodies_that_are_none():
    t = Trace().open()
    for method, status in (("HEAD", 200), ("GET", 304), ("GET", 204)):
        t.c(f"{method} /{status} HTTP/1.1\r\nHost: a\r\n\r\n")
        t.s(f"HTTP/1.1 {status} X\r\nContent-Length: 1000\r\n\r\n")
        t.expect(method=method, status=status, response_bytes=0, completeness="complete")
    t.c(get("/last"))
    t.s(ok())
    t.expect(uri="/last", **COMPLETE)
    return t


@case
def continue_100():
    t = Trace().open()
    t.c("POST /up HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n", t=10)
    t.s("HTTP/1.1 100 Continue\r\n\r\n", t=12)
    t.c("data", t=15)
    t.s(ok(), t=40)
    t.expect(uri="/up", request_bytes=4, ms=30, ttfb=0.025, **COMPLETE)
    return t


@case
def early_response():
    t = Trace().open()
    t.c("POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345", t=10)
    t.s("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n", t=20)
    t.c("67890", t=30)
    t.c(get("/next"), t=40)
    t.s(ok(), t=45)
    t.expect(uri="/up", status=413, ms=10, ttfb=0.0, completeness="complete")
    t.expect(uri="/next", ms=5, **COMPLETE)
    return t


@case
def upgrade_101():
    t = Trace().open()
    t.c(get("/ws", "Upgrade: websocket\r\nConnection: Upgrade\r\n"))
    t.s("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n")
    t.s(b"\x81\x05hello")
    t.c(get("/not-http"))
    t.expect(uri="/ws", status=101, completeness="complete")
    return t


@case
def connect_tunnel():
    t = Trace().open()
    t.c("CONNECT b.example:443 HTTP/1.1\r\nHost: b.example:443\r\n\r\n")
    t.s("HTTP/1.1 200 Established\r\n\r\n")
    t.c(b"\x16\x03\x01" + bytes(50))
    t.s(b"\x16\x03\x03" + bytes(50))
    t.expect(method="CONNECT", uri="b.example:443", host="b.example", **COMPLETE)
    return t


def ambiguous(head):
    t = Trace().open()
    t.c(head)
    t.s(ok())
    t.c(get("/after"))
    t.s(ok())
    t.expect(completeness="no_response", reason="ambiguous_framing", status=None)
    return t


@case
def smuggling_length_and_coding():
    return ambiguous("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")


@case
def smuggling_two_lengths():
    return ambiguous("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n12345")


@case
def smuggling_length_with_sign():
    return ambiguous("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +4\r\n\r\n1234")


@case
def smuggling_space_before_colon():
    return ambiguous("POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 4\r\n\r\n1234")


@case
def smuggling_chunk_size():
    return ambiguous("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x4\r\n1234\r\n0\r\n\r\n")


@case
def smuggling_chunk_overflow():
    return ambiguous("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000004\r\n1234\r\n0\r\n\r\n")


@case
def equal_lengths_twice():
    t = Trace().open()
    t.c("POST /twice HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\n1234")
    t.s(ok())
    t.expect(uri="/twice", request_bytes=4, **COMPLETE)
    return t


@case
def reordered_and_doubled():
    t = Trace().open()
    t.c(get("/r"), t=10)
    a = t.seq["S"]
    body = "x" * 3000
    text = ok(body).encode()
    t.s(text[1000:2000], seq=a + 1000, t=20)
    t.s(text[:1000], seq=a, t=21)
    t.s(text[:1000], seq=a, t=22)
    t.s(text[2000:], seq=a + 2000, t=23)
    t.seq["S"] += len(text)
    t.c(t=24)
    t.expect(uri="/r", ms=13, response_bytes=3000, **COMPLETE)
    return t


@case
def acknowledged_before_it_was_seen():
    t = Trace().open()
    t.c(get("/early-ack"), t=10)
    a = t.seq["S"]
    t.c(seq=t.seq["C"], ack=a + len(ok()), t=20)
    t.s(ok(), t=20.03)
    t.expect(uri="/early-ack", ms=10, **COMPLETE)
    return t


@case
def sequence_numbers_wrap():
    t = Trace()
    t.seq = {"C": 0xFFFFFFF0, "S": 0xFFFFFFFA}
    t.open()
    for i in range(3):
        t.c(get(f"/{i}"))
        t.s(ok("x" * 100))
        t.expect(uri=f"/{i}", response_bytes=100, **COMPLETE)
    return t


@case
def joined_in_the_middle():
    t = Trace()
    t.s("the end of a body that began before the capture")
    t.c()
    for i in range(3):
        t.c(get(f"/{i}"), t=100 + 50 * i)
        t.s(ok(), t=120 + 50 * i)
        t.expect(uri=f"/{i}", ms=20, **COMPLETE)
    return t


@case
def head_in_a_body():
    t = Trace()
    t.c("the upload began before the capture, and its rest looks like a head:", t=10)
    t.c(get("/not-a-request"), t=11)
    t.s(ok(), t=30)
    t.c(get("/real"), t=50)
    t.s(ok(), t=60)
    t.expect(method=None, status=200, completeness="no_request")
    t.expect(uri="/real", ms=10, **COMPLETE)
    return t


@case
def request_lost():
    t = Trace().open()
    t.c(get("/lost"), lost=True)
    t.s(t=11)
    t.s(ok("first"), t=30)
    t.c(get("/seen"), t=50)
    t.s(ok("second!"), t=60)
    t.expect(method=None, status=200, completeness="no_request")
    t.expect(uri="/seen", ms=10, response_bytes=7, **COMPLETE)
    return t


@case
def response_lost():
    t = Trace().open()
    t.c(get("/unanswered"), t=10)
    t.s(ok("first"), lost=True, t=30)
    t.c(t=31)
    t.c(get("/seen"), t=50)
    t.s(ok("second!"), t=60)
    t.expect(uri="/unanswered", completeness="no_response", reason="response_lost", status=None)
    t.expect(uri="/seen", ms=10, response_bytes=7, **COMPLETE)
    return t


@case
def hole_in_a_body_of_known_length():
    t = Trace().open()
    t.c(get("/big"), t=10)
    text = ok("y" * 3000)
    t.s(text[:1000], t=20)
    t.s(text[1000:2000], lost=True, t=21)
    t.s(text[2000:], t=25)
    t.c(t=26)
    t.c(get("/next"), t=50)
    t.s(ok(), t=70)
    t.expect(uri="/big", ms=15, status=200, response_bytes=3000, completeness="timing_only", reason="body_hole")
    t.expect(uri="/next", ms=20, **COMPLETE)
    return t


@case
def hole_in_a_chunked_body():
    t = Trace().open()
    t.c(get("/chunks"), t=10)
    t.s("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n" + "a" * 100 + "\r\n", t=20)
    t.s("64\r\n" + "b" * 100 + "\r\n", lost=True, t=21)
    t.s("64\r\n" + "c" * 100 + "\r\n0\r\n\r\n", t=25)
    t.c(t=26)
    t.c(get("/next"), t=50)
    t.s(ok(), t=70)
    t.expect(uri="/chunks", ms=15, status=200, completeness="timing_only", reason="body_hole")
    t.expect(uri="/next", ms=20, **COMPLETE)
    return t


@case
def last_segment_lost():
    t = Trace().open()
    t.c(get("/end"), t=10)
    text = ok("z" * 2000)
    t.s(text[:1000], t=20)
    t.s(text[1000:], lost=True, t=21)
    t.c(t=24)
    t.c(get("/next"), t=50)
    t.s(ok(), t=70)
    t.expect(uri="/end", ms=14, status=200, completeness="timing_only", reason="end_lost")
    t.expect(uri="/next", ms=20, **COMPLETE)
    return t


@case
def last_segment_seen_late():
    t = Trace().open()
    t.c(get("/late"), t=10)
    text = ok("z" * 2000)
    t.s(text[:1000], t=20)
    a = t.s(text[1000:], lost=True, t=21)
    t.c(t=24)
    t.s(text[1000:], seq=a, t=224)
    t.expect(uri="/late", ms=14, status=200, completeness="timing_only", reason="late_copy")
    return t


@case
def reset_by_the_server():
    t = Trace().open()
    t.c(get("/reset"), t=10)
    t.s(flags=RST | ACK, t=20)
    t.expect(uri="/reset", completeness="no_response", reason="reset", status=None, response_time=None)
    return t


@case
def closed_by_the_server():
    t = Trace().open()
    t.c(get("/closed"), t=10)
    t.s(t=11)
    t.s(flags=FIN | ACK, t=20)
    t.c(flags=FIN | ACK, t=21)
    t.expect(uri="/closed", completeness="no_response", reason="closed", status=None)
    return t


@case
def cut_response():
    t = Trace().open()
    t.c(get("/cut"), t=10)
    t.s("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this", t=20)
    t.s(flags=FIN | ACK, t=30)
    t.c(flags=FIN | ACK, t=31)
    t.expect(uri="/cut", completeness="no_response", reason="closed")
    return t


@case
def timed_out():
    t = Trace().open()
    t.c(get("/slow"), t=10)
    for i in range(1, 8):
        t.s(t=10000 * i, seq=t.seq["S"] - 1)  # keep-alive probes
        t.c(t=10000 * i + 1)
    t.s(ok(), t=75000)
    t.expect(uri="/slow", completeness="no_response", reason="timeout", status=None)
    t.expect(method=None, status=200, completeness="no_request")
    return t


@case
def request_timeout_408_is_no_answer():
    t = Trace().open()
    t.c(get("/a"), t=10)
    t.s(ok(), t=20)
    t.c(t=21)
    at = t.seq["C"]
    t.c(get("/crossing"), t=5000)
    t.s("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", ack=at, t=5000.1)
    t.s(flags=RST | ACK, t=5010)
    t.expect(uri="/a", **COMPLETE)
    t.expect(method=None, status=408, completeness="no_request")
    t.expect(uri="/crossing", completeness="no_response", status=None)
    return t


@case
def ports_used_again():
    t = Trace().open()
    t.c(get("/first"), t=10)
    t.s(ok(), t=20)
    t.seq = {"C": 777000, "S": 888000}
    t.c(flags=SYN, t=100)
    t.s(flags=SYN | ACK)
    t.c()
    t.c(get("/second"), t=110)
    t.s(ok(), t=130)
    t.expect(uri="/first", ms=10, **COMPLETE)
    t.expect(uri="/second", ms=20, **COMPLETE)
    return t


@case
def stamps_that_go_back():
    t = Trace().open()
    t.c(get("/back"), t=10)
    t.s(ok(), t=9)
    t.c(get("/zero"), t=30)
    t.s(ok(), t=40)
    t.expect(uri="/back", ms=0, **COMPLETE)
    t.expect(uri="/zero", ms=10, **COMPLETE)
    return t


@case
def one_stamp_in_the_far_future():
    t = Trace().open()
    t.c(get("/a"), t=10)
    t.c(t=1_000_000_000_000)
    t.s(ok(), t=20)
    t.c(get("/b"), t=30)
    t.s(ok(), t=40)
    t.expect(uri="/a", ms=10, **COMPLETE)
    t.expect(uri="/b", ms=10, **COMPLETE)
    return t


def encapsulated(**more):
    t = Trace(**more).open()
    t.c(get("/e"), t=10)
    t.s(ok("x" * 500), t=20)
    t.expect(uri="/e", ms=10, response_bytes=500, **COMPLETE)
    return t


@case
def link_vlan():
    return encapsulated(vlan=((0x8100, 5),))


@case
def link_qinq():
    return encapsulated(vlan=((0x88A8, 5), (0x8100, 6)))


@case
def link_cooked():
    return encapsulated(link=113)


@case
def link_cooked_v2():
    return encapsulated(link=276)


@case
def link_raw():
    return encapsulated(link=101)


@case
def link_loopback():
    return encapsulated(link=0)


@case
def ipv6():
    t = Trace(v6=True).open()
    t.c(get("/six"), t=10)
    t.s(ok(), t=20)
    t.expect(client="[2001:db8::7]:40000", server="[2001:db8::1]:80", ms=10, **COMPLETE)
    return t


@case
def snapped_bodies():
    t = Trace(snap=200).open()
    t.c(get("/s1"), t=10)
    t.s(ok("x" * 1000), t=20)
    t.c(get("/s2"), t=30)
    t.s(ok("x" * 1000), t=40)
    t.expect(uri="/s1", ms=10, response_bytes=1000, **COMPLETE)
    t.expect(uri="/s2", ms=10, response_bytes=1000, **COMPLETE)
    return t


@case
def no_head_where_one_must_begin():
    """After a hole a start line stands where a request may begin, and what follows it is no head: skipped, once."""
    t = Trace().open()
    t.c(get("/lost"), t=10, lost=True)
    t.s(ok(), t=20)
    t.c("GET /x HTTP/1.1\rHost: a\r\n\r\n", t=30)
    t.s(ok(), t=40)
    t.c(get("/after"), t=50)
    t.s(ok(), t=60)
    t.expect(completeness="no_request")
    t.expect(completeness="no_request")
    t.expect(uri="/after", ms=10, **COMPLETE)
    return t


def blind(amid_an_exchange):
    t = Trace().open()
    for i in range(20):
        unseen = 4 <= i < 14
        unanswered = amid_an_exchange and i == 3
        start = 10 + 20 * i + max(0, min(i - 3, 10)) * 300
        t.c(get(f"/{i}"), t=start, lost=unseen)
        t.s(ok("x" * 20000) if unseen else ok(), t=start + 10, lost=unseen or unanswered)
        if unanswered:
            t.expect(uri=f"/{i}", completeness="no_response", reason="response_lost")
        elif not unseen:
            t.expect(uri=f"/{i}", ms=10, response_bytes=5, reason=None, **COMPLETE)
    return t


@case
def blind_for_a_while():
    """The capture loses both directions for seconds, the connection goes on: it is measured again when the capture sees again."""
    return blind(False)


@case
def blind_from_amid_an_exchange():
    return blind(True)


@case
def syn_ack_lost_and_numbers_near():
    """The SYN/ACK is missing, and the numbers of both streams lie near each other: the client's acknowledgements are no word of the server."""
    t = Trace()
    t.c(flags=SYN, t=0)
    t.s(flags=SYN | ACK, lost=True)
    t.c(t=2)
    for i in range(3):
        t.c(get(f"/{i}"), t=10 + 100 * i)
        t.s(t=10.025 + 100 * i)
        t.s(ok(), t=30 + 100 * i)
        t.c(t=31 + 100 * i)
        t.expect(uri=f"/{i}", ms=20, reason=None, **COMPLETE)
    return t


def lossy_connection():
    """Round trips of 2 ms, a server that acknowledges each request at once, a client that sends something again, and
    one response in which the capture has a hole."""
    t = Trace().open()
    for i in range(12):
        t.c(get(f"/{i}"), t=10 + 20 * i)
        t.s(t=10.025 + 20 * i)
        text = ok("x" * 2000)
        t.s(text[:1000], t=20 + 20 * i)
        t.s(text[1000:1500], t=20.1 + 20 * i, lost=i == 4)
        t.s(text[1500:], t=20.2 + 20 * i)
        t.c(t=22 + 20 * i)
        if i == 2:
            t.c(get("/2"), seq=t.seq["C"] - len(get("/2")), t=23 + 20 * i)
        t.expect(uri=f"/{i}", ms=10.2, status=200)
    return t


@case
def request_seen_in_its_second_copy():
    """The first copy and its acknowledgement are missing: the second copy would pass for the original, but nobody acknowledges it."""
    t = lossy_connection()
    a = t.c(get("/copy"), t=260, lost=True)
    t.s(t=260.025, lost=True)
    t.c(get("/copy"), seq=a, t=264)
    t.s(ok(), t=280)
    t.c(t=282)
    t.expect(uri="/copy", completeness="no_response", reason="start_lost", status=None, response_time=None)
    t.c(get("/soon"), t=282.1)  # within a round trip after the client's last word: no copy can have been under way
    t.s(ok(), t=290)
    t.expect(uri="/soon", ms=7.9, reason=None, **COMPLETE)
    return t


@case
def second_copy_behind_a_lost_response():
    """The response before is missing: what comes after is held back, and acknowledgements of the next request don't speak for this one."""
    t = lossy_connection()
    t.c(get("/lost"), t=260)
    t.s(t=260.025)
    t.s(ok(), t=270, lost=True)
    t.c(t=272)
    a = t.c(get("/copy"), t=273, lost=True)
    t.s(t=273.025, lost=True)
    t.c(get("/copy"), seq=a, t=276)
    t.s(ok(), t=277)
    t.c(t=278)
    t.c(get("/next"), t=279)
    t.s(t=279.025)
    t.s(ok(), t=290)
    t.c(t=292)
    t.expect(uri="/lost", completeness="no_response", reason="response_lost", status=None)
    t.expect(uri="/copy", completeness="no_response", reason="start_lost", status=None)
    t.expect(uri="/next", ms=11, reason=None, **COMPLETE)
    return t


@case
def request_seen_after_its_response():
    """The mirror port mixed the two directions up: the pair is certain, when the request was sent isn't known."""
    t = Trace().open()
    t.c(get("/first"), t=10)
    t.s(ok(), t=20)
    t.expect(uri="/first", ms=10, **COMPLETE)
    a = t.c(get("/second"), t=30, lost=True)
    t.s(ok(), t=50)
    t.c(get("/second"), seq=a, ack=t.seq["S"] - len(ok()), t=51)
    t.c(t=52)
    t.expect(uri="/second", completeness="timing_only", reason="late_copy", status=200, response_time=None, response_bytes=5)
    t.c(get("/third"), t=60)
    t.s(ok(), t=70)
    t.expect(uri="/third", ms=10, reason=None, **COMPLETE)
    return t


@case
def second_copy_seen_after_the_response():
    """The same packets on a capture that lacks something: it may be the second copy of a request that was sent long before."""
    t = Trace().open()
    t.c(get("/first"), t=10)
    t.s(ok(), t=20, lost=True)
    t.expect(uri="/first", completeness="no_response", reason="response_lost")
    a = t.c(get("/second"), t=330, lost=True)
    t.s(ok(), t=350)
    t.c(get("/second"), seq=a, ack=t.seq["S"] - len(ok()), t=351)
    t.c(t=352)
    t.expect(uri="/second", completeness="no_response", reason="start_lost", status=None, response_time=None)
    t.c(get("/third"), t=400)
    t.s(ok(), t=410)
    t.expect(uri="/third", ms=10, reason=None, **COMPLETE)
    return t


def sent_again(pieces, at):
    """Six exchanges on one connection, of which the fourth one's request comes again: `pieces` of it, at `at` ms after it."""
    t = Trace().open()
    for i in range(6):
        begin = 10 + 30 * i
        text = get(f"/{i}")
        moments = [(begin, "request"), (begin + 20, "response"), *([(begin + at, "again")] if i == 3 else [])]
        for when, what in sorted(moments):
            if what == "request":
                seq = t.c(text, t=when)
                ack = t.seq["S"]
                t.s(t=when + 0.1)
            elif what == "response":
                t.s(ok(), t=when)
            else:
                for first, end in pieces:
                    t.c(text[first:end], seq=seq + first, ack=ack, t=when)
        t.expect(uri=f"/{i}", ms=20, reason=None, **COMPLETE)
    return t


@case
def request_sent_again_before_its_response():
    return sent_again([(0, 100)], 10)


@case
def request_sent_again_after_its_response():
    return sent_again([(0, 100)], 25)


@case
def request_sent_again_cut_in_other_places():
    return sent_again([(0, 11), (11, 100), (5, 30)], 15)


@case
def response_sent_again():
    t = Trace().open()
    for i in range(6):
        t.c(get(f"/{i}"), t=10 + 30 * i)
        text = ok("x" * 40)
        seq = t.s(text, t=30 + 30 * i)
        if i == 2:
            t.s(text[:50], seq=seq, t=32 + 30 * i)
            t.s(text, seq=seq, t=33 + 30 * i)
            t.s(text[20:], seq=seq + 20, t=34 + 30 * i)
        t.expect(uri=f"/{i}", ms=20, reason=None, response_bytes=40, **COMPLETE)
    return t


@case
def a_response_overtaken_by_the_next_request():
    """The mirror port showed the client's next request, which acknowledges the response, before that."""
    t = Trace().open()
    t.c(get("/first"), t=10)
    seq = t.s(ok(), t=30, lost=True)
    t.c(get("/second"), t=31)
    t.s(ok(), seq=seq, ack=t.seq["C"] - len(get("/second")), t=33)
    t.expect(uri="/first", completeness="timing_only", reason="late_copy", status=200, ms=21)
    t.s(ok(), t=51)
    t.expect(uri="/second", ms=20, reason=None, **COMPLETE)
    return t


@case
def first_segment_sent_again_and_the_rest_missing():
    """The network lost a request's first segment; its second one came first, but the capture doesn't have it."""
    t = lossy_connection()
    text = "POST /upload HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1000\r\n\r\n" + "u" * 1000
    a = t.seq["C"]
    t.c(text[500:], seq=a + 500, t=260, lost=True)
    t.s(t=260.025)
    t.c(text[:500], t=460)
    t.seq["C"] = a + len(text)
    t.s(t=460.025)
    t.s(ok(), t=480)
    t.c(t=482)
    t.expect(uri="/upload", completeness="no_response", reason="start_lost", status=None, response_time=None)
    return t


def end_in_a_blind_span(text, seen):
    """Both directions are missing for three seconds; the end of a response lies in them."""
    t = Trace().open()
    t.c(get("/end"), t=10)
    t.s(text[:seen], t=20)
    t.s(text[seen:], t=500, lost=True)
    t.c(t=501, lost=True)
    t.c(get("/next"), t=3000)
    t.s(ok(), t=3020)
    t.c(t=3021)
    t.c(get("/after"), t=3030)
    t.s(ok(), t=3050)
    t.expect(uri="/end", completeness="no_response", reason="response_lost", status=None, response_time=None)
    t.expect(uri="/next", ms=20, reason=None, **COMPLETE)
    t.expect(uri="/after", ms=20, reason=None, **COMPLETE)
    return t


@case
def end_of_a_chunked_body_in_a_blind_span():
    chunk = "64\r\n" + "a" * 100 + "\r\n"
    return end_in_a_blind_span("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * 2 + "0\r\n\r\n", 49 + len(chunk))


@case
def end_of_a_body_of_known_length_in_a_blind_span():
    return end_in_a_blind_span(ok("y" * 1500), 1000)


def main():
    check, wrong = "--check" in sys.argv[1:], 0
    for name, function in CASES.items():
        trace = function()
        lines = "".join(json.dumps(e) + "\n" for e in trace.expected).encode()
        for path, content in ((f"{name}.pcap", trace.bytes()), (f"{name}.jsonl", lines)):
            path = os.path.join(HERE, path)
            if not check:
                with open(path, "wb") as out:
                    out.write(content)
            elif not os.path.exists(path) or open(path, "rb").read() != content:
                print(f"{path} is not what make.py makes")
                wrong += 1
    print(f"{len(CASES)} traces")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
