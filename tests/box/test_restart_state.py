# SPDX-License-Identifier: BSD-2-Clause
"""What the operator said outlives the daemon: the state file is written whole or not at all, and a damaged one does not stop a start."""
import os

from edge import Edge
from http1 import RawOrigin
from lab import wait_until


def house(lab):
	edge = Edge(lab, {"cloud": [RawOrigin(lab)], "onprem": [RawOrigin(lab)]}, start=False)
	path, socket = lab.path("state/steerway.state"), lab.path("steerway.sock")
	path.parent.mkdir()
	admin = (lab.ip, lab.port())
	edge.config["admin"] = {"socket": {"path": str(socket)}, "http": {"bind": "%s:%d" % admin}, "state_file": str(path)}
	edge.daemon = lab.steerway(edge.config, wait=False)
	edge.daemon.admin = admin
	edge.daemon.wait_ready()
	return edge, path


def restart(edge, kill=False):
	if kill:
		edge.daemon.process.kill()
	else:
		edge.daemon.finish()
	edge.daemon.launch()


def admin_states(edge):
	return {s["name"]: s["admin"] for s in edge.daemon.ctl_json("show", "sites")} | \
		{s["name"]: s["admin"] for s in edge.daemon.ctl_json("show", "servers")}


def test_admin_state_survives(lab):
	edge, path = house(lab)
	edge.daemon.ctl("maint", "site", "cloud")
	edge.daemon.ctl("down", "server", "app/onprem1")
	wait_until(path.exists, 5, "the state file")
	expected = {"cloud": "maint", "onprem": "ready", "app/cloud1": "ready", "app/onprem1": "down"}
	for kill in (False, True):
		restart(edge, kill)
		assert admin_states(edge) == expected, admin_states(edge)
		assert edge.fetch("/").status == 503
	edge.daemon.ctl("ready", "site", "cloud")
	restart(edge)
	assert admin_states(edge) == dict(expected, cloud="ready")
	assert edge.fetch("/").status == 200
	assert sorted(os.listdir(path.parent)) == [path.name], "something is left beside the state file"


def test_damaged_state(lab):
	"""Names that are gone, garbage, an empty file: a line in the log, and the rest holds."""
	edge, path = house(lab)
	edge.daemon.ctl("maint", "site", "cloud")
	wait_until(path.exists, 5, "the state file")
	good = path.read_bytes()
	assert b"cloud" in good
	for damaged in (good.replace(b"cloud", b"mars"), b"\0\xff" * 1000, b"", good[:len(good) // 2]):
		edge.daemon.finish()
		path.write_bytes(damaged)
		edge.daemon.launch()
		assert edge.daemon.ctl("show", "sites").returncode == 0
	assert edge.fetch("/").status == 200


def test_unwritable_state(lab):
	"""The command takes effect all the same, and the log says that it will be forgotten."""
	edge, path = house(lab)
	path.parent.rename(path.parent.with_name("elsewhere"))
	edge.daemon.ctl("maint", "site", "cloud", check=False)
	assert admin_states(edge)["cloud"] == "maint"
	wait_until(lambda: path.name in edge.daemon.log(), 5, "a line about the state file")
