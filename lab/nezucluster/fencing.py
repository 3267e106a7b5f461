"""Fencing devices: a switch that cuts a node's power when the other node asks for it. The same as cluster/crm/fencing.crm with another device."""

import os
import shutil
import threading
import time

from nezulab.process import Failed

HERE = os.path.dirname(os.path.abspath(__file__))

# Where both want to shoot, node-b waits to shoot node-a, so that one survives.
DEVICES = """primitive fence-node-a stonith:external/lab params hostlist=node-a pcmk_host_list=node-a pcmk_delay_base=3s op monitor interval=60s
primitive fence-node-b stonith:external/lab params hostlist=node-b pcmk_host_list=node-b op monitor interval=60s
location fence-node-a-elsewhere fence-node-a -inf: node-a
location fence-node-b-elsewhere fence-node-b -inf: node-b
property stonith-enabled=true stonith-timeout=20s
"""


class Fencing:
    """Serves requests of the devices in `folder`, which all nodes see as /run/fence, until close()."""

    def __init__(self, folder, nodes):
        self.folder, self.nodes = folder, nodes
        self.shot = []  # (node's name, when)
        self.failure = None
        os.makedirs(folder)
        os.chmod(folder, 0o777)
        shutil.copy2(os.path.join(HERE, "fence_lab"), os.path.join(folder, "plugin"))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while not self._over.wait(0.02):
            for name, node in self.nodes.items():
                request = os.path.join(self.folder, f"off-{name}")
                if not os.path.exists(request):
                    continue
                try:
                    if node.running():
                        node.power_cut()
                    self.shot.append((name, time.time()))
                    os.unlink(request)
                except (Failed, OSError) as error:
                    self.failure = f"{name} could not be switched off: {error}"
                    return

    def close(self):
        self._over.set()
        self._thread.join(5)
        return []
