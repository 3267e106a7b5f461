#!/usr/bin/env bash
# check.sh   everything that must hold (make check, CI): builds, all tests, sanitizers, fuzzers, styles. See tools/check.py.
set -eu
cd "$(dirname "$0")/.."
echo "==> Debian packages"
tools/install-deps.sh all
exec python3 tools/check.py "$@"
