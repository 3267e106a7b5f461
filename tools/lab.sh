#!/usr/bin/env bash
# lab.sh   the cluster in namespaces (make lab). SCENE=NAME: one scene, status 0 only if it held; SCENE=list: the names; SEED=N, DURATION=S for
#          SCENE=random; WARM=1: a warm pair to look at.
set -eu
cd "$(dirname "$0")/.."
case ${SCENE:-} in list) exec python3 lab/lab.py list ;; esac
tools/programs.sh "build run demo lab" nezu-probe nezu-manager nezuctl nezu-filter nezu-agent nezu-load
arguments=(--bin build/release/bin)
[ "${WARM:-}" != 1 ] || arguments+=(--warm)
[ -z "${SEED:-}" ] || arguments+=(--seed "$SEED")
[ -z "${DURATION:-}" ] || arguments+=(--seconds "$DURATION")
[ -z "${SCENE:-}" ] || arguments+=($SCENE)
if [ "$(id -u)" != 0 ] && command -v sudo >/dev/null; then
  echo "==> namespaces and a cluster need root: asking sudo"
  exec sudo -- python3 lab/lab.py "${arguments[@]}"
fi
exec python3 lab/lab.py "${arguments[@]}"
