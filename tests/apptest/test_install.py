"""What `cmake --install` puts on a machine works from there."""

import glob
import os

from harness import expect, expect_equal, test
from nezulab.process import run
from test_bad_input import sound_capture, write


@test(namespaces=False)
def installed_programs_find_what_they_need(lab):
    build, root = os.path.dirname(os.path.abspath(lab.programs)), lab.path("installed")
    run(["cmake", "--install", build, "--prefix", root], timeout=60)
    capture = write(lab, "good.pcap", sound_capture())
    done = run([f"{root}/bin/nezu-probe", "analyze", "--filter", "tcp port 80", "--csv", capture], timeout=20)
    expect("pcap.test" in done.stdout, f"analyze with a filter: {done.stdout!r}")
    done = run([f"{root}/bin/nezu-probe", "analyze", "--filter", "tcp port 81", "--csv", capture], timeout=20)
    expect("pcap.test" not in done.stdout, f"analyze with a filter that takes nothing: {done.stdout!r}")
    for program in ("nezu-probe", "nezu-manager", "nezuctl"):
        done = run([f"{root}/bin/{program}", "--version"], timeout=20)
        expect(done.stdout.split()[1:2], f"{program} --version: {done.stdout!r}")
    for name in ("probe", "manager"):
        page = glob.glob(f"{root}/share/man/man5/nezu-{name}.yaml.5")
        expect(page and os.path.getsize(page[0]) > 2000, f"no page of {name}.yaml")
        example = glob.glob(f"{root}/share/doc/nezuban/examples/{name}.yaml")
        expect_equal(len(example), 1, f"example of {name}.yaml")
    for agent in ("probe", "manager"):
        done = run([f"{root}/lib/ocf/resource.d/nezuban/{agent}", "meta-data"], timeout=20)
        expect(f'<resource-agent name="{agent}"' in done.stdout, f"meta-data of {agent}: {done.stdout[:200]!r}")
    expect(os.path.exists(f"{root}/lib/systemd/system/nezu-probe@.service"), "no unit of the probe")
