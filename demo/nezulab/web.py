"""The web server that is watched: a real nginx with endpoints of different speed, and its access log as the witness."""

import json
import os
import shutil
import sys
import tempfile

from .http import ask
from .process import steady, wait_for

_CONF = """\
# made by nezulab
daemon off;
master_process off;
pid {dir}/nginx.pid;
error_log {dir}/error.log warn;
worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
  log_format witness escape=json '{{"end":$msec,"time":$request_time,"method":"$request_method","uri":"$request_uri",'
    '"status":$status,"bytes":$body_bytes_sent,"connection":$connection,"number":$connection_requests,"complete":"$request_completion"}}';
  access_log {log} witness;
  keepalive_requests 1000000;
  keepalive_timeout 600s;
  client_body_temp_path {dir}/tmp; proxy_temp_path {dir}/tmp; fastcgi_temp_path {dir}/tmp; uwsgi_temp_path {dir}/tmp; scgi_temp_path {dir}/tmp;
  default_type text/plain;
  types {{ }}
  tcp_nodelay on;
  reset_timedout_connection on;
  upstream application {{ server unix:{dir}/app.sock; keepalive 64; }}
  server {{
    listen {listen};
    root {dir}/files;
    location = /ready   {{ access_log off; return 200; }}
    location = /fast    {{ return 200 "fast\\n"; }}
    location = /post    {{ return 201 "made\\n"; }}
    location = /error   {{ return 500 "an error\\n"; }}
    location = /busy    {{ return 503 "busy\\n"; }}
    location = /moved   {{ return 302 /fast; }}
    location = /empty   {{ return 204; }}
    location = /page    {{ try_files /page =404; }}
    location = /big     {{ try_files /big =404; }}
    location = /slow    {{ limit_rate_after 1k; limit_rate 12k; try_files /slow =404; }}
    location /id/       {{ return 200 "$request_uri\\n"; }}
    location /api/      {{ proxy_pass http://application; proxy_http_version 1.1; proxy_set_header Connection ""; }}
    location /          {{ return 404 "not here\\n"; }}
  }}
}}
"""


class Entry:
    """One request as nginx logged it; times in seconds since 1970, to the millisecond."""

    __slots__ = ("end", "time", "start", "method", "uri", "path", "status", "bytes", "connection", "complete")

    def __init__(self, line):
        value = json.loads(line)
        self.end, self.time = value["end"], value["time"]
        self.start = self.end - self.time
        self.method, self.uri, self.status = value["method"], value["uri"], value["status"]
        self.path = self.uri.split("?", 1)[0]
        self.bytes, self.connection, self.complete = value["bytes"], value["connection"], value["complete"] == "OK"


MEMORY = "/dev/shm"


def _folder(lab):
    """In memory where there is room: nginx writes its log in its loop, and would stand still, and all its clients with it, as long as a disk
    does that somebody else (the manager's database) syncs. The lab's folder has a link to it, so that it is found there, also when it's kept."""
    folder = os.path.join(lab.dir, "nginx")
    room = os.statvfs(MEMORY) if os.path.isdir(MEMORY) else None
    if room is None or room.f_bavail * room.f_frsize < 512 << 20:
        return folder
    there = tempfile.mkdtemp(prefix=f"{lab.name}.nginx.", dir=MEMORY)
    os.chmod(there, 0o755)
    os.symlink(there, folder)

    def remove():
        shutil.rmtree(there, ignore_errors=True)
        return [there] if os.path.exists(there) else []
    lab.on_close(remove)
    return folder


class Nginx:
    def __init__(self, lab, address, port, ns=None, application=False):
        self.lab, self.address, self.port, self.ns = lab, address, port, ns
        self.dir = _folder(lab)
        self.log = os.path.join(self.dir, "access.log")
        self.application = None
        for sub in ("files", "tmp"):
            os.makedirs(os.path.join(self.dir, sub), exist_ok=True)
        for name, size in (("page", 12_000), ("big", 100_000), ("slow", 20_000)):
            with open(os.path.join(self.dir, "files", name), "wb") as f:
                f.write((b"nezuban " * (size // 8 + 1))[:size])
        conf = os.path.join(self.dir, "nginx.conf")
        with open(conf, "w", encoding="utf-8") as f:
            f.write(_CONF.format(dir=self.dir, log=self.log, listen=f"{address}:{port}"))
        if application:
            here = os.path.dirname(os.path.abspath(__file__))
            self.application = lab.start("application", [sys.executable, os.path.join(here, "application.py"), f"{self.dir}/app.sock"], ns=ns)
            wait_for("the application's socket", lambda: os.path.exists(f"{self.dir}/app.sock"))
        self.process = lab.start("nginx", [*steady(), "nginx", "-e", f"{self.dir}/error.log", "-p", self.dir, "-c", conf], ns=ns)
        wait_for("nginx", lambda: self.process.must_run() and ask(ns, address, port, "GET", "/ready").status == 200)

    def wait_entries(self, count, timeout=5):
        """All of the log, as soon as it has so many: it is written after the answer."""
        wait_for(f"{count} requests in nginx's log", lambda: len(self.entries()) >= count, timeout)
        return self.entries()

    def entries(self):
        """All whole lines of the log so far."""
        with open(self.log, encoding="utf-8") as f:
            text = f.read()
        return [Entry(line) for line in text[:text.rfind("\n") + 1].splitlines()]
