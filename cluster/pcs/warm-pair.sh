#!/bin/sh
# A warm pair, with pcs. The same as ../crm/warm-pair.crm, which says why.
set -eu
pcs resource create edge ocf:nezuban:probe config=/etc/nezuban/probe-edge.yaml isolation_timeout=30s \
  op start timeout=30s op stop timeout=30s op promote timeout=20s op demote timeout=20s \
  op monitor interval=1s timeout=10s role=Unpromoted op monitor interval=200ms timeout=10s role=Promoted \
  op monitor interval=10s timeout=20s role=Unpromoted OCF_CHECK_LEVEL=10 \
  op monitor interval=11s timeout=20s role=Promoted OCF_CHECK_LEVEL=10 \
  meta failure-timeout=120s \
  promotable edge-pair promoted-max=1 promoted-node-max=1 clone-max=2 clone-node-max=1 interleave=true notify=false --no-default-ops
