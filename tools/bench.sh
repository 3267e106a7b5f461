#!/bin/sh
# make bench: builds what is measured, and measures it as ratios to what only reading costs (docs/performance.md).
#   SIZE=1000000000   bytes of the web capture; the others have a third of it
#   ROUNDS=5          of each program, interleaved
#   KINDS="web api conns junk web:0.01"   NAME:SHARE leaves that share of the frames out
#   JSON=1            the result as JSON instead of tables (progress goes to standard error)
set -eu
cd "$(dirname "$0")/.."
tools/build.sh bench nezu-probe nezu-filter gen_capture floor >&2
set --
if [ "${JSON:-}" = 1 ]; then set -- --json; fi
exec python3 tools/bench.py --build build/bench --data build/bench-data --size "${SIZE:-1000000000}" --rounds "${ROUNDS:-5}" --kinds "${KINDS:-web api conns junk web:0.01}" "$@"
