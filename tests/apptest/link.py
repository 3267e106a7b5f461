"""The link between probe and manager spoken by hand (docs/formats/link.md), to play a peer of another version, or a rude one."""

import contextlib
import socket
import ssl
import struct
import threading

from nezulab.net import inside

HELLO, WELCOME, REFUSAL = 1, 16, 17
REASON_PROTOCOL, REASON_UNKNOWN_PROBE, REASON_WINDOW = 1, 2, 5


def varint(n):
    out = b""
    while n >= 0x80:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def field(number, value):
    """A protobuf field: a number as varint, text and bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def frame(kind, body):
    message = field(kind, body)
    return b"NZB1" + struct.pack("!I", len(message)) + message


def read_varint(data, at):
    shift = value = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def fields(data):
    """The fields of a message: number → last value (varint, 8 bytes or bytes)."""
    out, at = {}, 0
    while at < len(data):
        tag, at = read_varint(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = read_varint(data, at)
        elif kind == 1:
            value, at = data[at:at + 8], at + 8
        elif kind == 2:
            length, at = read_varint(data, at)
            value, at = data[at:at + length], at + length
        else:
            raise ValueError(f"wire type {kind}")
        out[tag >> 3] = value
    return out


def read_exactly(sock, n):
    data = b""
    while len(data) < n:
        more = sock.recv(n - len(data))
        if not more:
            raise OSError(f"closed after {len(data)} of {n} bytes")
        data += more
    return data


def read_frame(sock):
    """(kind, fields) of the next message."""
    header = read_exactly(sock, 8)
    if header[:4] != b"NZB1":
        raise ValueError(f"not our magic: {header!r}")
    message = fields(read_exactly(sock, struct.unpack("!I", header[4:])[0]))
    (kind, body), = message.items()
    return kind, fields(body)


def hello(logical="edge", versions=(1, 1), window_ns=10**9):
    return frame(HELLO, field(1, versions[0]) + field(2, versions[1]) + field(3, logical) + field(4, "node-x") + field(5, bytes(range(16))) +
                 field(6, "apptest") + field(7, window_ns))


def refusal(reason, text, low, high):
    return frame(REFUSAL, field(1, reason) + field(2, text) + field(3, low) + field(4, high))


def context(files, server):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    c.minimum_version = ssl.TLSVersion.TLSv1_3
    c.check_hostname = False
    c.verify_mode = ssl.CERT_REQUIRED
    c.load_verify_locations(files["ca"])
    c.load_cert_chain(files["certificate"], files["key"])
    return c


def connect(ns, address, port, files):
    """A probe's side of a session, TLS done."""
    with inside(ns):
        sock = socket.create_connection((address, port), 5)
    return context(files, server=False).wrap_socket(sock, server_hostname="manager")


class FakeManager:
    """Accepts sessions one after another; `talk(socket, hello)` answers each."""

    def __init__(self, ns, address, port, files, talk):
        self.hellos, self.faults = [], []
        self._talk, self._context = talk, context(files, server=True)
        with inside(ns):
            self._listener = socket.create_server((address, port))
        self._listener.settimeout(0.2)
        self._stop = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stop:
            try:
                sock, _ = self._listener.accept()
            except (TimeoutError, socket.timeout):
                continue
            try:
                sock.settimeout(3)
                with self._context.wrap_socket(sock, server_side=True) as tls:
                    kind, body = read_frame(tls)
                    self.hellos.append((kind, body))
                    self._talk(tls, body)
            except (OSError, ValueError) as error:
                self.faults.append(repr(error))

    def close(self):
        self._stop = True
        self._thread.join(5)
        with contextlib.suppress(OSError):
            self._listener.close()
