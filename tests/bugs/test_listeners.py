# SPDX-License-Identifier: BSD-2-Clause
"""What once went wrong with listeners that come and go."""
import subprocess
import threading

from edge import Edge
from http1 import Client, RawOrigin, fetch
from lab import SANITIZER, SANITIZER_WORDS, SLOW, STEERWAY


class Other:
	"""A second listener that a reload adds and removes."""

	def __init__(self, lab):
		self.edge = Edge(lab, {"cloud": [RawOrigin(lab)]}, workers=2)
		self.address = (lab.ip, lab.port())
		self.without = self.edge.config["listeners"]

	def reload(self, is_there, check=True, **more):
		other = {"other": {"bind": ["%s:%d" % self.address]}} if is_there else {}
		self.edge.config["listeners"] = {**self.without, **other, **more}
		return self.edge.reconfigure(check)

	def is_listed(self):
		return "other" in [l["name"] for l in self.edge.daemon.ctl_json("show", "listeners")]


def test_listener_that_came_back_stayed_dead(lab):
	"""Removed while a connection of it lives, then configured again: it must listen."""
	other = Other(lab)
	other.reload(True)
	with Client(other.address) as held:
		assert held.get("/").status == 200
		other.reload(False)
		other.reload(True)
		assert other.is_listed()
		assert fetch(other.address).status == 200


def test_refused_reload_listed_a_removed_listener(lab):
	other = Other(lab)
	other.reload(True)
	with Client(other.address) as held:
		assert held.get("/").status == 200
		other.reload(False)
		assert not other.is_listed()
		refused = other.reload(False, check=False, bad={"bind": ["203.0.113.77:80"]})  # no address of this machine (RFC 5737)
		assert refused.returncode != 0
		assert not other.is_listed()


def test_failed_start_left_connections_behind(lab):
	"""What starts after the listeners fails (the admin socket is another daemon's): what they have taken meanwhile is given back."""
	first = Edge(lab, {"cloud": [RawOrigin(lab)]}, workers=1)
	address = (lab.ip, lab.port())
	text = first.daemon.file.read_text()
	second = lab.write("second.yaml", text.replace("%s:%d" % first.web, "%s:%d" % address))
	is_over = threading.Event()

	def hammer():
		while not is_over.is_set():
			try:
				Client(address).close()
			except OSError:
				pass
	threads = [threading.Thread(target=hammer, daemon=True) for _ in range(2)]
	for t in threads:
		t.start()
	try:
		for _ in range(5 if SANITIZER else 20):
			done = subprocess.run([STEERWAY, "-c", second], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30 * SLOW)
			assert not SANITIZER_WORDS.search(done.stderr), done.stderr[-6000:]
			assert done.returncode == 1, (done.returncode, done.stderr[-6000:])
	finally:
		is_over.set()
		for t in threads:
			t.join()
