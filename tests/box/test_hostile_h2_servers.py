# SPDX-License-Identifier: BSD-2-Clause
"""HTTP/2 servers that send what they should not, frame by frame: cases/servers_h2.py, each whole and cut in two other ways, for clients of
HTTP/1.1 and of HTTP/2. What breaks the rules of one stream ends that request; what breaks those of the connection ends it, and the
next request is served on another."""
import dataclasses
import threading

import http2
import test_hostile_servers
from cases import servers_h2
from edge import Edge
from http1 import Closed
from http2 import Connection, Origin2, END_HEADERS, data, headers
from lab import cases, wait_until
from table import EndCounters, LogTail, send_pieces, splits


class Scripted(Origin2):
	"""Answers /probe well, and all else as `case` says, in as many pieces as way number `way` has."""

	def __init__(self, lab):
		self.case, self.way, self.used, self.probed = None, 0, None, None
		super().__init__(lab, self.act)

	def act(self, c):
		c.ended, answered = threading.Event(), set()
		try:
			while True:
				f = c.step()
				a = c.streams.get(f.stream)
				if not a or not a.has_ended or f.stream in answered:
					continue
				answered.add(f.stream)
				if a.get(":path") == "/probe":
					self.probed = c
					c.send(headers(f.stream, [(":status", "200")], END_HEADERS), data(f.stream, b"hello"))
					continue
				self.used, case = c, self.case
				sent = case.make(f.stream)
				send_pieces(c.wire, splits(sent, case.label, 2)[self.way] if sent else [])
				if case.then == "resets":
					return c.wire.reset()
				if case.then == "closes":
					return
		except Closed:
			pass
		finally:
			c.ended.set()


class Front:
	def __init__(self, lab):
		self.origin = Scripted(lab)
		self.edge = Edge(lab, {"cloud": [self.origin]}, pool={"protocol": "http2", "retries": {"attempts": 0}}, workers=1)
		self.log, self.ends = LogTail(self.edge.daemon), EndCounters(self.edge.daemon)


def shared(lab):
	return Front(lab)


def ask_h1(case, address):
	fields = None if case.fields is None else servers_h2.lines(case.fields, case.body)
	test_hostile_servers.ask_h1(dataclasses.replace(case, fields=fields), address)


def ask_h2(case, address):
	with http2.connect(address) as c:
		c.send(http2.headers(1, http2.request(case.method, "/case")))
		answer = c.answer(1)
		if case.status == 0:
			assert answer.reset and not answer.has_ended, answer
		else:
			assert answer.status == case.status and answer.has_ended, answer
			assert [int(dict(h)[":status"]) for h in answer.heads[:-1]] == list(case.interim), answer
		if case.end == "complete":
			assert answer.body == case.body
			assert case.fields is None or answer.head[1:] == case.fields, answer.head
		c.send(http2.headers(3, http2.request(path="/probe")))
		assert c.answer(3).status == 200, c.streams


@cases(*((f"{case.label}_to_{name}", case, ask) for name, ask in (("h1", ask_h1), ("h2", ask_h2)) for case in servers_h2.CASES))
def test_server(case, ask, shared):
	origin = shared.origin
	for way in range(3 if case.cuttable else 1):
		origin.case, origin.way = case, way
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


def test_enough_cases():
	assert len({c.label for c in servers_h2.CASES}) == len(servers_h2.CASES)
