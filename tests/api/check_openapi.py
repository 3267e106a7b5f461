#!/usr/bin/env python3
"""check_openapi.py SERVER: starts SERVER (nezu-api-test-server), calls every operation of its OpenAPI document, and holds each answer
against its schema. Fails on a status, a content type or a field that isn't documented, on an operation that wasn't called, and on a
documented object that would let unknown fields pass."""
import http.client
import json
import subprocess
import sys

import jsonschema

problems = []
called = set()


def check(ok, what):
    if not ok:
        problems.append(what)


class Api:
    def __init__(self, port):
        self.port = port
        self.document = None

    def raw(self, method, path, body=None, content_type="application/json"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        headers = {} if body is None else {"Content-Type": content_type}
        connection.request(method, path, body if isinstance(body, str) else json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer, data

    def schema(self, schema, value, where):
        try:
            jsonschema.validate(value, {**schema, "components": self.document["components"]}, cls=jsonschema.Draft202012Validator)
        except jsonschema.ValidationError as error:
            problems.append(f"{where}: {'/'.join(map(str, error.absolute_path))}: {error.message[:200]}")

    def call(self, template, method, path, status, body=None, content_type="application/json"):
        where = f"{method} {path}"
        operation = self.document["paths"][template][method.lower()]
        called.add((template, method.lower()))
        answer, data = self.raw(method, path, body, content_type)
        check(answer.status == status, f"{where}: {answer.status}, wanted {status}: {data[:200]!r}")
        documented = operation["responses"].get(str(answer.status))
        check(documented is not None, f"{where}: status {answer.status} isn't documented")
        if not documented or "content" not in documented:
            check(not data, f"{where}: a body where none is documented")
            return None
        kind = answer.headers["Content-Type"].split(";")[0]
        check(kind in documented["content"], f"{where}: content type {kind} isn't documented")
        if kind not in documented["content"] or "json" not in kind:
            return data.decode()
        value = json.loads(data)
        self.schema(documented["content"][kind]["schema"], value, where)
        return value

    def live(self):
        """Events until each documented kind was there."""
        template = "/api/v1/live"
        called.add((template, "get"))
        kinds = self.document["paths"][template]["get"]["responses"]["200"]["content"]["text/event-stream"]["x-events"]
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", template)
        answer = connection.getresponse()
        check(answer.headers["Content-Type"].startswith("text/event-stream"), f"live: {answer.headers['Content-Type']}")
        seen, event = set(), ""
        for _ in range(200):
            line = answer.fp.readline().decode().rstrip("\n")
            if line.startswith("event: "):
                event = line[7:]
            elif line.startswith("data: "):
                check(event in kinds, f"live: event {event} isn't documented")
                if event in kinds:
                    self.schema(kinds[event], json.loads(line[6:]), f"live {event}")
                seen.add(event)
            if seen == set(kinds):
                break
        check(seen == set(kinds), f"live: only {sorted(seen)} came")
        connection.close()


def check_document(document):
    """Every object says all that it may hold, so that an undocumented field is found."""

    def walk(node, where):
        if isinstance(node, dict):
            if node.get("type") == "object" and "properties" in node:
                check(node.get("additionalProperties") is False, f"{where}: additionalProperties isn't false")
            for key, value in node.items():
                walk(value, f"{where}/{key}")
        elif isinstance(node, list):
            for i, value in enumerate(node):
                walk(value, f"{where}/{i}")

    walk(document, "")
    for name, schema in document["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)


def run(port):
    api = Api(port)
    _, data = api.raw("GET", "/api/v1/openapi.json")
    api.document = json.loads(data)
    check_document(api.document)
    v1, name = "/api/v1", "shop%2Fcheckout"
    definition = {"group": "shop", "name": "checkout", "hosts": ["shop.example"], "ports": [80], "paths": ["/c"], "errors": [404],
                  "transactions": [{"name": "pay", "methods": ["POST"], "path": {"prefix": "/c/pay"}, "query": {"a": "*"},
                                    "headers": {"x-a": "b"}, "cookies": {"c": "d"}}]}
    api.call("/healthz", "GET", "/healthz", 200)
    api.call("/readyz", "GET", "/readyz", 200)
    api.call("/metrics", "GET", "/metrics", 200)
    api.call(v1 + "/openapi.json", "GET", v1 + "/openapi.json", 200)
    apply = v1 + "/services/apply"
    api.schema(api.document["paths"][apply]["post"]["requestBody"]["content"]["application/json"]["schema"], {"services": [definition]}, "apply's body")
    api.call(apply, "POST", apply, 200, {"services": [definition]})
    api.call(apply, "POST", apply, 200, {"services": [{"group": "shop", "name": "checkout"}], "dry_run": True})
    api.call(apply, "POST", apply, 400, {"services": [{}]})
    api.call(apply, "POST", apply, 415, "{}", "text/plain")
    api.call(apply, "POST", apply, 413, " " * (5 << 20))
    one = v1 + "/services/{name}"
    api.call(v1 + "/services", "GET", v1 + "/services", 200)
    api.call(one, "GET", f"{v1}/services/{name}", 200)
    api.call(one, "GET", f"{v1}/services/none", 404)
    wish = one + "/monitoring"
    api.call(wish, "POST", f"{v1}/services/{name}/monitoring", 202, {"wish": "start"})
    api.call(wish, "POST", f"{v1}/services/{name}/monitoring", 400, {"wish": "x"})
    api.call(one, "DELETE", f"{v1}/services/{name}", 409)
    api.live()
    api.call(v1 + "/status", "GET", v1 + "/status", 200)
    api.call(v1 + "/probes", "GET", v1 + "/probes", 200)
    api.call(v1 + "/probes/{name}", "GET", v1 + "/probes/edge", 200)
    api.call(v1 + "/probes/{name}", "GET", v1 + "/probes/none", 404)
    api.call(v1 + "/failovers", "GET", v1 + "/failovers", 200)
    api.call(v1 + "/failovers/{id}", "GET", v1 + "/failovers/1", 200)
    api.call(v1 + "/failovers/{id}", "GET", v1 + "/failovers/9", 404)
    api.call(v1 + "/events", "GET", v1 + "/events", 200)
    discoveries = v1 + "/discoveries"
    one_discovery = discoveries + "/{id}"
    for field, value in (("probe", ""), ("source", "shop.example"), ("source", "192.0.2.1/24"), ("source", 7), ("time_limit", 0), ("time_limit", "10m"), ("by", 3), ("by", "x" * 300), ("more", 1)):
        answer = api.call(discoveries, "POST", discoveries, 400, {"probe": "edge", field: value})
        check(answer and answer["detail"].startswith(field + ":"), f"POST discoveries with {field} {value!r}: {answer}")
    api.call(discoveries, "POST", discoveries, 404, {"probe": "none"})
    api.call(discoveries, "POST", discoveries, 415, "{}", "text/plain")
    wanted = {"probe": "edge", "source": "192.0.2.0/24", "time_limit": 600, "by": "hana"}
    api.schema(api.document["paths"][discoveries]["post"]["requestBody"]["content"]["application/json"]["schema"], wanted, "the body of POST discoveries")
    started = api.call(discoveries, "POST", discoveries, 201, wanted)
    check(started and (started["state"], started["source"], started["time_limit"], started["started_by"]) == ("discovering", "192.0.2.0/24", 600, "hana"), f"started: {started}")
    api.call(discoveries, "POST", discoveries, 409, {"probe": "edge"})
    listed = api.call(discoveries, "GET", discoveries, 200)
    check(listed and [d["id"] for d in listed["discoveries"]] == [4, 3], f"discoveries: {listed}")
    for id, status in (("4", 200), ("9", 404), ("x", 400)):
        api.call(one_discovery, "GET", f"{discoveries}/{id}", status)
        api.call(one_discovery + "/entries", "GET", f"{discoveries}/{id}/entries", status)
        api.call(one_discovery + "/stop", "POST", f"{discoveries}/{id}/stop", status, {"by": "jiro"})
    stopped = api.call(one_discovery + "/stop", "POST", f"{discoveries}/4/stop", 200, {})
    check(stopped and (stopped["state"], stopped["reason"], stopped["stopped_by"]) == ("stopped", "person", "jiro"), f"stopped: {stopped}")
    found = api.call(one_discovery + "/entries", "GET", f"{discoveries}/3/entries", 200)
    check(found and [(e["path"], e["requests"], e["response_time"]) for e in found["entries"]] == [("/c", 4, {"average": 0.005}), ("/d", 1, None)], f"entries: {found}")
    query = v1 + "/query"
    kinds = set()
    for step in ("1s", "10s", "1m", "1h", "1d", "auto"):
        series = api.call(query, "GET", f"{query}?service={name}&step={step}", 200)
        kinds |= {p["kind"] for p in series["points"]} if series else set()
    check(kinds == {"measured", "idle", "gap", "off"}, f"query: only kinds {sorted(kinds)} came")
    api.call(query, "GET", f"{query}?service={name}&target=pay&probe=edge", 200)
    api.call(query, "GET", query, 400)
    api.call(query, "GET", f"{query}?service=none", 404)
    api.call(wish, "POST", f"{v1}/services/{name}/monitoring", 202, {"wish": "stop"})
    api.call(one, "DELETE", f"{v1}/services/{name}", 204)
    answer, _ = api.raw("PATCH", v1 + "/status")
    check(answer.status == 405 and answer.headers["Allow"], "PATCH status: wanted 405 with Allow")
    answer, data = api.raw("GET", v1 + "/nothing")
    check(answer.status == 404 and answer.headers["Content-Type"] == "application/problem+json", "an unknown path: wanted a problem, 404")
    documented = {(path, method) for path, item in api.document["paths"].items() for method in item if method in ("get", "post", "delete", "put", "patch")}
    check(documented == called, f"never called: {sorted(documented - called)}")


def main():
    server = subprocess.Popen([sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        run(int(server.stdout.readline()))
    finally:
        server.stdin.close()
        check(server.wait(timeout=10) == 0, "the server ended badly")
    for problem in problems:
        print("FAIL", problem)
    print(f"{len(called)} operations called, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
