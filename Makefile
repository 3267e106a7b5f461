# The commands that people and CI use; each installs what it needs. `make help` lists them.
.PHONY: help demo check bench build lab install-deps
help:
	@sed -n 's/^## //p' Makefile
## make demo           the main job on real traffic: nginx, load, manager, probe, failover (SCRIPT=1: unattended, exit 0 only if it held)
demo:
	@SCRIPT=$(SCRIPT) tools/demo.sh
## make check          everything that must hold: builds, all tests, sanitizers, fuzzers, styles
check:
	@tools/check.sh
## make bench          speed as ratios to the floors (JSON=1: as JSON)
bench:
	@JSON=$(JSON) tools/bench.sh
## make lab            a real two-node cluster in namespaces, with traffic (SCENE=list: scenes, SCENE=NAME: one, exit 0 only if it held)
lab:
	@SCENE="$(SCENE)" SEED="$(SEED)" DURATION="$(DURATION)" WARM="$(WARM)" tools/lab.sh
## make build          the release build
build:
	@tools/build.sh release
## make install-deps   Debian packages that the above need
install-deps:
	@tools/install-deps.sh all
