"""The load: nezu-load, started and read."""

import json
import signal

from .process import steady


class Load:
    """Requests from the client's namespace: a mix such as ["GET:/fast:10", "POST:/post:1:512"]."""

    def __init__(self, lab, site, nginx, mix, rate=0, connections=20, duration="0", extra=()):
        argv = [*(steady() if rate else ()), lab.program("nezu-load"), f"{nginx.address}:{nginx.port}", "--json", "-c", connections, "-r", rate, "-d", duration, *extra]
        for uri in mix:
            argv += ["-u", uri]
        self.process = lab.start("load", argv, ns=site.client)

    def running(self):
        return self.process.running()

    def stop(self):
        """Sends nothing more, waits for the last answers; what was counted."""
        self.process.send(signal.SIGTERM)
        return self.result()

    def result(self, timeout=30):
        self.process.wait(timeout)
        text = self.process.text()
        return json.loads(text[text.index("{"):text.rindex("}") + 1])
