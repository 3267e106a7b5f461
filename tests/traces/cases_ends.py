"""How connections end, and what becomes of a request that waits then."""

from recipe import ACK, COMPLETE, FIN, RST, SYN, Trace, case, get, ok


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
