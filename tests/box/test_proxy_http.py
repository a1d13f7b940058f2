# SPDX-License-Identifier: BSD-2-Clause
"""The client's side of the proxy, byte by byte: what is refused and how, what is forwarded and in which order, what the log and
the counters say about it."""
import threading

from edge import Edge
from http1 import Client, RawOrigin, chunks, ok
from lab import cases, measured, timeout, wait_until


class Front:
	"""One edge before one raw origin, shared by the tests of this file."""

	def __init__(self, lab):
		self.origin = RawOrigin(lab)
		self.edge = Edge(lab, {"cloud": [self.origin]}, listener={"max_head": "4KiB", "max_target": "1KiB", "max_fields": 20,
		                                                          "max_body": "64KiB", "timeouts": {"keep_alive": "30s"}})


def shared(lab):
	return Front(lab)


H = b"Host: app.test\r\n"


def post(fields, body=b""):
	return b"POST /x HTTP/1.1\r\n" + H + fields + b"\r\n" + body


def coded(body):
	return post(b"Transfer-Encoding: chunked\r\n", body)


REFUSED = [
	# first line
	("empty version", 400, b"GET /\r\n" + H + b"\r\n"),
	("two spaces", 400, b"GET  / HTTP/1.1\r\n" + H + b"\r\n"),
	("tab in request line", 400, b"GET\t/ HTTP/1.1\r\n" + H + b"\r\n"),
	("space before the method", 400, b" GET / HTTP/1.1\r\n" + H + b"\r\n"),
	("space behind the version", 400, b"GET / HTTP/1.1 \r\n" + H + b"\r\n"),
	("lower-case version", 400, b"GET / http/1.1\r\n" + H + b"\r\n"),
	("odd version", 400, b"GET / HTTP/1.1x\r\n" + H + b"\r\n"),
	("version 2.0", 505, b"GET / HTTP/2.0\r\n" + H + b"\r\n"),
	("version 1.2", 505, b"GET / HTTP/1.2\r\n" + H + b"\r\n"),
	("method is no token", 400, b"GE(T / HTTP/1.1\r\n" + H + b"\r\n"),
	("a TLS hello", 400, b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n"),
	("NUL in the target", 400, b"GET /\0 HTTP/1.1\r\n" + H + b"\r\n"),
	("target without slash", 400, b"GET x HTTP/1.1\r\n" + H + b"\r\n"),
	("fragment in the target", 400, b"GET /a#b HTTP/1.1\r\n" + H + b"\r\n"),
	("encoded NUL", 400, b"GET /a%00b HTTP/1.1\r\n" + H + b"\r\n"),
	("encoded slash", 400, b"GET /a%2fb HTTP/1.1\r\n" + H + b"\r\n"),
	("half an encoding", 400, b"GET /a%2 HTTP/1.1\r\n" + H + b"\r\n"),
	("long target", 414, b"GET /" + b"a" * 2000 + b" HTTP/1.1\r\n" + H + b"\r\n"),
	# sizes
	("large head", 431, b"GET / HTTP/1.1\r\n" + H + b"X: " + b"a" * 5000 + b"\r\n\r\n"),
	("endless head", 431, b"GET / HTTP/1.1\r\n" + H + b"X-Y: 1\r\n" * 2000),
	("many fields", 431, b"GET / HTTP/1.1\r\n" + H + b"A: 1\r\n" * 30 + b"\r\n"),
	("large body announced", 413, post(b"Content-Length: 70000\r\n")),
	("large body in chunks", 413, coded(b"8000\r\n" + b"x" * 0x8000 + b"\r\n" + b"9000\r\n" + b"x" * 0x9000 + b"\r\n0\r\n\r\n")),
	# lines and fields
	("bare LF", 400, b"GET / HTTP/1.1\nHost: app.test\n\n"),
	("one bare LF", 400, b"GET / HTTP/1.1\r\nHost: app.test\nX: y\r\n\r\n"),
	("bare CR", 400, b"GET / HTTP/1.1\r\nHost: app.test\rX: y\r\n\r\n"),
	("folded line", 400, b"GET / HTTP/1.1\r\n" + H + b"X: y\r\n z\r\n\r\n"),
	("folded first line", 400, b"GET / HTTP/1.1\r\n X: y\r\n" + H + b"\r\n"),
	("space before colon", 400, b"GET / HTTP/1.1\r\n" + H + b"Content-Length : 5\r\n\r\nhello"),
	("tab before colon", 400, b"GET / HTTP/1.1\r\n" + H + b"X\t: 5\r\n\r\n"),
	("empty name", 400, b"GET / HTTP/1.1\r\n" + H + b": x\r\n\r\n"),
	("no colon", 400, b"GET / HTTP/1.1\r\n" + H + b"nonsense\r\n\r\n"),
	("name is no token", 400, b"GET / HTTP/1.1\r\n" + H + b"X@Y: 1\r\n\r\n"),
	("NUL in a value", 400, b"GET / HTTP/1.1\r\n" + H + b"X: a\0b\r\n\r\n"),
	("control byte in a value", 400, b"GET / HTTP/1.1\r\n" + H + b"X: a\x01b\r\n\r\n"),
	("DEL in a value", 400, b"GET / HTTP/1.1\r\n" + H + b"X: a\x7fb\r\n\r\n"),
	# Host
	("no Host", 400, b"GET / HTTP/1.1\r\n\r\n"),
	("two Hosts", 400, b"GET / HTTP/1.1\r\n" + H + b"Host: other.test\r\n\r\n"),
	("two equal Hosts", 400, b"GET / HTTP/1.1\r\n" + H + H + b"\r\n"),
	("space in Host", 400, b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
	("slash in Host", 400, b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
	("user in Host", 400, b"GET / HTTP/1.1\r\nHost: u@app.test\r\n\r\n"),
	("odd port in Host", 400, b"GET / HTTP/1.1\r\nHost: app.test:8x\r\n\r\n"),
	# framing
	("length and coding", 400, post(b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n")),
	("coding and length", 400, post(b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", b"0\r\n\r\n")),
	("two lengths", 400, post(b"Content-Length: 5\r\nContent-Length: 6\r\n", b"hello!")),
	("two equal lengths", 400, post(b"Content-Length: 5\r\nContent-Length: 5\r\n", b"hello")),
	("list of lengths", 400, post(b"Content-Length: 5, 5\r\n", b"hello")),
	("signed length", 400, post(b"Content-Length: +5\r\n", b"hello")),
	("negative length", 400, post(b"Content-Length: -5\r\n", b"hello")),
	("hexadecimal length", 400, post(b"Content-Length: 0x5\r\n", b"hello")),
	("empty length", 400, post(b"Content-Length: \r\n", b"hello")),
	("length with a space in it", 400, post(b"Content-Length: 1 1\r\n", b"hello")),
	("overflowing length", 400, post(b"Content-Length: 18446744073709551621\r\n", b"hello")),
	("coding twice in a line", 400, post(b"Transfer-Encoding: chunked, chunked\r\n", b"0\r\n\r\n")),
	("coding in two lines", 400, post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n")),
	("chunked not last", 400, post(b"Transfer-Encoding: chunked, identity\r\n", b"0\r\n\r\n")),
	("unknown coding before chunked", 501, post(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n")),
	("unknown coding", 501, post(b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n")),
	("coding with a vertical tab", 400, post(b"Transfer-Encoding: \x0bchunked\r\n", b"0\r\n\r\n")),
	("coding in HTTP/1.0", 400, b"POST / HTTP/1.0\r\n" + H + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
	("unknown expectation", 417, post(b"Expect: tea\r\nContent-Length: 5\r\n", b"hello")),
	# chunks
	("chunk size with a letter", 400, coded(b"5g\r\nhello\r\n0\r\n\r\n")),
	("chunk size with 0x", 400, coded(b"0x5\r\nhello\r\n0\r\n\r\n")),
	("signed chunk size", 400, coded(b"+5\r\nhello\r\n0\r\n\r\n")),
	("space before chunk size", 400, coded(b" 5\r\nhello\r\n0\r\n\r\n")),
	("empty chunk size", 400, coded(b"\r\nhello\r\n0\r\n\r\n")),
	("overflowing chunk size", 400, coded(b"10000000000000005\r\nhello\r\n0\r\n\r\n")),
	("chunk size ends in LF", 400, coded(b"5\nhello\r\n0\r\n\r\n")),
	("chunk ends in LF", 400, coded(b"5\r\nhello\n0\r\n\r\n")),
	("chunk longer than its size", 400, coded(b"5\r\nhello!\r\n0\r\n\r\n")),
	("bare CR in chunk extension", 400, coded(b"5;a=\rb\r\nhello\r\n0\r\n\r\n")),
	("endless chunk extension", 400, coded(b"5;a=" + b"b" * 20000 + b"\r\nhello\r\n0\r\n\r\n")),
	("bad trailer", 400, coded(b"5\r\nhello\r\n0\r\nX : y\r\n\r\n")),
	("framing in the trailer", 400, coded(b"5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n")),
	("endless trailer", 431, coded(b"5\r\nhello\r\n0\r\n" + b"A: bbbbbbbb\r\n" * 2000 + b"\r\n")),
]
ENDS = {413: "body_too_large"}


@cases(*REFUSED)
def test_refused(status, sent, shared):
	"""One answer with the right status, a close behind it, and nothing whole at the origin, not even what was smuggled behind."""
	origin, daemon = shared.origin, shared.edge.daemon
	end = ENDS.get(status, "bad_request")
	served, ended, logged = len(origin.requests), daemon.ends()[end], len(daemon.access())
	with shared.edge.client() as c:
		try:
			c.send(sent + b"GET /smuggled HTTP/1.1\r\nHost: app.test\r\n\r\n")
		except OSError:
			pass  # it may already have been refused
		answer = c.response()
		assert answer.status == status, answer
		assert answer.has_token("Connection", "close"), answer
		assert c.is_closed(), "still open"
	assert len(origin.requests) == served, f"reached the origin: {origin.requests[served:]}"
	wait_until(lambda: daemon.ends()[end] == ended + 1, 5, f"one more {end}")
	record = wait_until(lambda: daemon.access()[logged:], 5, "a record")
	assert len(record) == 1 and record[0]["status"] == status and record[0]["end"] == end, record


def test_connect_is_refused(shared):
	"""No tunnel, for whatever comes behind it either."""
	before = len(shared.origin.requests)
	answer = shared.edge.fetch("app.test:443", method="CONNECT", host="app.test:443")
	assert answer.status == 405 and answer.get("Allow"), answer
	assert len(shared.origin.requests) == before
	assert shared.edge.daemon.wait_access(lambda r: r["status"] == 405)["end"] == "method_refused"


def test_refused_byte_by_byte(shared):
	"""Where the bytes are cut makes no difference."""
	with shared.edge.client() as c:
		for byte in post(b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"):
			c.send(bytes([byte]))
		assert c.response().status == 400


def test_accepted_byte_by_byte(shared):
	with shared.edge.client() as c:
		for byte in post(b"Transfer-Encoding: chunked\r\n", chunks(b"hello", b"world")):
			c.send(bytes([byte]))
		assert c.response().status == 200
	assert shared.origin.requests[-1].body == b"helloworld"


def test_leading_empty_line(shared):
	"""RFC 9112 2.2: an empty line before the request is ignored."""
	with shared.edge.client() as c:
		c.send(b"\r\nGET /a HTTP/1.1\r\n" + H + b"\r\n")
		assert c.response().status == 200


def test_keep_alive(shared):
	daemon = shared.edge.daemon
	connects = daemon.metric("steerway_proxy_upstream_connects_total")
	with shared.edge.client() as c:
		for i in range(20):
			answer = c.get(f"/{i}")
			assert answer.status == 200 and answer.body == b"hello", answer
			assert not answer.has_token("Connection", "close"), answer
		assert c.stays_open()
	# Each worker keeps connections of its own; this client sits on one worker.
	assert daemon.metric("steerway_proxy_upstream_connects_total") - connects <= 1


def test_close_when_asked(shared):
	with shared.edge.client() as c:
		answer = c.get("/", fields=[("Connection", "close")])
		assert answer.status == 200 and answer.has_token("Connection", "close")
		assert c.is_closed()


def test_pipelining(lab):
	"""Answers come in the order of the requests, though the origin takes longer over the first ones."""
	pause = threading.Event()

	def serve(c):
		while request := c.request():
			origin.note(request)
			if request.target == "/0":
				pause.wait(0.3)
			c.send(ok(request.target.encode()))
	origin = RawOrigin(lab, serve)
	edge = Edge(lab, {"cloud": [origin]})
	with edge.client() as c:
		c.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: app.test\r\n\r\n" % i for i in range(50)))
		assert [c.response().body for _ in range(50)] == [b"/%d" % i for i in range(50)]
		c.send(b"".join(b"POST /%d HTTP/1.1\r\nHost: app.test\r\nContent-Length: 3\r\n\r\nabc" % i for i in range(50)))
		assert [c.response().body for _ in range(50)] == [b"/%d" % i for i in range(50)]
	assert [r.body for r in origin.requests[50:]] == [b"abc"] * 50


def test_pipeline_ends_at_close(shared):
	with shared.edge.client() as c:
		c.send(b"GET /1 HTTP/1.1\r\n" + H + b"Connection: close\r\n\r\nGET /2 HTTP/1.1\r\n" + H + b"\r\n")
		before = len(shared.origin.requests)
		assert c.response().status == 200
		assert c.is_closed()
	assert all(r.target != "/2" for r in shared.origin.requests[before:])


@cases(("with length", b"HTTP/1.1 200 OK\r\nContent-Length: 4711\r\n\r\n"), ("chunked", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"))
def test_head(response, lab):
	def serve(c):
		while c.request():
			c.send(response)
	edge = Edge(lab, {"cloud": [RawOrigin(lab, serve)]})
	with edge.client() as c:
		for _ in range(3):
			c.ask("HEAD", "/")
			answer = c.response("HEAD")
			assert answer.status == 200
			if b"4711" in response:
				assert answer.get("Content-Length") == "4711", answer
		assert c.stays_open(), "bytes behind the answer to HEAD"


@cases(("204", b"HTTP/1.1 204 No Content\r\n\r\n"), ("304", b"HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n"),
       ("304 with length", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"))
def test_no_body(response, lab):
	def serve(c):
		while c.request():
			c.send(response)
	edge = Edge(lab, {"cloud": [RawOrigin(lab, serve)]})
	with edge.client() as c:
		for _ in range(3):
			assert c.get("/").status in (204, 304)
		assert c.stays_open()


def test_continue_from_the_server(lab):
	"""The origin's 100 reaches the client before the body is sent; then the body goes through."""
	def serve(c):
		while request := c.request(with_body=False):
			assert request.get("Expect", "").lower() == "100-continue", request
			c.send(b"HTTP/1.1 100 Continue\r\n\r\n")
			origin.note(c.body(request))
			c.send(ok(b"thanks"))
	origin = RawOrigin(lab, serve)
	edge = Edge(lab, {"cloud": [origin]})
	with edge.client() as c:
		for _ in range(2):
			c.send(b"POST / HTTP/1.1\r\nHost: app.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
			assert c.head().status == 100
			c.send(b"hello")
			answer = c.response()
			assert answer.status == 200 and answer.body == b"thanks"
	assert [r.body for r in origin.requests] == [b"hello", b"hello"]


def test_continue_refused(lab):
	"""A final answer instead of 100: the client gets it, and the connection is not used for what might be the body."""
	def serve(c):
		request = c.request(with_body=False)
		origin.note(request)
		c.send(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno")
		c.rest()
	origin = RawOrigin(lab, serve)
	edge = Edge(lab, {"cloud": [origin]})
	with edge.client() as c:
		c.send(b"POST / HTTP/1.1\r\nHost: app.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
		answer = c.response()
		assert answer.status == 401 and answer.body == b"no" and not answer.interim, answer
		# RFC 9110 10.1.1: it then closes, or reads and drops the body.
		c.send(b"helloGET /again HTTP/1.1\r\nHost: app.test\r\n\r\n")
		rest = c.rest() if answer.has_token("Connection", "close") else b""
		assert rest == b""
	assert all(r.target != "/again" or r.method == "GET" for r in origin.requests)


def test_interim_responses(lab):
	"""103 goes to HTTP/1.1 clients and not to HTTP/1.0 ones."""
	def serve(c):
		while c.request():
			c.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x.css>\r\n\r\n" + ok())
	edge = Edge(lab, {"cloud": [RawOrigin(lab, serve)]})
	answer = edge.fetch("/")
	assert [i.status for i in answer.interim] == [103] and answer.interim[0].get("Link") == "</x.css>", answer.interim
	assert edge.fetch("/", version="HTTP/1.0").interim == []


@cases(("one chunk", [b"hello"]), ("many chunks", [b"a" * n for n in range(1, 200)]), ("large chunk", [b"x" * 60000]))
def test_chunked_up(parts, shared):
	with shared.edge.client() as c:
		c.send(coded(chunks(*parts)))
		assert c.response().status == 200
		assert c.get("/next").status == 200
	assert shared.origin.requests[-2].body == b"".join(parts)


def test_trailers_and_extensions_up(shared):
	with shared.edge.client() as c:
		c.send(post(b"Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n", b"5;name=value\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"))
		assert c.response().status == 200
		assert c.get("/next").status == 200
	assert shared.origin.requests[-2].body == b"hello"


def test_chunked_down(lab):
	parts = [b"a", b"b" * 70000, b"c" * 3]

	def serve(c):
		while c.request():
			c.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
			for part in parts:
				c.send(b"%x\r\n%s\r\n" % (len(part), part))
			c.send(b"0\r\nX-Sum: 1\r\n\r\n")
	edge = Edge(lab, {"cloud": [RawOrigin(lab, serve)]})
	with edge.client() as c:
		for _ in range(3):
			assert c.get("/").body == b"".join(parts)
	# HTTP/1.0 knows no chunks: plain bytes up to the close.
	answer = edge.fetch("/", version="HTTP/1.0")
	assert answer.body == b"".join(parts) and not answer.all("Transfer-Encoding"), answer
	assert answer.has_token("Connection", "close") or answer.version == "HTTP/1.0", answer


def test_body_until_close(lab):
	"""An origin that ends its body by closing: the client gets it whole and keeps its connection, or is closed itself."""
	def serve(c):
		c.request()
		c.send(b"HTTP/1.0 200 OK\r\n\r\n" + b"z" * 100000)
	edge = Edge(lab, {"cloud": [RawOrigin(lab, serve)]})
	for version in ("HTTP/1.1", "HTTP/1.0"):
		answer = edge.fetch("/", version=version)
		assert answer.status == 200 and answer.body == b"z" * 100000
		assert answer.get("Transfer-Encoding") == ("chunked" if version == "HTTP/1.1" else None), answer


def test_http10_keep_alive(shared):
	with shared.edge.client() as c:
		c.ask("GET", "/", version="HTTP/1.0", fields=[("Connection", "keep-alive")])
		answer = c.response()
		assert answer.has_token("Connection", "keep-alive"), answer
		c.ask("GET", "/", version="HTTP/1.0")
		assert c.response().status == 200
		assert c.is_closed()


def test_http10_without_host(shared):
	assert shared.edge.fetch("/", version="HTTP/1.0", host=None).status == 200


def test_early_response(lab):
	"""The origin answers before it has read the body and never reads it: the client gets the answer, whole."""
	def serve(c):
		c.request(with_body=False)
		c.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nstop")
		done.wait(10)
	done = threading.Event()
	edge = Edge(lab, {"cloud": [RawOrigin(lab, serve)]})
	with edge.client() as c:
		c.send(b"POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 100000000\r\n\r\n")
		sender = threading.Thread(target=send_quietly, args=(c, b"x" * 100000, 1000), daemon=True)
		sender.start()
		answer = c.response()
		assert answer.status == 403 and answer.body == b"stop", answer
		c.close()
	done.set()
	# The edge lives on.
	assert edge.daemon.http("/healthz")[0] == 200


def send_quietly(c, data, times):
	try:
		for _ in range(times):
			c.send(data)
	except OSError:
		pass


def forwarded_of(edge, origin, fields=(), **more):
	with edge.client() as c:
		c.ask("GET", "/", fields=fields, **more)
		assert c.response().status == 200
	return origin.requests[-1]


def test_forwarded_append(lab):
	origin = RawOrigin(lab)
	edge = Edge(lab, {"cloud": [origin]})
	seen = forwarded_of(edge, origin)
	assert seen.get("Host") == "app.test"
	assert seen.all("X-Forwarded-For") == ["127.0.0.1"], seen.fields
	assert seen.all("X-Forwarded-Proto") == ["http"] and seen.all("X-Forwarded-Host") == ["app.test"], seen.fields
	parts = dict(p.strip().split("=", 1) for p in seen.get("Forwarded").replace('"', "").split(";"))
	assert parts["for"] == "127.0.0.1" and parts["proto"] == "http" and parts["host"] == "app.test", parts
	seen = forwarded_of(edge, origin, [("X-Forwarded-For", "203.0.113.7"), ("Forwarded", "for=203.0.113.7")])
	assert ", ".join(seen.all("X-Forwarded-For")) == "203.0.113.7, 127.0.0.1", seen.fields
	joined = ", ".join(seen.all("Forwarded")).replace('"', "")
	assert joined.startswith("for=203.0.113.7, ") and "for=127.0.0.1" in joined, joined


def test_forwarded_replace(lab):
	origin = RawOrigin(lab)
	edge = Edge(lab, {"cloud": [origin]}, listener={"forwarded": "replace"})
	seen = forwarded_of(edge, origin, [("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil"),
	                                   ("Forwarded", "for=203.0.113.7")])
	assert seen.all("X-Forwarded-For") == ["127.0.0.1"] and seen.all("X-Forwarded-Proto") == ["http"], seen.fields
	assert seen.all("X-Forwarded-Host") == ["app.test"] and "203.0.113.7" not in seen.get("Forwarded"), seen.fields


def test_forwarded_off(lab):
	origin = RawOrigin(lab)
	edge = Edge(lab, {"cloud": [origin]}, listener={"forwarded": "off"})
	seen = forwarded_of(edge, origin)
	assert not any(n.lower().startswith(("x-forwarded", "forwarded")) for n, _ in seen.fields), seen.fields


def test_hop_by_hop(lab):
	"""Fields of one hop do not pass, nor those that Connection names; but it can't take Host or the framing away."""
	def serve(c):
		while request := c.request():
			origin.note(request)
			c.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: X-Secret, Content-Length\r\nX-Secret: 1\r\nKeep-Alive: timeout=5\r\n"
			       b"Proxy-Authenticate: Basic\r\nX-Kept: yes\r\n\r\nok")
	origin = RawOrigin(lab, serve)
	edge = Edge(lab, {"cloud": [origin]})
	with edge.client() as c:
		c.ask("POST", "/", body=b"hello", fields=[
			("Connection", "keep-alive, X-Mine, host, content-length"), ("X-Mine", "1"), ("Keep-Alive", "timeout=5"), ("TE", "trailers"),
			("Proxy-Connection", "keep-alive"), ("Proxy-Authorization", "Basic eDp5"), ("X-Kept", "yes")])
		answer = c.response()
	seen = origin.requests[-1]
	for name in ("X-Mine", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization"):
		assert not seen.all(name), (name, seen.fields)
	assert seen.get("Host") == "app.test" and seen.body == b"hello" and seen.get("X-Kept") == "yes", seen.fields
	for name in ("X-Secret", "Keep-Alive", "Proxy-Authenticate"):
		assert not answer.all(name), (name, answer.fields)
	assert answer.body == b"ok" and answer.get("X-Kept") == "yes", answer.fields


def test_upgrade_is_not_forwarded(shared):
	"""A protocol that the route does not allow is not offered to the origin; the request itself is served."""
	assert shared.edge.fetch("/", fields=[("Connection", "upgrade"), ("Upgrade", "h2c")]).status == 200
	assert not shared.origin.requests[-1].all("Upgrade")


def test_fields_pass_unchanged(shared):
	"""Order, case, odd but legal bytes: what need not change does not."""
	fields = [("X-Obs", "\xe9\xff"), ("x-lower", "a  b"), ("Cookie", "a=1"), ("Cookie", "b=2"), ("X-Empty", "")]
	shared.edge.fetch("/p?q=%20&r=a/b//c", fields=fields)
	seen = shared.origin.requests[-1]
	assert seen.target == "/p?q=%20&r=a/b//c"
	assert [f for f in seen.fields if f[0] in dict(fields)] == fields, seen.fields


def test_routing(lab):
	"""The most exact host, then the longest prefix on segment borders; the path that is routed is the path that is forwarded."""
	names = ("any", "app", "api", "apiv2")
	origins = {n: RawOrigin(lab, lambda c, n=n: answer_name(c, n)) for n in names}

	def answer_name(c, name):
		while request := c.request():
			c.send(ok(f"{name} {request.target}".encode()))
	pools = {n: {"servers": [{"name": "s", "address": o.text, "site": "cloud"}]} for n, o in origins.items()}
	edge = Edge(lab, {"cloud": [origins["any"]]}, pools=pools, routes=[
		{"host": "app.test", "path": "/api", "pool": "api"}, {"host": "app.test", "pool": "app"}, {"path": "/any", "pool": "any"},
		{"host": "app.test", "path": "/api/v2", "pool": "apiv2"}])
	expected = [
		("app.test", "/", "app /"), ("app.test", "/api", "api /api"), ("app.test", "/api/x?y=/z", "api /api/x?y=/z"), ("app.test", "/apix", "app /apix"),
		("app.test", "/api/v2", "apiv2 /api/v2"), ("app.test", "/api/v2/x", "apiv2 /api/v2/x"), ("app.test", "/api/v22", "api /api/v22"),
		("APP.TEST:8080", "/api", "api /api"), ("app.test.", "/api", "api /api"), ("other.test", "/any/thing", "any /any/thing"),
		("app.test", "/x/../api/./v2", "apiv2 /api/v2"), ("app.test", "/%61pi", "api /api"), ("app.test", "/../../api", "api /api"),
	]
	for host, target, body in expected:
		answer = edge.fetch(target, host=host)
		assert answer.body.decode() == body, (host, target, answer.body)
	answer = edge.fetch("/elsewhere", host="other.test")
	assert answer.status == 404
	assert edge.daemon.wait_access(lambda r: r["status"] == 404)["end"] == "no_route"
	assert edge.fetch("http://app.test/api/v2/x", host="ignored.test").body == b"apiv2 /api/v2/x"


def test_access_log_record(lab):
	"""One record a transaction, with what an operator needs to know about it."""
	origin = RawOrigin(lab)
	edge = Edge(lab, {"cloud": [origin]})
	edge.fetch("/some/path?q=1", method="POST", body=b"x" * 1000, fields=[("User-Agent", "probe \"quoted\" \\ \x7e")])
	r = edge.daemon.wait_access(lambda r: True)
	assert r["status"] == 200 and r["end"] == "complete" and r["method"] == "POST", r
	assert r["site"] == "cloud" and r["server"] in ("cloud1", "app/cloud1") and r["host"] == "app.test", r
	text = repr(r)
	assert "/some/path" in text and "127.0.0.1" in text, r
	assert len(edge.daemon.access()) == 1


def test_head_timeout(lab):
	edge = Edge(lab, {"cloud": [RawOrigin(lab)]}, listener={"timeouts": {"head": "300ms", "keep_alive": "5s"}})
	with edge.client() as c, measured() as t:
		c.send(b"GET / HTTP/1.1\r\nHost: app")
		assert c.response().status == 408
		assert c.is_closed()
		assert t() >= 0.25
	assert edge.daemon.wait_access(lambda r: r["status"] == 408)["end"] == "head_timeout"


def test_slow_head_is_bounded(lab):
	"""A byte now and then does not move the deadline."""
	edge = Edge(lab, {"cloud": [RawOrigin(lab)]}, listener={"timeouts": {"head": "500ms"}})
	with edge.client() as c, measured() as t:
		c.send(b"GET / HTTP/1.1\r\n")
		c.sock.settimeout(0.05)
		try:
			while t() < 20:
				c.send(b"X: y\r\n")
				try:
					if c.sock.recv(1000):
						break
				except TimeoutError:
					continue
				break
		except OSError:
			pass
		assert t() < 15, "still fed after 15 s"


def test_keep_alive_timeout(lab):
	"""Between requests it just closes: there is no one to answer. A connection that never said a word is closed as well."""
	edge = Edge(lab, {"cloud": [RawOrigin(lab)]}, listener={"timeouts": {"keep_alive": "300ms", "head": "400ms"}})
	with edge.client() as c:
		assert c.get("/").status == 200
		assert c.is_closed()
	with edge.client() as c:
		c.sock.settimeout(20)
		data = c.rest()
		assert data == b"" or data.startswith(b"HTTP/1.1 408"), data


def test_body_timeout(lab):
	edge = Edge(lab, {"cloud": [RawOrigin(lab)]}, listener={"timeouts": {"body_idle": "300ms"}})
	with edge.client() as c:
		c.send(b"POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10\r\n\r\nhello")
		assert c.response().status == 408
		assert c.is_closed()
	assert edge.daemon.wait_access(lambda r: r["status"] == 408)["end"] == "body_timeout"


def test_send_timeout(lab):
	"""A client that takes nothing is cut, and its origin is let go."""
	def serve(c):
		c.request()
		c.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
		for _ in range(1000):
			c.send(b"x" * 100000)
	edge = Edge(lab, {"cloud": [RawOrigin(lab, serve)]}, listener={"timeouts": {"send_idle": "500ms"}})
	with edge.client(receive_buffer=4096) as c:
		c.ask("GET", "/")
		record = edge.daemon.wait_access(lambda r: True, 20)
		assert record["end"] == "send_timeout", record
		edge.daemon.wait_metric("steerway_proxy_requests_active", 0)


def test_client_abort(lab):
	"""A client that goes away in the middle: the origin's connection is not reused, and the log says who it was."""
	def serve(c):
		c.request()
		c.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nfirst")
		gone.append(c.rest())
	gone = []
	edge = Edge(lab, {"cloud": [RawOrigin(lab, serve)]})
	c = edge.client()
	c.ask("GET", "/")
	c.until(b"first")
	c.reset()
	assert edge.daemon.wait_access(lambda r: True)["end"] == "client_abort"
	wait_until(lambda: gone, 5, "the origin's connection closes")


def test_half_close_is_not_abort(lab):
	"""A client that has sent its FIN still gets its answer."""
	import socket

	def serve(c):
		while c.request():
			pause.wait(0.2)
			c.send(ok())
	pause = threading.Event()
	edge = Edge(lab, {"cloud": [RawOrigin(lab, serve)]})
	with edge.client() as c:
		c.ask("GET", "/")
		c.sock.shutdown(socket.SHUT_WR)
		assert c.response().body == b"hello"
		assert c.is_closed()


def test_listener_limit(lab):
	"""At max_connections the next client waits in the kernel until one leaves."""
	edge = Edge(lab, {"cloud": [RawOrigin(lab)]}, listener={"max_connections": 4}, workers=1)
	held = [edge.client() for _ in range(4)]
	for c in held:
		assert c.get("/").status == 200
	waiting = edge.client()
	waiting.ask("GET", "/")
	assert waiting.stays_open(0.3), "served above the limit"
	assert edge.daemon.metric("steerway_proxy_sessions") <= 4
	wait_until(lambda: edge.daemon.metric("steerway_proxy_listener_full_total") >= 1, 5, "one more than it may have")
	held.pop().close()
	assert waiting.response().status == 200
	for c in held + [waiting]:
		c.close()


def test_server_limit(lab):
	"""At every server's max_connections: 503 with its own end reason; free again, it serves."""
	def serve(c):
		while request := c.request():
			origin.note(request)
			if request.target == "/hold":
				free.wait(20)
			c.send(ok())
	free = threading.Event()
	origin = RawOrigin(lab, serve)
	edge = Edge(lab, {"cloud": [origin]}, pool={"max_connections": 1}, workers=1)
	with edge.client() as first:
		first.ask("GET", "/hold")
		origin.wait(1)
		assert edge.fetch("/second").status == 503
		free.set()
		assert first.response().status == 200
	assert edge.daemon.wait_access(lambda r: r["status"] == 503)["end"] == "server_limit"
	assert edge.fetch("/third").status == 200


def test_no_server(lab):
	edge = Edge(lab, {"cloud": [RawOrigin(lab)]})
	edge.daemon.ctl("maint", "site", "cloud")
	answer = edge.fetch("/")
	assert answer.status == 503
	assert edge.daemon.wait_access(lambda r: r["status"] == 503)["end"] == "no_server"


def test_many_clients(lab):
	"""200 connections at once, each with its own answers."""
	def serve(c):
		while request := c.request():
			c.send(ok(request.target.encode() * 100))
	edge = Edge(lab, {"cloud": [RawOrigin(lab, serve)]})
	clients = [edge.client() for _ in range(200)]
	for round in range(3):
		for i, c in enumerate(clients):
			c.ask("GET", f"/{i}.{round}")
		for i, c in enumerate(clients):
			assert c.response().body == f"/{i}.{round}".encode() * 100
	for c in clients:
		c.close()
	edge.daemon.wait_metric("steerway_proxy_sessions", 0)


@timeout(90)
def test_ipv6(lab):
	edge = Edge(lab, {"cloud": [RawOrigin(lab)]}, start=False)
	from lab import free_port, need
	try:
		port = free_port("::1")
	except OSError:
		need(False, "no IPv6 on loopback")
	edge.config["listeners"]["six"] = {"bind": [f"[::1]:{port}"]}
	edge.daemon = lab.steerway(edge.config)
	with Client(("::1", port)) as c:
		assert c.get("/", host=f"[::1]:{port}").status == 200
