#!/usr/bin/env bash
# install-deps.sh SET…   installs the Debian packages of tools/packages.txt that aren't there yet (as root, or through sudo).
#   SET: build run test demo bench lint, or all.   Nothing is downloaded where everything is there.
set -eu
cd "$(dirname "$0")/.."
sets=" $* "
[ $# -gt 0 ] || { echo "usage: tools/install-deps.sh all | build test demo bench lint …" >&2; exit 2; }
missing=()
while read -r name set _; do
  case $name in ''|'#'*) continue ;; esac
  case $sets in *" all "*|*" $set "*) ;; *) continue ;; esac
  [ "$(dpkg-query -W -f='${db:Status-Abbrev}' "$name" 2>/dev/null)" = "ii " ] || missing+=("$name")
done < tools/packages.txt
[ ${#missing[@]} -eq 0 ] && exit 0
echo "==> installing ${#missing[@]} Debian packages: ${missing[*]}"
sudo=
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "install-deps: needs root, or sudo. Missing: ${missing[*]}" >&2; exit 1; }
  sudo=sudo
fi
# nginx and others must not be started as system services by their installation: tests start their own.
policy=/usr/sbin/policy-rc.d
made=
if [ ! -e $policy ]; then
  printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null && $sudo chmod +x $policy && made=1
fi
trap '[ -z "$made" ] || $sudo rm -f $policy' EXIT
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
if ! { $sudo apt-get update -q && $sudo apt-get install -y -q --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  cat "$log" >&2
  echo "install-deps: apt-get failed, see above" >&2
  exit 1
fi
rm -f "$log"
