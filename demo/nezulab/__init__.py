"""A small laboratory around the real programs: namespaces with a mirrored switch port, nginx, load, manager and probes, and the
comparison of what was measured with nginx's own access log. Used by the demo and by tests/apptest. Python's standard library only."""
