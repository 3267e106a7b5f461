#!/bin/sh
# The manager on a volume and behind an address that move with it, with pcs. The same as ../crm/manager.crm, which says why.
set -eu
pcs resource create nezu-volume ocf:heartbeat:Filesystem \
  device=/dev/disk/by-label/nezuban directory=/srv/nezuban fstype=ext4 \
  op start timeout=60s op stop timeout=60s op monitor interval=20s timeout=40s --group nezu-manager-group
pcs resource create nezu-address ocf:heartbeat:IPaddr2 ip=192.0.2.10 cidr_netmask=24 \
  op monitor interval=10s timeout=20s --group nezu-manager-group
pcs resource create nezu-manager ocf:nezuban:manager config=/etc/nezuban/manager.yaml \
  op start timeout=60s op stop timeout=40s \
  op monitor interval=200ms timeout=20s op monitor interval=10s timeout=20s OCF_CHECK_LEVEL=10 --group nezu-manager-group
pcs resource meta nezu-manager-group migration-threshold=3 failure-timeout=120s resource-stickiness=100
