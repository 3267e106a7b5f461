#!/usr/bin/env bash
# demo.sh   the main job on real traffic (make demo). SCRIPT=1: unattended, status 0 only if the witness agreed.
set -eu
cd "$(dirname "$0")/.."
tools/programs.sh "build run demo" nezu-probe nezu-manager nezuctl nezu-filter nezu-load
arguments=(--bin build/release/bin)
case ${SCRIPT:-} in ''|0) ;; *) arguments+=(--script) ;; esac
# Without root there are no namespaces and no packet capture: ask sudo where it is.
if [ "$(id -u)" != 0 ] && command -v sudo >/dev/null; then
  echo "==> capturing packets and making network namespaces needs root: asking sudo"
  exec sudo -- python3 demo/demo.py "${arguments[@]}"
fi
exec python3 demo/demo.py "${arguments[@]}"
