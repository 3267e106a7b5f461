"""A real Pacemaker + Corosync cluster of two nodes on one machine, with real traffic mirrored to both. Each node has network, mount, PID,
UTS and IPC namespaces of its own. Built on demo/nezulab; Python's standard library only."""
