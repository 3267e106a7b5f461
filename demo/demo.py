#!/usr/bin/env python3
"""The main job on real traffic: nginx under load, a switch's mirror port, a manager, an active probe and a cold standby.
Kills the probe, starts the other one, shows the failover record, and compares everything with nginx's own access log.

demo.py --bin DIR [--script]"""

import argparse
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from nezulab import net, witness  # noqa: E402
from nezulab.daemons import Manager, Pki, Probe, gaps_of, services_yaml, target_of  # noqa: E402
from nezulab.lab import Lab  # noqa: E402
from nezulab.load import Load  # noqa: E402
from nezulab.process import Failed, busy, wait_for  # noqa: E402
from nezulab.term import Screen  # noqa: E402
from nezulab.web import Nginx  # noqa: E402

PATHS = ["/fast", "/page", "/big", "/api/orders", "/api/search", "/slow", "/post", "/error", "/busy", "/missing"]
MIX = ["GET:/fast:10", "GET:/page:4", "GET:/big:0.3", "GET:/api/orders:4", "GET:/api/search:1", "GET:/slow:0.3",
       "POST:/post:1:512", "GET:/error:0.3", "GET:/busy:0.1", "GET:/missing:0.3"]
RATE, CONNECTIONS, CLOSE_SHARE = 300, 60, 0.05
SCRIPT_BEFORE, SCRIPT_AFTER, DOWN = 10, 10, 2.5  # seconds
WORDS = {"measured": "", "idle": "no request", "gap": "GAP: nobody measured", "off": "not monitored"}


class Demo:
    def __init__(self, programs, script):
        self.screen = Screen(script)
        self.lab = Lab(programs, "nezudemo")
        self.site = self.nginx = self.manager = self.load = None
        self.active = self.standby = None

    # Building up

    def set_up(self):
        say = self.screen.say
        why_not = net.unavailable()
        if why_not:
            say(self.screen.bold(f"Network namespaces can't be used here ({why_not}): everything runs on the loopback interface instead."))
            self.site = net.LoopbackSite()
        else:
            say("network: a switch, client and web server at it; all frames of the web server are mirrored to node-a and node-b; a second net for the manager")
            self.site = self.lab.use(net.Site(self.lab.name))
        loop = self.site.loopback
        web_port, link_port, api_port = (net.free_port(), net.free_port(), net.free_port()) if loop else (80, 7400, 7480)
        say("web server: a real nginx with fast and slow endpoints, a few errors, and an access log that nezuban never reads")
        self.nginx = Nginx(self.lab, self.site.WEB, web_port, self.site.web, application=True)
        say("certificates: nezuctl pki makes a small authority; probe and manager talk mutual TLS 1.3")
        pki = Pki(self.lab, self.site)
        say("manager: owns definitions, wished states and history (SQLite)")
        self.manager = Manager(self.lab, self.site, pki, link_port, api_port).start()
        ports = [web_port] if loop else None
        self.active = Probe(self.lab, self.site, pki, "node-a", link_port=link_port, ports=ports)
        self.standby = Probe(self.lab, self.site, pki, "node-b", link_port=link_port, ports=ports)
        say("probe \"edge\" on node-a: reads the mirror port, is admitted by the manager; node-b is the cold standby and runs nothing")
        self.active.start().wait_admitted(self.manager)
        say("definitions: nezuctl service apply (service shop/web, one web transaction a path), then nezuctl monitor start")
        self.manager.ctl("service", "apply", "-f", self.lab.write("services.yaml", services_yaml(web_port, PATHS)))
        self.manager.ctl("monitor", "start", "shop/web")
        self.manager.wait_state("monitoring")
        say(f"load: {RATE} requests a second over {CONNECTIONS} keep-alive connections, until it is ended")
        self.load = Load(self.lab, self.site, self.nginx, MIX, RATE, CONNECTIONS, extra=["--poisson", "--close-share", CLOSE_SHARE])
        if not loop:
            say(self.screen.dim(f"look around: ip netns exec {self.site.manager} {self.lab.program('nezuctl')} top"))

    # Looking on

    def latest(self, target):
        """The newest second of a target: the last one stored, or, where none comes any more, one that must have come by now."""
        until = max(self.manager.stored_until(), time.time() - 3)
        points = self.manager.query(int(until) - 1, int(until), target, step="1s")["points"]
        return points[-1] if points else None

    def view(self, note):
        service, probe = self.manager.service(), self.manager.probe()
        state = service["monitoring"]["state"] + (", INTERRUPTED: a gap grows" if service["monitoring"]["interrupted"] else "")
        node = next((i["node"] for i in probe["instances"] if i["instance"] == probe["holder"]), "nobody")
        state = self.screen.red(state) if service["monitoring"]["interrupted"] else self.screen.green(state)
        lines = ["", f"shop/web {state}   probe edge {probe['state']}, at work: {self.screen.bold(node)}, epoch {probe['epoch']}", "",
                 self.screen.bold(f"{'target':<14}{'per second':>11}{'errors':>9}{'average':>11}{'p95':>11}{'p99':>11}")]
        gap = {"response_time": None, "kind": "gap"} if service["monitoring"]["interrupted"] else None
        for target in ["all", *map(target_of, PATHS)]:
            lines.append(self.row(target, gap or self.latest(target)))
        return lines + ["", note]

    def row(self, target, point):
        if point is None or not point["response_time"]:
            word = "" if point is None else WORDS.get(point["kind"], point["kind"])
            return f"{target:<14}{self.screen.dim(f'   {word}')}"
        t = point["response_time"]
        ms = [f"{t[key] * 1e3:8.2f} ms" for key in ("average", "p95", "p99")]
        errors = f"{point['error_rate'] * 100:7.1f} %"
        return f"{target:<14}{point['throughput']:11.1f}{self.screen.red(errors) if point['errors'] else errors}{ms[0]}{ms[1]}{ms[2]}"

    def short_view(self):
        point, service = self.latest("all"), self.manager.service()["monitoring"]
        state = service["state"]
        if service["interrupted"]:
            return f"{state}, interrupted: nobody measures; nothing is known since {time.time() - self.manager.stored_until():.1f} s"
        if point and point["response_time"]:
            t = point["response_time"]
            return (f"{state}: {point['throughput']:.0f}/s, {point['errors']} errors, response time average {t['average'] * 1e3:.1f} ms, "
                    f"p95 {t['p95'] * 1e3:.1f} ms, p99 {t['p99'] * 1e3:.1f} ms")
        return state

    def look_on(self, seconds, note, keys=""):
        """The live view, until a key of `keys` or, where nobody is asked, for so many seconds."""
        end = time.monotonic() + seconds
        while True:
            if not self.load.running():
                raise Failed("the load ended by itself: " + self.load.process.tail())
            if self.screen.redraws:
                self.screen.draw(self.view(note))
            else:
                self.screen.say("live  " + self.short_view())
            step = min(1.0, max(0.0, end - time.monotonic())) if not (keys and self.screen.keys) else 1.0
            pressed = self.screen.key(step)
            if keys and self.screen.keys:
                if pressed and (pressed in keys or pressed in "\r\n "):
                    return
            elif time.monotonic() >= end:
                return

    # The failover

    def fail_over(self):
        say = self.screen.say
        killed = time.time()
        self.active.kill()
        say(self.screen.red(f"SIGKILL to the probe on node-a (process {self.active.process.pid}). What a cluster would do now, the demo does: it starts node-b's."))
        self.manager.wait_state("monitoring", interrupted=True)
        say(f"the manager noticed after {time.time() - killed:.2f} s: the service stays \"monitoring\", interrupted; the gap grows")
        self.look_on(DOWN, "node-b's probe starts in a moment")
        self.standby.start()
        began = time.time()
        self.standby.wait_admitted(self.manager)
        self.manager.wait_state("monitoring")
        say(f"the probe on node-b was admitted, and monitoring resumed by itself, {time.time() - began:.2f} s after its start")
        record = wait_for("the failover record", lambda: next((f for f in self.manager.failovers() if not f["open"]), None))
        say(self.screen.bold("the failover record (nezuctl failover show):"))
        self.screen.show(self.manager.ctl("failover", "show", str(record["id"])).stdout)
        return record

    # The witness

    def verdict(self, record):
        say = self.screen.say
        sent = self.load.stop()
        ended = time.time()
        say(f"load ended: {sent['sent']} requests sent, {sent['answered']} answered")
        self.manager.wait_stored(int(ended) + 1)
        entries, gaps = self.nginx.entries(), gaps_of(record)
        begin, end = min(e.start for e in entries) - 1, ended + 1
        totals = self.manager.query(begin, end)["totals"]
        paths = {path: self.manager.query(begin, end, target_of(path))["totals"] for path in PATHS}
        lost = sum(end - begin for begin, end, _ in gaps)
        in_gap = sum(any(e.end > begin and e.start < end for begin, end, _ in gaps) for e in entries)
        say(f"witness: nginx logged {len(entries)} requests; {in_gap} of them touch the gap of {lost:.3f} s, the others must all be there, once:")
        if busy():
            say(f"(the machine is busy, {busy()}: of the response times only the medians are judged)")
        checks = [witness.Check("a gap was recorded", "1", len(gaps), len(gaps) == 1)]
        checks += witness.compare(witness.Expectation(entries, gaps), totals, paths, client=sent)
        for check in checks:
            self.screen.show(self.screen.green(str(check)) if check.ok else self.screen.red(str(check)))
        good = sum(c.ok for c in checks)
        say(f"the witness agreed in {good} of {len(checks)} comparisons")
        return good == len(checks)

    def run(self):
        self.set_up()
        with self.screen.single_keys():
            self.look_on(SCRIPT_BEFORE, self.screen.bold("[Enter] or k kills the probe on node-a with SIGKILL.  Ctrl-C ends the demo."), keys="k")
            record = self.fail_over()
            self.look_on(SCRIPT_AFTER, self.screen.bold("[Enter] or q ends the load and compares with nginx's access log.  Ctrl-C ends the demo."), keys="q")
        self.active.process.wait()
        ok = self.verdict(record)
        self.standby.stop()
        self.manager.stop()
        return ok

    def close(self, failed):
        """Ends and removes everything, and looks whether something is left."""
        faults = self.lab.faults_in_logs()
        if failed:
            for process in self.lab.processes:
                if process.name.startswith("nezu"):
                    print(f"--- the last lines of {process.name}:\n{process.tail(12)}")
        left = self.lab.close()
        if left:
            self.screen.say(self.screen.red("left behind: " + ", ".join(left)))
        else:
            self.screen.say("everything that was started has ended; namespaces and temporary files are removed, nothing is left behind")
        return faults, left


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="folder of the programs")
    parser.add_argument("--script", action="store_true", help="unattended; status 0 only if the witness agreed")
    args = parser.parse_args()

    def interrupted(_signal, _frame):
        raise KeyboardInterrupt

    for s in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(s, interrupted)
    demo = Demo(args.bin, args.script)
    if not args.script and not demo.screen.keys:
        demo.screen.say("no terminal to ask at: going on by itself, as with SCRIPT=1")
    agreed, failure = False, ""
    try:
        agreed = demo.run()
    except KeyboardInterrupt:
        failure = "interrupted"
    except Failed as error:
        failure = str(error)
    except Exception as error:  # pylint: disable=broad-except
        failure = f"{type(error).__name__}: {error}"
    finally:
        for s in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(s, signal.SIG_IGN)  # the end must be reached
        faults, left = demo.close(failed=bool(failure) and failure != "interrupted")
    if failure:
        demo.screen.say(demo.screen.red("ended early: " + failure) if failure != "interrupted" else "ended on request")
        return 130 if failure == "interrupted" else 1
    for fault in faults:
        demo.screen.say(demo.screen.red("in a log: " + fault))
    ok = agreed and not left and not faults
    demo.screen.say(demo.screen.green("it held") if ok else demo.screen.red("it did not hold"))
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
