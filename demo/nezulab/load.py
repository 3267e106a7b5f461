"""The load: nezu-load, started and read."""

import json
import signal

from .process import expect, expect_equal, steady, wait_for


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

    def end(self, entries):
        """Stops it, and waits until nginx has logged all of it, which it does after it has answered. What was counted, and `entries()`."""
        said = self.stop()
        expect(said["answered"] == said["sent"] > 0, f"the load itself went wrong: {said}")
        wait_for("nginx's log of the last requests", lambda: len(entries()) >= said["sent"], 5)
        logged = entries()
        expect_equal(len(logged), said["sent"], "requests that nginx logged")
        return said, logged

    def result(self, timeout=30):
        self.process.wait(timeout)
        text = self.process.text()
        return json.loads(text[text.index("{"):text.rindex("}") + 1])
