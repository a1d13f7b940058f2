# SPDX-License-Identifier: BSD-2-Clause
"""The admin socket, steerctl and admin HTTP: what they say, to whom, and what bad input gets."""
import json
import os
import re
import socket
import stat

from edge import HTTP_CHECK, Edge
from http1 import Client, RawOrigin
from lab import BUILD, Skip, cases, run, wait_until
from origins import Nginx
from sites import World


def shared(lab):
	return World(lab, namespaces=False)


TABLES = [("sites", {"name", "role", "admin", "phase", "servers", "in_service", "active", "rps", "addresses"}),
          ("pools", {"name", "balance", "check", "admin", "servers", "in_service", "usable_sites"}),
          ("servers", {"name", "site", "address", "verdict", "admin", "in_service", "weight", "connections", "requests", "cause"}),
          ("listeners", {"name", "address", "protocol", "connections", "max_connections"}),
          ("zones", {"name", "serial", "static_rrsets", "steered_names"}),
          ("names", {"name", "policy", "pool", "answers", "usable", "ttl_s", "all_down"}),
          ("stats", {"name", "value", "help"})]


@cases(*[(t, t, keys) for t, keys in TABLES])
def test_show(what, keys, shared):
	"""JSON with the promised keys; the same as a table for people, every row of it."""
	rows = shared.daemon.ctl_json("show", what)
	assert rows and all(keys <= row.keys() for row in rows), rows[:1]
	text = shared.daemon.ctl("show", what).stdout
	assert len(text.splitlines()) > len(rows) and all(str(row["name"]) in text for row in rows), text


def test_values(shared):
	sites = {s["name"]: s for s in shared.daemon.ctl_json("show", "sites")}
	assert list(sites) == ["cloud", "onprem", "dr"]
	assert sites["cloud"]["admin"] == "ready" and sites["cloud"]["in_service"] == 1 and sites["cloud"]["addresses"] == ["198.51.100.10"]
	server = shared.daemon.ctl_json("show", "servers", "--site", "cloud")
	assert [s["name"] for s in server] == ["app/cloud1"] and server[0]["verdict"] == "up", server
	names = shared.daemon.ctl_json("show", "names")
	assert names[0]["name"] == "app.example.test." and names[0]["answers"] == ["cloud"], names


def test_explain(shared):
	"""From the probe's evidence to the DNS answer."""
	for target in ("app/cloud1", "cloud", "app", "app.example.test"):
		tree = shared.daemon.ctl_json("explain", target)
		assert tree["why"], tree
		assert shared.daemon.ctl("explain", target).stdout.strip()
	tree = shared.daemon.ctl_json("explain", "app/cloud1")
	assert tree["probes"][0]["result"] == "success" and "200" in tree["probes"][0]["evidence"], tree
	assert tree["check"]["rise"] == 2 and tree["check"]["fall"] == 3 and tree["dns"][0]["answers_with_it"] is True, tree


def why(daemon, target):
	return " | ".join(daemon.ctl_json("explain", target)["why"])


def test_explain_every_state(lab):
	"""Why is it down? Each state has an answer that agrees with itself."""
	world = World(lab, namespaces=False, ttl="30s..60s")
	d = world.daemon
	assert "finds it up" in why(d, "app/cloud1") and "so it takes requests" in why(d, "app/cloud1")
	for word in ("maint", "down"):
		d.ctl(word, "server", "app/cloud1")
		text = why(d, "app/cloud1")
		assert f"set server cloud1 to `{word}`" in text and "so it takes no new requests" in text, text
		assert "0 of 1 servers of site cloud take requests (min_up 1), so the site is not usable" in why(d, "cloud")
		d.ctl("ready", "server", "app/cloud1")
	# The DNS phase: out of DNS, though its servers take requests.
	d.ctl("drain", "site", "cloud")
	text = why(d, "cloud")
	assert "phase: dns" in text and "1 of 1 servers of site cloud take requests" in text, text
	assert "but the operator took the site out of DNS, so it is not usable" in text, text
	assert "so it takes requests" in why(d, "app/cloud1")
	d.ctl("ready", "site", "cloud")
	d.ctl("drain", "pool", "app")
	assert "pool app is being drained" in why(d, "app/cloud1") and "nothing usable; all_down all" in why(d, "app.example.test"), why(d, "app.example.test")
	d.ctl("ready", "pool", "app")
	world.origins["cloud"][0].kill()
	wait_until(lambda: "finds it down: connect: Connection refused" in why(d, "app/cloud1"), 5, "the verdict")
	assert "so it takes no new requests" in why(d, "app/cloud1")
	d.ctl("up", "site", "cloud")
	text = why(d, "app/cloud1")
	assert "set site cloud to `up`" in text and "finds it down" in text and "so it takes requests" in text, text


@cases(("no such command", ["dance"]), ("half a command", ["show"]), ("no such site", ["drain", "site", "mars"]), ("no name", ["drain", "site"]),
       ("no such option", ["drain", "site", "cloud", "--fast"]), ("odd duration", ["drain", "site", "cloud", "--deadline", "soon"]),
       ("one word too many", ["ready", "site", "cloud", "dr"]), ("no such pool", ["show", "servers", "--pool", "mars"]), ("nothing to explain", ["explain", "mars"]))
def test_wrong_commands(words, shared):
	done = shared.daemon.ctl(*words, check=False)
	assert done.returncode == 1 and done.stderr.strip() and not done.stdout, done
	assert shared.daemon.ctl_json("show", "drains") == []


def test_steerctl_without_daemon(lab):
	done = run(BUILD / "steerctl", "-s", lab.path("nothing.sock"), "show", "sites", check=False)
	assert done.returncode == 2 and "nothing.sock" in done.stdout, done
	assert run(BUILD / "steerctl", "--version").stdout.startswith("steerctl ")
	assert run(BUILD / "steerctl", check=False).returncode == 2


def test_help_lists_every_command(shared):
	rows = shared.daemon.ctl_json("help")
	words = {row["command"] for row in rows}
	for kind in ("site", "pool", "server"):
		assert {f"{verb} {kind}" for verb in ("drain", "ready", "maint", "up", "down")} <= words, words
	assert {"reload", "stop", "explain"} <= words


def test_socket_mode(lab):
	edge = Edge(lab, {"cloud": [RawOrigin(lab)]})
	assert stat.S_IMODE(os.stat(edge.daemon.socket).st_mode) == 0o600
	edge.daemon.finish()
	assert not edge.daemon.socket.exists(), "the socket file is left behind"


def test_socket_group_and_mode(lab):
	if os.geteuid() != 0:
		raise Skip("needs root to give the socket away")
	import grp
	group = grp.getgrnam("nogroup")
	edge = Edge(lab, {"cloud": [RawOrigin(lab)]}, start=False)
	path = lab.path("steerway.sock")
	edge.config["admin"] = {"socket": {"path": str(path), "mode": "0660", "group": "nogroup"}, "http": {"bind": f"{lab.ip}:{lab.port()}"}}
	daemon = lab.steerway(edge.config, wait=False)
	wait_until(path.exists, 10, "the socket")
	wait_until(lambda: stat.S_IMODE(path.stat().st_mode) == 0o660 and path.stat().st_gid == group.gr_gid, 5, "owner and mode")
	daemon.ctl("version")


def test_raw_socket_garbage(shared):
	"""Lines that never end, binary, a silent peer: each is dealt with, and others are served meanwhile."""
	silent = socket.socket(socket.AF_UNIX)
	silent.connect(str(shared.daemon.socket))
	for data in (b"\0\xff\n", b"x" * 1_000_000, b"\n\n\n", b"show sites\n" * 1000, b"'unclosed quote\n"):
		with socket.socket(socket.AF_UNIX) as s:
			s.settimeout(10)
			s.connect(str(shared.daemon.socket))
			try:
				s.sendall(data)
				s.shutdown(socket.SHUT_WR)
				while s.recv(65536):
					pass
			except OSError:
				pass
	assert shared.daemon.ctl("version").returncode == 0
	silent.close()


def test_http(shared):
	assert shared.daemon.http("/healthz")[0] == 200 and shared.daemon.http("/readyz")[0] == 200
	assert shared.daemon.http("/nothing")[0] == 404
	assert shared.daemon.http("/metrics", "DELETE")[0] == 405
	with Client(shared.daemon.admin) as c:
		for _ in range(3):
			assert c.get("/healthz").status == 200
		c.ask("HEAD", "/metrics")
		assert c.response("HEAD").status == 200
		c.send(b"nonsense\r\n\r\n")
		assert c.response().status == 400


def test_metrics_format(shared):
	"""Prometheus text: each sample has its HELP and TYPE before it, names and labels are well-formed, nothing stands twice."""
	status, text = shared.daemon.http("/metrics")
	assert status == 200
	families, seen = {}, set()
	for line in text.splitlines():
		if line.startswith("# TYPE "):
			_, _, name, kind = line.split(" ")
			assert name not in families, f"family {name} stands twice"
			families[name] = kind
			assert kind in ("counter", "gauge", "histogram")
		elif not line.startswith("#"):
			match = re.fullmatch(r'([a-zA-Z_:][\w:]*)(\{[a-z_]+="(?:[^"\\\n]|\\.)*"(?:,[a-z_]+="(?:[^"\\\n]|\\.)*")*\})? (-?[\d.e+-]+|NaN|\+Inf)', line)
			assert match, f"odd line {line!r}"
			assert match[1] in families, f"{match[1]} has no TYPE"
			assert (match[1], match[2]) not in seen, f"{line!r} stands twice"
			assert families[match[1]] != "counter" or match[1].endswith("_total"), match[1]
			seen.add((match[1], match[2]))
	assert len(seen) > 50


def test_readyz_waits_for_the_first_probes(lab):
	"""Not ready before each server has had its first probe; a server that fails it makes no difference."""
	silent = socket.socket()
	silent.bind((lab.ip, lab.port()))
	silent.listen(16)
	lab.on_close(silent.close)
	check = {**HTTP_CHECK, "interval": "2s", "timeout": "1500ms"}
	edge = Edge(lab, {"cloud": ["%s:%d" % silent.getsockname()], "onprem": [Nginx(lab, "onprem")]}, check=check, start=False)
	daemon = lab.steerway(edge.config, wait=False)

	def status():
		try:
			return daemon.http("/readyz")[0]
		except OSError:
			return 0
	wait_until(lambda: status() == 503, 10, "503 before the first probes")
	wait_until(lambda: status() == 200, 10, "ready")


def test_counters_of_requests(lab):
	edge = Edge(lab, {"cloud": [RawOrigin(lab)]})
	with edge.client() as c:
		for _ in range(7):
			c.get("/")
	edge.fetch("/")
	edge.daemon.wait_metric("steerway_proxy_requests_total", 8)  # counted behind the answer
	values = edge.daemon.metrics()
	assert values["steerway_io_accepted_total"] >= 2, values
	assert edge.daemon.ends()["complete"] == 8
	assert values['steerway_server_requests_total{pool="app",server="cloud1",site="cloud"}'] == 8
	assert values["steerway_proxy_bytes_out_total"] > 8 * 5
	stats = {row["name"]: row["value"] for row in json.loads(edge.daemon.ctl("show", "stats", "--json").stdout)}
	assert stats["proxy_requests_total"] == 8
