"""What the messages themselves say: framing, versions, and what smugglers write."""

from recipe import ACK, COMPLETE, FIN, Trace, case, get, ok


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
