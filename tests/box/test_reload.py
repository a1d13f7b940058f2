# SPDX-License-Identifier: BSD-2-Clause
"""Reloads under load lose nothing, leak nothing, and a bad file changes nothing."""
import signal
import socket
import threading
import time

from edge import CALM, HTTP_CHECK, Edge, servers
from http1 import Client, RawOrigin, ok
from lab import SANITIZER, SLOW, timeout, wait_until
from load import Running
from origins import Nginx
from sites import World


@timeout(120)
def test_fifty_reloads_under_load(lab):
	"""64 busy connections, 50 reloads that each change something: no failed request, no growth."""
	origins = [Nginx(lab, "cloud"), Nginx(lab, "onprem")]
	edge = Edge(lab, {"cloud": origins[:1], "onprem": origins[1:]}, check={**HTTP_CHECK, **CALM})
	app = edge.config["pools"]["app"]

	def turn(i):
		app["servers"][0]["weight"] = 1 + i % 7
		edge.config["listeners"]["web"]["max_fields"] = 50 + i
		edge.config["routes"] = [{"host": f"h{i}.test", "pool": "app"}, {"pool": "app"}]
		edge.reconfigure()
	load = Running(lab, edge.web, 64)
	wait_until(lambda: len(origins[0].served()) > 300, 10, "load")
	for i in range(10):  # caches and arenas fill up first
		turn(i)
	memory, descriptors = edge.daemon.rss_bytes(), edge.daemon.descriptors()
	for i in range(50):
		turn(i)
	grown, more = edge.daemon.rss_bytes() - memory, edge.daemon.descriptors() - descriptors
	account = load.stop()
	assert account["n_failures"] == 0 and account["closed_idle"] == 0 and account["reconnects"] == 0, account
	assert account["ok"] > 1000, account
	assert edge.daemon.metric("steerway_main_reloads_total") == 60
	# Upstream connections come and go with the load; 64 clients have at most so many a worker.
	assert more <= 64, f"{more} more descriptors"
	if not SANITIZER:
		assert grown < 3 << 20, f"grew by {grown >> 10} KiB in 50 reloads"


@timeout(60)
def test_many_reloads_leak_nothing(lab):
	"""Idle, so that only reloads cost: 100 more leave descriptors and memory where the first 100 left them."""
	edge = Edge(lab, {"cloud": [RawOrigin(lab)]}, check={"type": "tcp", "interval": "1s"})

	def hundred():
		for _ in range(50):
			edge.config["pools"]["app"]["servers"][0]["weight"] = 3 - edge.config["pools"]["app"]["servers"][0].get("weight", 1)
			edge.reconfigure()
		return edge.daemon.rss_bytes(), edge.daemon.descriptors()
	hundred()
	first, second = hundred(), hundred()
	assert second[1] <= first[1] + 2, (first, second)
	if not SANITIZER:
		assert second[0] - first[0] < 1 << 20, f"grew by {(second[0] - first[0]) >> 10} KiB"


def test_sighup(lab):
	origin, other = RawOrigin(lab), RawOrigin(lab)
	edge = Edge(lab, {"cloud": [origin]})
	edge.config["pools"]["app"]["servers"] = servers(cloud=[other])
	edge.daemon.configure(edge.config)
	edge.daemon.process.send(signal.SIGHUP)
	wait_until(lambda: edge.daemon.metric("steerway_main_reloads_total") == 1, 5, "the reload")
	assert edge.fetch("/").status == 200
	assert len(other.requests) == 1 and not origin.requests


@timeout(60)
def test_bad_file_changes_nothing(lab):
	"""Every fault is named with its place; requests, verdicts and listeners stay."""
	edge = Edge(lab, {"cloud": [RawOrigin(lab)]})
	good = edge.daemon.file.read_text()
	with edge.client() as c:
		assert c.get("/").status == 200
		edge.daemon.configure(good.replace('"pool": "app"', '"pool": "nosuch"').replace("workers:", "workerz:") + "zzz: 1\n")
		refused = edge.daemon.reload(check=False)
		said = refused.stdout + refused.stderr
		assert refused.returncode != 0
		for word in ("nosuch", "workerz", "zzz", edge.daemon.file.name):
			assert word in said, said
		assert said.count(f"{edge.daemon.file.name}:") >= 3, said
		assert c.get("/").status == 200
	assert edge.fetch("/").status == 200
	assert edge.daemon.metric("steerway_main_reload_failures_total") == 1 and edge.daemon.metric("steerway_main_reloads_total") == 0
	edge.daemon.file.unlink()
	assert edge.daemon.reload(check=False).returncode != 0
	edge.daemon.configure(good)
	edge.daemon.reload()
	assert edge.fetch("/").status == 200


@timeout(60)
def test_restart_keys_are_refused(lab):
	"""What only a restart can change is refused with a word about it, and nothing else of the file is taken."""
	edge = Edge(lab, {"cloud": [RawOrigin(lab)]}, workers=1)
	edge.config["workers"] = 2
	refused = edge.reconfigure(check=False)
	said = refused.stdout + refused.stderr
	assert refused.returncode != 0 and "workers" in said and "restart" in said, said


@timeout(60)
def test_listener_added_and_removed(lab):
	"""New sockets serve at once; of one that goes, requests in progress finish and new connections are refused."""
	def serve(c):
		while request := c.request():
			origin.note(request)
			if request.target == "/hold":
				free.wait(20)
			c.send(ok())
	free = threading.Event()
	origin = RawOrigin(lab, serve)
	edge = Edge(lab, {"cloud": [origin]})
	second = (lab.ip, lab.port())
	edge.config["listeners"]["more"] = {"bind": ["%s:%d" % second]}
	edge.reconfigure()
	with Client(second) as held:
		assert held.get("/").status == 200
		held.ask("GET", "/hold")
		origin.wait(2)
		del edge.config["listeners"]["more"]
		edge.reconfigure()

		def refused():
			try:
				Client(second, seconds=1).close()
				return False
			except ConnectionRefusedError:
				return True
		wait_until(refused, 5, "connections are refused")
		free.set()
		assert held.response().status == 200
	assert edge.fetch("/").status == 200
	names = {row["name"] for row in edge.daemon.ctl_json("show", "listeners")}
	assert names == {"web"}, names


@timeout(60)
def test_a_bind_that_fails_changes_nothing(lab):
	edge = Edge(lab, {"cloud": [RawOrigin(lab)]})
	with socket.socket() as taken:
		taken.bind((lab.ip, lab.port()))
		taken.listen()
		address = "%s:%d" % taken.getsockname()
		edge.config["listeners"]["more"] = {"bind": [address]}
		edge.config["routes"] = [{"host": "nowhere.test", "pool": "app"}]
		refused = edge.reconfigure(check=False)
		assert refused.returncode != 0 and address in refused.stdout + refused.stderr, refused
	assert edge.fetch("/").status == 200


@timeout(60)
def test_in_flight_over_a_reload(lab):
	"""A request that began before a reload ends after it, though its pool is gone."""
	def serve(c):
		while request := c.request():
			origin.note(request)
			free.wait(20)
			c.send(ok(b"old"))
	free = threading.Event()
	origin, other = RawOrigin(lab, serve), RawOrigin(lab)
	edge = Edge(lab, {"cloud": [origin]})
	with edge.client() as c:
		c.ask("GET", "/")
		origin.wait(1)
		edge.config["pools"] = {"next": {"servers": servers(cloud=[other])}}
		edge.config["routes"] = [{"pool": "next"}]
		edge.reconfigure()
		assert edge.fetch("/").body == b"hello"
		free.set()
		assert c.response().body == b"old"
		assert c.get("/").body == b"hello"


@timeout(60)
def test_verdicts_are_kept(lab):
	"""A server that is down stays down over a reload that does not concern its check, and is not unknown for a moment."""
	world = World(lab, namespaces=False, check=CALM)
	world.origins["cloud"][0].kill()
	wait_until(lambda: world.answer() == "onprem", 10, "DNS answers onprem")
	epoch = world.daemon.metric("steerway_fleet_epoch")
	for i in range(5):
		world.edge.config["listeners"]["web"]["max_fields"] = 60 + i
		world.edge.reconfigure()
		assert world.answer() == "onprem"
		assert world.edge.fetch("/id").body == b"onprem\n"
		server = next(s for s in world.daemon.ctl_json("show", "servers") if s["name"] == "app/cloud1")
		assert server["verdict"] == "down", server
	events = world.daemon.ctl_json("show", "events")
	assert sum(e["server"] == "app/cloud1" and e["to"] == "down" for e in events) == 1, events
	assert world.daemon.metric("steerway_fleet_epoch") >= epoch


@timeout(60)
def test_admin_state_is_kept(lab):
	edge = Edge(lab, {"cloud": [RawOrigin(lab)], "onprem": [RawOrigin(lab)]})
	edge.daemon.ctl("maint", "site", "cloud")
	edge.config["pools"]["app"]["servers"][0]["weight"] = 9
	edge.reconfigure()
	assert edge.daemon.ctl_json("show", "sites")[0]["admin"] == "maint"


@timeout(60)
def test_stop_finishes_requests(lab):
	"""SIGTERM: new connections are refused, what is in progress gets its answer, then the daemon is gone, well before drain_timeout."""
	def serve(c):
		while request := c.request():
			origin.note(request)
			free.wait(20)
			c.send(ok(b"late"))
	free = threading.Event()
	origin = RawOrigin(lab, serve)
	edge = Edge(lab, {"cloud": [origin]}, drain_timeout="20s", workers=1)
	with edge.client() as busy, edge.client() as idle:
		assert idle  # an idle connection must not hold the stop up
		busy.ask("GET", "/")
		origin.wait(1)
		edge.daemon.process.send(signal.SIGTERM)
		assert idle.is_closed()
		assert edge.daemon.process.is_alive()
		free.set()
		start = time.monotonic()
		answer = busy.response()
		assert answer.status == 200 and answer.body == b"late" and answer.has_token("Connection", "close"), answer
		assert edge.daemon.process.wait() == 0
		assert time.monotonic() - start < 10 * SLOW
	edge.daemon.is_finished = True


@timeout(60)
def test_stop_deadline(lab):
	def serve(c):
		c.request()
		c.rest()
	edge = Edge(lab, {"cloud": [RawOrigin(lab, serve)]}, drain_timeout="500ms")
	with edge.client() as c:
		c.ask("GET", "/")
		wait_until(lambda: edge.daemon.metric("steerway_proxy_requests_active") == 1, 5, "the request")
		edge.daemon.ctl("stop")
		c.rest()
		assert edge.daemon.process.wait() == 0
	edge.daemon.is_finished = True
	assert [r["end"] for r in edge.daemon.access()] == ["stop_deadline"]
