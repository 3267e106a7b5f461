"""Packets that the capture has lost, connections joined amid an exchange, and spans in which nothing was seen."""

from recipe import ACK, COMPLETE, SYN, Trace, case, get, ok


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
