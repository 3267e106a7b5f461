"""The cluster's resource agents, called as the cluster calls them, without one. (With one: lab/.)"""

import copy
import itertools
import os
import shutil
import signal
import threading
import time

from harness import Rig, Skip, expect, expect_equal, test, wait_failover
from nezulab.daemons import seconds_of
from nezulab.process import Failed, run, wait_for

NOT_RUNNING, RUNNING_PROMOTED = 7, 8


class Agent:
    """An agent in a room of its own: its daemon, /run and process ids end with it."""

    def __init__(self, lab, ns, name, parameters):
        self.name = name
        root = lab.path("product")
        if not os.path.exists(root):
            run(["cmake", "--install", os.path.dirname(lab.programs), "--prefix", root], timeout=120)
        self.path = f"{root}/lib/ocf/resource.d/nezuban/{name}"
        self.room = lab.start(f"room-of-{name}", ["unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "--propagation", "private", "sh", "-c",
                              "mount -t proc proc /proc && mount -t tmpfs tmpfs /run && echo ready && while :; do sleep 0.1; done"], ns=ns)
        end = time.monotonic() + 10
        while "ready" not in self.room.text():
            if time.monotonic() > end:
                raise Failed(f"no room for the agent: {self.room.text()}")
            time.sleep(0.02)
        with open(f"/proc/{self.room.pid}/task/{self.room.pid}/children", encoding="ascii") as f:
            self.init = f.read().split()[0]
        self.parameters, self.last, self.tools = parameters, None, None  # tools: a folder of programs that it finds before all others

    def inside(self, argv, env=None, timeout=60):
        return run(["nsenter", "-t", self.init, "-m", "-n", "-p", "--", *argv], check=False, env=env, timeout=timeout)

    def __call__(self, action, level=0, interval_ms=0, timeout_ms=20000, **more):
        env = {f"OCF_RESKEY_{k}": str(v) for k, v in {**self.parameters, **more}.items()}
        env |= {"OCF_RESOURCE_INSTANCE": self.name, "OCF_CHECK_LEVEL": str(level), "OCF_RESKEY_CRM_meta_interval": str(interval_ms),
                "OCF_RESKEY_CRM_meta_timeout": str(timeout_ms)}
        if self.tools:
            env["PATH"] = f"{self.tools}:{os.environ['PATH']}"
        self.last = self.inside([self.path, action], env)
        return self.last.returncode

    def pid(self):
        return self.inside(["sed", "-n", "1p", f"/run/nezuban/agent-{self.name}.pid"]).stdout.strip()

    def signal(self, number, wait=True):
        """`wait`: until it is dead, or stands: the kernel takes a whole process down, which may last longer than what is asked next."""
        pid = self.pid()
        self.inside(["kill", f"-{number}", pid])
        states = {signal.SIGKILL: "ZX", signal.SIGSTOP: "T"}.get(number)
        if wait and states:
            wait_for(f"the effect of signal {number}", lambda: self.state(pid) in states, 5)

    def state(self, pid):
        """As in /proc; X of one that isn't there any more."""
        return (self.inside(["cat", f"/proc/{pid}/stat"]).stdout.rpartition(")")[2].split() or "X")[0]

    def tester(self):
        if not shutil.which("ocf-tester"):
            raise Skip("ocf-tester is missing (package resource-agents)")
        options = [word for k, v in self.parameters.items() for word in ("-o", f"{k}={v}")]
        done = self.inside(["ocf-tester", "-n", self.name, *options, self.path], timeout=120)
        expect(done.returncode == 0 and "passed all tests" in done.stdout, f"ocf-tester: {done.stdout}{done.stderr}")


def probe_agent(lab, rig, changes=None, **parameters):
    probe = rig.probe("node-a", {"control": {"socket": "/run/nezuban/probe.sock"}, **(changes or {})})
    lab.other_logs["nezu-probe"] = lab.path("agent.log")
    return Agent(lab, rig.site.nodes["node-a"], "probe", {"config": probe.config, "user": "root", "log": lab.path("agent.log"),
                                                          "check_timeout": "1s", "stop_timeout": "3s", **parameters})


@test(timeout=90)
def the_probes_agent_passes_ocf_tester(lab):
    rig = Rig(lab)
    probe_agent(lab, rig).tester()


@test(timeout=90)
def a_warm_probes_agent_passes_ocf_tester(lab):
    rig = Rig(lab)
    probe_agent(lab, rig, {"standby": "warm"}).tester()


@test(timeout=90)
def the_managers_agent_passes_ocf_tester(lab):
    rig = Rig(lab, start_manager=False)
    Agent(lab, rig.site.manager, "manager", {"config": rig.manager.config, "user": "root", "log": lab.path("agent.log")}).tester()


@test(timeout=90)
def a_probe_under_its_agent(lab):
    """Start is ready, checks see death at once, a hang by its silence, a dead port only deeply, and stop ends what hangs."""
    rig = Rig(lab)
    agent = probe_agent(lab, rig, stop_timeout="9s")  # longer than the stop of one that hangs may take, however slow the machine is
    expect_equal(agent("monitor"), NOT_RUNNING, "monitor before the start")
    expect_equal(agent("validate-all"), 0, "validate-all")
    expect_equal(agent("start"), 0, "start")
    expect_equal(agent("monitor"), 0, "monitor in the instant after the start")
    expect_equal((agent("promote"), agent("demote")), (3, 3), "promote and demote of a cold instance")
    rig.apply()
    rig.manager.ctl("monitor", "start", "shop/web")
    rig.manager.wait_state("monitoring")
    expect_equal((agent("monitor", 10), agent("reload"), agent("reload-agent"), agent("notify")), (0, 0, 0, 0), "deep check, reloads, notify")

    # The first long poll comes back at once, the second one waits.
    agent("monitor", interval_ms=1000, long_poll="2s")
    begin = time.monotonic()
    expect_equal(agent("monitor", interval_ms=1000, long_poll="2s"), 0, "a long poll")
    length = time.monotonic() - begin
    expect(1.8 < length < 6, f"the long poll took {length:.2f} s")

    rig.site.net.set_link(rig.site.web, "mirror0", False)
    lab.expect_error("interface|capture")
    wait_for("the deep check's word, and none of the shallow one, without a mirror port", lambda: (agent("monitor"), agent("monitor", 10)) == (0, 1), 10)
    expect("no carrier" in agent.last.stderr, f"the reason: {agent.last.stderr!r}")
    rig.site.net.set_link(rig.site.web, "mirror0", True)
    wait_for("the deep check's consent with the port up again", lambda: agent("monitor", 10) == 0, 10)

    agent.signal(signal.SIGSTOP)
    expect_equal(agent("monitor"), 1, "a check of a daemon that hangs")
    begin = time.monotonic()
    expect_equal(agent("stop"), 0, "stop of a daemon that hangs")
    expect(time.monotonic() - begin < 6, f"it took {time.monotonic() - begin:.1f} s")
    expect_equal((agent("monitor"), agent("stop")), (NOT_RUNNING, 0), "monitor and stop afterwards")

    expect_equal(agent("start"), 0, "start anew")
    agent("monitor", interval_ms=1000, long_poll="10s")
    waiting = lab.start("long-poll", ["nsenter", "-t", agent.init, "-m", "-n", "-p", "--", agent.path, "monitor"],
                        env={**{f"OCF_RESKEY_{k}": str(v) for k, v in agent.parameters.items()}, "OCF_RESOURCE_INSTANCE": "probe",
                             "OCF_RESKEY_CRM_meta_interval": "1000", "OCF_RESKEY_CRM_meta_timeout": "30000", "OCF_RESKEY_long_poll": "10s"})
    time.sleep(0.7)
    expect(waiting.running(), f"the long poll did not wait: {waiting.text()}")
    agent.signal(signal.SIGKILL)
    begin = time.monotonic()
    expect_equal(waiting.wait(5), NOT_RUNNING, "the long poll of a daemon that dies")
    return f"noticed {1000 * (time.monotonic() - begin):.0f} ms after the kill"


def _notice(kind, operation, node):
    return {"CRM_meta_notify": "true", "CRM_meta_on_node": "node-a", "CRM_meta_notify_type": kind, "CRM_meta_notify_operation": operation,
            f"CRM_meta_notify_{operation}_uname": node}


@test(timeout=90)
def the_clusters_steps_are_in_the_failovers_record(lab):
    """The agent's start, what it was told of the other's stop, and its promotion, with the times at which it was called."""
    rig = Rig(lab)
    other = rig.probe("node-b").start()
    other.wait_admitted(rig.manager)
    agent = probe_agent(lab, rig, {"standby": "warm"})
    other.kill()
    wait_for("the loss", lambda: rig.manager.probe()["state"] != "connected", 5)
    called = {}
    for step, call in (("start", lambda: agent("start")), ("stopped", lambda: agent("notify", **_notice("post", "stop", "node-b"))),
                       ("pre", lambda: agent("notify", **_notice("pre", "promote", "node-a"))), ("promote", lambda: agent("promote"))):
        begin = time.time()
        expect_equal(call(), 0, step)
        called[step] = (begin, time.time())
        time.sleep(0.05)
    record = wait_failover(rig.manager)
    # All of them come in one message, as ages: its way shifts them all alike.
    shifts = {}
    for step in ("start", "stopped", "promote"):
        begin, end = called[step]
        expect(record[step] is not None and begin - 0.01 <= seconds_of(record[step]) <= end + 0.5, f"{step} at {begin:.3f}–{end:.3f}, in {record}")
        shifts[step] = (seconds_of(record[step]) - begin, end - begin)
    for (one, (shift, took)), (other, (other_shift, other_took)) in itertools.combinations(shifts.items(), 2):
        expect(abs(shift - other_shift) <= max(took, other_took) + 0.01, f"{one} and {other}: {called}, in {record}")
    shown = rig.manager.ctl("failover", "show", str(record["id"])).stdout
    lines = [line for line in shown.splitlines() if "the cluster" in line]
    expect_equal([next(w for w in ("start", "done", "promote") if w in line.split("the cluster", 1)[1]) for line in lines],
                 ["start", "done", "promote"], "the timeline's order")

    # A second claim is a new story: what was told for the first one isn't told again.
    expect_equal((agent("demote"), agent("notify", **_notice("post", "demote", "node-a"))), (0, 0), "demote, and the notice of this node's own")
    expect_equal(agent("promote"), 0, "promote again")
    expect_equal(len(rig.manager.failovers()), 1, "records: the same instance again is no failover")
    return f"promoted {1000 * (seconds_of(record['promote']) - seconds_of(record['lost'])):.0f} ms after the loss"


class Scores:
    """A `crm_attribute` that only writes down what it is told, and when, and knows the last of it."""

    def __init__(self, lab):
        self.folder, self.file, self.known = lab.path("tools"), lab.path("scores"), lab.path("known-score")
        os.mkdir(self.folder)
        tool = f"{self.folder}/crm_attribute"
        with open(tool, "w", encoding="utf-8") as f:
            f.write(f"""#!/bin/sh
for word; do last=$word; done
[ "$last" = --query ] && exec cat {self.known}
echo "$(date +%s.%N) $last" >> {self.file}
rm -f {self.known}
[ "$last" = --delete ] || echo "${{last#*=}}" > {self.known}
""")
        os.chmod(tool, 0o755)

    def told(self):
        with open(self.file, encoding="utf-8") as f:
            return [(float(line.split()[0]), line.split()[1]) for line in f]


@test(timeout=60)
def the_cluster_is_told_one_thing_at_a_time(lab):
    """A death: the end of the score at once, and the failed check a while later. The demotion of what is dead is no failure."""
    rig = Rig(lab)
    agent, scores = probe_agent(lab, rig, {"standby": "warm"}), Scores(lab)
    agent.tools = scores.folder

    def check(level=0):
        begin = time.time()
        expect_equal(agent("monitor", level, interval_ms=1000, long_poll="1s"), NOT_RUNNING, "a check of a dead one")
        return time.time() - begin

    def quick(level=0):
        """Doesn't wait: it may be tried again where the machine made it slow, as it changes nothing any more."""
        return any(check(level) < 0.35 for _ in range(3))
    expect_equal((agent("start"), agent("promote")), (0, 0), "start, promote")
    expect_equal(scores.told()[0][1], "--update=1", "the score of a standby that has just found the manager")
    wait_for("the score of the admitted one", lambda: agent("monitor") == RUNNING_PROMOTED and scores.told()[-1][1] == "--update=100", 5)
    agent.signal(signal.SIGKILL)
    begin = time.time()
    took = check()
    at, word = scores.told()[-1]
    expect_equal(word, "--delete", "what the cluster is told first")
    expect(at - begin < took - 0.35 and took < 3, f"the score's end after {at - begin:.3f} s, the failed check after {took:.3f} s")
    told = len(scores.told())
    expect(quick(), "the second check waits too, though the score is gone")
    expect(check(10) > 0.38, "the deep check doesn't wait for that of depth 0")

    # The cluster takes the role from it before it looks again.
    expect_equal((agent("demote"), quick(), quick(10)), (0, True, True), "the demotion of what is dead; the checks after it don't wait")
    expect_equal(agent("promote"), NOT_RUNNING, "the promotion of what is dead")
    expect_equal(len(scores.told()), told, "the cluster is told a score's end once")
    expect_equal((agent("stop"), agent("start")), (0, 0), "stop, and start anew")
    agent.signal(signal.SIGKILL)
    expect_equal((agent("demote"), scores.told()[-1][1]), (0, "--delete"), "demoted before a check has seen it dead: the score ends with it")
    expect(quick() and quick(10), "the checks wait, though the role is gone")

    # It dies while the demotion asks it: that is a death, too.
    expect_equal((agent("stop"), agent("start")), (0, 0), "stop, and start once more")
    for action, wanted in (("demote", 0), ("promote", NOT_RUNNING)):
        agent.signal(signal.SIGSTOP)
        kill = threading.Timer(0.3, agent.signal, [signal.SIGKILL, False])
        kill.start()
        expect_equal((agent(action), scores.told()[-1][1]), (wanted, "--delete"), f"the {action} that it dies in")
        kill.join()
        expect_equal((agent("stop"), agent("start")), (0, 0), "stop, and start once more")
    return f"score's end {1000 * (at - begin):.0f} ms after the kill, failed check {1000 * took:.0f} ms"


@test(timeout=60)
def a_start_that_cant_be_says_why(lab):
    rig = Rig(lab)
    agent = probe_agent(lab, rig)
    with open(agent.parameters["config"], encoding="utf-8") as f:
        good = f.read()
    lab.write("wrong.yaml", good + "nonsense: 1\n")
    lab.write("no-interface.yaml", good.replace("mirror0", "mirror9"))
    lab.expect_error("can't start")
    expect_equal(agent("validate-all", config=lab.path("wrong.yaml")), 2, "validate-all of a wrong file")
    expect_equal(agent("start", config=lab.path("wrong.yaml")), 2, "start with a wrong file")
    expect("ocf-exit-reason" in agent.last.stderr, f"the reason: {agent.last.stderr!r}")
    expect_equal(agent("start", config=lab.path("no-interface.yaml")), 2, "start without the interface")
    expect_equal(agent("start", config=lab.path("none.yaml")), 5, "start without a file")
    expect_equal(agent("start", user="no-such-user"), 5, "start as nobody that there is")
    expect_equal(agent("start", binary="/nowhere/nezu-probe"), 5, "start without the program")
    expect_equal(agent("start", stop_timeout="soon"), 2, "start with a parameter that isn't a time")
    expect_equal(agent("monitor"), NOT_RUNNING, "monitor after all that")


@test(timeout=60)
def a_probe_under_its_agent_is_no_root(lab):
    """As another user it captures all the same, and has no other right."""
    rig = Rig(lab)
    run(["chmod", "-R", "a+rX", rig.pki.dir])
    os.chmod(lab.path(), 0o755)
    agent = probe_agent(lab, rig, user="nobody", log="/run/nezuban/agent.log")
    expect_equal(agent("start"), 0, "start")
    status = agent.inside(["cat", f"/proc/{agent.pid()}/status"]).stdout
    wanted = {"Uid:": "65534", "CapEff:": "0000000000002000"}
    for key, value in wanted.items():
        line = next(line for line in status.splitlines() if line.startswith(key))
        expect(line.split()[1] == value, f"{line!r}, wanted {value}")
    rig.apply()
    rig.manager.ctl("monitor", "start", "shop/web")
    rig.manager.wait_state("monitoring")
    load = rig.load(rate=200)
    time.sleep(1.5)
    entries = rig.settle(load)
    expect_equal(agent("stop"), 0, "stop")
    return rig.compare(entries)


@test(timeout=60)
def a_manager_under_its_agent(lab):
    rig = Rig(lab, start_manager=False)
    agent = Agent(lab, rig.site.manager, "manager", {"config": rig.manager.config, "user": "root", "log": lab.path("agent.log"), "check_timeout": "1s"})
    lab.other_logs["nezu-manager"] = lab.path("agent.log")
    expect_equal((agent("monitor"), agent("start")), (NOT_RUNNING, 0), "monitor, start")
    # Ready means: probes are let in.
    rig.probe("node-a").start().wait_admitted(rig.manager, timeout=3)
    expect_equal((agent("monitor"), agent("monitor", 10), agent("promote")), (0, 0, 3), "checks; promote, which a manager doesn't know")
    agent.signal(signal.SIGSTOP)
    expect_equal(agent("monitor"), 1, "a check of a manager that hangs")
    agent.signal(signal.SIGCONT)
    expect_equal((agent("monitor"), agent("stop"), agent("monitor")), (0, 0, NOT_RUNNING), "checks and stop")


@test(timeout=60)
def a_forgotten_score_is_told_again(lab):
    """A cluster that was started anew around a daemon that ran on knows no scores; the first check, and each deep one, sees that."""
    rig = Rig(lab)
    agent, scores = probe_agent(lab, rig, {"standby": "warm"}), Scores(lab)
    agent.tools = scores.folder
    expect_equal((agent("start"), agent("promote")), (0, 0), "start, promote")
    wait_for("the score of the admitted one", lambda: agent("monitor") == RUNNING_PROMOTED and scores.told()[-1][1] == "--update=100", 5)
    told = len(scores.told())
    expect_equal((agent("monitor"), agent("monitor", 10, interval_ms=10000), len(scores.told())), (8, 8, told), "checks while the cluster knows it")
    for level, interval_ms in ((0, 0), (10, 10000)):
        os.remove(scores.known)
        expect_equal(agent("monitor", level, interval_ms=interval_ms), RUNNING_PROMOTED, "a check after the cluster has forgotten")
        told += 1
        expect_equal((len(scores.told()), scores.told()[-1][1]), (told, "--update=100"), f"the score, told again by a check of depth {level}")
    expect_equal((agent("stop"), scores.told()[-1][1]), (0, "--delete"), "stop")


@test(timeout=60)
def a_mistake_in_a_file_or_parameter_takes_nothing_down(lab):
    """Both are for the daemon's next start; the one that runs is well, is asked where it was started to be, and can be stopped in order."""
    rig = Rig(lab)
    agent = probe_agent(lab, rig)
    lab.expect_error("can't start|configuration")
    expect_equal(agent("start"), 0, "start")
    path = agent.parameters["config"]
    with open(path, encoding="utf-8") as f:
        good = f.read()
    for text in (good.replace("/run/nezuban/probe.sock", "/run/nezuban/other.sock"), good + "nonsense: [", ""):
        lab.write(os.path.basename(path), text)
        expect_equal((agent("monitor"), agent("monitor", 10), agent("reload-agent")), (0, 0, 0), f"checks while the file is {text[-40:]!r}")
    for action in ("monitor", "reload-agent"):
        expect_equal(agent(action, isolation_timeout="soon", stop_timeout="later"), 0, f"{action} with parameters that aren't times")
        expect("isolation_timeout" in agent.last.stderr, f"what it says of them: {agent.last.stderr!r}")
    begin = time.monotonic()
    expect_equal(agent("stop", isolation_timeout="soon"), 0, "stop")
    expect("killed" not in agent.last.stderr, f"stopped by force after {time.monotonic() - begin:.2f} s: {agent.last.stderr!r}")
    expect_equal(agent("start"), 2, "start with that file")
    lab.write(os.path.basename(path), good)
    expect_equal((agent("start", isolation_timeout="soon"), agent("start"), agent("stop")), (2, 0, 0), "start with that parameter, and without")


@test(timeout=60)
def another_ones_answer_is_no_start(lab):
    """A daemon that was started by other means has the socket: ours can't run, and the other one's answer mustn't hide it."""
    rig = Rig(lab)
    agent = probe_agent(lab, rig)
    lab.expect_error("can't start|in use|taken|listen|another")
    expect_equal(agent("start"), 0, "start")
    second = copy.copy(agent)
    second.name = "second"
    expect_equal(second("start"), 1, "start of a second resource with the same configuration")
    expect_equal((agent("monitor"), second("monitor"), agent("stop")), (0, NOT_RUNNING, 0), "the first one, undisturbed")
    manager = Agent(lab, rig.site.manager, "manager", {"config": rig.manager.config, "user": "root", "log": lab.path("second-manager.log")})
    expect_equal(manager("start"), 1, "start of a manager beside one that runs")
    expect_equal((manager("stop"), rig.manager.api("/status")["manager"]["clean_stop"] is not None), (0, True), "the manager that runs, undisturbed")
