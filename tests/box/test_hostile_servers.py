# SPDX-License-Identifier: BSD-2-Clause
"""Servers that send what they should not, in raw bytes: cases/servers.py, each whole and cut in two other ways, for
clients of HTTP/1.1 and of HTTP/2. A case asserts what the client gets, log record and counter, what becomes of both connections, and that the next request is served as if nothing had been."""
import threading

import http2
from cases import servers
from edge import Edge
from http1 import Closed, RawOrigin, ok
from lab import cases, wait_until
from table import EndCounters, LogTail, connect, probe, send_pieces, splits


class Scripted(RawOrigin):
	"""Answers /probe well, and all else with `pieces`; then it does as `then` says."""

	def __init__(self, lab):
		self.pieces, self.then = [], "waits"
		self.used, self.probed = None, None  # connections
		super().__init__(lab, self.act)

	def act(self, c):
		c.ended = threading.Event()
		try:
			while request := c.request():
				if request.target == "/probe":
					self.probed = c
					c.send(ok())
					continue
				self.used, then = c, self.then
				send_pieces(c, self.pieces)
				if then == "resets":
					return c.reset()
				if then == "closes":
					return
		finally:
			c.ended.set()


class Front:
	def __init__(self, lab):
		self.origin = Scripted(lab)
		self.edge = Edge(lab, {"cloud": [self.origin]}, pool={"retries": {"attempts": 0}}, workers=1)
		self.log, self.ends = LogTail(self.edge.daemon), EndCounters(self.edge.daemon)


def shared(lab):
	return Front(lab)


def read(c, case):
	"""What an HTTP/1.1 client gets; whether its connection is still open."""
	try:
		answer = c.response(case.method)
	except Closed:
		assert case.status == 0, "closed without an answer"
		return False
	assert case.status == answer.status, f"{answer}, whole"
	assert [i.status for i in answer.interim] == list(case.interim), answer.interim
	assert not answer.has_token("Connection", "close"), answer
	if case.end == "complete":
		assert answer.body == case.body
		if case.fields is not None:
			assert answer.raw_head.split(b"\r\n", 1)[1] == case.fields + b"\r\n", answer.raw_head
	return True


def ask_h1(case, address):
	c = connect(address)
	c.ask(case.method, "/case")
	if not read(c, case):
		c.close()
		c = connect(address)
	probe(c)
	c.close()


def fields_of(case):
	"""Expected field lines as an HTTP/2 client gets them."""
	lines = case.fields.decode("latin-1").split("\r\n")[:-1]
	pairs = [tuple(part.strip(" ") for part in line.split(":", 1)) for line in lines]
	return [(n.lower(), v) for n, v in pairs if n.lower() != "transfer-encoding"]


def ask_h2(case, address):
	"""An HTTP/2 client gets the same, but for what was broken off: there its stream is reset, and nothing else."""
	with http2.connect(address) as c:
		c.send(http2.headers(1, http2.request(case.method, "/case")))
		answer = c.answer(1)
		if case.status == 0:
			assert answer.reset == "INTERNAL_ERROR" and not answer.has_ended, answer
		else:
			assert answer.status == case.status and answer.has_ended, answer
			assert [int(dict(h)[":status"]) for h in answer.heads[:-1]] == list(case.interim), answer
		if case.end == "complete":
			assert answer.body == case.body
			if case.fields is not None:
				assert answer.head[1:] == fields_of(case), answer.head
		c.send(http2.headers(3, http2.request(path="/probe")))
		assert c.answer(3).status == 200, c.streams


@cases(*((f"{case.label}_to_{name}", case, ask) for name, ask in (("h1", ask_h1), ("h2", ask_h2)) for case in servers.CASES))
def test_server(case, ask, shared):
	origin = shared.origin
	for pieces in splits(case.sent, case.label, 2 if case.cuttable else 0):
		origin.pieces, origin.then = pieces, case.then
		ask(case, shared.edge.web)
		used, reused = origin.used, origin.probed is origin.used
		assert reused == case.reused, f"the connection was {'' if reused else 'not '}reused"
		if not case.reused:
			wait_until(used.ended.is_set, 5, "the server's connection ends", step=0.001)
		first, second = shared.log.take(2)
		assert (first["status"], first["end"], first.get("fault")) == (case.logged or case.status, case.end, case.fault), first
		assert second["end"] == "complete", second
		moved = {"complete": 2} if case.end == "complete" else {"complete": 1, case.end: 1}
		assert shared.ends.moved() == moved


def test_bytes_behind_the_answer_that_come_late(shared):
	"""An idle connection on which bytes arrive is closed, so they can't be taken for the next answer."""
	idle = "steerway_proxy_upstream_idle"
	shared.origin.pieces, shared.origin.then = [ok()], "waits"
	with connect(shared.edge.web) as c:
		assert c.get("/case").status == 200
		used = shared.origin.used
		shared.edge.daemon.wait_metric("steerway_proxy_requests_active", 0) # the answer leaves before its connection idles
		before = shared.edge.daemon.metric(idle)
		used.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nevil!")
		wait_until(used.ended.is_set, 5, "the server's connection ends", step=0.001)
		shared.edge.daemon.wait_metric(idle, before - 1)
		assert c.get("/probe").body == b"hello"
	shared.log.take(2)
	shared.ends.moved()


def test_broken_body_for_an_http_1_0_client(shared):
	"""Who reads up to the close must see that it was none in order: the connection is reset."""
	shared.origin.pieces, shared.origin.then = [b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"], "closes"
	with connect(shared.edge.web) as c:
		c.ask(target="/case", version="HTTP/1.0")
		c.until(b"hello")
		try:
			assert c.sock.recv(100) == b"never", "an orderly close"
		except ConnectionResetError:
			pass
	shared.log.take(1)
	shared.ends.moved()


def test_enough_cases():
	assert len(servers.CASES) >= 100 and len({c.label for c in servers.CASES}) == len(servers.CASES)
