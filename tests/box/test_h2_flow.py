# SPDX-License-Identifier: BSD-2-Clause
"""What HTTP/2 asks of us in a dialogue (RFC 9113 5.1.2, 6.5, 6.7 to 6.9, RFC 7541 4.2): windows of the client are respected, ours are
enforced, settings and pings answered, streams above the limit refused."""
import threading

import http2
from edge import Edge
from http1 import RawOrigin, ok
from http2 import (ACK, DATA, END_HEADERS, HEADER_TABLE_SIZE, INITIAL_WINDOW_SIZE, MAX_CONCURRENT_STREAMS, PING, SETTINGS, WINDOW_UPDATE,
                   Decoder, Origin2, data, goaway, headers, ping, request, settings, window_update)
from lab import cases

BODY = bytes(i % 251 for i in range(200000))


class Front:
	def __init__(self, lab):
		self.held = threading.Event()
		self.origin = RawOrigin(lab, self.serve)
		self.edge = Edge(lab, {"cloud": [self.origin]}, listener={"http2": {"max_streams": 4, "stream_window": "64KiB"}})

	def serve(self, c):
		while request := c.request():
			if request.target == "/hold":
				self.held.wait(20)
			c.send(ok(BODY if request.target == "/large" else b"hello"))

	def connect(self, *pairs, **more):
		return http2.connect(self.edge.web, *pairs, is_polite=False, **more)


def shared(lab):
	return Front(lab)


def sizes(c, stream=1):
	return [len(f.payload) for f in c.frames if f.kind == DATA and f.stream == stream]


def settle(c):
	"""All that was due before has come: the answer to a PING stands behind it."""
	c.send(ping(b"settled?"))
	c.until(lambda: any(f.kind == PING and f.payload == b"settled?" for f in c.frames))
	c.frames = [f for f in c.frames if f.kind != PING]


def test_settings_are_said_first_and_acknowledged(shared):
	with shared.connect((INITIAL_WINDOW_SIZE, 100)) as c:
		c.until(lambda: sum(f.kind == SETTINGS for f in c.frames) == 2)
		assert c.frames[0].kind == SETTINGS and not c.frames[0].flags & ACK, c.frames
		assert [f.payload for f in c.frames if f.kind == SETTINGS and f.flags & ACK] == [b""], c.frames
		assert c.settings[MAX_CONCURRENT_STREAMS] == 4 and c.settings[INITIAL_WINDOW_SIZE] == 65536, c.settings


def test_ping_is_answered_with_its_payload(shared):
	with shared.connect() as c:
		c.send(ping(b"\0\1\2\3\4\5\6\xff"))
		c.until(lambda: c.frames and c.frames[-1].kind == PING)
		assert c.frames[-1].flags == ACK and c.frames[-1].payload == b"\0\1\2\3\4\5\6\xff", c.frames


def test_stream_window_is_respected(shared):
	with shared.connect((INITIAL_WINDOW_SIZE, 0)) as c:
		c.send(headers(1, request(path="/large")))
		c.until(lambda: c.on(1).heads)
		settle(c)
		assert sizes(c) == []
		c.send(window_update(3, 1))
		c.until(lambda: len(c.on(1).body) >= 3)
		settle(c)
		assert c.on(1).body == BODY[:3] and not c.on(1).has_ended
		c.send(window_update(1000, 1))
		c.until(lambda: len(c.on(1).body) >= 1003)
		settle(c)
		assert c.on(1).body == BODY[:1003]


def test_connection_window_is_respected(shared):
	with shared.connect((INITIAL_WINDOW_SIZE, 0x7fffffff)) as c:
		c.send(headers(1, request(path="/large")), headers(3, request(path="/large")))
		c.until(lambda: len(c.on(1).body) + len(c.on(3).body) >= 65535)
		settle(c)
		assert len(c.on(1).body) + len(c.on(3).body) == 65535
		c.send(window_update(400000))
		assert c.answer(1).body == BODY and c.answer(3).body == BODY


def test_window_that_becomes_negative(shared):
	"""6.9.2: what a smaller initial window takes back has to be given before more is sent."""
	with shared.connect((INITIAL_WINDOW_SIZE, 1000)) as c:
		c.send(headers(1, request(path="/large")))
		c.until(lambda: len(c.on(1).body) >= 1000)
		c.send(settings((INITIAL_WINDOW_SIZE, 10)), window_update(990, 1))
		settle(c)
		assert c.on(1).body == BODY[:1000]
		c.send(window_update(7, 1))
		c.until(lambda: len(c.on(1).body) >= 1007)
		settle(c)
		assert c.on(1).body == BODY[:1007]


def test_frames_are_no_larger_than_every_peer_takes(shared):
	with shared.connect((INITIAL_WINDOW_SIZE, 0x7fffffff)) as c:
		c.send(window_update(1 << 30), headers(1, request(path="/large")))
		assert c.answer(1).body == BODY
		assert max(sizes(c)) <= 16384


def test_table_size_of_the_client_is_respected(shared):
	"""A decoder that remembers nothing understands every head."""
	with shared.connect((HEADER_TABLE_SIZE, 0)) as c:
		c.decoder = Decoder(0)
		c.until(lambda: any(f.kind == SETTINGS and f.flags & ACK for f in c.frames))
		for n in (1, 3, 5):
			c.send(headers(n, request()))
			assert c.answer(n).status == 200 and c.on(n).get("content-length") == "5", c.streams


def test_streams_above_the_limit_are_refused(shared):
	"""While the client has not acknowledged our limit, it may not know it."""
	shared.held.clear()
	with shared.connect() as c:
		c.until(lambda: any(f.kind == SETTINGS and f.flags & ACK for f in c.frames))
		c.send(*(headers(n, request(path="/hold")) for n in (1, 3, 5, 7, 9)))
		assert c.answer(9).reset == "REFUSED_STREAM", c.streams
		shared.held.set()
		assert [c.answer(n).status for n in (1, 3, 5, 7)] == [200] * 4
		c.send(headers(11, request()))
		assert c.answer(11).status == 200


def test_streams_above_an_acknowledged_limit(shared):
	"""Who knows the limit and breaks it loses the connection (5.4.1 allows that for any stream error)."""
	shared.held.clear()
	with shared.connect() as c:
		c.send(settings(flags=ACK), *(headers(n, request(path="/hold")) for n in (1, 3, 5, 7, 9)))
		assert c.ends() == "PROTOCOL_ERROR", c.frames
	shared.held.set()
	assert shared.edge.fetch().status == 200


def test_our_window_is_enforced(lab):
	"""A server that takes nothing: the client gets no more window, and who sends beyond it is reset."""
	edge = Edge(lab, {"cloud": [Origin2(lab, lambda c: c.ends(), pairs=[(INITIAL_WINDOW_SIZE, 0)])]},
	            listener={"http2": {"stream_window": "64KiB"}}, pool={"protocol": "http2"})
	with http2.connect(edge.web, is_polite=False) as c:
		c.send(headers(1, request("POST"), END_HEADERS))
		try:
			for _ in range(64):
				c.send(data(1, b"x" * 16384, 0))
		except OSError:
			pass
		c.until(lambda: c.on(1).reset or c.goaway)
		given = sum(int.from_bytes(f.payload, "big") for f in c.frames if f.kind == WINDOW_UPDATE and f.stream == 1)
		assert given <= 65536 + 2 * 16384, f"window for {given} bytes that nobody takes"
		assert (c.on(1).reset or c.goaway.error) == "FLOW_CONTROL_ERROR", c.frames


@cases(("without an error", 0), ("with an error", 2))
def test_goaway_of_the_client(error, shared):
	"""What is under way is answered."""
	shared.held.clear()
	with shared.connect() as c:
		c.send(headers(1, request(path="/hold")), goaway(0, error))
		settle(c)
		shared.held.set()
		assert c.answer(1).status == 200
