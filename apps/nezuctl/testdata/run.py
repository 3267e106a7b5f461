#!/usr/bin/env python3
"""nezuctl, the built program, against the stand-in of manager.py. Usage: run.py NEZUCTL COMPLETIONS"""

import csv
import io
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unicodedata

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from manager import Manager  # noqa: E402

PROGRAM, COMPLETIONS = os.path.abspath(sys.argv[1]), sys.argv[2]
ENV = {**os.environ, "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8"}
ENV.pop("NEZU_URL", None)


def ctl(manager, *args, env=None, stdin=""):
    where = ["--url", manager.url] if manager else []
    return subprocess.run([PROGRAM, *where, *args], capture_output=True, text=True, env={**ENV, **(env or {})}, input=stdin, timeout=60)


def good(manager, *args, **more):
    done = ctl(manager, *args, **more)
    assert done.returncode == 0, f"{args}: status {done.returncode}: {done.stderr}"
    return done.stdout


def fails(manager, status, words, *args, **more):
    done = ctl(manager, *args, **more)
    assert done.returncode == status, f"{args}: status {done.returncode}, wanted {status}: {done.stdout}{done.stderr}"
    for word in [words] if isinstance(words, str) else words:
        assert word in done.stderr, f"{args}: {word!r} isn't in {done.stderr!r}"


def width(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def test_tables_are_aligned_with_wide_characters(m):
    lines = good(m, "service", "list").splitlines()
    column = lines[0].index("STATE")
    for line in lines[1:]:
        at = next(i for i in range(len(line)) if width(line[:i]) == column)
        assert re.match(r"monitoring|stopped", line[at:]), line
    assert "monitoring, interrupted" in lines[2] and "店舗/決済" in lines[2], lines[2]


def test_names_and_json(m):
    assert good(m, "service", "list", "--names").split() == ["shop/checkout", "店舗/決済", "idle"]
    assert json.loads(good(m, "service", "list", "--json"))["services"][1]["name"] == "店舗/決済"
    for line in (["status"], ["probe", "list"], ["probe", "show", "edge"], ["failover", "list"], ["failover", "show", "1"], ["event", "list"],
                 ["service", "show", "idle"], ["version"], ["query", "idle"]):
        json.loads(good(m, *line, "--json"))


def test_show_and_export(m):
    shown = good(m, "service", "show", "shop/checkout")
    assert "pay" in shown and "8080" in shown and "2026-11-24 15:00:00" in shown, shown
    exported = good(m, "service", "export")
    assert "checkout" in exported and "決済" in exported, exported
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "out.yaml")
        assert good(m, "service", "export", "shop/checkout", "-o", file) == ""
        with open(file, encoding="utf-8") as written:
            assert "shop" in written.read()
        assert "updated" in good(m, "service", "apply", "-f", file)
    fails(m, 4, "no service nix", "service", "export", "nix")


def test_apply(m):
    yaml = "apiVersion: nezuban/v1\nservices:\n  - group: shop\n    name: checkout\n    ports: [80, 8080]\n  - name: new\n"
    out = good(m, "service", "apply", "-f", "-", stdin=yaml)
    assert re.search(r"updated +shop/checkout \(version 4\)\n +ports: \[80\] → \[80, 8080\]\ncreated +new", out), out
    method, path, _, body = m.state.asked[-1]
    assert (method, path) == ("POST", "/api/v1/services/apply") and body["dry_run"] is False and body["prune"] is False
    assert body["services"][0]["ports"] == [80, 8080], body
    out = good(m, "service", "diff", "--prune", "-f", "-", stdin=yaml)
    assert "would be updated" in out and m.state.asked[-1][3]["dry_run"] is True and m.state.asked[-1][3]["prune"] is True, out
    assert ctl(m, "service", "diff", "--exit-code", "-f", "-", stdin=yaml).returncode == 1
    before = len(m.state.asked)
    fails(m, 2, ["standard input:4:5", "nam"], "service", "apply", "-f", "-", stdin="apiVersion: nezuban/v1\nservices:\n  - group: shop\n    nam: web\n")
    fails(m, 2, "/no/such.yaml", "service", "apply", "-f", "/no/such.yaml")
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(yaml)
        file.flush()
        fails(m, 2, "earlier file", "service", "apply", "-f", file.name, "-f", file.name)
    assert len(m.state.asked) == before, "a wrong file went to the manager"


def test_statuses(m):
    fails(m, 4, "no service nix", "service", "show", "nix")
    fails(m, 5, "is monitored", "service", "delete", "--yes", "shop/checkout")
    assert "deleted idle" in good(m, "service", "delete", "idle")
    fails(m, 2, ["two things are wrong", "\n  target: no such one", "\n  from: too early"], "query", "idle", "--target", "nix")
    fails(None, 3, "can't be reached at http://127.0.0.1:9:", "--url", "http://127.0.0.1:9", "status")
    fails(m, 2, ['no command "nix"', "service, monitor"], "nix")
    fails(m, 2, 'no command "shw" in service; wanted one of: apply', "service", "shw")
    fails(m, 2, "", "service")
    fails(m, 2, "", "query")
    fails(m, 2, "--step", "query", "idle", "--step", "7s")
    fails(m, 2, "--last", "query", "idle", "--last", "ten")
    fails(m, 2, "no time", "query", "idle", "--from", "yesterday")
    fails(m, 2, "ends after it begins", "query", "idle", "--from", "now", "--to", "-1h")
    fails(m, 2, "NAME or --all", "monitor", "start")
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([PROGRAM, "--url", m.url, "status"], stdout=full, stderr=subprocess.PIPE, text=True, env=ENV, timeout=60)
    assert done.returncode == 1 and "standard output" in done.stderr, done.stderr


def test_the_address(m):
    assert "monitoring" in good(None, "status", env={"NEZU_URL": m.url})
    assert "monitoring" in good(None, "--manager", m.url + "/", "status")
    assert "monitoring" in good(None, "--url", m.url[len("http://"):], "status")
    assert "monitoring" in good(None, "status", "-u", m.url, env={"NEZU_URL": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"})


def test_status(m):
    out = good(m, "status")
    assert "paused: no space left" in out and "3 MiB" in out and "not in order" in out and "店舗/決済" in out, out
    assert "2026-11-24 16:00:00" in out and "2026-11-24 07:00:00" in good(m, "--utc", "status"), out


def test_monitor(m):
    m.state.confirm_after = 3
    assert "starting" in good(m, "monitor", "start", "idle")
    assert m.state.asked[-1] [1:] == ("/api/v1/services/idle/monitoring", {}, {"wish": "start"})
    assert re.search(r"idle +monitoring", good(m, "monitor", "start", "idle", "--wait"))
    m.state.confirm_after = -2
    fails(m, 5, "stopped again", "monitor", "start", "idle", "--wait")
    fails(m, 1, ["still stopping", "the wish stands"], "monitor", "stop", "shop/checkout", "--wait", "--wait-timeout", "300ms")
    good(m, "monitor", "stop", "店舗/決済")
    assert m.state.asked[-1][1] == "/api/v1/services/%E5%BA%97%E8%88%97%2F%E6%B1%BA%E6%B8%88/monitoring", m.state.asked[-1]
    assert json.loads(good(m, "monitor", "stop", "--all", "--json"))["services"][2]["name"] == "idle"


def test_query_never_shows_a_gap_as_zero(m):
    out = good(m, "query", "shop/checkout", "--target", "pay", "--from", "2026-11-24T07:09:50Z", "--to", "2026-11-24 16:10:40", "--step", "10s")
    query = m.state.asked[-1][2]
    assert query["from"] == "2026-11-24T07:09:50Z" and query["to"] == "2026-11-24T07:10:40Z" and query["target"] == "pay" and query["step"] == "10s", query
    rows = [line for line in out.splitlines() if re.search(r"16:\d\d:\d\d +(measured|gap|idle|off)", line)]
    assert len(rows) == 5, out
    assert re.search(r"2026-11-24 16:09:50 +measured +100 % +100 +10\.0 +2 +2\.00 % +12\.3 ms +10\.0 ms +25\.0 ms +50\.0 ms +200 ms", rows[0]), rows[0]
    assert re.search(r"gap +62\.5 % +60", rows[1]), rows[1]
    assert re.search(r"gap +0 %( +–){9}$", rows[2]), rows[2]
    assert re.search(r"idle +100 % +0 +0 +0 +0\.00 %( +–){5}$", rows[3]), rows[3]
    assert re.search(r"off( +–){10}$", rows[4]), rows[4]
    assert re.search(r"total +gap +65\.6 %", out), out
    table = list(csv.DictReader(io.StringIO(good(m, "query", "shop/checkout", "--csv"))))
    assert [r["transactions"] for r in table] == ["100", "60", "", "0", ""], table
    assert table[0]["response_time_p95"] == "0.025" and table[3]["response_time_p95"] == "" and table[0]["status_5xx"] == "2" and table[2]["covered"] == "0"
    assert "RETRANS." in good(m, "query", "shop/checkout", "--wide")


def test_failover(m):
    out = good(m, "--utc", "failover", "list")
    assert re.search(r"1 +edge +2026-11-24 07:10:05\.500 +node-a → node-b +3\.75 s +closed +connection closed", out), out
    out = good(m, "--utc", "failover", "show", "1")
    for text in ("node-a (instance i-1)", "node-b (instance i-2)", "cold", "brand_new_field", "3.75 s", "shop/checkout"):
        assert text in out, f"{text!r} in {out}"
    phases = re.findall(r"^2026-11-24 (\S+) +\+(\S+ \S+) .*?  (\w.*)$", out, re.M)
    assert [p[0] for p in phases][:8] == ["07:10:05.000", "07:10:05.500", "07:10:05.501", "07:10:07.900", "07:10:08.000", "07:10:08.520", "07:10:08.750", "07:10:10.100"], out
    assert phases[3][1:] == ("2.90 s", "the cluster began to start the new instance") and phases[4][1] == "3.00 s", phases
    assert out.count("the cluster") == 1, "steps that nobody told aren't shown"
    assert re.search(r"idle +– +– +none", out), out


def test_probe_and_events(m):
    assert re.search(r"edge +connected +17 +node-a \(active\)", good(m, "probe", "list"))
    out = good(m, "probe", "show", "edge")
    assert "frames.not_ip" in out and "250 ms" in out, out
    out = good(m, "event", "list")
    assert "\x1b" not in out and "moved" in out and "open" in out, "an event's text must not steer the terminal"
    assert "started" not in good(m, "event", "list", "--open")
    assert "started" not in good(m, "event", "list", "--severity", "warning")


def test_discovery(m):
    out = good(m, "discovery", "list")
    assert re.search(r"5 +edge +discovering +2026-11-24 16:00:00 +花子 +192\.0\.2\.0/24 +10m +2 +41 +4", out), out
    assert re.search(r"4 +edge +stopped: failover", out), out
    assert good(m, "discovery", "list", "--names").split() == ["5", "4"] and good(m, "discovery", "list", "--probe", "core") == "no discoveries\n"
    table = list(csv.DictReader(io.StringIO(good(m, "discovery", "list", "--csv"))))
    assert [(r["id"], r["reason"], r["time_limit"]) for r in table] == [("5", "", "600"), ("4", "failover", "600")], table
    out = good(m, "discovery", "show", "4")
    assert "node-b took over from node-a" in out and "3 without room at the probe" in out and "\x1b" not in out, out
    assert re.search(r"40 +12\.5 ms +GET +shop\.example +80 +/cart, \[31m", out) and re.search(r"1 +– +POST +shop\.example +8443 +/pay", out), out
    table = list(csv.DictReader(io.StringIO(good(m, "discovery", "show", "4", "--csv"))))
    assert [(r["path"], r["requests"], r["response_time_average"]) for r in table] == [('/cart, [31m"x"', "40", "0.0125"), ("/pay", "1", "")], table
    assert json.loads(good(m, "discovery", "show", "4", "--json"))["entries"][1]["path"] == "/pay"

    out = good(m, "discovery", "start", "--source", "2001:db8::/32", "--for", "10m", env={"SUDO_USER": "", "USER": "jiro"})
    assert re.search(r"9 +edge +discovering", out), out
    assert m.state.asked[-1] == ("POST", "/api/v1/discoveries", {}, {"source": "2001:db8::/32", "time_limit": 600.0, "by": "jiro", "probe": "edge"}), m.state.asked[-1]
    good(m, "discovery", "start", "--probe", "edge", env={"SUDO_USER": "hana", "USER": "root"})
    assert m.state.asked[-1][3] == {"by": "hana", "probe": "edge"}, m.state.asked[-1]
    fails(m, 4, "core is not known", "discovery", "start", "--probe", "core")
    fails(m, 2, "--for", "discovery", "start", "--for", "soon")
    good(m, "discovery", "stop", "4", env={"USER": "jiro", "SUDO_USER": ""})
    assert m.state.asked[-1] == ("POST", "/api/v1/discoveries/4/stop", {}, {"by": "jiro"}), m.state.asked[-1]
    good(m, "discovery", "stop", "--probe", "edge")
    assert m.state.asked[-1][1] == "/api/v1/discoveries/5/stop", "what is running there, and nothing else"
    before = len(m.state.asked)
    good(m, "discovery", "stop", "--all")
    assert [a[1] for a in m.state.asked[before:]] == ["/api/v1/discoveries", "/api/v1/discoveries/5/stop"], m.state.asked[before:]
    fails(m, 4, "nothing is discovering at core", "discovery", "stop", "--probe", "core")
    fails(m, 4, "there is none of this number", "discovery", "stop", "77")
    fails(m, 2, "ID, --probe or --all", "discovery", "stop")
    fails(m, 4, "there is none", "discovery", "show", "77")


def test_pki(m):
    with tempfile.TemporaryDirectory() as folder:
        where = ["--dir", os.path.join(folder, "pki")]
        fails(m, 4, "", "pki", "issue", *where, "--name", "edge")
        good(m, "pki", "init", *where)
        fails(m, 5, "already", "pki", "init", *where)
        fails(m, 2, "host", "pki", "issue", *where, "--role", "manager", "--name", "manager")
        good(m, "pki", "issue", *where, "--role", "manager", "--name", "manager", "--host", "manager.example", "--host", "192.0.2.1")
        good(m, "pki", "issue", *where, "--name", "edge", "--lifetime", "10d")
        out = good(m, "pki", "list", *where)
        assert re.search(r"manager +manager +manager\.example, 192\.0\.2\.1", out) and re.search(r"edge +probe or client", out), out
        assert "SHA-256" in good(m, "pki", "show", *where, "edge")
        assert len(json.loads(good(m, "pki", "list", *where, "--json"))["certificates"]) == 3
        if shutil.which("openssl"):
            pem = os.path.join(folder, "pki", "")
            done = subprocess.run(["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", pem + "ca.crt", pem + "manager.crt"], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr


def test_top_once(m):
    out = good(m, "top")  # no terminal: one table
    assert re.search(r"shop/checkout +monitoring +160 +16\.0", out) and "pay" not in out, out
    assert "pay" in good(m, "top", "--once", "--targets")


class Terminal:
    """nezuctl (or another program) in a terminal of 150 × 30."""

    def __init__(self, *args, program=PROGRAM, env=None):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            import fcntl
            import termios
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 150, 0, 0))
            os.execve(program, [program, *args], {**ENV, "TERM": "xterm-256color", **(env or {})})
        self.text = ""

    def write(self, text):
        os.write(self.fd, text.encode())

    def wait_for(self, pattern, timeout=20, plain=False):
        """plain: what was written without its escape sequences."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]", "", self.text) if plain else self.text
            if re.search(pattern, text):
                return
            if select.select([self.fd], [], [], 0.2)[0]:
                try:
                    self.text += os.read(self.fd, 65536).decode("utf-8", "replace")
                except OSError:
                    break
        raise AssertionError(f"{pattern!r} didn't come; last: {self.text[-2000:]!r}")

    def end(self, how):
        """Sends a key, or a signal; gives the exit status."""
        os.write(self.fd, how) if isinstance(how, bytes) else os.kill(self.pid, how)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    self.text += os.read(self.fd, 65536).decode("utf-8", "replace")
                except OSError:
                    pass
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                os.close(self.fd)
                return os.waitstatus_to_exitcode(status)
        os.kill(self.pid, signal.SIGKILL)
        raise AssertionError("top doesn't end")


def test_top_in_a_terminal(m):
    for how in (b"q", b"\x03", signal.SIGTERM):
        screen = Terminal("--url", m.url, "top")
        screen.wait_for(r"shop/checkout.*321.*0\.93 %.*12\.3 ms.*25\.0 ms.*16\.0")
        screen.wait_for(r"店舗/決済.*gap")
        assert "\x1b[?1049h" in screen.text and "pay" not in screen.text.replace("web transactions", "")
        os.write(screen.fd, b"t")
        screen.wait_for(r"  pay ")
        os.write(screen.fd, b"s")
        screen.wait_for(r"sort by rate")
        assert screen.end(how) == 0
        assert screen.text.rstrip().endswith("\x1b[?1049l"), "the screen isn't given back"


def test_top_tells_what_is_wrong_and_goes_on(m):
    m.state.live = False
    screen = Terminal("--url", m.url, "top")
    screen.wait_for("no live figures.*404")
    m.state.live = True
    screen.wait_for("321")
    assert screen.end(b"q") == 0


def test_bash_completion(m):
    if not shutil.which("bash"):
        return

    def complete(line):
        script = f"""
            source {COMPLETIONS}/nezuctl.bash
            nezuctl() {{ {PROGRAM} "$@"; }}
            COMP_WORDS=({line}); [[ {line[-1:]!r} == ' ' ]] && COMP_WORDS+=("")
            COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
            _nezuctl
            printf '%s\\n' "${{COMPREPLY[@]}}"
        """
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env={**ENV, "NEZU_URL": m.url}, timeout=60)
        assert done.returncode == 0 and not done.stderr, done.stderr
        return done.stdout.split("\n")[:-1]

    assert "service" in complete("nezuctl ") and "top" in complete("nezuctl t"), complete("nezuctl ")
    assert complete("nezuctl service e") == ["export"]
    assert complete("nezuctl monitor start ") == ["shop/checkout", "店舗/決済", "idle"]
    assert complete("nezuctl monitor start shop/checkout i") == ["idle"]
    assert complete("nezuctl query i") == ["idle"]
    assert "pay" in complete("nezuctl query shop/checkout --target ")
    assert complete("nezuctl query idle --step 10") == ["10s"]
    assert complete("nezuctl probe show ") == ["edge"]
    assert complete("nezuctl failover show ") == ["1"]
    assert complete("nezuctl discovery show ") == ["5", "4"] and complete("nezuctl discovery st") == ["start", "stop"]
    assert complete("nezuctl discovery start --probe ") == ["edge"] and "10m" in complete("nezuctl discovery start --for ")
    assert "--dry-run" in complete("nezuctl service apply --d")
    assert complete("nezuctl --url http : //127.0.0.1 : 9 service show ") == [""]
    assert complete("nezuctl pki issue --role c") == ["client"]
    for shell in ("bash", "zsh", "fish"):
        with open(f"{COMPLETIONS}/nezuctl.{shell}", encoding="utf-8") as file:
            assert good(None, "completion", shell) == file.read(), shell
        if shutil.which(shell):
            assert subprocess.run([shell, "-n", f"{COMPLETIONS}/nezuctl.{shell}"], check=False).returncode == 0, shell


def test_fish_completion(m):
    if not shutil.which("fish"):
        return

    def complete(line, **env):
        with tempfile.TemporaryDirectory() as home:
            os.symlink(PROGRAM, os.path.join(home, "nezuctl"))
            more = {"NEZU_URL": m.url, "HOME": home, "PATH": f"{home}:{ENV['PATH']}", **env}
            done = subprocess.run(["fish", "-N", "-c", f"source {COMPLETIONS}/nezuctl.fish; complete -C $argv[1]", line], capture_output=True,
                                  text=True, env={**ENV, **more}, timeout=60)
        assert done.returncode == 0 and not done.stderr, done.stderr
        return sorted(found.split("\t")[0] for found in done.stdout.splitlines())

    services = sorted(["idle", "shop/checkout", "店舗/決済"])
    assert "service" in complete("nezuctl ") and "top" in complete("nezuctl t"), complete("nezuctl ")
    assert complete("nezuctl service e") == ["export"]
    assert complete("nezuctl monitor start ") == services
    assert complete("nezuctl query --target pay ") == services
    for address in (f"-u {m.url}", f"--url={m.url}", f"--manager {m.url}"):
        assert complete(f"nezuctl {address} service show ", NEZU_URL="http://127.0.0.1:9") == services, address
    assert complete("nezuctl query shop/checkout --target ") == ["all", "pay"]
    assert complete("nezuctl query idle --step 10") == ["10s"]
    assert complete("nezuctl probe show ") == ["edge"] and complete("nezuctl failover show ") == ["1"]
    assert complete("nezuctl discovery stop ") == ["4", "5"] and complete("nezuctl discovery start --probe ") == ["edge"]
    assert complete("nezuctl service apply --d") == ["--dry-run"]
    assert complete("nezuctl pki issue --role c") == ["client"]
    assert "--once" not in complete("nezuctl service show top --"), "an argument is no command"


def test_zsh_completion(m):
    """In a terminal, from the folder of functions where it is installed: zsh has no other way to ask for completions."""
    if not shutil.which("zsh"):
        return
    with tempfile.TemporaryDirectory() as home:
        os.symlink(PROGRAM, os.path.join(home, "nezuctl"))
        shutil.copy(f"{COMPLETIONS}/nezuctl.zsh", os.path.join(home, "_nezuctl"))
        env = {"HOME": home, "PATH": f"{home}:{ENV['PATH']}", "TERM": "xterm", "NEZU_URL": "http://127.0.0.1:9"}
        shell = Terminal("-f", "-i", program=shutil.which("zsh"), env=env)
        shell.write("fpath=($HOME $fpath); autoload -U compinit; compinit -u -D; PS1='> '; unsetopt list_beep prompt_cr; echo rea''dy\r")
        shell.wait_for("\nready")

        def complete(line, wanted):
            shell.text = ""
            shell.write(f"\x15\x0c{line}\t")
            shell.wait_for(wanted, plain=True)

        url = f"-u {m.url}"
        complete("nezuctl serv", r"nezuctl service $")
        complete("nezuctl s", r"service  -- definitions[^>]*status   -- the manager's state")
        complete("nezuctl --utc service e", r"service export $")
        complete(f"nezuctl {url} service show sh", r"show shop/checkout $")
        complete(f"nezuctl query {url} id", r"idle $")
        complete(f"nezuctl --manager={m.url} monitor start shop/checkout i", r"shop/checkout idle $")
        complete(f"nezuctl query shop/checkout {url} --target p", r"--target pay $")
        complete("nezuctl query idle --step=10", r"--step=10s $")
        complete(f"nezuctl probe show {url} ", r"edge $")
        complete(f"nezuctl failover show {url} ", r" 1 $")
        complete(f"nezuctl discovery start {url} --probe ", r"--probe edge $")
        complete(f"nezuctl discovery show {url} 5", r" 5 $")
        complete("nezuctl service apply --d", r"--dry-run $")
        complete("nezuctl pki issue --role c", r"--role client $")
        shell.write("\x15exit\r")
        shell.end(b"")


def test_every_option_is_completed(m):
    """Each long option of each command's help is in the completions."""
    texts = {}
    for shell in ("bash", "zsh", "fish"):
        with open(f"{COMPLETIONS}/nezuctl.{shell}", encoding="utf-8") as file:
            texts[shell] = file.read()
    groups = {"service": ["apply", "diff", "export", "list", "show", "delete"], "monitor": ["start", "stop"], "probe": ["list", "show"],
              "failover": ["list", "show"], "event": ["list"], "discovery": ["start", "stop", "list", "show"], "pki": ["init", "issue", "list", "show"]}
    lines = [[group, verb] for group, verbs in groups.items() for verb in verbs] + [["status"], ["top"], ["query"], ["version"], ["completion"]]
    for line in lines:
        shown = good(None, *line, "--help")
        for option in set(re.findall(r"(--[a-z-]+)", shown)) - {"--manager"}:
            for shell, text in texts.items():
                wanted = f"-l {option[2:]}" if shell == "fish" else option
                assert re.search(re.escape(wanted) + "(?![a-z-])", text), f"{line}: {option} isn't completed in {shell}"


def main():
    failed = 0
    tests = {name: f for name, f in globals().items() if name.startswith("test_")}
    for name, test in tests.items():
        try:
            test(Manager())
            print(f"ok      {name[5:]}")
        except Exception as error:  # each test is told, also after one has failed
            failed += 1
            print(f"FAILED  {name[5:]}: {type(error).__name__}: {error}")
    print(f"{len(tests) - failed} of {len(tests)} passed")
    return 1 if failed else 0


sys.exit(main())
