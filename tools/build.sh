#!/usr/bin/env bash
# build.sh PRESET [TARGET…]   configures and builds in build/PRESET, after installing what a build needs. Shows ninja's progress.
set -eu
cd "$(dirname "$0")/.."
preset=${1:-release}
[ $# -eq 0 ] || shift
tools/install-deps.sh build test
[ "$preset" != bench ] || tools/install-deps.sh bench
log=$(mktemp)
cmake --preset "$preset" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
rm -f "$log"
cmake --build "build/$preset" -- ${1:+"$@"}
