# SPDX-License-Identifier: BSD-2-Clause
"""What once went wrong with requests."""
import socket
import threading

from edge import Edge
from http1 import RawOrigin, ok


def test_requests_before_a_half_close_dropped(lab):
	"""Three whole requests and a FIN behind them: three answers, and the last says close."""
	has_sent = threading.Event()

	def serve(c):
		while c.request():
			has_sent.wait(10)
			c.send(ok(b"hello"))
	edge = Edge(lab, {"cloud": [RawOrigin(lab, serve)]}, workers=1)
	with edge.client() as c:
		c.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 3)
		c.sock.shutdown(socket.SHUT_WR)
		has_sent.set()
		answers = [c.response() for _ in range(3)]
		assert [a.status for a in answers] == [200] * 3
		assert [a.has_token("Connection", "close") for a in answers] == [False, False, True]
		assert c.is_closed()


def test_options_followed_host_instead_of_its_target(lab):
	"""`OPTIONS http://b.test` is about b.test, whatever Host says (RFC 9112 3.2.2)."""
	a, b = RawOrigin(lab), RawOrigin(lab)
	edge = Edge(lab, {"cloud": [a]}, workers=1, pools={"b": {"servers": [{"name": "b1", "address": b.text, "site": "cloud"}]}},
	            routes=[{"host": "a.test", "pool": "app"}, {"host": "b.test", "pool": "b"}])
	with edge.client() as c:
		c.send(b"OPTIONS http://b.test HTTP/1.1\r\nHost: a.test\r\n\r\n")
		assert c.response().status == 200
	assert not a.requests and [r.get("Host") for r in b.requests] == ["b.test"], (a.requests, b.requests)
