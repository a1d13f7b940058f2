# SPDX-License-Identifier: BSD-2-Clause
"""What becomes of requests when somebody gives up, dies, says goodbye or is slow, with HTTP/2 on either side; and that a reload, a drain and a graceful
stop under load lose none of them."""
import re
import signal
import threading
import time

from edge import Edge
from http1 import Closed
from http2 import END_HEADERS, Origin2, connect, data, goaway, headers, request, rst
from lab import PATIENCE, SLOW, cases, need_tool, wait_until
from node import KINDS, NodeOrigin, ask, four_pools
from origins import Authority, Certificate

HOWS = [(f"{how}_to_{kind}", how, kind) for how in ("h1", "h2") for kind in KINDS]


class World:
	def __init__(self, lab):
		self.lab = lab
		self.origin = NodeOrigin(lab, Certificate(lab, "origin.test"))
		pools, routes = four_pools(lab, self.origin)
		for pool in pools.values():
			pool["retries"] = {"attempts": 0}
		self.edge = Edge(lab, start=False, workers=1)
		self.edge.config.update(sites={"cloud": {"addresses": ["192.0.2.1"]}}, pools=pools, routes=routes)
		self.daemon = lab.steerway(self.edge.config)

	def ask(self, how, kind, *list_of_cases):
		return ask(how, "http://%s:%d" % self.edge.web, f"{kind}.test", list_of_cases)

	def end_of(self, name):
		return self.daemon.wait_access(lambda r: f"name={name}" in r["path"])["end"]


def shared(lab):
	return World(lab)


# ---- who gives up ----

@cases(*HOWS)
def test_the_client_gives_up(how, kind, shared):
	"""Waiting (in HTTP/1.1 a FIN would say nothing then), while it is sent much, while it sends: the server is told each time, and others on
	the connection go on."""
	name = f"{how}-{kind}"
	aborts = [{"name": "takes", "path": f"/forever?name=takes-{name}", "abort": 400},
	          {"name": "sends", "path": f"/never?name=sends-{name}", "method": "POST", "body": 300000000, "chunked": True, "abort": 400}]
	if how == "h2":
		aborts.append({"name": "waits", "path": f"/never?name=waits-{name}", "abort": 400})
	got = shared.ask(how, kind, *aborts, {"name": "stays", "path": "/wait?ms=900"})
	assert got["stays"]["status"] == 200 and got["stays"]["n"] == 6, got
	for abort in aborts:
		which = f"{abort['name']}-{name}"
		assert shared.end_of(which) == "client_abort"
		wait_until(lambda: shared.edge.fetch(f"/aborted?name={which}", host="h1.test").body == b"true", 5, f"the server is told of {which}", step=0.2)


@cases(*HOWS)
def test_the_server_gives_up(how, kind, shared):
	"""Before its head: 502. Behind it the client can tell that the end is missing; other streams of the client's connection go on."""
	got = shared.ask(how, kind, {"name": "cut", "path": "/cut?name=x"}, {"name": "reset", "path": "/reset?code=2"}, {"name": "fine", "path": "/wait?ms=200"}
	                 if kind.startswith("h1") else {"name": "fine", "path": "/nowhere"})
	assert got["cut"]["status"] == 502 and got["reset"]["status"] == 502, got
	short = shared.ask(how, kind, {"name": "short", "path": f"/short?name={how}-{kind}-short"})["short"]
	assert short["status"] == 200 and short["n"] == 1000 and short["error"], short
	assert shared.end_of(f"{how}-{kind}-short") == "server_closed"


# ---- HTTP/2 servers that say what they did not do ----

def answer(c, stream):
	c.send(headers(stream, [(":status", "200")], END_HEADERS), data(stream, b"hello"))


class Picky:
	"""Serves a stream as `judge(n)` of the n-th request over all connections says."""

	def __init__(self, lab, judge, pairs=()):
		self.n, self.lock = 0, threading.Lock()
		self.judge = judge
		self.most = self.open = 0
		self.origin = Origin2(lab, self.serve, pairs)

	def serve(self, c):
		done = set()
		while True:
			f = c.step()
			a = c.streams.get(f.stream)
			if a and a.has_ended and f.stream not in done:
				done.add(f.stream)
				with self.lock:
					self.n += 1
					n = self.n
				if self.judge(c, f.stream, n) == "close":
					return


def test_refused_streams_are_sent_again(lab):
	"""REFUSED_STREAM: nothing was done, so that even a POST goes to another server (RFC 9113 8.7)."""
	picky = Picky(lab, lambda c, stream, n: c.send(rst(stream, 7)))
	good = Picky(lab, lambda c, stream, n: answer(c, stream))
	edge = Edge(lab, {"cloud": [picky.origin, good.origin]}, pool={"protocol": "http2"})
	for i in range(4):
		assert edge.fetch("/", "POST", body=b"x").body == b"hello"
	assert picky.n > 0 and good.n == 4 and edge.daemon.metric("steerway_proxy_retries_total") == picky.n, (picky.n, good.n)


def test_streams_above_a_goaway_are_sent_again(lab):
	"""The server says that it takes none but the first; what it did not take goes out again, and the first is answered still."""
	held = []
	def judge(c, stream, n):
		if n == 1:
			held.append((c, stream))
		elif n == 2:
			c.send(goaway(held[0][1]))
			answer(*held[0])
		else:
			answer(c, stream)
	picky = Picky(lab, judge)
	edge = Edge(lab, {"cloud": [picky.origin]}, pool={"protocol": "http2", "retries": {"attempts": 3}}, workers=1)
	with connect(edge.web) as c:
		c.send(headers(1, request()))
		wait_until(lambda: picky.n == 1, 5, "the first request")
		c.send(headers(3, request("POST")))
		assert (c.answer(1).status, c.answer(3).status) == (200, 200) or c.answer(3).status == 502, (c.answer(1), c.answer(3))
		assert c.answer(1).body == b"hello"


@cases(("of the server", 4, [(3, 4)], {}, 2), ("of the pool", 5, [], {"max_streams": 5}, 4))
def test_many_streams_take_more_connections(most, pairs, pool, n_connections, lab):
	"""No more than a server's SETTINGS_MAX_CONCURRENT_STREAMS on a connection, once they are known, nor than the pool's max_streams."""
	peaks = {}
	def serve(c):
		done, open_now = set(), set()
		def finish(stream):
			open_now.discard(stream)
			answer(c, stream)
		while True:
			f = c.step()
			a = c.streams.get(f.stream)
			if a and a.has_ended and f.stream not in done:
				done.add(f.stream)
				open_now.add(f.stream)
				peaks[c.number] = max(peaks.get(c.number, 0), len(open_now))
				threading.Timer(0.3, finish, (f.stream,)).start()
	edge = Edge(lab, {"cloud": [Origin2(lab, serve, pairs)]}, pool={"protocol": "http2", **pool}, workers=1)
	edge.fetch("/")  # its settings are known from here on
	with connect(edge.web) as c:
		c.send(*(headers(1 + 2 * i, request(path=f"/{i}")) for i in range(20)))
		for i in range(20):
			assert c.answer(1 + 2 * i).body == b"hello"
	assert len(peaks) >= n_connections and peaks[0] == most, peaks
	assert not pool or max(peaks.values()) == most, peaks


# ---- slow readers ----

@cases(("http1", "h1"), ("http2", "h2"))
def test_a_stalled_stream_holds_little(kind, lab):
	"""A client that gives no window: what is held of a large body is bounded, the server waits, and its other streams are served."""
	origin = NodeOrigin(lab, Certificate(lab, "origin.test"))
	edge = Edge(lab, {"cloud": [origin.text(kind)]}, pool={"protocol": "http2" if kind == "h2" else "http1"}, workers=1)
	edge.fetch("/hello")
	with connect(edge.web, (4, 1000)) as c:
		before = edge.daemon.rss_bytes()
		c.send(*(headers(1 + 2 * i, request(path="/bytes?n=50000000")) for i in range(20)))
		for i in range(20):
			c.until(lambda: len(c.on(1 + 2 * i).body) > 0)
		c.is_polite = False
		time.sleep(0.3)
		held = edge.daemon.rss_bytes() - before
		assert held < 20 * 600 * 1024 * SLOW, f"{held} bytes for 20 streams"
		c.send(headers(101, request(method="HEAD", path="/length")))
		assert c.answer(101).status == 200


# ---- load ----

class H2Load:
	def __init__(self, lab, edge, *words, seconds=3):
		need_tool("h2load")
		self.process = lab.start("h2load", ["h2load", "-D", str(seconds), "-c", "8", "-m", "10", *words, "http://%s:%d/" % edge.web])

	def result(self):
		self.process.wait(30)
		text = self.process.text()
		found = re.search(r"requests: (\d+) total, (\d+) started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", text)
		assert found, text
		return dict(zip(("total", "started", "done", "succeeded", "failed", "errored", "timeout"), map(int, found.groups())))


def test_reloads_under_load(lab):
	edge = Edge(lab, {"cloud": [Origin2(lab)]}, pool={"protocol": "http2"})
	load = H2Load(lab, edge)
	for i in range(6):
		time.sleep(0.3)
		edge.config["pools"]["app"]["max_streams"] = 50 + i
		edge.config["listeners"]["web"]["max_fields"] = 100 + i
		edge.reconfigure()
	got = load.result()
	assert got["succeeded"] > 100 and got["failed"] == got["errored"] == got["timeout"] == 0, got


class Caller(threading.Thread):
	"""Ten streams at once on a connection, and a new connection when the old one says goodbye. Counts what was not answered."""

	def __init__(self, edge):
		super().__init__(daemon=True)
		self.edge, self.n, self.lost, self.goodbyes, self.is_over, self.trouble = edge, 0, [], [], False, None

	def run(self):
		try:
			while not self.is_over:
				self.converse()
		except Exception as e:
			self.trouble = e

	def converse(self):
		try:
			c = connect(self.edge.web)
		except ConnectionRefusedError:  # it stops, and takes no more: that is no loss
			self.is_over = True
			return
		waits, stream = set(), 1
		with c:
			try:
				while not c.goaway and not self.is_over:
					while len(waits) < 10:
						waits.add(stream)
						c.send(headers(stream, request(path="/")))
						stream += 2
					c.step()
					self.take(c, waits)
				while waits:
					c.step()
					self.take(c, waits)
			except (Closed, OSError):
				self.lost += [(s, c.frames[-3:]) for s in waits]
			self.goodbyes += [int.from_bytes(f.payload[:4], "big") for f in c.frames if f.kind == 7]

	def take(self, c, waits):
		for s in [s for s in waits if c.on(s).is_over]:
			waits.remove(s)
			if c.on(s).status != 200 or c.on(s).body != b"hello":
				self.lost.append((s, c.on(s)))
			self.n += 1
			del c.streams[s]


@cases(("stop", True), ("drain of the node", False))
def test_goodbye_under_load(is_stop, lab):
	"""Two steps (RFC 9113 6.8): a notice, and the last stream when the client has heard of it. No request is lost."""
	edge = Edge(lab, {"cloud": [Origin2(lab)], "dr": [Origin2(lab)]}, pool={"protocol": "http2"}, node={"name": "edge-1", "site": "cloud"})
	callers = [Caller(edge) for _ in range(4)]
	for c in callers:
		c.start()
	wait_until(lambda: all(c.n > 50 for c in callers), 20, "load")
	if is_stop:
		edge.daemon.process.send(signal.SIGTERM)
		edge.daemon.is_finished = True
		assert edge.daemon.process.wait() == 0
	else:
		edge.daemon.ctl("drain", "site", "cloud", "--force")
		wait_until(lambda: all(c.goodbyes for c in callers), 20, "a goodbye for each")
		for c in callers:
			c.is_over = True
	for c in callers:
		c.join(20 * PATIENCE)
		assert not c.lost and not c.trouble, (c.trouble, c.lost[:3])
		assert c.goodbyes and c.goodbyes[0] == 0x7fffffff, c.goodbyes


def test_node_clients_outlive_a_stop(lab):
	"""Node's own http2 client: what it has asked is answered whole while the daemon stops."""
	origin = NodeOrigin(lab, Certificate(lab, "origin.test"))
	edge = Edge(lab, {"cloud": [origin.text("h2")]}, pool={"protocol": "http2"})
	results = []
	some = [{"name": str(i), "path": f"/wait?ms={1500 + 10 * i}"} for i in range(30)]
	asker = threading.Thread(target=lambda: results.append(ask("h2", "http://%s:%d" % edge.web, "app.test", some)), daemon=True)
	asker.start()
	wait_until(lambda: edge.daemon.metric("steerway_proxy_requests_active") == 30, 10, "all are asked")
	edge.daemon.process.send(signal.SIGTERM)
	edge.daemon.is_finished = True
	assert edge.daemon.process.wait() == 0
	asker.join(20 * PATIENCE)
	assert results and all(a["status"] == 200 and a["n"] == 6 for a in results[0].values()), results
