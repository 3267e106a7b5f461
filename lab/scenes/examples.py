"""The configurations of cluster/: a real cluster takes them as they are."""

import concurrent.futures
import glob
import os

from nezucluster.scene import scene
from nezulab.process import expect

CRM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "cluster", "crm")


@scene("cold")
def examples(rig):
    """Every example loads without an error, into a configuration of its own, and the scheduler's own check has nothing against it."""
    node = rig.begin(monitoring=False)
    files = sorted(glob.glob(os.path.join(CRM, "*.crm")))
    expect(len(files) >= 4, f"only {len(files)} examples in {CRM}")
    for path in files:
        name = os.path.basename(path)
        with open(path, encoding="utf-8") as f:
            node.write(name, f.read())
        node.write(f"{name}.sh", f"set -e; export CIB_file=/run/lab/{name}.xml; cibadmin --empty > $CIB_file; chmod 666 $CIB_file\n"
                             "crm_attribute -q -n stonith-enabled -v false; crm_attribute -q -n no-quorum-policy -v ignore\n"
                             f"crm -F configure load update /run/lab/{name}\n"
                             "crm_verify -V -x $CIB_file\n")
    # At the same time: most of it is crmsh's own start.
    with concurrent.futures.ThreadPoolExecutor() as pool:
        results = list(pool.map(lambda path: node.run(["bash", f"/run/lab/{os.path.basename(path)}.sh"], check=False), files))
    for name, done in zip((os.path.basename(path) for path in files), results):
        said = [line for line in (done.stdout + done.stderr).splitlines() if "ERROR" in line or "error:" in line]
        # The devices' agents are another package; what they are told is the example's to say, and theirs to check.
        wrong = [line for line in said if "stonith:fence_" not in line and "ocf:linbit:drbd" not in line]
        expect(done.returncode == 0 and not wrong, f"{name}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return ", ".join(os.path.basename(path) for path in files)
