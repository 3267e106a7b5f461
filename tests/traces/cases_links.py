"""What the packets are wrapped in: links, tags, addresses, and captures that keep the beginning of each packet only."""

from recipe import COMPLETE, Trace, case, get, ok


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
