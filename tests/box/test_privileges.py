# SPDX-License-Identifier: BSD-2-Clause
"""Least privilege: what it is while it serves, and when it does not even start."""
import os
import pwd
import signal
import socket
import subprocess
from pathlib import Path

from edge import Edge
from http1 import RawOrigin, fetch
from lab import STEERWAY, Skip, need_root, wait_until

NET_BIND_SERVICE = 1 << 10


def threads(pid):
	return [Path(f"/proc/{pid}/task/{t}/status").read_text() for t in os.listdir(f"/proc/{pid}/task")]


def field(status, name):
	return next(line for line in status.splitlines() if line.startswith(name + ":")).split(":", 1)[1].split()


def test_root_needs_a_user(lab):
	need_root()
	edge = Edge(lab, {"cloud": [RawOrigin(lab)]}, start=False, run_as_root=False)
	daemon = lab.steerway(edge.config, wait=False)
	assert daemon.process.wait() not in (0, None)
	daemon.is_finished = True
	assert "user" in daemon.log() and "run_as_root" in daemon.log(), daemon.log()


def dropped(lab, **more):
	need_root()
	os.chmod(lab.dir, 0o777)  # as an installation would give it a folder of its own
	edge = Edge(lab, {"cloud": [RawOrigin(lab)]}, start=False, user="nobody", **more)
	edge.daemon = lab.steerway(edge.config)
	return edge


def test_drops_to_the_user(lab):
	"""Every thread is the user, in no other group, without capabilities but the one to bind again."""
	edge = dropped(lab)
	nobody = pwd.getpwnam("nobody")
	assert edge.fetch("/").status == 200
	for status in threads(edge.daemon.pid):
		assert field(status, "Uid") == [str(nobody.pw_uid)] * 4 and field(status, "Gid") == [str(nobody.pw_gid)] * 4, status
		assert set(field(status, "Groups")) <= {str(nobody.pw_gid)}, status
		for kind in ("CapPrm", "CapEff", "CapInh", "CapAmb"):
			assert int(field(status, kind)[0], 16) & ~NET_BIND_SERVICE == 0, status
		assert field(status, "NoNewPrivs") == ["1"], status
	# Workers need not even that one; only the control thread binds.
	assert sum(int(field(s, "CapEff")[0], 16) != 0 for s in threads(edge.daemon.pid)) <= 1


def test_low_port_at_start_and_at_reload(lab):
	"""Ports below 1024 are bound as root, and can be added later by a reload."""
	ports = low_ports(lab.ip, 2)
	need_root()
	os.chmod(lab.dir, 0o777)
	edge = Edge(lab, {"cloud": [RawOrigin(lab)]}, start=False, user="nobody")
	edge.config["listeners"]["low"] = {"bind": [f"{lab.ip}:{ports[0]}"]}
	edge.daemon = lab.steerway(edge.config)
	edge.config["listeners"]["later"] = {"bind": [f"{lab.ip}:{ports[1]}"]}
	edge.reconfigure()
	for port in ports:
		assert fetch((lab.ip, port), "/").status == 200


def low_ports(ip, n):
	found = []
	for port in range(600, 1000):
		with socket.socket() as s:
			try:
				s.bind((ip, port))
				found.append(port)
			except PermissionError:
				raise Skip("ports below 1024 are not allowed here")
			except OSError:
				continue
		if len(found) == n:
			return found
	raise Skip("no free port below 1024")


def test_logs_belong_to_the_user(lab):
	"""After the drop it can still reopen its logs."""
	edge = dropped(lab)
	edge.fetch("/one")
	edge.daemon.wait_access(lambda r: True)
	os.rename(edge.daemon.access_path, lab.path("moved"))
	edge.daemon.process.send(signal.SIGUSR1)
	wait_until(edge.daemon.access_path.exists, 5, "a new file")
	edge.fetch("/two")
	edge.daemon.wait_access(lambda r: "/two" in repr(r))


def test_unknown_user(lab):
	need_root()
	edge = Edge(lab, {"cloud": [RawOrigin(lab)]}, start=False, user="no-such-user")
	daemon = lab.steerway(edge.config, wait=False)
	assert daemon.process.wait() != 0
	daemon.is_finished = True
	assert "no-such-user" in daemon.log()


def test_as_an_ordinary_user(lab):
	"""Without root it needs no `user` and serves on high ports."""
	need_root()  # to become someone else
	os.chmod(lab.dir, 0o777)
	nobody = pwd.getpwnam("nobody")

	def become():
		os.setgroups([])
		os.setgid(nobody.pw_gid)
		os.setuid(nobody.pw_uid)
	if subprocess.run(["test", "-x", STEERWAY], preexec_fn=become).returncode != 0:
		raise Skip("the build is out of nobody's reach")
	edge = Edge(lab, {"cloud": [RawOrigin(lab)]}, start=False, run_as_root=False)
	edge.daemon = lab.steerway(edge.config, preexec=become)
	assert edge.fetch("/").status == 200
