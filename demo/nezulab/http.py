"""A small HTTP client that can ask from inside a namespace."""

import http.client
import json
import socket

from .net import inside
from .process import Failed


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


def ask(ns, host, port, method, path, body=None, timeout=10.0):
    """One request. OSError where there is no connection."""
    data = None if body is None else json.dumps(body).encode()
    headers = {} if data is None else {"Content-Type": "application/json"}
    with inside(ns):
        sock = socket.create_connection((host, port), timeout)
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    connection.sock = sock
    try:
        connection.request(method, path, data, headers)
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read())
    except http.client.HTTPException as error:
        raise OSError(f"{method} {path}: {error!r}") from None
    finally:
        connection.close()


def ask_json(ns, host, port, method, path, body=None):
    answer = ask(ns, host, port, method, path, body)
    if answer.status >= 400:
        raise Failed(f"{method} {path}: {answer.status} {answer.body.decode(errors='replace')[:500]}")
    return answer.json() if answer.body else None
