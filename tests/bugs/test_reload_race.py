# SPDX-License-Identifier: BSD-2-Clause
"""A reload at the worst moment, made certain by a gate in recv()."""
import re
import threading
import time
from pathlib import Path

from edge import Edge
from http1 import RawOrigin, ok
from lab import SANITIZER, STEERWAY, need, need_tool, run, wait_until


def test_reload_between_two_looks_at_the_snapshot_freed_the_first(lab):
	"""A worker looks at the snapshot, reads a head, and then holds what it looked at, not what a reload has put in its place."""
	need(SANITIZER == "address", "use after free shows under the address sanitizer alone")
	need_tool("gcc", "ldd")
	runtime = re.search(r"=> (\S*libasan\S*)", run("ldd", STEERWAY).stdout)
	need(runtime, "the sanitizer is linked statically, so that nothing can be loaded before the daemon")
	library, gate = lab.path("gate.so"), lab.path("gate")
	run("gcc", "-shared", "-fPIC", "-o", library, Path(__file__).with_name("gate.c"))
	has_reloaded = threading.Event()

	def serve(c):
		c.request()
		has_reloaded.wait(20)
		c.send(ok(b"hello"))
	edge = Edge(lab, {"cloud": [RawOrigin(lab, serve)]}, workers=1, start=False)
	edge.daemon = lab.steerway(edge.config, env={"LD_PRELOAD": f"{runtime[1]} {library}", "GATE": str(gate)})
	with edge.client() as c:
		c.ask("GET", "/gate")
		wait_until(lab.path("gate.at").exists, 10, "a worker at the gate")
		reload = threading.Thread(target=edge.reconfigure)
		reload.start()
		time.sleep(0.3)  # the new snapshot is in force before the worker goes on; nothing tells of it, since the reload waits for the worker
		lab.write("gate.go", "")
		reload.join()
		has_reloaded.set()
		assert c.response().body == b"hello"
	edge.daemon.check()
