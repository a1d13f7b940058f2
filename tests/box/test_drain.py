# SPDX-License-Identifier: BSD-2-Clause
"""Draining a site under load: phases in their order, no request lost, and an origin that really is empty afterwards."""
import re
import threading
import time

import dns
from edge import CALM, Edge
from http1 import RawOrigin, ok
from lab import PATIENCE, measured, timeout, wait_until
from load import Running
from sites import World

PHASES = ["dns", "requests", "sessions", "drained"]


def phases_of(text):
	"""Phases in the order in which `drain --wait` prints them."""
	return [w for line in text.splitlines() for w in line.split() if w in PHASES]


@timeout(120)
def test_drain_site_under_load(lab):
	world = World(lab, namespaces=False, check=CALM)
	load = Running(lab, world.web, 32)
	slow = Running(lab, world.web, 4, path="/slow")  # a second each, so that the drain has something to wait for
	wait_until(lambda: world.served("cloud") > 500, 10, "load on cloud")
	last_named = [0.0]
	stop = threading.Event()

	def watch():
		while not stop.is_set():
			if world.answer() == "cloud":
				last_named[0] = time.monotonic()
			stop.wait(0.02)
	watcher = threading.Thread(target=watch, daemon=True)
	watcher.start()
	done = world.daemon.ctl("drain", "site", "cloud", "--wait", seconds=60)
	ended = time.monotonic()
	stop.set()
	watcher.join(5)
	phases = phases_of(done.stdout)
	assert phases == [p for p in PHASES if p in phases] and phases[:2] == ["dns", "requests"] and phases[-1] == "drained", done.stdout
	wait_until(lambda: re.findall(r"site_drain site=cloud phase=(\w+)", world.daemon.log()) == PHASES, 5, "the phases in the log")
	assert world.answer() == "onprem"
	# No answer that names the site may still be in a cache when it is called drained: the largest TTL is 2 s.
	assert ended - last_named[0] >= 2, f"drained {ended - last_named[0]:.2f} s after DNS last named the site"
	after = world.served("cloud")
	running = world.served("onprem")
	wait_until(lambda: world.served("onprem") > running + 1000, 10, "load on onprem")
	assert world.served("cloud") == after, "requests reached a drained site"
	site = next(s for s in world.daemon.ctl_json("show", "sites") if s["name"] == "cloud")
	assert site["admin"] == "drain" and site["phase"] == "drained" and site["active"] == 0 and site["in_service"] == 0, site
	assert world.daemon.metric('steerway_site_drain_phase{site="cloud"}') == 4
	# Back again.
	world.daemon.ctl("ready", "site", "cloud")
	wait_until(lambda: world.answer() == "cloud", 5, "DNS answers cloud")
	wait_until(lambda: world.served("cloud") > after + 500, 10, "load on cloud again")
	for account in (slow.stop(), load.stop()):
		assert account["n_failures"] == 0 and account["closed_idle"] == 0, account


@timeout(60)
def test_requests_flow_during_the_dns_phase(lab):
	"""While caches may still name the site its servers go on taking requests."""
	world = World(lab, namespaces=False, check=CALM, ttl="5s..5s")
	world.answer()
	world.daemon.ctl("drain", "site", "cloud")
	drain = world.daemon.ctl_json("show", "drains")
	assert [d["phase"] for d in drain] == ["dns"] and drain[0]["name"] == "cloud", drain
	assert world.answer() == "onprem"
	assert world.edge.fetch("/id").body == b"cloud\n"
	# Aborted: as if nothing had been.
	world.daemon.ctl("ready", "site", "cloud")
	assert world.daemon.ctl_json("show", "drains") == []
	wait_until(lambda: world.answer() == "cloud", 5, "DNS answers cloud")


@timeout(60)
def test_abort_ends_the_wait(lab):
	world = World(lab, namespaces=False, check=CALM, ttl="30s..30s")
	world.answer()
	result = []
	waiter = threading.Thread(target=lambda: result.append(world.daemon.ctl("drain", "site", "cloud", "--wait", check=False)), daemon=True)
	waiter.start()
	wait_until(lambda: world.daemon.ctl_json("show", "drains"), 5, "the drain")
	world.daemon.ctl("ready", "site", "cloud")
	waiter.join(10 * PATIENCE)
	assert result and result[0].returncode == 1 and "aborted" in result[0].stderr, result


@timeout(60)
def test_refused_without_capacity(lab):
	"""The numbers are in the refusal; --force overrides; nothing has changed in between."""
	world = World(lab, namespaces=False, check=CALM, capacity={"cloud": "4000rps", "onprem": "1rps", "dr": "1rps"})
	load = Running(lab, world.web, 8)
	wait_until(lambda: next(s for s in world.daemon.ctl_json("show", "sites") if s["name"] == "cloud")["rps"] > 20, 20, "a measured load")
	refused = world.daemon.ctl("drain", "site", "cloud", check=False)
	said = refused.stdout + refused.stderr
	assert refused.returncode == 1 and "force" in said and any(c.isdigit() for c in said), said
	assert world.daemon.ctl_json("show", "drains") == [] and world.answer() == "cloud"
	world.daemon.ctl("drain", "site", "cloud", "--force")
	assert [d["name"] for d in world.daemon.ctl_json("show", "drains")] == ["cloud"]
	assert load.stop()["n_failures"] == 0


@timeout(60)
def test_last_site(lab):
	"""Draining the only site that is left leaves no one to serve: refused."""
	world = World(lab, namespaces=False, check=CALM)
	world.daemon.ctl("down", "site", "onprem")
	world.daemon.ctl("down", "site", "dr")
	refused = world.daemon.ctl("drain", "site", "cloud", check=False)
	assert refused.returncode == 1, refused
	assert world.edge.fetch("/id").body == b"cloud\n"


@timeout(60)
def test_drain_waits_for_requests(lab):
	"""A request in progress is not cut before the deadline; meanwhile the server gets nothing new."""
	def serve(c):
		while request := c.request():
			origins[0].note(request)
			if request.target == "/long":
				free.wait(30)
			c.send(ok(b"first"))

	def other(c):
		while c.request():
			c.send(ok(b"second"))
	free = threading.Event()
	origins = [RawOrigin(lab, serve), RawOrigin(lab, other)]
	edge = Edge(lab, {"cloud": [origins[0]], "onprem": [origins[1]]}, pool={"prefer": ["cloud", "onprem"]})
	with edge.client() as c:
		c.ask("GET", "/long")
		origins[0].wait(1)
		edge.daemon.ctl("drain", "server", "app/cloud1")
		for _ in range(10):
			assert edge.fetch("/").body == b"second"
		drains = edge.daemon.ctl_json("show", "drains")
		assert len(drains) == 1 and drains[0]["active"] == 1 and drains[0]["phase"] in ("requests", "sessions"), drains
		free.set()
		assert c.response().body == b"first"
	wait_until(lambda: edge.daemon.ctl_json("show", "drains")[0]["phase"] == "drained", 5, "drained")
	# No idle connection to it is kept.
	wait_until(lambda: edge.daemon.ctl_json("show", "servers")[0]["connections"] == 0, 5, "no connection left")


@timeout(60)
def test_deadline_cuts(lab):
	def serve(c):
		request = c.request()
		origin.note(request)
		c.rest()
	origin = RawOrigin(lab, serve)
	edge = Edge(lab, {"cloud": [origin], "onprem": [RawOrigin(lab)]}, pool={"prefer": ["cloud", "onprem"]})
	with edge.client() as c, measured() as t:
		c.ask("GET", "/long")
		origin.wait(1)
		edge.daemon.ctl("drain", "server", "app/cloud1", "--deadline", "1s")
		c.rest()
		assert t() >= 0.9
	record = edge.daemon.wait_access(lambda r: "/long" in repr(r))
	assert record["end"] == "drain_deadline", record
	wait_until(lambda: edge.daemon.ctl_json("show", "drains")[0]["phase"] == "drained", 5, "drained")


@timeout(60)
def test_own_site_closes_client_connections(lab):
	"""Draining the site that this node stands in also tells clients to go: their answers say close, none is lost."""
	world = World(lab, namespaces=False, check=CALM, node={"name": "edge-1", "site": "cloud"})
	load = Running(lab, world.web, 8, pause_ms=5)
	wait_until(lambda: world.served("cloud") > 50, 10, "load")
	with world.edge.client() as c:
		assert not c.get("/13").has_token("Connection", "close")
	world.daemon.ctl("drain", "site", "cloud", "--wait")
	with world.edge.client() as c:
		assert c.get("/13").has_token("Connection", "close")
		assert c.is_closed()
	wait_until(lambda: world.served("onprem") > 50, 10, "load on onprem")
	account = load.stop()
	assert account["n_failures"] == 0 and account["reconnects"] > 0, account


@timeout(60)
def test_maint_and_forced_states(lab):
	"""maint and down take out at once, up holds in whatever health says; ready gives it back."""
	world = World(lab, namespaces=False, check=CALM)
	for verb in ("maint", "down"):
		world.daemon.ctl(verb, "site", "cloud")
		wait_until(lambda: world.answer() == "onprem", 5, f"{verb}: DNS answers onprem")
		assert world.edge.fetch("/id").body == b"onprem\n"
		world.daemon.ctl("ready", "site", "cloud")
		wait_until(lambda: world.answer() == "cloud", 5, "ready")
	world.daemon.ctl("up", "server", "app/cloud1")
	world.origins["cloud"][0].kill()
	server = wait_until(lambda: next((s for s in world.daemon.ctl_json("show", "servers") if s["name"] == "app/cloud1" and s["verdict"] == "down"), None),
	                    10, "the verdict")
	assert server["admin"] == "up" and server["in_service"], server
	assert world.answer() == "cloud"
	assert dns.ask(world.dns, "app.example.test").rcode == "NOERROR"
