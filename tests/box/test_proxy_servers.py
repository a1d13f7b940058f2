# SPDX-License-Identifier: BSD-2-Clause
"""The servers' side of the proxy: what a hostile or failing server can do to a client (little), what is sent again and what never."""
import select
import socket
import threading

from edge import Edge
from http1 import Closed, RawOrigin, ok
from lab import SLOW, cases, measured, wait_until

H = b"HTTP/1.1 200 OK\r\n"


def scripted(lab, *answers):
	"""Answers each request with the next bytes, the last one for ever; None closes the connection instead."""
	def serve(c):
		while request := c.request():
			origin.note(request)
			answer = answers[min(len(origin.requests), len(answers)) - 1]
			if answer is None:
				return
			c.send(answer)
	origin = RawOrigin(lab, serve)
	return origin


BAD_RESPONSES = [
	("garbage", b"\x00\x01\x02 nonsense \r\n\r\n"),
	("not HTTP", b"SSH-2.0-OpenSSH_9.2\r\n"),
	("HTTP/0.9", b"<html>hello</html>"),
	("version 2", b"HTTP/2.0 200 OK\r\n\r\n"),
	("no status", b"HTTP/1.1 OK\r\n\r\n"),
	("status of two digits", b"HTTP/1.1 20 OK\r\n\r\n"),
	("status 999", b"HTTP/1.1 999 OK\r\nContent-Length: 0\r\n\r\n"),
	("status 099", b"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n"),
	("bare LF", b"HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
	("length and coding", H + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
	("two lengths", H + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"),
	("odd length", H + b"Content-Length: 5x\r\n\r\nhello"),
	("unknown coding", H + b"Transfer-Encoding: gzip\r\n\r\nxxx"),
	("coding twice", H + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
	("space before colon", H + b"Content-Length : 0\r\n\r\n"),
	("folded line", H + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n"),
	("control byte", H + b"X: a\x01b\r\nContent-Length: 0\r\n\r\n"),
	("unasked 101", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
	("flood of 1xx", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 10000),
]


@cases(*BAD_RESPONSES)
def test_bad_response(answer, lab):
	"""502 and an end reason; nothing of it reaches the client as a final answer, and the connection is not used again."""
	origin = scripted(lab, answer, ok(b"fine"))
	edge = Edge(lab, {"cloud": [origin]}, pool={"retries": {"attempts": 0}}, workers=1)
	with edge.client() as c:
		first = c.get("/")
		assert first.status == 502, first
		record = edge.daemon.wait_access(lambda r: True)
		assert record["end"] == "server_bad_response" and record["status"] == 502, record
		second = (c.get("/") if not first.has_token("Connection", "close") else edge.fetch("/"))
		assert second.status == 200 and second.body == b"fine", second
	assert len(origin.connections) == 2
	assert edge.daemon.ends()["server_bad_response"] == 1


def test_endless_head(lab):
	"""A head that never ends is given up at a bound of bytes, not of patience."""
	sent = []

	def serve(c):
		c.request()
		c.send(H)
		try:
			for _ in range(100000):
				c.send(b"X-Filler: " + b"y" * 1000 + b"\r\n")
				sent.append(1000)
		except OSError:
			pass
	edge = Edge(lab, {"cloud": [RawOrigin(lab, serve)]}, pool={"retries": {"attempts": 0}})
	assert edge.fetch("/").status == 502
	assert edge.daemon.wait_access(lambda r: True)["end"] == "server_bad_response"
	assert sum(sent) < 20_000_000


@cases(("behind a length", ok(b"hello") + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"),
       ("behind chunks", H + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"),
       ("behind 204", b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"))
def test_extra_bytes_poison(answer, lab):
	"""What a server sends unasked never becomes the answer to someone's next request."""
	origin = scripted(lab, answer, ok(b"second"))
	edge = Edge(lab, {"cloud": [origin]}, workers=1)
	with edge.client() as c:
		assert c.get("/1").status in (200, 204)
		assert c.get("/2").body == b"second"
	assert len(origin.connections) == 2, "the poisoned connection was used again"


def test_late_extra_bytes_poison(lab):
	"""The same when they come while the connection idles."""
	def serve(c):
		while request := c.request():
			origin.note(request)
			c.send(ok(b"good"))
			if c.number == 0:
				c.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
				poisoned.set()
	poisoned = threading.Event()
	origin = RawOrigin(lab, serve)
	edge = Edge(lab, {"cloud": [origin]}, workers=1)
	with edge.client() as c:
		assert c.get("/1").body == b"good"
		poisoned.wait(5)
		for _ in range(3):
			assert c.get("/2").body == b"good"


@cases(("length", H + b"Content-Length: 100\r\n\r\nonly this"), ("chunked", H + b"Transfer-Encoding: chunked\r\n\r\n64\r\nonly this"),
       ("chunked without end", H + b"Transfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n"))
def test_truncated_body(answer, lab):
	"""The client can tell: its connection ends before the message does."""
	def serve(c):
		c.request()
		c.send(answer)
	edge = Edge(lab, {"cloud": [RawOrigin(lab, serve)]})
	with edge.client() as c:
		c.ask("GET", "/")
		try:
			whole = c.response()
			raise AssertionError(f"taken for whole: {whole}")
		except Closed:
			pass
	assert edge.daemon.wait_access(lambda r: True)["end"] == "server_closed"


@cases(("size", b"5g\r\nhello\r\n0\r\n\r\n"), ("end", b"5\r\nhelloX\r\n0\r\n\r\n"), ("line feed", b"5\nhello\n0\n\n"))
def test_bad_chunks(body, lab):
	def serve(c):
		c.request()
		c.send(H + b"Transfer-Encoding: chunked\r\n\r\n" + body)
		c.rest()
	edge = Edge(lab, {"cloud": [RawOrigin(lab, serve)]})
	with edge.client() as c:
		c.ask("GET", "/")
		data = c.rest()
		assert data.startswith(b"HTTP/1.1 502") or not data.endswith(b"0\r\n\r\n"), f"taken for whole: {data!r}"
	assert edge.daemon.wait_access(lambda r: True)["end"] == "server_bad_response"


# ---- sending again ----

def refusing(lab):
	"""An address where nothing listens."""
	return "%s:%d" % (lab.ip, lab.port())


# A refused connection has taken nothing: every method may go to another server, with its body.
@cases(("GET", "GET", b""), ("HEAD", "HEAD", b""), ("POST", "POST", b"hello"), ("PUT", "PUT", b"hello"), ("PATCH", "PATCH", b"hello"))
def test_refused_connection(method, body, lab):
	origin = RawOrigin(lab)
	edge = Edge(lab, {"cloud": [refusing(lab), origin]}, workers=1)
	for _ in range(4):
		assert edge.fetch("/", method=method, body=body).status == 200
	assert [r.body for r in origin.requests] == [body] * 4
	values = edge.daemon.metrics()
	assert values["steerway_proxy_retries_total"] >= 1 and values["steerway_proxy_upstream_connect_failures_total"] >= 1


def test_all_refused(lab):
	edge = Edge(lab, {"cloud": [refusing(lab), refusing(lab)]})
	assert edge.fetch("/").status == 502
	assert edge.daemon.wait_access(lambda r: True)["end"] == "connect_failed"


def test_no_retry_when_off(lab):
	origin = RawOrigin(lab)
	edge = Edge(lab, {"cloud": [refusing(lab), origin]}, pool={"retries": {"attempts": 0}}, workers=1)
	statuses = sorted(edge.fetch("/").status for _ in range(4))
	assert statuses == [200, 200, 502, 502], statuses
	assert edge.daemon.metric("steerway_proxy_retries_total") == 0


@cases(("GET is sent again", "GET", True), ("DELETE is sent again", "DELETE", True), ("POST is not", "POST", False), ("PATCH is not", "PATCH", False))
def test_closed_before_response(method, is_retried, lab):
	"""RFC 9110 9.2.2: a server that took a request and closed may have acted on it; only idempotent ones go out again."""
	closing, origin = scripted(lab, None), RawOrigin(lab)
	edge = Edge(lab, {"cloud": [closing, origin]}, workers=1)
	answers = [edge.fetch("/", method=method).status for _ in range(4)]
	if is_retried:
		assert answers == [200] * 4, answers
		assert len(origin.requests) == 4
	else:
		assert sorted(answers) == [200, 200, 502, 502], answers
		assert len(closing.requests) == 2 and len(origin.requests) == 2
		assert edge.daemon.wait_access(lambda r: r["status"] == 502)["end"] == "server_closed"


def test_body_is_never_sent_twice(lab):
	"""A body that is larger than what is kept of one can't be replayed: once some of it has gone out, the request fails instead."""
	def serve(c):
		c.request(with_body=False)
		seen.append(c.take(1))
		c.reset()
	seen = []
	origins = [RawOrigin(lab, serve) for _ in range(2)]
	edge = Edge(lab, {"cloud": origins}, pool={"retries": {"buffer": "999"}}, workers=1)
	answer = edge.fetch("/", method="PUT", body=b"x" * 1000)
	assert answer.status == 502
	assert len(seen) == 1, "the body went out twice"


def test_idle_connection_closed_by_server(lab):
	"""A server that closes idle connections at the worst moment costs no GET."""
	def serve(c):
		c.request()
		c.send(ok(b"x"))  # keep-alive promised, closed at once
	edge = Edge(lab, {"cloud": [RawOrigin(lab, serve)]}, workers=1)
	with edge.client() as c:
		for _ in range(200):
			assert c.get("/").status == 200


def test_server_says_close(lab):
	def serve(c):
		c.request()
		c.send(ok(b"x", b"Connection: close\r\n"))
		c.rest()
	origin = RawOrigin(lab, serve)
	edge = Edge(lab, {"cloud": [origin]}, workers=1)
	with edge.client() as c:
		for _ in range(5):
			answer = c.get("/")
			assert answer.status == 200 and not answer.has_token("Connection", "close"), answer
	assert len(origin.connections) == 5


def test_response_timeout(lab):
	def serve(c):
		c.request()
		late.append(c.rest())
	late = []
	edge = Edge(lab, {"cloud": [RawOrigin(lab, serve)]}, pool={"timeouts": {"response": "300ms"}, "retries": {"attempts": 0}})
	with measured() as t:
		assert edge.fetch("/").status == 504
		assert 0.25 <= t() < 20 * SLOW
	assert edge.daemon.wait_access(lambda r: True)["end"] == "server_timeout"
	wait_until(lambda: late, 5, "the server's connection closes")


def test_server_body_timeout(lab):
	def serve(c):
		c.request()
		c.send(H + b"Content-Length: 100\r\n\r\nsome")
		c.rest()
	edge = Edge(lab, {"cloud": [RawOrigin(lab, serve)]}, pool={"timeouts": {"body_idle": "300ms"}})
	with edge.client() as c:
		c.ask("GET", "/")
		try:
			whole = c.response()
			raise AssertionError(f"taken for whole: {whole}")
		except Closed:
			pass
	assert edge.daemon.wait_access(lambda r: True)["end"] == "server_timeout"


def full_listener(lab):
	"""An address that neither accepts nor refuses: its queue is full, so that the kernel drops each SYN."""
	listener = socket.socket()
	listener.bind((lab.ip, lab.port()))
	listener.listen(0)
	held = []
	for _ in range(4):
		s = socket.socket()
		s.setblocking(False)
		s.connect_ex(listener.getsockname())
		held.append(s)
	lab.on_close(lambda: [s.close() for s in held + [listener]])
	return "%s:%d" % listener.getsockname()


def test_connect_timeout(lab):
	edge = Edge(lab, {"cloud": [full_listener(lab)]}, pool={"timeouts": {"connect": "300ms"}, "retries": {"attempts": 0}})
	with measured() as t:
		assert edge.fetch("/").status == 504
		assert 0.25 <= t() < 20 * SLOW
	assert edge.daemon.wait_access(lambda r: True)["end"] == "connect_timeout"


def test_connect_timeout_then_another(lab):
	origin = RawOrigin(lab)
	edge = Edge(lab, {"cloud": [full_listener(lab), origin]}, pool={"timeouts": {"connect": "200ms"}}, workers=1)
	for _ in range(4):
		assert edge.fetch("/", method="POST", body=b"x").status == 200


def test_idle_timeout(lab):
	"""Unused connections to servers are closed after timeouts.idle; with 0s none is kept."""
	def serve(c):
		origin.answer(c)
		closed.append(c)
	closed = []
	origin = RawOrigin(lab, serve)
	edge = Edge(lab, {"cloud": [origin]}, pool={"timeouts": {"idle": "300ms"}}, workers=1)
	assert edge.fetch("/").status == 200
	wait_until(lambda: closed, 5, "the idle connection closes")
	edge.daemon.wait_metric("steerway_proxy_upstream_idle", 0)
	edge.config["pools"]["app"]["timeouts"]["idle"] = "0s"
	edge.reconfigure()
	before = len(origin.connections)
	with edge.client() as c:
		for _ in range(3):
			assert c.get("/").status == 200
	assert len(origin.connections) - before == 3


def test_least_requests_avoids_the_busy(lab):
	def serve(c):
		while request := c.request():
			origins[0].note(request)
			free.wait(20)
			c.send(ok(b"slow"))
	free = threading.Event()
	origins = [RawOrigin(lab, serve), RawOrigin(lab, lambda c: quick(c))]

	def quick(c):
		while c.request():
			c.send(ok(b"quick"))
	edge = Edge(lab, {"cloud": origins}, pool={"balance": "least_requests"}, workers=1)
	held = []
	while not origins[0].requests:
		c = edge.client()
		c.ask("GET", "/")
		held.append(c)
		assert len(held) < 10
		wait_until(lambda: origins[0].requests or select.select([c.sock], [], [], 0)[0], 5, "a busy server, or a quick answer")
	for _ in range(10):
		assert edge.fetch("/").body == b"quick"
	free.set()
	for c in held:
		c.close()


def test_weights(lab):
	"""Weighted round robin: 3 to 1."""
	origins = [RawOrigin(lab), RawOrigin(lab)]
	edge = Edge(lab, {"cloud": origins}, workers=1, start=False)
	edge.config["pools"]["app"]["servers"][0]["weight"] = 3
	edge.daemon = lab.steerway(edge.config)
	with edge.client() as c:
		for _ in range(40):
			assert c.get("/").status == 200
	assert [len(o.requests) for o in origins] == [30, 10]


def test_hash_is_consistent(lab):
	origins = [RawOrigin(lab) for _ in range(4)]
	edge = Edge(lab, {"cloud": origins}, pool={"balance": "hash", "hash_key": "uri", "load_factor": 10}, workers=1)
	for _ in range(3):
		for i in range(20):
			assert edge.fetch(f"/{i}").status == 200
	for i in range(20):
		takers = [o for o in origins if any(r.target == f"/{i}" for r in o.requests)]
		assert len(takers) == 1, f"/{i} went to {len(takers)} servers"
	assert sum(1 for o in origins if o.requests) >= 3


def test_prefer_and_split(lab):
	"""prefer: all to the first site while it has capacity; split: by share."""
	first, second = RawOrigin(lab), RawOrigin(lab)
	edge = Edge(lab, {"cloud": [first], "onprem": [second]}, pool={"prefer": ["onprem", "cloud"]}, workers=1)
	for _ in range(20):
		edge.fetch("/")
	assert (len(first.requests), len(second.requests)) == (0, 20)
	edge.daemon.ctl("down", "site", "onprem")
	for _ in range(20):
		assert edge.fetch("/").status == 200
	assert (len(first.requests), len(second.requests)) == (20, 20)
	edge.daemon.ctl("ready", "site", "onprem")
	del edge.config["pools"]["app"]["prefer"]
	edge.config["pools"]["app"]["split"] = {"cloud": 75, "onprem": 25}
	edge.reconfigure()
	for _ in range(200):
		edge.fetch("/")
	assert 130 <= len(first.requests) - 20 <= 170, (len(first.requests) - 20, len(second.requests) - 20)
