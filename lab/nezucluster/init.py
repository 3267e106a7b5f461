"""PID 1 of a lab node: makes the node's own view of the file system, starts the cluster software, reaps what is orphaned.

init.py NODE FOLDER STACK   (already in fresh mount, UTS, IPC and PID namespaces, and in the node's network namespace; STACK: 1 or 0)"""

import os
import shutil
import socket
import subprocess
import sys
import time

OCF = "/usr/lib/ocf/resource.d"
FENCING = "/usr/lib/stonith/plugins/external"


def mount(*args):
    subprocess.run(["mount", *args], check=True)


def bind(source, target):
    mount("--bind", source, target)


def tmpfs(target, mode):
    mount("-t", "tmpfs", "-o", f"mode={mode}", "tmpfs", target)


def make_file_system(folder):
    mount("--make-rprivate", "/")
    mount("-t", "proc", "proc", "/proc")
    # Cluster software may want to restart "the machine": that must never reach the real one.
    for path in ("/proc/sysrq-trigger", "/proc/sys/kernel/sysrq", "/dev/watchdog", "/dev/watchdog0"):
        if os.path.exists(path):
            bind("/dev/null", path)
    for part, target in (("etc-corosync", "/etc/corosync"), ("var-lib-pacemaker", "/var/lib/pacemaker"), ("var-lib-corosync", "/var/lib/corosync"),
                         ("var-log", "/var/log"), ("hosts", "/etc/hosts"), ("hostname", "/etc/hostname")):
        bind(os.path.join(folder, part), target)
    # /run is the node's own; what the node is given lies below it, because /dev/shm, where it comes from, is hidden next.
    product = os.path.join(os.path.dirname(os.path.dirname(folder)), "product")
    tmpfs("/run", 755)
    for name, source in (("product", product), ("lab", folder)):
        os.mkdir(f"/run/{name}")
        bind(source, f"/run/{name}")
    for name in ("shared", "fence"):  # what a pair of managers has its database on; fencing devices
        source = os.path.join(os.path.dirname(product), name)
        if os.path.exists(source):
            os.mkdir(f"/run/{name}")
            bind(source, f"/run/{name}")
    for name in ("lock", "crm", "ocf"):
        os.mkdir(f"/run/{name}")
    shutil.chown("/run/crm", "hacluster", "haclient")
    os.chmod("/run/crm", 0o750)
    tmpfs("/dev/shm", 1777)
    # The installed agents beside those that the machine has.
    for name in os.listdir(OCF):
        os.mkdir(f"/run/ocf/{name}")
        bind(f"{OCF}/{name}", f"/run/ocf/{name}")
    agents = "/run/product/lib/ocf/resource.d"
    for provider in os.listdir(agents):
        os.symlink(f"{agents}/{provider}", f"/run/ocf/{provider}")
    mount("--rbind", "/run/ocf", OCF)
    if os.path.exists("/run/fence/plugin"):
        os.mkdir("/run/fencing")
        shutil.copy2("/run/fence/plugin", "/run/fencing/lab")
        bind("/run/fencing", FENCING)


def start_stack():
    log = os.open("/var/log/boot.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/root", "PCMK_logfile": "/var/log/pacemaker/pacemaker.log",
                   "PCMK_logfacility": "none", "PCMK_logpriority": "info"}
    subprocess.run(["corosync"], stdout=log, stderr=log, check=True, env=environment)
    subprocess.Popen(["pacemakerd", "-f"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)


def main():
    node, folder, stack = sys.argv[1:4]
    socket.sethostname(node)
    make_file_system(folder)
    if stack == "1":
        start_stack()
    print("booted", flush=True)
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            time.sleep(0.2)


if __name__ == "__main__":
    main()
