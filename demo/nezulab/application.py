"""A small application behind nginx (a Unix socket): answers after a while that depends on the path and on chance.
   /api/orders 10–40 ms, /api/search 60–200 ms, everything else 5 ms."""

import asyncio
import random
import sys


class Connection(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        self.data = b""

    def data_received(self, data):
        self.data += data
        while True:
            head, blank, rest = self.data.partition(b"\r\n\r\n")
            if not blank:
                return
            length = 0
            for line in head.split(b"\r\n")[1:]:
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            if len(rest) < length:
                return
            self.data = rest[length:]
            path = head.split(b" ", 2)[1]
            if path.startswith(b"/api/orders"):
                wait = random.uniform(0.010, 0.040)
            elif path.startswith(b"/api/search"):
                wait = random.uniform(0.060, 0.200)
            else:
                wait = 0.005
            asyncio.get_running_loop().call_later(wait, self.answer, path)

    def answer(self, path):
        body = b'{"path":"' + path + b'","items":[' + b",".join(b"%d" % i for i in range(200)) + b"]}"
        if not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


async def main():
    server = await asyncio.get_running_loop().create_unix_server(Connection, sys.argv[1])
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
