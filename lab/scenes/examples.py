"""The configurations of cluster/: a real cluster takes them as they are, and crm's and pcs's say the same."""

import concurrent.futures
import glob
import os
import shutil

from nezucluster import cib
from nezucluster.scene import scene
from nezulab.process import expect, expect_equal

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "cluster")
# A configuration of its own, in which the scheduler's own check has nothing against the example.
BEGIN = """set -e; export CIB_file=/run/lab/{name}.xml; cibadmin --empty > $CIB_file; chmod 666 $CIB_file
crm_attribute -q -n stonith-enabled -v false; crm_attribute -q -n no-quorum-policy -v ignore
"""
END = "crm_verify -V -x $CIB_file\n"
# Fencing devices and DRBD have their agents in other packages: what those are told is the example's to say, and theirs to check. Nor are there
# nodes in a configuration of its own; "Blind faith" is about the property that BEGIN sets.
EXPECTED = ("fence_ipmilan", "ocf:linbit:drbd", "'monitor' is not a valid operation name", "referenced node", "Validation for node existence", "Blind faith")
# pcs is told to take devices unseen.
PCS = """mkdir -p /run/lab/{name}-tools; cat > /run/lab/{name}-tools/pcs <<'X'
#!/bin/sh
case $1 in stonith) set -- "$@" --force ;; esac
unset CIB_file
exec {pcs} -f /run/lab/{name}.xml "$@"
X
chmod +x /run/lab/{name}-tools/pcs; PATH=/run/lab/{name}-tools:$PATH sh -eu /run/lab/{name}
"""


def load(node, path):
    """One example into a configuration of its own. (what it printed, its configuration)"""
    name = os.path.basename(path)
    with open(path, encoding="utf-8") as f:
        node.write(name, f.read())
    load_it = f"crm -F configure load update /run/lab/{name}\n" if name.endswith(".crm") else PCS.format(name=name, pcs=shutil.which("pcs"))
    node.write(f"{name}.load", BEGIN.format(name=name) + load_it + END)
    done = node.run(["bash", f"/run/lab/{name}.load"], check=False, timeout=140)  # all of them at once, many tools each
    said = done.stdout + done.stderr
    wrong = [line for line in said.splitlines() if ("error" in line.lower() or "warning" in line.lower()) and not any(word in line for word in EXPECTED)]
    expect(done.returncode == 0 and not wrong, f"{name}: status {done.returncode}\n{said}")
    return cib.summary(node.run(["cat", f"/run/lab/{name}.xml"]).stdout)


@scene("cold")
def examples(rig):
    """Every example loads without an error, and a pair, a manager and fencing are the same whichever tool made them."""
    node = rig.begin(monitoring=False)
    expect(shutil.which("pcs"), "pcs is missing (package pcs)")
    files = sorted(glob.glob(os.path.join(FOLDER, "crm", "*.crm")) + glob.glob(os.path.join(FOLDER, "pcs", "*.sh")))
    names = [os.path.basename(path) for path in files]
    # At the same time: most of it is the tools' own start.
    with concurrent.futures.ThreadPoolExecutor() as pool:
        made = dict(zip(names, pool.map(lambda path: load(node, path), files)))
    pairs = sorted({name.rsplit(".", 1)[0] for name in names})
    expect(len(pairs) >= 4 and len(names) == 2 * len(pairs), f"the examples: {names}")
    for pair in pairs:
        crm, pcs = made[f"{pair}.crm"], made[f"{pair}.sh"]
        expect_equal(cib.without_unasked(pcs, crm), crm, f"{pair}: what pcs makes, and what crm makes")
    return ", ".join(names)
