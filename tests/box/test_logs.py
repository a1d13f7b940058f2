# SPDX-License-Identifier: BSD-2-Clause
"""Logs: reopened on SIGUSR1, and never in the way of a request, whatever the disk does."""
import json
import os
import signal

from edge import Edge
from http1 import RawOrigin
from lab import SLOW, measured, need, need_root, run, slowness, wait_until


def test_reopen(lab):
	"""As logrotate does it: move, signal; not a record is lost on the way."""
	edge = Edge(lab, {"cloud": [RawOrigin(lab)]})
	path = edge.daemon.access_path
	moved = path.with_suffix(".1")
	for i in range(50):
		edge.fetch(f"/before{i}")
	wait_until(lambda: len(edge.daemon.access()) == 50, 5, "50 records")
	os.rename(path, moved)
	edge.daemon.process.send(signal.SIGUSR1)
	wait_until(path.exists, 5, "a new file")
	for i in range(50):
		edge.fetch(f"/after{i}")
	wait_until(lambda: len(edge.daemon.access()) == 50, 5, "50 records in the new file")
	assert len(moved.read_text().splitlines()) == 50


def test_every_line_is_json(lab):
	"""Whatever a client sends, a record is one line of valid JSON."""
	edge = Edge(lab, {"cloud": [RawOrigin(lab)]})
	for target in ('/"quotes"', "/back\\slash", "/" + "\xff\xfe", "/" + "a" * 3000, "/%22%0a"):
		edge.fetch(target, fields=[("User-Agent", 'evil"},{"x":"\xe4'), ("Referer", "\xff")])
	with edge.client() as c:
		c.send(b"G\x01T \x00 \xff\r\n\r\n")
		c.response()
	wait_until(lambda: len(edge.daemon.access_path.read_bytes().splitlines()) == 6, 5, "six records")
	for line in edge.daemon.access_path.read_bytes().splitlines():
		json.loads(line.decode())  # UTF-8 and JSON


def test_text_format(lab):
	edge = Edge(lab, {"cloud": [RawOrigin(lab)]}, start=False, log={"access": {"path": "steerway.access.log", "format": "text"}})
	edge.daemon = lab.steerway(edge.config)
	edge.fetch("/in/text")
	line = wait_until(lambda: edge.daemon.access_path.exists() and edge.daemon.access_path.read_text(), 5, "a record")
	assert "/in/text" in line and "200" in line and not line.startswith("{") and line.count("\n") == 1, line


def serves(edge, n):
	"""n requests, in a time that says that no one waited for a log."""
	with edge.client() as c, measured() as t:
		for _ in range(n):
			assert c.get("/").status == 200
		assert t() < 5 * SLOW * slowness(), f"{n} requests took {t():.1f} s"


def test_full_device(lab):
	"""Every write fails with ENOSPC: requests are served, lost records are counted."""
	edge = Edge(lab, {"cloud": [RawOrigin(lab)]}, start=False, log={"access": {"path": "/dev/full"}})
	edge.daemon = lab.steerway(edge.config)
	serves(edge, 500)
	wait_until(lambda: edge.daemon.metric("steerway_io_log_lost_total") > 0, 5, "lost records are counted")


def test_full_disk_and_room_again(lab):
	"""A file system that fills up, and is emptied: records come again without a restart."""
	need_root()
	small = lab.path("small")
	small.mkdir()
	mounted = run("mount", "-t", "tmpfs", "-o", "size=1m", "steerway-test", small, check=False)
	need(mounted.returncode == 0, f"tmpfs can't be mounted here: {mounted.stdout.strip()}")
	lab.on_close(lambda: run("umount", "-l", small))
	edge = Edge(lab, {"cloud": [RawOrigin(lab)]}, start=False, log={"access": {"path": str(small / "access.log")}})
	edge.daemon = lab.steerway(edge.config)
	filler = small / "filler"
	filler.write_bytes(b"x" * (1 << 20))
	serves(edge, 500)
	wait_until(lambda: edge.daemon.metric("steerway_io_log_lost_total") > 0, 5, "lost records are counted")
	filler.unlink()
	(small / "access.log").unlink()
	edge.daemon.process.send(signal.SIGUSR1)
	wait_until((small / "access.log").exists, 5, "a new file")
	edge.fetch("/room/again")
	wait_until(lambda: "/room/again" in (small / "access.log").read_text(), 5, "a record")


def test_stalled_reader(lab):
	"""A log that goes into a pipe no one reads: the writer stands still, the workers do not."""
	fifo = lab.path("fifo")
	os.mkfifo(fifo)
	reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
	lab.on_close(lambda: os.close(reader))
	edge = Edge(lab, {"cloud": [RawOrigin(lab)]}, start=False, log={"access": {"path": str(fifo)}})
	edge.daemon = lab.steerway(edge.config)
	serves(edge, 3000)
	edge.daemon.ctl("show", "stats")


def test_state_changes_are_logged(lab):
	"""One line a change of state in the error log: who, from, to, cause."""
	origin = RawOrigin(lab)
	edge = Edge(lab, {"cloud": [origin]}, check={"type": "tcp", "interval": "100ms", "timeout": "100ms", "fall": 2, "rise": 1})
	origin.close()
	wait_until(lambda: edge.daemon.metric("steerway_health_verdict_changes_total") >= 2, 5, "the change")
	line = wait_until(lambda: next((row for row in edge.daemon.log().splitlines() if "down" in row and "cloud1" in row), None), 5, "its line")
	assert "efused" in line, line


def test_log_to_a_file(lab):
	edge = Edge(lab, {"cloud": [RawOrigin(lab)]}, start=False, log={"path": "error.log", "level": "info", "format": "json"})
	edge.daemon = lab.steerway(edge.config)
	lines = wait_until(lambda: lab.path("error.log").exists() and lab.path("error.log").read_text().splitlines(), 5, "lines")
	assert all(json.loads(line) for line in lines)
