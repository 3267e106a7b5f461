#!/usr/bin/env python3
"""Makes the traces: NAME.pcap, and NAME.jsonl with what must be said of it. A catalogue of what goes wrong in real HTTP.
  make.py           writes all of them beside this file
  make.py --check   fails if a file differs from what would be written
The cases are in cases_*.py."""

import importlib
import json
import os
import sys

from recipe import CASES

HERE = os.path.dirname(os.path.abspath(__file__))
for part in ("ends", "links", "loss", "messages", "order"):
    importlib.import_module(f"cases_{part}")


def main():
    check, wrong = "--check" in sys.argv[1:], 0
    for name, function in CASES.items():
        trace = function()
        lines = "".join(json.dumps(e) + "\n" for e in trace.expected).encode()
        for path, content in ((f"{name}.pcap", trace.bytes()), (f"{name}.jsonl", lines)):
            path = os.path.join(HERE, path)
            if not check:
                with open(path, "wb") as out:
                    out.write(content)
            elif not os.path.exists(path) or open(path, "rb").read() != content:
                print(f"{path} is not what make.py makes")
                wrong += 1
    print(f"{len(CASES)} traces")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
