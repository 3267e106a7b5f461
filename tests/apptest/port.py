"""A mirror port that shows requests late, or not at all, as a busy switch's does: a copy of the traffic goes by way of a thread here."""

import collections
import select
import socket
import threading
import time

from nezulab.net import inside

_ETH_P_ALL, _ETH_P_IP, _TCP = 0x0003, b"\x08\x00", 6
_OUTGOING = 4  # PACKET_OUTGOING: what was sent at the interface itself

_COUNTS_AS_MISSING = 0.004  # seconds; a hole is declared after 5 ms


def _goes_to(frame, port):
    if frame[12:14] != _ETH_P_IP or frame[23] != _TCP:
        return False
    at = 14 + 4 * (frame[14] & 15) + 2
    return int.from_bytes(frame[at:at + 2], "big") == port


class BadPort:
    """That node's mirror port. Frames to `port` are delayed by `delay` seconds, or dropped; all others pass at once, in order.

    `hidden`: of the delayed ones those that this thread, not having its turn, let pass so late that they count as missing (docs/pairing.md,
    "Holes")."""

    def __init__(self, lab, site, node, port=80):
        self.delay, self.dropping = 0.0, False
        self.dropped = self.hidden = 0
        self._port = port
        n, index = site.net, list(site.nodes).index(node)
        n.link(site.web, "copy0", site.web, "copy1")
        n.plain_frames(site.web, "copy0")
        n.plain_frames(site.web, "copy1")
        with inside(site.web):
            self._from, self._to = (socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL)) for _ in range(2))
            self._from.bind(("copy1", _ETH_P_ALL))
            self._to.bind((f"mirror{index}", 0))  # 0: it receives nothing
        self._from.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self._stop = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        site.tap({index: "copy0"})
        lab.on_close(self.close)

    def _run(self):
        held = collections.deque()  # (came, when, frame)
        while not self._stop:
            wait = 0.05 if not held else max(0.0, held[0][1] - time.monotonic())
            if select.select([self._from], [], [], wait)[0]:
                frame, address = self._from.recvfrom(65536)
                if address[2] == _OUTGOING:
                    continue
                chosen = _goes_to(frame, self._port)
                if chosen and self.dropping:
                    self.dropped += 1
                elif chosen and (self.delay or held):
                    now = time.monotonic()
                    held.append((now, now + self.delay, frame))
                else:
                    self._to.send(frame)
            while held and held[0][1] <= time.monotonic():
                came, _, frame = held.popleft()
                self._to.send(frame)
                self.hidden += time.monotonic() - came > _COUNTS_AS_MISSING

    def close(self):
        self._stop = True
        self._thread.join(5)
        self._from.close()
        self._to.close()
        return ["the mirror port's thread"] if self._thread.is_alive() else []
