# SPDX-License-Identifier: BSD-2-Clause
"""Sending again: what is repeated and what never, with which bytes, where, when, and how long all of it may take."""
import threading

from edge import Edge
from http1 import Closed, RawOrigin, chunks
from http2 import END_HEADERS, Origin2, Seen, connect, data, headers, request, rst
from lab import SLOW, cases, measured, slowness


def refusing(lab):
	"""An address where nothing listens."""
	return "%s:%d" % (lab.ip, lab.port())


def failing(lab, how):
	"""An origin that takes requests whole, notes them, and answers none: `how(connection)` ends each."""
	def serve(c):
		while request := c.request():
			origin.note(request)
			how(c)
			return
	origin = RawOrigin(lab, serve)
	return origin


def silent(lab):
	return failing(lab, lambda c: c.rest())


def closing(lab):
	return failing(lab, lambda c: c.reset())


def saying(lab, status):
	return failing(lab, lambda c: c.send(b"HTTP/1.1 %d Oh\r\nContent-Length: 4\r\nX-Origin: bad\r\n\r\noops" % status))


def until_retried(edge, want, **more):
	"""Requests until one that was sent again; each must be answered. The picks begin anywhere."""
	for i in range(8):
		answer = edge.fetch(f"/{i}", **more)
		assert answer.status == 200, answer
		record = edge.daemon.wait_access(lambda r: r["path"] == f"/{i}")
		if record["retries"] >= want:
			return answer, record
	raise AssertionError("nothing was sent again")


# ---- bodies ----

@cases(("length", "PUT", b"x" * 5000, []), ("chunked", "PUT", chunks(b"one", b"two" * 500, b"three"), [("Transfer-Encoding", "chunked")]),
       ("delete", "DELETE", b"body", []), ("as large as is kept", "PUT", b"x" * 16384, []))
def test_body_is_replayed(method, body, fields, lab):
	bad, good = closing(lab), RawOrigin(lab)
	edge = Edge(lab, {"cloud": [bad, good]}, workers=1)
	_, record = until_retried(edge, 1, method=method, body=body, fields=fields)
	assert record["end"] == "complete" and record["server"] == "cloud2", record
	again, first = good.requests[-1], bad.requests[-1]
	assert again.body == first.body and again.raw_body == first.raw_body and len(again.body) > 0
	assert again.fields == first.fields
	assert edge.daemon.metric("steerway_proxy_retries_total") >= 1


@cases(("too large", "PUT", 16385, {}), ("not kept", "PUT", 10, {"buffer": "0"}), ("not idempotent", "POST", 10, {}))
def test_body_is_sent_once(method, size, retries, lab):
	origins = [closing(lab), closing(lab)]
	edge = Edge(lab, {"cloud": origins}, pool={"retries": retries} if retries else {}, workers=1)
	assert edge.fetch("/", method=method, body=b"x" * size).status == 502
	record = edge.daemon.wait_access(lambda r: True)
	assert record["end"] == "server_closed" and record["retries"] == 0, record
	assert sum(len(o.requests) for o in origins) == 1


def test_body_that_is_still_coming(lab):
	"""The server goes while half of a body is there: the next one gets that half, and the other as it comes."""
	half = threading.Event()

	def serve(c):
		request = c.request(with_body=False)
		c.take(5)
		origin.note(request)
		half.set()
		c.reset()
	origin, good = RawOrigin(lab, serve), RawOrigin(lab)
	edge = Edge(lab, {"cloud": [origin, good]}, workers=1)
	for _ in range(2):
		with edge.client() as c:
			c.send(b"PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello")
			if not origin.requests:
				half.wait(1)
			c.send(b"world")
			assert c.response().status == 200
	assert [r.body for r in good.requests] == [b"helloworld"] * 2
	record = edge.daemon.wait_access(lambda r: r["retries"] == 1)
	assert record["status"] == 200 and record["end"] == "complete", record


# ---- time ----

def test_try_timeout(lab):
	"""A slow server is given up for another one; its answer, should it come, is nobody's."""
	slow, good = silent(lab), RawOrigin(lab)
	edge = Edge(lab, {"cloud": [slow, good]}, pool={"retries": {"try_timeout": "200ms"}}, workers=1)
	with measured() as t:
		until_retried(edge, 1)
		assert 0.19 <= t() < 20 * SLOW
	assert len(good.requests) >= 1
	assert edge.daemon.ends().get("server_timeout", 0) == 0


@cases(("last try", "GET", {"attempts": 1}, 2), ("not idempotent", "POST", {}, 1))
def test_try_timeout_spares_what_can_not_be_repeated(method, retries, tries, lab):
	"""Who can't go elsewhere has all of timeouts.response."""
	origins = [silent(lab), silent(lab)]
	edge = Edge(lab, {"cloud": origins}, workers=1,
	            pool={"retries": {"try_timeout": "100ms", **retries}, "timeouts": {"response": "600ms"}})
	with measured() as t:
		assert edge.fetch("/", method=method).status == 504
		assert t() >= 0.58
	record = edge.daemon.wait_access(lambda r: True)
	assert record["end"] == "server_timeout" and record["retries"] == tries - 1, record
	assert sum(len(o.requests) for o in origins) == tries


def test_request_timeout_over_all_tries(lab):
	origins = [silent(lab) for _ in range(4)]
	edge = Edge(lab, {"cloud": origins}, workers=1,
	            pool={"retries": {"try_timeout": "400ms", "attempts": 10}, "timeouts": {"request": "1s"}})
	with measured() as t:
		assert edge.fetch("/").status == 504
		assert 0.98 <= t() < 20 * SLOW
	record = edge.daemon.wait_access(lambda r: True)
	assert record["end"] == "request_timeout" and record["retries"] in (1, 2), record
	assert edge.daemon.ends()["request_timeout"] == 1


def test_request_timeout_cuts_a_response(lab):
	"""A response that has begun can only be cut, so that nobody takes it for whole."""
	def serve(c):
		c.request()
		c.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")
		c.rest()
	edge = Edge(lab, {"cloud": [RawOrigin(lab, serve)]}, pool={"timeouts": {"request": "300ms"}})
	with edge.client() as c:
		c.ask("GET", "/")
		try:
			raise AssertionError(f"taken for whole: {c.response()}")
		except Closed:
			pass
	assert edge.daemon.wait_access(lambda r: True)["end"] == "request_timeout"


@cases(("milliseconds", "300m", "4"), ("microseconds", "300000u", "4"))
def test_grpc_deadline(value, code, lab):
	edge = Edge(lab, {"cloud": [silent(lab)]})
	with measured() as t:
		answer = edge.fetch("/s/m", "POST", body=b"\0\0\0\0\0", fields=[("Content-Type", "application/grpc"), ("grpc-timeout", value)])
		assert 0.28 <= t() < 20 * SLOW
	assert answer.status == 200 and answer.get("grpc-status") == code, answer
	assert edge.daemon.wait_access(lambda r: True)["end"] == "request_timeout"


@cases(("malformed", "application/grpc", "300"), ("not gRPC", "text/plain", "300m"))
def test_no_grpc_deadline(content_type, value, lab):
	edge = Edge(lab, {"cloud": [silent(lab)]}, pool={"timeouts": {"response": "700ms"}})
	edge.fetch("/", "POST", body=b"x", fields=[("Content-Type", content_type), ("grpc-timeout", value)])
	assert edge.daemon.wait_access(lambda r: True)["end"] == "server_timeout"


def test_backoff(lab):
	"""Three waits of at most 40, 80 and 80 ms, drawn at random: never more than 200 ms in all, and not always nothing."""
	edge = Edge(lab, {"cloud": [refusing(lab)]}, workers=1,
	            pool={"retries": {"attempts": 3, "backoff": "40ms", "backoff_max": "80ms"}})
	for i in range(10):
		assert edge.fetch(f"/{i}").status == 502
	records = [edge.daemon.wait_access(lambda r: r["path"] == f"/{i}") for i in range(10)]
	assert all(r["retries"] == 3 and r["end"] == "connect_failed" for r in records), records
	times = [r["total_us"] for r in records]
	assert sorted(times)[5] < 300_000 * SLOW * slowness() and sum(times) > 200_000, times
	assert len(set(t // 1000 for t in times)) > 2, times


def test_client_leaves_during_backoff(lab):
	"""Nobody is left behind: neither a request in progress nor a retry of the budget."""
	edge = Edge(lab, {"cloud": [refusing(lab)]}, workers=1, pool={"retries": {"attempts": 10, "backoff": "30s", "backoff_max": "60s"}})
	clients = [edge.client() for _ in range(5)]
	for c in clients:
		c.ask("GET", "/")
	edge.daemon.wait_metric("steerway_proxy_requests_active", 5)
	for c in clients:
		c.reset()
	edge.daemon.wait_metric("steerway_proxy_requests_active", 0)
	assert edge.daemon.ends()["client_abort"] == 5


# ---- statuses ----

def test_status_is_retried(lab):
	bad, good = saying(lab, 503), RawOrigin(lab)
	edge = Edge(lab, {"cloud": [bad, good]}, pool={"retries": {"statuses": "502-504"}}, workers=1)
	answer, record = until_retried(edge, 1)
	assert answer.body == b"hello" and answer.get("X-Origin") is None, answer
	assert record["server"] == "cloud2" and record["status"] == 200, record


@cases(("not listed", "GET", 500, {"statuses": "502-504"}), ("not idempotent", "POST", 503, {"statuses": "502-504"}),
       ("none listed", "GET", 503, {}), ("no attempts", "GET", 503, {"statuses": "503", "attempts": 1}))
def test_status_is_passed_on(method, status, retries, lab):
	"""The server's own answer, to its last byte."""
	edge = Edge(lab, {"cloud": [saying(lab, status)]}, pool={"retries": retries} if retries else {}, workers=1)
	answer = edge.fetch("/", method=method)
	assert answer.status == status and answer.body == b"oops" and answer.get("X-Origin") == "bad", answer
	record = edge.daemon.wait_access(lambda r: True)
	assert record["end"] == "complete" and record["retries"] == retries.get("attempts", 0), record


def test_status_with_body_is_replayed(lab):
	bad, good = saying(lab, 503), RawOrigin(lab)
	edge = Edge(lab, {"cloud": [bad, good]}, pool={"retries": {"statuses": "503"}}, workers=1)
	until_retried(edge, 1, method="PUT", body=b"y" * 3000)
	assert good.requests[-1].body == b"y" * 3000


# ---- where ----

def test_last_try_goes_to_another_site(lab):
	"""With two tries and two servers a site, the second one leaves the site that failed."""
	good = RawOrigin(lab)
	edge = Edge(lab, {"cloud": [refusing(lab) for _ in range(5)], "dr": [good]}, workers=1,
	            pool={"prefer": ["cloud", "dr"], "retries": {"attempts": 1}})
	for i in range(10):
		assert edge.fetch(f"/{i}").status == 200
		record = edge.daemon.wait_access(lambda r: r["path"] == f"/{i}")
		assert record["site"] == "dr" and record["retries"] == 1, record


# ---- HTTP/2 ----

def refusing_streams(lab):
	"""Takes requests whole, and says of each that it did not begin with it (RFC 9113 8.7)."""
	def serve(c):
		done = set()
		while True:
			f = c.step()
			a = c.streams.get(f.stream)
			if a and a.has_ended and f.stream not in done:
				done.add(f.stream)
				origin.note(Seen.of_answer(a))
				c.send(rst(f.stream, 7))
	origin = Origin2(lab, serve)
	return origin


@cases(("POST", "POST", b"x" * 4000, []), ("with trailers", "POST", b"abc", [("x-sum", "1")]), ("PUT", "PUT", b"", [("x-sum", "1")]))
def test_unprocessed_is_sent_again(method, body, trailers, lab):
	"""Whatever the method: with its body, and with its trailers."""
	bad, good = refusing_streams(lab), Origin2(lab)
	edge = Edge(lab, {"cloud": [bad, good]}, pool={"protocol": "http2"}, listener={"http2": {}}, workers=1)
	with connect(edge.web) as c:
		for stream in (1, 3, 5, 7):
			c.send(headers(stream, request(method, f"/{stream}", "http", "app.test", ("te", "trailers")), END_HEADERS),
			       data(stream, body, 0), headers(stream, trailers) if trailers else data(stream))
			assert c.answer(stream).status == 200, c.streams[stream]
	assert len(bad.requests) >= 1 and len(good.seen) == 4
	assert all(s.body == body and s.trailers == trailers for s in good.seen), good.seen
	records = [edge.daemon.wait_access(lambda r: r["path"] == f"/{stream}") for stream in (1, 3, 5, 7)]
	assert sum(r["retries"] for r in records) == len(bad.requests), records


def test_unprocessed_but_too_large(lab):
	bad = refusing_streams(lab)
	edge = Edge(lab, {"cloud": [bad]}, pool={"protocol": "http2", "retries": {"buffer": "100"}}, workers=1)
	assert edge.fetch("/", "POST", body=b"x" * 101).status == 502
	assert len(bad.requests) == 1


def test_try_timeout_over_http2(lab):
	slow, good = Origin2(lab, lambda c: c.ends()), Origin2(lab)
	edge = Edge(lab, {"cloud": [slow, good]}, pool={"protocol": "http2", "retries": {"try_timeout": "150ms"}}, workers=1)
	until_retried(edge, 1)


def test_status_over_http2(lab):
	def serve(c):
		while True:
			f = c.step()
			if (a := c.streams.get(f.stream)) and a.has_ended:
				c.send(headers(f.stream, [(":status", "503")], END_HEADERS), data(f.stream, b"oops"))
	edge = Edge(lab, {"cloud": [Origin2(lab, serve), Origin2(lab)]}, pool={"protocol": "http2", "retries": {"statuses": "503"}}, workers=1)
	answer, _ = until_retried(edge, 1)
	assert answer.body == b"hello", answer


def test_grpc_deadline_over_http2(lab):
	"""The status as trailers alone: one HEADERS frame that ends the stream."""
	edge = Edge(lab, {"cloud": [Origin2(lab, lambda c: c.ends())]}, pool={"protocol": "http2"})
	with connect(edge.web) as c:
		fields = (("content-type", "application/grpc"), ("te", "trailers"), ("grpc-timeout", "250m"))
		c.send(headers(1, request("POST", "/s/m", "http", "app.test", *fields), END_HEADERS), data(1, b"\0\0\0\0\0"))
		answer = c.answer(1)
	assert answer.status == 200 and answer.get("grpc-status") == "4" and answer.get("content-type") == "application/grpc", answer
	assert answer.body == b"" and answer.reset is None, answer
	record = edge.daemon.wait_access(lambda r: True)
	assert record["end"] == "request_timeout" and record["protocol"] == record["server_protocol"] == "h2", record
