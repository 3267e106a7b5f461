#!/bin/sh
# A cold pair, with pcs. The same as ../crm/cold-pair.crm, which says why.
set -eu
pcs resource create edge ocf:nezuban:probe config=/etc/nezuban/probe-edge.yaml \
  op start timeout=30s op stop timeout=30s \
  op monitor interval=200ms timeout=20s op monitor interval=10s timeout=20s OCF_CHECK_LEVEL=10 \
  meta migration-threshold=1 failure-timeout=10s resource-stickiness=100 \
  --group edge-group
pcs resource create manager-path ocf:pacemaker:ping \
  host_list=192.0.2.10 name=manager-path-score dampen=30s multiplier=1000 attempts=3 timeout=2 \
  op monitor interval=5s timeout=60s clone
pcs constraint location edge-group rule score=500 manager-path-score gte 1000
