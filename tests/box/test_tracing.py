# SPDX-License-Identifier: BSD-2-Clause
"""Names of requests: what reaches the server, the client and the log of traceparent, tracestate and X-Request-Id."""
import re

import http2

from edge import Edge
from http1 import RawOrigin
from lab import cases
from origins import Certificate

TRACE = "0af7651916cd43dd8448eb211c80319c"
GOOD = f"00-{TRACE}-b7ad6b7169203331-01"
HEX = re.compile(r"[0-9a-f]{32}")


def traced(lab, **tracing):
	origin = RawOrigin(lab)
	return origin, Edge(lab, {"cloud": [origin]}, listener={"tracing": tracing} if tracing else {})


@cases(("off", {}), ("on", {"traceparent": "create"}))
def test_valid_trace_passes(tracing, lab):
	"""The proxy is no span: trace, parent and state arrive as they were sent, and the trace can be found in the log."""
	origin, edge = traced(lab, **tracing)
	fields = [("Traceparent", GOOD), ("tracestate", "a=1,b=2"), ("Tracestate", "c=3"), ("Connection", "traceparent, tracestate")]
	assert edge.fetch("/", fields=fields).status == 200
	assert origin.requests[0].all("traceparent") == [GOOD] and origin.requests[0].all("tracestate") == ["a=1,b=2", "c=3"]
	assert edge.daemon.wait_access(lambda r: True)["trace_id"] == TRACE


INVALID = [("none", []), ("version ff", [f"ff-{TRACE}-b7ad6b7169203331-01"]), ("upper case", [GOOD.upper()]),
           ("no trace", ["00-" + "0" * 32 + "-b7ad6b7169203331-01"]), ("no parent", [f"00-{TRACE}-{'0' * 16}-01"]),
           ("too long", [GOOD + "-x"]), ("too short", [GOOD[:-1]]), ("two", [GOOD, GOOD])]


@cases(*INVALID)
def test_trace_is_created(values, lab):
	origin, edge = traced(lab, traceparent="create", sampled="0%")
	fields = [("traceparent", v) for v in values] + [("tracestate", "a=1")]
	with edge.client() as c:
		for _ in range(2):
			assert c.get("/", fields=fields).status == 200
	seen = [r.all("traceparent") for r in origin.requests]
	for created, in seen:
		assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", created), created
		assert TRACE not in created
	assert seen[0] != seen[1], "two requests, one trace"
	assert all(r.get("tracestate") is None for r in origin.requests)
	for created, in seen:
		edge.daemon.wait_access(lambda r: r.get("trace_id") == created[3:35])


@cases(*INVALID[1:])
def test_off_touches_nothing(values, lab):
	origin, edge = traced(lab)
	fields = [("traceparent", v) for v in values] + [("tracestate", "a=1"), ("X-Request-Id", "<b>"), ("X-Request-Id", "mine")]
	assert edge.fetch("/", fields=fields).get("X-Request-Id") is None
	request = origin.requests[0]
	assert request.all("traceparent") == values and request.all("tracestate") == ["a=1"]
	assert request.all("X-Request-Id") == ["<b>", "mine"]
	record = edge.daemon.wait_access(lambda r: True)
	assert "trace_id" not in record and "request_id" not in record, record


@cases(("kept", "keep", "Root=1-678912,a"[:13], True), ("unusable", "keep", 'a"b', False), ("too long", "keep", "x" * 129, False),
       ("replaced", "replace", "mine", False), ("missing", "keep", None, False))
def test_request_id(mode, given, is_kept, lab):
	origin, edge = traced(lab, request_id=mode, return_request_id=True)
	answer = edge.fetch("/", fields=[("X-Request-Id", given)] if given else [])
	seen = origin.requests[0].all("X-Request-Id")
	assert seen == [given] if is_kept else HEX.fullmatch(seen[0]) and len(seen) == 1, seen
	assert answer.all("X-Request-Id") == seen, answer
	assert edge.daemon.wait_access(lambda r: True)["request_id"] == seen[0]


def test_own_answer_tells_its_id(lab):
	"""Also where no server was asked, so that a user can quote it."""
	edge = Edge(lab, {"cloud": [RawOrigin(lab)]}, routes=[{"host": "app.test", "pool": "app"}],
	            listener={"tracing": {"request_id": "replace", "return_request_id": True}})
	answer = edge.fetch("/", host="other.test")
	record = edge.daemon.wait_access(lambda r: r["end"] == "no_route")
	assert answer.status == 404 and answer.get("X-Request-Id") == record["request_id"], answer
	assert record["request_id"].encode() in answer.body, answer.body


def test_servers_id_gives_way(lab):
	"""One id on a response: the one that the log knows."""
	origin = RawOrigin(lab, lambda c: c.request() and c.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Request-Id: theirs\r\n\r\n") or c.rest())
	edge = Edge(lab, {"cloud": [origin]}, listener={"tracing": {"request_id": "keep", "return_request_id": True}})
	assert edge.fetch("/", fields=[("X-Request-Id", "ours")]).all("X-Request-Id") == ["ours"]


def test_head_is_full_of_fields(lab):
	"""A request with as many fields as are allowed still gets its names."""
	origin, edge = traced(lab, request_id="replace", traceparent="create")
	assert edge.fetch("/", fields=[(f"X-{i}", "y") for i in range(99)]).status == 200
	assert HEX.fullmatch(origin.requests[0].get("X-Request-Id")) and origin.requests[0].get("traceparent")
	assert edge.fetch("/", fields=[(f"X-{i}", "y") for i in range(100)]).status == 431


def test_protocols_and_handshake_in_log(lab):
	certificate = Certificate(lab, "app.test")
	edge = Edge(lab, {"cloud": [RawOrigin(lab)]}, listener={"tls": {"certificates": [certificate.file]}})
	with edge.client(tls=certificate.trust(), sni="app.test") as c:
		assert c.get("/1").status == 200 and c.get("/2").status == 200
	first, second = (edge.daemon.wait_access(lambda r: r["path"] == path) for path in ("/1", "/2"))
	assert first["protocol"] == first["server_protocol"] == "h1", first
	assert first["handshake_us"] > 0 and "handshake_us" not in second, (first, second)


def test_a_full_head_is_named_by_http2_too(lab):
	"""What the proxy adds needs no room that the client's fields may fill."""
	origin = RawOrigin(lab)
	edge = Edge(lab, {"cloud": [origin]}, listener={"max_fields": 10, "tracing": {"request_id": "replace", "traceparent": "create"}})
	with http2.connect(edge.web) as c:
		c.send(http2.headers(1, http2.encode(http2.request("GET", "/", "http", "app.test", *[("x-fill", "1")] * 9))))
		assert c.answer(1).status == 200
	seen = origin.requests[-1]
	assert HEX.fullmatch(seen.get("X-Request-Id") or "") and seen.get("traceparent"), seen.fields
