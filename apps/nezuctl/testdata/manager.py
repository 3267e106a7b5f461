"""A small stand-in for the manager's API: answers from a fixed state, and notes what it was asked."""

import http.server
import json
import threading
import time
import urllib.parse

CHECKOUT = {
    "name": "shop/checkout", "id": 1, "version": 3, "changed": "2026-11-24T06:00:00Z",
    "definition": {"group": "shop", "name": "checkout", "probes": ["edge"], "hosts": ["shop.example.net"], "ports": [80, 8080],
                   "transactions": [{"name": "pay", "methods": ["POST"], "path": {"prefix": "/pay"}}]},
    "monitoring": {"state": "monitoring", "interrupted": False, "probes": [{"probe": "edge", "state": "monitoring", "wished": True, "interrupted": False}]},
    "targets": [{"id": 10, "name": "all"}, {"id": 11, "name": "pay"}],
}
KESSAI = {
    "name": "店舗/決済", "id": 2, "version": 1, "changed": "2026-11-24T06:00:00Z", "definition": {"group": "店舗", "name": "決済"},
    "monitoring": {"state": "monitoring", "interrupted": True, "probes": [{"probe": "edge", "state": "monitoring", "wished": True, "interrupted": True}]},
    "targets": [{"id": 12, "name": "all"}],
}
IDLE = {
    "name": "idle", "id": 3, "version": 1, "changed": "2026-11-24T06:00:00Z", "definition": {"name": "idle"},
    "monitoring": {"state": "stopped", "interrupted": False, "probes": []}, "targets": [{"id": 13, "name": "all"}],
}
PROBE = {
    "name": "edge", "state": "connected", "epoch": 17, "holder": "i-1", "stored_until": "2026-11-24T07:10:05Z",
    "records": {"stored": 1234, "repeats": 2, "refused": 0},
    "instances": [{"instance": "i-1", "node": "node-a", "role": "active", "interface": "eth1", "interface_up": True, "capture_running": True,
                   "capture_fault": "", "program_version": "0.1.0", "connected": "2026-11-24T07:00:00Z", "silent_for": 0.25, "frames": 99,
                   "kernel_drops": 0, "kept_windows": 0, "overflow_windows": 0, "watermark": "2026-11-24T07:10:05.25Z"}],
    "counters": {"frames": {"decoded": 98, "not_ip": 1}}, "discovery": {"state": "stopped", "reason": ""},
}
FAILOVER = {
    "id": 1, "probe": "edge", "epoch": 18, "reason": "connection closed", "from_node": "node-a", "to_node": "node-b", "from_instance": "i-1",
    "to_instance": "i-2", "mode": "cold", "lost": "2026-11-24T07:10:05.5Z", "noticed": "2026-11-24T07:10:05.501Z",
    "stopped": None, "start": "2026-11-24T07:10:07.9Z", "promote": None, "announced": "2026-11-24T07:10:08Z", "admitted": "2026-11-24T07:10:08.52Z", "first_window": "2026-11-24T07:10:10.1Z",
    "last_covered": "2026-11-24T07:10:05Z", "first_covered": "2026-11-24T07:10:08.75Z",
    "gaps": [{"service": "shop/checkout", "begin": "2026-11-24T07:10:05Z", "end": "2026-11-24T07:10:08.75Z"},
             {"service": "idle", "begin": "2026-11-24T07:10:05Z", "end": "2026-11-24T07:10:05Z"}],
    "handed_over": 0, "left_out": 0, "clock_offset": None, "seam_doubtful": False, "open": False, "brand_new_field": "kept",
}
EVENTS = [
    {"id": 2, "code": "failover", "severity": "warning", "subject": "edge", "text": "edge moved\u001b[31m to node-b", "opened": "2026-11-24T07:10:05Z", "closed": None},
    {"id": 1, "code": "manager.started", "severity": "information", "subject": "manager", "text": "started", "opened": "2026-11-24T07:00:00Z", "closed": "2026-11-24T07:00:00Z"},
]
TIMES = {"average": 0.0123, "p50": 0.01, "p90": 0.02, "p95": 0.025, "p99": 0.05, "max": 0.2}


def point(when, kind, covered, n):
    timed = n > 0
    return {"time": when, "kind": kind, "covered": covered, "transactions": n, "throughput": n / 10, "errors": n // 50, "error_rate": (n // 50) / n if n else 0,
            "failed": {"reset": 0, "closed": 0, "timeout": 0}, "unmeasured": 0, "status": {"2xx": n - n // 50, "5xx": n // 50} if n else {},
            "response_time": TIMES if timed else None, "ttfb": TIMES if timed else None, "transfer_time": {"average": 0.001} if timed else None,
            "request_bytes": 0, "response_bytes": n * 1000,
            "network": {"handshakes": 1, "handshake_rtt": {"average": 0.0005, "max": 0.001}, "retransmissions": 0, "zero_windows": 0, "resets": 0}}


POINTS = [point("2026-11-24T07:09:50Z", "measured", 1, 100), point("2026-11-24T07:10:00Z", "gap", 0.625, 60), point("2026-11-24T07:10:10Z", "gap", 0, 0),
          point("2026-11-24T07:10:20Z", "idle", 1, 0), point("2026-11-24T07:10:30Z", "off", 0, 0)]


DISCOVERY = {"id": 4, "probe": "edge", "state": "stopped", "source": "192.0.2.0/24", "time_limit": 600.0, "started_by": "花子", "started": "2026-11-24T07:00:00Z",
             "node": "node-a", "instance": "i-1", "stopped": "2026-11-24T07:05:00Z", "stopped_by": None, "reason": "failover", "text": "node-b took over from node-a",
             "entries": 2, "requests": 41, "left_out": {"other_source": 7, "no_room": 3, "unreadable": 1, "over_limit": 0}}
ENTRIES = [{"host": "shop.example", "port": 80, "path": "/cart,\x1b[31m\"x\"", "method": "GET", "requests": 40, "timed": 40, "response_time": {"average": 0.0125}},
           {"host": "shop.example", "port": 8443, "path": "/pay", "method": "POST", "requests": 1, "timed": 0, "response_time": None}]


class State:
    def __init__(self):
        self.asked = []          # (method, path, query, body)
        self.services = {s["name"]: json.loads(json.dumps(s)) for s in (CHECKOUT, KESSAI, IDLE)}
        self.confirm_after = 2   # a start is confirmed at the n-th look; below 0: falls back to stopped
        self.looks = 0
        self.live = True


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, value, kind="application/json"):
        body = b"" if value is None else value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def problem(self, status, detail, **more):
        self.answer(status, {"type": "about:blank", "title": "no", "status": status, "detail": detail, **more}, "application/problem+json")

    def live(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.close_connection = True
        try:
            for i in range(100):
                window = {"probe": "edge", "begin": f"2026-11-24T07:11:{i % 60:02}Z", "end": "", "services": [
                    {"service": "shop/checkout", "target": "all", "kind": "measured", "transactions": 321, "throughput": 321.0, "errors": 3, "response_time": TIMES},
                    {"service": "店舗/決済", "target": "all", "kind": "gap", "transactions": 0, "throughput": 0, "errors": 0, "response_time": None}]}
                self.wfile.write(f"event: window\ndata: {json.dumps(window)}\n\n".encode())
                self.wfile.flush()
                time.sleep(0.2)
        except OSError:
            pass

    def handle_one(self, method):
        state = self.server.state
        url = urllib.parse.urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.loads(body) if body else None
        query = dict(urllib.parse.parse_qsl(url.query))
        state.asked.append((method, url.path, query, body))
        parts = [urllib.parse.unquote(p) for p in url.path.split("/")[3:]]
        if parts == ["status"]:
            return self.answer(200, {"manager": {"version": "0.1.0", "instance": "m-1", "started": "2026-11-24T07:00:00Z", "clean_stop": False,
                                                 "ingest": {"paused": True, "fault": "no space left"}, "store": {"bytes": 3145728, "journal_rows": 12}},
                                     "services": {"stopped": 1, "monitoring": 2}, "probes": {"connected": 1}})
        if parts == ["services"]:
            return self.answer(200, {"services": list(state.services.values())})
        if parts == ["services", "apply"]:
            names = [f"{s['group']}/{s['name']}" if s.get("group") else s["name"] for s in body["services"]]
            changes = [{"service": n, "action": "updated" if n in state.services else "created", "version": 4,
                        "differences": ["ports: [80] → [80, 8080]"] if n in state.services else []} for n in names]
            return self.answer(200, {"changes": changes})
        if parts[:1] == ["services"] and len(parts) >= 2:
            service = state.services.get(parts[1])
            if service is None:
                return self.problem(404, f"no service {parts[1]}")
            if method == "DELETE":
                if service["monitoring"]["state"] != "stopped":
                    return self.problem(409, f"{parts[1]} is monitored; stop it first")
                return self.answer(204, None)
            if parts[2:] == ["monitoring"]:
                state.looks = 0
                service["monitoring"]["state"] = {"start": "starting", "stop": "stopping"}[body["wish"]]
                return self.answer(202, service)
            state.looks += 1
            if service["monitoring"]["state"] == "starting" and state.looks >= abs(state.confirm_after):
                service["monitoring"]["state"] = "monitoring" if state.confirm_after > 0 else "stopped"
            return self.answer(200, service)
        if parts == ["probes"]:
            return self.answer(200, {"probes": [PROBE]})
        if parts == ["probes", "edge"]:
            return self.answer(200, PROBE)
        if parts == ["failovers"]:
            return self.answer(200, {"failovers": [FAILOVER]})
        if parts == ["failovers", "1"]:
            return self.answer(200, FAILOVER)
        if parts == ["discoveries"] and method == "POST":
            if body["probe"] != "edge":
                return self.problem(404, f"logical probe {body['probe']} is not known")
            return self.answer(201, {**DISCOVERY, "id": 9, "state": "discovering", "stopped": None, "reason": None, "text": None, "source": body.get("source"),
                                     "time_limit": body.get("time_limit"), "started_by": body.get("by")})
        if parts == ["discoveries"]:
            return self.answer(200, {"discoveries": [{**DISCOVERY, "id": 5, "state": "discovering", "stopped": None, "reason": None, "text": None}, DISCOVERY]})
        if parts[:1] == ["discoveries"] and parts[1] not in ("4", "5"):
            return self.problem(404, f"discovery {parts[1]}: there is none of this number")
        if parts[:1] == ["discoveries"] and parts[2:] == ["stop"]:
            return self.answer(200, {**DISCOVERY, "id": int(parts[1]), "reason": "person", "stopped_by": body.get("by")})
        if parts[:1] == ["discoveries"] and parts[2:] == ["entries"]:
            return self.answer(200, {"discovery": DISCOVERY, "entries": ENTRIES})
        if parts == ["events"]:
            return self.answer(200, {"events": EVENTS})
        if parts == ["query"]:
            if query["service"] not in state.services:
                return self.problem(404, f"no service {query['service']}")
            if query["target"] not in ("all", "pay"):
                return self.problem(400, "two things are wrong", errors=["target: no such one", {"detail": "from: too early"}])
            return self.answer(200, {"service": query["service"], "target": query["target"], "from": query["from"], "to": query["to"], "step": 10,
                                     "totals": point("2026-11-24T07:09:50Z", "gap", 0.656, 160), "points": POINTS})
        if parts == ["live"] and state.live:
            return self.live()
        if parts == ["broken"]:
            return self.answer(200, b"<html>", "text/html")
        return self.problem(404, f"nothing at {url.path}")

    def do_GET(self):
        self.handle_one("GET")

    def do_POST(self):
        self.handle_one("POST")

    def do_DELETE(self):
        self.handle_one("DELETE")


class Manager:
    def __init__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.state = self.state = State()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
