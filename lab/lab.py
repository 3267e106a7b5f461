#!/usr/bin/env python3
"""Failover under real cluster software: two nodes in namespaces (Pacemaker, Corosync), nginx under load, its traffic mirrored to both.

lab.py --bin DIR [--keep] [SCENE…]

Without SCENE: the lab comes up and stays until a key or Ctrl-C; it says how to look around.
SCENE: runs it whole, and prints the manager's record of it. Status 0 only if it held.
  list           the names, one a line
  all            every scene, in its long form
  check          those of make check, in their short forms
  random         faults drawn by --seed N, for --seconds S
--short: short forms.  Closing line of several: "N passed, N failed, N skipped".
NEZU_SKIP_LAB=1: where there can be no cluster, scenes are skipped; without it they fail there."""

import argparse
import json
import os
import signal
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "demo")]
import scenes  # noqa: E402,F401
from nezucluster import stack  # noqa: E402
from nezucluster.manager_rig import ManagerRig  # noqa: E402
from nezucluster.rig import Rig  # noqa: E402
from nezucluster.scene import SCENES  # noqa: E402
from nezulab import net  # noqa: E402
from nezulab.beside import closing_lines, run_beside  # noqa: E402
from nezulab.lab import Lab  # noqa: E402
from nezulab.process import Failed  # noqa: E402
from nezulab.term import Screen  # noqa: E402

SCENE_SECONDS = 150  # beyond the seconds that a scene itself asks for


class TimedOut(Failed):
    pass


def on_alarm(_signal, _frame):
    raise TimedOut("the scene's time is up")


class Clusters:
    """One lab a kind of pair; scenes of the kind share it, and a scene that failed takes it down."""

    def __init__(self, programs, say, keep):
        self.programs, self.say, self.keep = programs, say, keep
        self.lab = self.rig = self.kind = None

    def get(self, kind):
        if self.rig is not None and self.kind != kind:
            self.close()
        if self.rig is None:
            self.lab = Lab(self.programs, "nezulab")
            begin = time.monotonic()
            self.kind = kind
            self.rig = (ManagerRig if kind == "manager" else Rig)(self.lab, "warm" if kind == "fenced" else kind, self.say, fencing=kind in ("fenced", "manager"))
            self.rig.up()
            self.say(f"a pair of managers is up ({time.monotonic() - begin:.1f} s)" if kind == "manager" else f"a {kind} pair is up ({time.monotonic() - begin:.1f} s)")
        return self.rig

    def faults(self):
        return self.lab.faults_in_logs() if self.lab else []

    def tails(self):
        """The last words of the product and of the cluster's decisions."""
        out = []
        logs = {**{p.name: p.log for p in self.lab.processes if p.name.startswith("nezu")}, **self.lab.other_logs}
        for name, path in logs.items():
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as f:
                    out.append(f"--- {name}:\n" + "".join("    " + line for line in f.readlines()[-8:]))
        if self.rig and self.rig.stack:
            try:
                out.append("--- the cluster:\n" + self.rig.stack.any_node().run(["crm_mon", "-1", "-rfA"], check=False).stdout)
            except Failed as error:
                out.append(str(error))
        return "\n".join(out)

    def close(self):
        """What is left behind, as texts."""
        lab, self.lab, self.rig = self.lab, None, None
        if lab is None:
            return []
        if self.keep:
            self.say(f"kept: {lab.dir}")
            return []
        return lab.close()


def run_scene(clusters, scene, short, screen):
    """(outcome, text)"""
    settings = scene.short if short else scene.long
    signal.alarm(SCENE_SECONDS + 2 * int(settings.get("seconds", 0)))
    try:
        rig = clusters.get(scene.kind)
        for pattern in scene.errors:
            rig.lab.expect_error(pattern)
        text = scene.function(rig, **settings) or ""
        faults = clusters.faults()
        if faults:
            raise Failed("in the logs: " + "; ".join(faults[:3]))
        if not short:
            screen.show(json.dumps(rig.failovers(), indent=1))
        return "passed", text
    except Failed as error:
        text = str(error)
    except Exception:  # pylint: disable=broad-except
        text = traceback.format_exc()
    finally:
        signal.alarm(0)
    if clusters.lab is not None:
        text += "\n" + clusters.tails()
    left = clusters.close()
    return "failed", text + (f"\nleft behind: {', '.join(left)}" if left else "")


def run_scenes(clusters, names, short, screen):
    counts, failed = {"passed": 0, "failed": 0, "skipped": 0}, []
    for name in names:
        screen.say(f"{name} …")
        begin = time.monotonic()
        outcome, text = run_scene(clusters, SCENES[name], short, screen)
        counts[outcome] += 1
        word = {"passed": "ok  ", "failed": "FAIL", "skipped": "skip"}[outcome]
        print(f"{word} {name} ({time.monotonic() - begin:.1f} s): {text}", flush=True)
        if outcome == "failed":
            failed.append(name)
    left = clusters.close()
    if left:
        print("FAIL left behind: " + ", ".join(left))
        counts["failed"] += 1
    print(closing_lines(counts, failed))
    return 1 if counts["failed"] else 0


def side_by_side(groups, programs):
    """Each group of scenes in a process and a cluster of its own."""
    counts, failed = run_beside([(" ".join(names), [sys.executable, os.path.join(HERE, "lab.py"), *names, "--short", "--bin", programs])
                                 for names in groups if names], len(groups))
    print(closing_lines(counts, failed))
    return 1 if counts["failed"] else 0


def stay(clusters, kind, screen):
    """Until somebody has seen enough."""
    rig = clusters.get(kind)
    rig.begin()
    rig.load()
    node = next(iter(rig.nodes.values()))
    screen.say("it runs. Look around in another terminal:")
    screen.show(f"ip netns exec {rig.site.manager} {rig.lab.program('nezuctl')} top\n"
                f"ip netns exec {rig.site.manager} {rig.lab.program('nezuctl')} failover list\n"
                f"nsenter -t {node.init} -a crm_mon            # as {node.name}\n"
                f"nsenter -t {node.init} -a crm configure show")
    screen.say("Ctrl-C (or q) ends everything")
    with screen.single_keys():
        while screen.key(1) != "q":
            pass
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", nargs="*", metavar="SCENE")
    parser.add_argument("--bin", help="folder of the programs")
    parser.add_argument("--seed", type=int, help="of the scenes random and cold-random")
    parser.add_argument("--seconds", type=int, help="how long they go on")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--keep", action="store_true", help="keep files and namespaces of what failed")
    parser.add_argument("--warm", action="store_true", help="without SCENE: a warm pair")
    args = parser.parse_args()
    if args.scenes == ["list"]:
        print("\n".join(SCENES))
        return 0
    short = args.short or args.scenes == ["check"]
    names = args.scenes
    if names == ["all"]:
        names = list(SCENES)
    elif names == ["check"]:
        names = [s.name for s in SCENES.values() if s.check]
    unknown = [n for n in names if n not in SCENES]
    if unknown:
        print(f"lab: no such scene: {' '.join(unknown)}; SCENE=list lists them", file=sys.stderr)
        return 2
    for drawn in ("random", "cold-random"):
        for form in (SCENES[drawn].short, SCENES[drawn].long):
            form.update({k: v for k, v in (("seed", args.seed), ("seconds", args.seconds)) if v is not None})
    names.sort(key=lambda n: SCENES[n].kind)  # scenes of a kind share a cluster
    if not args.bin:
        parser.error("--bin is missing")
    why_not = ("needs root" if os.geteuid() != 0 else "") or stack.unavailable() or net.unavailable()
    if why_not:
        count = max(1, len(names))
        if os.environ.get("NEZU_SKIP_LAB") == "1":
            print(f"skip: there can be no cluster here: {why_not}\n0 passed, 0 failed, {count} skipped")
            return 0
        print(f"FAIL: there can be no cluster here: {why_not} (NEZU_SKIP_LAB=1 skips)\n0 passed, {count} failed, 0 skipped")
        return 1
    signal.signal(signal.SIGTERM, lambda _s, _f: sys.exit(143))
    if args.scenes == ["check"]:
        cold, warm = ([n for n in names if SCENES[n].kind == kind] for kind in ("cold", "warm"))
        return side_by_side([cold[0::2], cold[1::2] + [n for n in names if n not in cold + warm], warm], args.bin)
    signal.signal(signal.SIGALRM, on_alarm)
    screen = Screen(script=bool(names))
    clusters = Clusters(args.bin, screen.say, args.keep)
    try:
        if not names:
            return stay(clusters, "warm" if args.warm else "cold", screen)
        return run_scenes(clusters, names, short, screen)
    except KeyboardInterrupt:
        return 130
    finally:
        left = clusters.close()
        if left:
            print("left behind: " + ", ".join(left))


if __name__ == "__main__":
    sys.exit(main())
