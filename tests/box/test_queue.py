# SPDX-License-Identifier: BSD-2-Clause
"""Limits over all workers, and the queue in front of them: what origins see at once, who goes first, who is sent away, and that nobody
is forgotten."""
import socket
import threading
import time

from edge import Edge, servers
from http1 import RawOrigin, ok
from lab import PATIENCE, SLOW, cases, slowness, wait_until


def is_established(sock):
	"""As the kernel has it: a connection that the peer has closed is none any more, though the thread that serves it may not know yet."""
	try:
		return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) == b"\1"  # tcpi_state: TCP_ESTABLISHED
	except OSError:
		return False


class Counting(RawOrigin):
	"""Counts what is in progress here at once; a request waits at the gate while that is shut, else for `seconds`."""

	def __init__(self, lab, seconds=0.0, is_shut=False):
		self.seconds, self.gate = seconds, threading.Semaphore(0) if is_shut else None
		self.now = self.most = self.most_open = 0
		self.open = []
		self.counts = threading.Lock()
		super().__init__(lab, self.count)

	def count(self, c):
		with self.counts:
			self.open = [s for s in self.open if is_established(s)] + [c.sock]
			self.most_open = max(len(self.open), self.most_open)
		while request := c.request():
			with self.counts:
				self.now += 1
				self.most = max(self.now, self.most)
			self.note(request)
			if self.gate:
				self.gate.acquire()
			elif self.seconds:
				time.sleep(self.seconds)
			with self.counts:
				self.now -= 1
			c.send(ok(request.target.encode()))

	def targets(self):
		return [r.target for r in self.requests]


class Asking(threading.Thread):
	"""One request on a connection of its own."""

	def __init__(self, edge, target, **more):
		super().__init__(daemon=True)
		self.edge, self.target, self.more, self.answer = edge, target, more, None
		self.start()

	def run(self):
		self.answer = self.edge.fetch(self.target, seconds=30, **self.more)

	def result(self):
		self.join(30 * PATIENCE)
		assert self.answer is not None, f"no answer to {self.target}"
		return self.answer


def queue_one_by_one(edge, targets, already=0):
	"""Each waits before the next one comes."""
	asking = []
	for n, target in enumerate(targets, already + 1):
		asking.append(Asking(edge, target))
		edge.daemon.wait_metric("steerway_fleet_queue", n)
	return asking


def load(edge, clients, requests):
	"""Statuses of requests * clients, each client on a connection of its own."""
	statuses, failed = [], []

	def run(number):
		try:
			with edge.client(seconds=60) as c:
				for i in range(requests):
					statuses.append(c.get(f"/{number}/{i}").status)
		except Exception as e:
			failed.append(e)
	threads = [threading.Thread(target=run, args=(n,), daemon=True) for n in range(clients)]
	for t in threads:
		t.start()
	for t in threads:
		t.join(120)
	assert not failed, failed[0]
	return statuses


LIMITS = [
	("server requests", {"max_requests": 2}, 2, None),
	("pool requests", {"limits": {"requests": 3}}, None, 3),
	("both", {"max_requests": 2, "limits": {"requests": 3}}, 2, 3),
	("server connections", {"max_connections": 2}, 2, None),
	("pool connections", {"limits": {"connections": 3}}, None, 3),
]


@cases(*LIMITS)
def test_limits_hold(pool, of_server, of_pool, lab):
	"""Many more clients than places, over two workers: never more at the origins, nobody is refused, nobody is forgotten."""
	origins = [Counting(lab, 0.002) for _ in range(2)]
	edge = Edge(lab, {"cloud": origins}, pool={**pool, "queue": {"length": 100, "timeout": "60s"}}, workers=2)
	started = time.monotonic()
	statuses = load(edge, 24, 40)
	took = time.monotonic() - started
	assert statuses == [200] * (24 * 40), {s: statuses.count(s) for s in set(statuses)}
	if of_server:
		assert max(o.most for o in origins) <= of_server, [o.most for o in origins]
	if of_pool:
		assert sum(o.most for o in origins) <= 2 * of_pool
	assert took < 50 * SLOW * slowness(), f"{took} s: someone waited for a timeout"
	assert edge.daemon.metric("steerway_fleet_queue") == 0
	assert edge.daemon.metric("steerway_fleet_queued_total") > 0
	assert edge.daemon.metric("steerway_fleet_shed_total") == 0


def test_one_pool_limit_over_servers(lab):
	"""The pool's bound is one number for all servers."""
	origins = [Counting(lab, is_shut=True) for _ in range(3)]
	edge = Edge(lab, {"cloud": origins}, pool={"limits": {"requests": 4}, "queue": {"length": 10}}, workers=2)
	asking = [Asking(edge, f"/{i}") for i in range(8)]
	wait_until(lambda: sum(o.now for o in origins) == 4, 5, "four in progress")
	edge.daemon.wait_metric("steerway_fleet_queue", 4)
	assert sum(o.now for o in origins) == 4
	for o in origins:
		for _ in range(8):
			o.gate.release()
	assert [a.result().status for a in asking] == [200] * 8


def test_order(lab):
	"""First come, first served; the time is in the log as queue_us."""
	origin = Counting(lab, is_shut=True)
	edge = Edge(lab, {"cloud": [origin]}, pool={"max_requests": 1, "queue": {"length": 10}}, workers=1)
	first = Asking(edge, "/first")
	origin.wait(1)
	asking = queue_one_by_one(edge, [f"/{i}" for i in range(5)])
	for n in range(6):
		origin.gate.release()
	for a in [first] + asking:
		assert a.result().status == 200
	assert origin.targets() == ["/first"] + [f"/{i}" for i in range(5)]
	waited = edge.daemon.wait_access(lambda r: r["path"] == "/4")
	assert waited["queue_us"] > 0 and waited["end"] == "complete", waited


def test_full(lab):
	"""No place in the queue: sent away at once, and told when to come back."""
	origin = Counting(lab, is_shut=True)
	edge = Edge(lab, {"cloud": [origin]}, pool={"max_requests": 1, "queue": {"length": 2, "retry_after": "7s"}}, workers=2)
	first = Asking(edge, "/first")
	origin.wait(1)
	asking = queue_one_by_one(edge, ["/1", "/2"])
	for _ in range(3):
		answer = edge.fetch("/away")
		assert answer.status == 503 and answer.get("Retry-After") == "7", answer
	assert edge.daemon.wait_access(lambda r: r["path"] == "/away")["end"] == "queue_full"
	assert edge.daemon.metric("steerway_fleet_shed_total") == 3
	for _ in range(3):
		origin.gate.release()
	assert [a.result().status for a in [first] + asking] == [200] * 3
	assert "/away" not in origin.targets()


def test_timeout(lab):
	origin = Counting(lab, is_shut=True)
	edge = Edge(lab, {"cloud": [origin]}, pool={"max_requests": 1, "queue": {"length": 9, "timeout": "300ms"}}, workers=1)
	first = Asking(edge, "/first")
	origin.wait(1)
	started = time.monotonic()
	answer = edge.fetch("/late")
	assert answer.status == 503 and answer.get("Retry-After") == "1", answer
	assert time.monotonic() - started >= 0.3
	record = edge.daemon.wait_access(lambda r: r["path"] == "/late")
	assert record["end"] == "queue_timeout" and record["server"] == "", record
	edge.daemon.wait_metric("steerway_fleet_queue", 0)
	origin.gate.release()
	assert first.result().status == 200
	origin.gate.release()
	assert edge.fetch("/again").status == 200


def test_client_goes(lab):
	"""Who waits and goes leaves the queue; the place is the next one's."""
	origin = Counting(lab, is_shut=True)
	edge = Edge(lab, {"cloud": [origin]}, pool={"max_requests": 1, "queue": {"length": 2}}, workers=1)
	first = Asking(edge, "/first")
	origin.wait(1)
	gone = edge.client()
	gone.ask("GET", "/gone")
	edge.daemon.wait_metric("steerway_fleet_queue", 1)
	last = queue_one_by_one(edge, ["/last"], already=1)[0]
	gone.reset()
	edge.daemon.wait_metric("steerway_fleet_queue", 1)
	assert edge.daemon.wait_access(lambda r: r["path"] == "/gone")["end"] == "client_abort"
	origin.gate.release()
	origin.gate.release()
	assert first.result().status == 200 and last.result().status == 200
	assert origin.targets() == ["/first", "/last"]


def test_body_waits(lab):
	"""A request with a body waits as well, and none of it is lost."""
	origin = Counting(lab, is_shut=True)
	edge = Edge(lab, {"cloud": [origin]}, pool={"max_requests": 1, "queue": {"length": 2}}, workers=1)
	first = Asking(edge, "/first")
	origin.wait(1)
	body = b"0123456789abcdef" * 20000
	posting = Asking(edge, "/post", method="POST", body=body, fields=[("Content-Length", str(len(body)))])
	edge.daemon.wait_metric("steerway_fleet_queue", 1)
	origin.gate.release()
	origin.gate.release()
	assert first.result().status == 200 and posting.result().status == 200
	assert origin.requests[1].body == body


def test_servers_come_and_go(lab):
	"""Who waits hears of a server that comes back, and of the last one that goes."""
	origins = [Counting(lab, is_shut=True) for _ in range(2)]
	edge = Edge(lab, {"cloud": origins}, pool={"max_requests": 1, "queue": {"length": 9, "timeout": "60s"}}, workers=2)
	edge.daemon.ctl("maint", "server", "app/cloud2")
	first = Asking(edge, "/first")
	origins[0].wait(1)
	second, third = queue_one_by_one(edge, ["/second", "/third"])
	edge.daemon.ctl("ready", "server", "app/cloud2")
	origins[1].wait(1)
	edge.daemon.wait_metric("steerway_fleet_queue", 1)
	edge.daemon.ctl("maint", "pool", "app")
	edge.daemon.wait_metric("steerway_fleet_queue", 0)
	for o in origins:
		o.gate.release()
	assert sorted(a.result().status for a in (first, second, third)) == [200, 200, 503]
	assert edge.daemon.wait_access(lambda r: r["status"] == 503)["end"] == "no_server"


def test_reload(lab):
	"""A reload that raises a limit lets go who waits; one that removes the pool answers them."""
	origin = Counting(lab, is_shut=True)
	edge = Edge(lab, {"cloud": [origin]}, pool={"max_requests": 1, "queue": {"length": 9, "timeout": "60s"}}, workers=2)
	first = Asking(edge, "/first")
	origin.wait(1)
	asking = queue_one_by_one(edge, ["/1", "/2"])
	edge.config["pools"]["app"]["max_requests"] = 2
	edge.reconfigure()
	origin.wait(2)
	edge.daemon.wait_metric("steerway_fleet_queue", 1)
	edge.config["pools"] = {"other": {"servers": servers(cloud=[origin])}}
	edge.config["routes"] = [{"pool": "other"}]
	edge.reconfigure()
	edge.daemon.wait_metric("steerway_fleet_queue", 0)
	for _ in range(2):
		origin.gate.release()
	assert sorted(a.result().status for a in [first] + asking) == [200, 200, 503]


def test_stop(lab):
	"""A graceful stop serves those who wait."""
	origin = Counting(lab, is_shut=True)
	edge = Edge(lab, {"cloud": [origin]}, pool={"max_requests": 1, "queue": {"length": 9, "timeout": "60s"}}, workers=2,
	            drain_timeout="20s")
	first = Asking(edge, "/first")
	origin.wait(1)
	asking = queue_one_by_one(edge, ["/1", "/2"])
	edge.daemon.ctl("stop")
	for _ in range(3):
		origin.gate.release()
	assert [a.result().status for a in [first] + asking] == [200] * 3
	assert edge.daemon.process.wait() == 0
	edge.daemon.is_finished = True


def test_idle_connections_are_given_up(lab):
	"""At the pool's bound of connections those that one worker keeps idle go to the clients of another, before they time out."""
	origins = [Counting(lab) for _ in range(2)]
	edge = Edge(lab, {"cloud": origins}, pool={"limits": {"connections": 1}, "queue": {"length": 99, "timeout": "20s"},
	                                           "timeouts": {"idle": "60s"}}, workers=2)
	for i in range(200): # each client's connection comes to one of the workers
		assert edge.fetch(f"/{i}").status == 200
	records = wait_until(lambda: len(edge.daemon.access()) >= 200 and edge.daemon.access(), 5, "200 records")
	assert max(r["queue_us"] for r in records) < 10_000_000, "someone waited for a timeout"
	assert [o.most_open for o in origins] == [1, 1], "two workers would have two each"


def test_failing_servers(lab):
	"""Servers that close instead of answering, at their limit, under load: each request ends, and nothing is left counted."""
	def serve(c):
		while request := c.request():
			if hash(request.target) % 3 == 0:
				return
			c.send(ok())
	origins = [RawOrigin(lab, serve) for _ in range(2)]
	edge = Edge(lab, {"cloud": origins}, pool={"max_requests": 2, "limits": {"requests": 3}, "queue": {"length": 99, "timeout": "30s"}},
	            workers=2)
	statuses = []

	def run(number):
		for i in range(30):
			statuses.append(edge.fetch(f"/{number}/{i}", seconds=40).status)
	threads = [threading.Thread(target=run, args=(n,), daemon=True) for n in range(16)]
	for t in threads:
		t.start()
	for t in threads:
		t.join(100)
	assert len(statuses) == 16 * 30 and set(statuses) <= {200, 502}, {s: statuses.count(s) for s in set(statuses)}
	assert edge.daemon.metric("steerway_fleet_queue") == 0
	wait_until(lambda: sum(s["active"] for s in edge.daemon.ctl_json("show", "servers")) == 0, 5, "nothing left counted")


def test_urgency(lab):
	"""Requests of an urgent route pass the others, and take their places when the queue is full."""
	origin = Counting(lab, is_shut=True)
	routes = [{"path": "/" + u, "pool": "app", "urgency": u} for u in ("high", "low")] + [{"pool": "app"}]
	edge = Edge(lab, {"cloud": [origin]}, pool={"max_requests": 1, "queue": {"length": 3}}, routes=routes, workers=1)
	first = Asking(edge, "/first")
	origin.wait(1)
	low = queue_one_by_one(edge, ["/low/1", "/low/2"])
	queue_one_by_one(edge, ["/normal"], already=2)
	high = Asking(edge, "/high")
	assert low[1].result().status == 503
	assert edge.daemon.wait_access(lambda r: r["path"] == "/low/2")["end"] == "queue_full"
	edge.daemon.wait_metric("steerway_fleet_queue", 3)
	assert edge.fetch("/low/3").status == 503
	for _ in range(4):
		origin.gate.release()
	assert first.result().status == 200 and high.result().status == 200 and low[0].result().status == 200
	assert origin.targets() == ["/first", "/high", "/normal", "/low/1"]
