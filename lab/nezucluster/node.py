"""A node of the lab's cluster: its disk, power on, power cut, commands inside, processes of it seen from outside."""

import os
import re
import shutil
import signal
import sys
import time

from nezulab.process import Failed, run, wait_for

from .site import RING

HERE = os.path.dirname(os.path.abspath(__file__))


class Node:
    def __init__(self, lab, site, name, folder):
        self.lab, self.site, self.name = lab, site, name
        self.ns = site.nodes[name]
        self.folder = folder
        self.boots = 0
        self.process = None  # the one that carries the namespaces; with it the node dies
        self.init = 0        # the node's PID 1, as the host counts

    # ---- the disk

    def format(self, corosync_conf, cib):
        """An empty installation of the cluster software."""
        os.makedirs(self.folder)
        for source, name in (("/var/lib/pacemaker", "var-lib-pacemaker"), ("/var/lib/corosync", "var-lib-corosync")):
            run(["cp", "-a", source, os.path.join(self.folder, name)])
        for name in ("etc-corosync", "var-log/corosync", "var-log/pacemaker", "var-log/crmsh"):
            os.makedirs(os.path.join(self.folder, name))
        shutil.chown(os.path.join(self.folder, "var-log/pacemaker"), "hacluster", "haclient")
        os.chmod(os.path.join(self.folder, "var-log/pacemaker"), 0o770)
        self.write("hostname", self.name + "\n")
        self.write("hosts", "127.0.0.1 localhost\n" + "".join(f"{address} {node}\n" for node, address in RING.items()))
        self.write("etc-corosync/corosync.conf", corosync_conf)
        cib_path = self.write("var-lib-pacemaker/cib/cib.xml", cib)
        shutil.chown(cib_path, "hacluster", "haclient")
        os.chmod(cib_path, 0o600)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def read(self, name):
        try:
            with open(os.path.join(self.folder, name), encoding="utf-8", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    # ---- power

    def boot(self, stack=True):
        if self.boots > 0:
            self.site.only_own_address(self.name)
            self.site.all_links(self.name, True)
        self.boots += 1
        argv = ["nsenter", f"--net=/run/netns/{self.ns}", "--", "unshare", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child=KILL",
                "--propagation", "private", "--", sys.executable, os.path.join(HERE, "init.py"), self.name, self.folder, "1" if stack else "0"]
        self.process = self.lab.start(f"boot-{self.name}", argv)

        def booted():
            self.process.must_run()
            return "booted" in self.process.text()
        wait_for(f"the start of {self.name}", booted, 15)
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as f:
            self.init = int(f.read().split()[0])
        return self

    def running(self):
        return self.process is not None and self.process.running()

    def restart_pacemaker(self):
        """Pacemaker alone, in order: it stops, and is started anew, as `systemctl restart pacemaker` does it. Corosync runs on."""
        self.run(["pkill", "-TERM", "-x", "pacemakerd"])
        wait_for(f"the end of Pacemaker on {self.name}", lambda: self.run(["pgrep", "-x", "pacemakerd"], check=False).returncode != 0, 60, 0.1)
        self.run(["sh", "-c", "PCMK_logfile=/var/log/pacemaker/pacemaker.log PCMK_logfacility=none PCMK_logpriority=info setsid pacemakerd -f "
                              "< /dev/null >> /var/log/boot.log 2>&1 &"])

    def power_cut(self):
        """Its cables fall silent; PID 1 dies, and with it, in the same instant, everything that runs on the node."""
        self.site.all_links(self.name, False)
        at = time.time()
        os.kill(self.init, signal.SIGKILL)
        self.process.wait(10)
        self.init = 0
        return at

    # ---- what runs on it

    def run(self, argv, check=True, timeout=60, input_text=None):
        if not self.running():
            raise Failed(f"{self.name} is down")
        return run(["nsenter", "-t", self.init, "-m", "-u", "-i", "-n", "-p", "--", *argv], check=check, timeout=timeout, input_text=input_text,
                   env={"HOME": "/root", "LC_ALL": "C.UTF-8"})

    def _pids(self):
        """The host's numbers of all that runs here, and the node's own."""
        mine = os.readlink(f"/proc/{self.init}/ns/pid")
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                if os.readlink(f"/proc/{entry}/ns/pid") != mine:
                    continue
                with open(f"/proc/{entry}/status", encoding="ascii", errors="replace") as f:
                    status = f.read()
                if "\nState:\tZ" not in status:
                    yield int(entry), int(re.search(r"^NSpid:\s+(.*)$", status, re.M).group(1).split()[-1])
            except (OSError, AttributeError):
                continue

    def host_pid(self, inner):
        """The host's number of a process of this node."""
        return next((pid for pid, own in self._pids() if own == inner), None)

    def processes(self, program):
        """The host's numbers of those that run this program."""
        found = []
        for pid, _ in self._pids():
            try:
                if os.path.basename(os.readlink(f"/proc/{pid}/exe")) == program:
                    found.append(pid)
            except OSError:
                continue
        return sorted(found)

    def daemon(self, resource):
        """The host's process id of the daemon that the agent of this resource started; None where there is none."""
        if not self.running():
            return None
        try:
            with open(f"/proc/{self.init}/root/run/nezuban/agent-{resource}.pid", encoding="ascii") as f:
                return self.host_pid(int(f.readline()))
        except (OSError, ValueError):
            return None

    def signal(self, resource, number):
        """When it was sent."""
        pid = self.daemon(resource)
        if pid is None:
            raise Failed(f"{resource} does not run on {self.name}")
        os.kill(pid, number)
        return time.time()
