"""Packets out of order, late, doubled or sent again, and clocks that jump."""

from recipe import COMPLETE, Trace, case, get, ok


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
