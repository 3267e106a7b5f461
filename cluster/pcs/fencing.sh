#!/bin/sh
# Fencing, with pcs. The same as ../crm/fencing.crm, which says why.
set -eu
pcs stonith create fence-node-a fence_ipmilan \
  ip=192.0.2.101 username=fence password_script=/etc/nezuban/fence-password lanplus=1 pcmk_host_list=node-a pcmk_delay_base=5s \
  op monitor interval=60s
pcs stonith create fence-node-b fence_ipmilan \
  ip=192.0.2.102 username=fence password_script=/etc/nezuban/fence-password lanplus=1 pcmk_host_list=node-b \
  op monitor interval=60s
pcs constraint location fence-node-a avoids node-a
pcs constraint location fence-node-b avoids node-b
pcs property set stonith-enabled=true stonith-timeout=60s
