# SPDX-License-Identifier: BSD-2-Clause
"""What once went wrong with HTTP/2, and with ends of a transaction that wait for each other."""
import hashlib
import os
import socket
import ssl
import threading
import time

from edge import Edge, servers
from http1 import RawOrigin, ok
from http2 import (END_HEADERS, END_STREAM, INITIAL_WINDOW_SIZE, Origin2, connect, data, goaway, headers, ping, request, rst, settings,
                   window_update)
from lab import wait_until
from origins import Authority, Certificate

LARGE = 1 << 30
BODY = bytes(range(256)) * 4096  # 1 MiB


def tight(edge, window=LARGE, **more):
	"""A connection whose socket is soon full."""
	c = connect(edge.web, (INITIAL_WINDOW_SIZE, window), is_polite=False, receive_buffer=8192, segment=1400, **more)
	c.send(settings(flags=1), window_update(LARGE))
	return c


def large(lab):
	def serve(c):
		while c.request():
			c.send(ok(BODY))
	return RawOrigin(lab, serve)


def test_data_of_a_stream_that_ended_between_two_writes(lab):
	"""A DATA frame waited for the socket when the request's time was over: its bytes were gone when it was to be written."""
	edge = Edge(lab, {"cloud": [large(lab)]}, workers=1, pool={"timeouts": {"request": "500ms"}})
	with tight(edge) as c:
		streams = range(1, 33, 2)
		c.send(*(headers(n, request()) for n in streams))
		wait_until(lambda: edge.daemon.ends()["request_timeout"] > 0, 10, "the end of a request")
		c.until(lambda: all(c.on(n).is_over for n in streams))
		assert any(c.on(n).reset for n in streams), c.streams
		# Who had no answer yet when its time was over is told so, behind the full socket.
		assert all(c.on(n).reset or c.on(n).status == 504 or c.on(n).body == BODY for n in streams), c.streams
	assert edge.fetch(seconds=20).status == 200


def test_a_flood_behind_a_full_socket(lab):
	"""GOAWAY was submitted once more for every look at a socket that took nothing: for ever."""
	edge = Edge(lab, {"cloud": [large(lab)]}, workers=1, listener={"timeouts": {"send_idle": "1s"}})
	with tight(edge) as c:
		c.send(*(headers(n, request()) for n in range(1, 33, 2)))
		time.sleep(0.5)
		c.send(*(rst(n) for n in range(1, 33, 2)))
		try:
			c.send(*(ping() for _ in range(1200)))
		except OSError:
			pass
		assert edge.fetch(seconds=4).status == 200
	edge.daemon.wait_metric("steerway_proxy_sessions", 0)


def test_a_whole_response_of_a_server_that_then_closes(lab):
	"""What had come of it, but not gone to a slow client, was dropped with the connection."""
	body = os.urandom(200000)

	def serve(c):
		c.until(lambda: 1 in c.streams and c.streams[1].has_ended)
		c.send(headers(1, [(":status", "200")], END_HEADERS))
		c.send(*(data(1, body[i:i + 10000], END_STREAM if i + 10000 == len(body) else 0) for i in range(0, len(body), 10000)), goaway(1))
		c.wire.sock.shutdown(socket.SHUT_WR)  # a close with frames of ours unread would be a reset, and lose what is on its way
		has_closed.set()
		c.until(lambda: False)
	has_closed = threading.Event()
	edge = Edge(lab, {"cloud": [Origin2(lab, serve)]}, workers=1, pool={"protocol": "http2"})
	with connect(edge.web, (INITIAL_WINDOW_SIZE, 1000), is_polite=False) as c:
		c.send(headers(1, request()))
		c.until(lambda: len(c.on(1).body) == 1000)
		assert has_closed.wait(5)
		time.sleep(0.3)  # and steerway has heard of it
		c.send(window_update(LARGE), window_update(LARGE, 1))
		assert c.answer(1).reset is None and c.answer(1).body == body, c.answer(1)
	edge.daemon.wait_metric('steerway_proxy_upstream_idle', 0)


def test_an_empty_end_without_a_window(lab):
	"""A body's end of no bytes needs no window; if it can't leave, the client's time runs."""
	origin = RawOrigin(lab, lambda c: c.request() and c.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"))
	edge = Edge(lab, {"cloud": [origin]}, workers=1, listener={"timeouts": {"send_idle": "1s"}})
	with connect(edge.web, (INITIAL_WINDOW_SIZE, 0)) as c:
		c.send(headers(1, request()))
		c.until(lambda: c.on(1).heads)
		assert c.answer(1).is_over
	edge.daemon.wait_metric("steerway_proxy_requests_active", 0)


def test_a_slow_client_that_takes_a_little(lab):
	"""A client that takes something within send_idle is not idle, though what it takes comes from one span."""
	origin = RawOrigin(lab, lambda c: c.request() and c.send(ok(b"x" * 50000)))
	edge = Edge(lab, {"cloud": [origin]}, workers=1, listener={"timeouts": {"send_idle": "2s"}})
	with connect(edge.web, (INITIAL_WINDOW_SIZE, 1000), is_polite=False) as c:
		c.send(headers(1, request()))
		for i in range(8):
			time.sleep(0.5)
			c.send(window_update(1000, 1))
		c.send(window_update(LARGE), window_update(LARGE, 1))
		assert c.answer(1).reset is None and len(c.answer(1).body) == 50000, c.answer(1)


def test_a_request_behind_one_that_gave_a_connection_up(lab):
	"""A connection was doomed when the only request that waited for it was reset; the next one got onto it before it was closed."""
	context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
	context.load_cert_chain(Certificate(lab, "localhost").file)
	context.set_alpn_protocols(["h2"])
	go = threading.Event()

	def serve(c):
		go.wait(10)
		c.sock = context.wrap_socket(c.sock, server_side=True)
		origin.open(c)
	origin = Origin2(lab)
	origin.serve = serve
	edge = Edge(lab, {"cloud": [origin]}, workers=1, pool={"protocol": "http2", "retries": {"attempts": 0}, "tls": {"verify": False},
	                                                       "timeouts": {"connect": "10s"}})
	with connect(edge.web) as c:
		c.send(headers(1, request()))
		wait_until(lambda: len(origin.connections) == 1, 5, "a connection")
		c.send(rst(1) + headers(3, request()))
		time.sleep(0.3)
		go.set()
		assert c.answer(3).status == 200, c.answer(3)


def test_an_upload_through_tls_to_a_server_that_pauses(lab):
	"""Cipher text that the socket did not take was forgotten when nothing waited behind it."""
	context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
	context.load_cert_chain(Certificate(lab, "localhost").file)
	body = BODY * 16

	def serve(c):
		message = c.request(with_body=False)
		time.sleep(1)
		c.body(message)
		c.send(ok(hashlib.sha256(message.body).hexdigest().encode()))
	edge = Edge(lab, {"cloud": [RawOrigin(lab, serve, tls=context)]}, workers=1, pool={"tls": {"verify": False}})
	for body in (BODY * 16, BODY[:60000] * 90):
		answer = edge.fetch("/", "POST", body=body, seconds=15)
		assert answer.body == hashlib.sha256(body).hexdigest().encode()


def test_a_request_displaced_while_another_is_read(lab):
	"""The place in the queue of one that had sent requests ahead went to an urgent one: reading on for the first overwrote the second's body."""
	seen, release = [], threading.Event()
	lab.on_close(release.set)

	def serve(c):
		while m := c.request():
			seen.append(m)
			release.wait(20)
			c.send(ok())
	origin = RawOrigin(lab, serve)
	config = {"servers": servers(cloud=[origin]), "limits": {"requests": 1}, "queue": {"length": 1, "timeout": "20s"}}
	edge = Edge(lab, {"cloud": [origin]}, workers=1, pool=config, routes=[{"path": "/low", "pool": "app", "urgency": "low"},
	                                                                      {"path": "/high", "pool": "app", "urgency": "high"}, {"pool": "app"}])
	body = os.urandom(30000).hex().encode()
	with edge.client() as first, edge.client(seconds=15) as low, edge.client(seconds=15) as high:
		first.ask()
		wait_until(lambda: seen, 5, "the first at the server")
		low.send(b"GET /low HTTP/1.1\r\nHost: a\r\n\r\n" * 6000)
		wait_until(lambda: edge.daemon.metric("steerway_fleet_queue") == 1, 5, "one that waits")
		time.sleep(0.3)
		high.ask("POST", "/high", body=body)
		assert low.response().status == 503
		release.set()
		assert high.response().status == 200
	assert next(m for m in seen if m.target == "/high").body == body


def test_a_grpc_call_that_is_cut_behind_a_closed_window(lab):
	"""Its status waited for the window, and so the stream for ever."""
	def serve(c):
		c.until(lambda: 1 in c.streams and c.streams[1].has_ended)
		c.send(headers(1, [(":status", "200"), ("content-type", "application/grpc")], END_HEADERS), data(1, b"x" * 5000, 0))
		time.sleep(0.2)
		c.send(rst(1))
		c.ends()
	edge = Edge(lab, {"cloud": [Origin2(lab, serve)]}, workers=1, pool={"protocol": "http2"})
	with connect(edge.web, (INITIAL_WINDOW_SIZE, 1000), is_polite=False) as c:
		c.send(headers(1, [*request("POST"), ("content-type", "application/grpc"), ("te", "trailers")]))
		assert c.answer(1).is_over


def test_a_listener_dropped_before_a_client_takes_nothing(lab):
	"""Without its listener's times a connection had none."""
	go = threading.Event()
	origin = RawOrigin(lab, lambda c: c.request() and go.wait(20) and c.send(ok(BODY)))
	edge = Edge(lab, {"cloud": [origin]}, workers=1)
	with tight(edge) as c:
		c.send(*(headers(n, request()) for n in range(1, 9, 2)))
		wait_until(lambda: len(origin.connections) == 4, 5, "the requests")
		edge.config["listeners"] = {"other": {"bind": ["%s:%d" % (lab.ip, lab.port())]}}
		edge.reconfigure()
		go.set()
		wait_until(lambda: edge.daemon.metric("steerway_proxy_sessions") == 0, 12, "no session")


def test_a_connection_of_a_clients_own_at_the_limit(lab):
	"""A session's own idle connection to a server, opened with a PROXY header, takes its next request though the server is at its bound."""
	def serve(c):
		c.until(b"\r\n")
		while c.request():
			c.send(ok())
	edge = Edge(lab, {"cloud": [RawOrigin(lab, serve)]}, workers=1, pool={"proxy_protocol": "v1", "max_connections": 1})
	with edge.client() as c:
		assert [c.get().status for _ in range(3)] == [200] * 3


def test_a_body_that_is_too_long_twice(lab):
	"""The frame behind the one that was refused took the answer back."""
	edge = Edge(lab, {"cloud": [RawOrigin(lab, lambda c: c.request() and c.send(ok()))]}, workers=1)
	with connect(edge.web) as c:
		c.send(headers(1, [*request("POST"), ("content-length", "1")], END_HEADERS), data(1, b"ab", 0), data(1, b"cd", 0))
		c.until(lambda: c.on(1).is_over)
		assert c.on(1).status == 400 and b"Content-Length" in c.on(1).body and c.on(1).has_ended, c.on(1)
