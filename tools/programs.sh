#!/usr/bin/env bash
# programs.sh "SET…" TARGET…   installs these sets of packages and builds these programs in build/release; without the tests, where they weren't
#                              configured before.
set -eu
cd "$(dirname "$0")/.."
sets=$1
shift
echo "==> Debian packages"
tools/install-deps.sh $sets
echo "==> building the programs (build/release)"
tests_off=
[ -e build/release/CMakeCache.txt ] || tests_off=-DNEZU_TESTS=OFF
log=$(mktemp)
cmake --preset release $tests_off >"$log" 2>&1 || { cat "$log" >&2; rm -f "$log"; exit 1; }
rm -f "$log"
cmake --build build/release --target "$@"
