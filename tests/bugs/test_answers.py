# SPDX-License-Identifier: BSD-2-Clause
"""What once went wrong on the way of a response from a server to its client."""
import contextlib
import signal
import socket
import threading
import time
from pathlib import Path

from edge import Edge
from http1 import Client, RawOrigin, chunks, ok
from lab import cases, wait_until


@contextlib.contextmanager
def standing_still(daemon):
	"""What arrives meanwhile, it finds all at once."""
	def is_stopped():
		stats = Path(f"/proc/{daemon.pid}/task").glob("*/stat")
		return all(stat.read_text().rsplit(")", 1)[1].split()[0] == "T" for stat in stats)
	daemon.process.send(signal.SIGSTOP)
	try:
		wait_until(is_stopped, 5, "every thread stands still")
		yield
	finally:
		daemon.process.send(signal.SIGCONT)


def narrow(edge, receive_buffer=4096):
	"""A client for which the kernel holds some 70 KiB (some 36 KiB with a buffer of 1024); what is beyond waits in steerway."""
	return Client(edge.web, receive_buffer=receive_buffer, segment=1460)


@cases(("50k", 50_000), ("60k", 60_000))
def test_body_behind_an_early_answer_crashed(size, lab):
	"""The server has answered and is gone, the answer's tail waits for the client, and the client goes on with its body."""
	gone = threading.Event()

	def serve(c):
		c.request(with_body=False)
		c.send(ok(b"x" * size))  # one segment, so one read: the whole answer is steerway's
		c.rest()
		gone.set()
	edge = Edge(lab, {"cloud": [RawOrigin(lab, serve)]}, workers=1)
	with narrow(edge, 1024) as c:
		c.ask("POST", "/", fields=[("Content-Length", "1000000")])
		c.send(b"a" * 1000)
		assert gone.wait(10), "the server was not given back"
		assert edge.daemon.metric("steerway_proxy_requests_active") == 1, "no tail waits: the test shows nothing"
		for _ in range(3):
			c.send(b"b" * 10000)
			edge.daemon.check()
		assert c.response().body == b"x" * size
	assert edge.daemon.wait_access(lambda r: True)["end"] == "complete"


def test_slow_reader_counted_as_slow_server(lab):
	"""The client reads all the time; `response` ended it in the middle of the body."""
	def serve(c):
		c.request()
		c.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks(b"y" * 1_000_000))
		c.rest()
	edge = Edge(lab, {"cloud": [RawOrigin(lab, serve)]}, pool={"timeouts": {"response": "500ms"}}, workers=1)
	with narrow(edge) as c:
		c.ask("GET", "/")
		for _ in range(15):
			c.buffer += c.sock.recv(60000)
			time.sleep(0.1)  # the pace is the test
		assert len(c.response().body) == 1_000_000
	assert edge.daemon.wait_access(lambda r: True)["end"] == "complete"


def test_pause_at_the_end_counted_as_slow_server(lab):
	"""The client pauses where the rest is below the low-water mark."""
	def serve(c):
		c.request()
		c.send(ok(b"y" * 200_000))
		c.rest()
	edge = Edge(lab, {"cloud": [RawOrigin(lab, serve)]}, pool={"timeouts": {"response": "500ms"}}, workers=1)
	with narrow(edge) as c:
		c.ask("GET", "/")
		time.sleep(1.5)  # the client's pause
		assert len(c.response().body) == 200_000


def test_bytes_behind_a_full_read_became_an_answer(lab):
	"""Bytes that nobody asked for, behind a response that ends exactly where a read ended: of 64, 64 and 128 KiB for a client that takes all."""
	full = 256 * 1024
	head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
	n = full - len(head % full)
	answers = {"/warm": ok(b"w" * (16 << 20)), "/next": ok(b"good"),
	           "/full": head % n + b"g" * n + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"}
	may_send, has_sent = threading.Event(), threading.Event()

	def serve(c):
		while request := c.request():
			origin.note(request)
			if request.target == "/full":
				may_send.wait(10)
			c.send(answers[request.target])
			if request.target == "/full":
				has_sent.set()
	origin = RawOrigin(lab, serve)
	edge = Edge(lab, {"cloud": [origin]}, workers=1)
	with edge.client() as c:
		for _ in range(2):
			assert len(c.get("/warm").body) == 16 << 20  # the kernel gives steerway's socket room for more than one read
	with edge.client() as c:
		c.ask("GET", "/full")
		origin.wait(3)
		with standing_still(edge.daemon):
			may_send.set()
			assert has_sent.wait(10)
		assert len(c.response().body) == n
		assert c.get("/next").body == b"good"
	assert len(origin.connections) == 2, (len(origin.connections), origin.requests)


def test_head_in_pieces_moved_its_deadline(lab):
	"""`response` is the time to the whole head."""
	def serve(c):
		c.request()
		for b in b"HTTP/1.1 200 OK\r\nX-Many-Bytes: one by one\r\nContent-Length: 0\r\n\r\n":
			c.send(bytes([b]))
			time.sleep(0.02)  # its own pace: 1.3 s for the head
	edge = Edge(lab, {"cloud": [RawOrigin(lab, serve)]}, pool={"timeouts": {"response": "300ms"}, "retries": {"attempts": 0}},
	            workers=1)
	assert edge.fetch("/").status == 504
	assert edge.daemon.wait_access(lambda r: True)["end"] == "server_timeout"


def test_answer_that_came_with_the_connection_overlooked(lab):
	"""A server that speaks at once (`too busy`): connected and readable are told in one event."""
	listener = socket.socket()
	listener.bind((lab.ip, lab.port()))
	listener.listen(0)
	listener.settimeout(10)
	lab.on_close(listener.close)
	edge = Edge(lab, {"cloud": ["%s:%d" % listener.getsockname()]}, workers=1,
	            pool={"timeouts": {"connect": "30s", "response": "2s"}})
	# The queue is full: steerway's SYN is dropped, to come again after 1 s.
	filler = socket.create_connection(listener.getsockname())
	with edge.client() as c:
		c.ask("GET", "/")
		wait_until(lambda: any(s[0] == "02" for s in sockets_to(listener.getsockname())), 10, "steerway's SYN")
		with standing_still(edge.daemon):
			listener.accept()[0].close()
			server = listener.accept()[0]
			server.sendall(ok(b"busy"))
		filler.close()
		answer = c.response()
		server.close()
	assert answer.status == 200 and answer.body == b"busy", answer


def test_idle_connection_closed_by_an_old_event(lab):
	"""The client's event and the server's come in one turn; the first makes steerway read all that the second tells of."""
	first, last = b"a" * 100_000, b"b" * 1000
	has_sent, may_end, has_ended = (threading.Event() for _ in range(3))

	def serve(c):
		while c.request():
			c.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(first + last) + first)
			has_sent.set()
			may_end.wait(10)
			c.send(last)
			has_ended.set()
	origin = RawOrigin(lab, serve)
	edge = Edge(lab, {"cloud": [origin]}, workers=1)
	with narrow(edge) as c:
		c.ask("GET", "/")
		assert has_sent.wait(10)
		wait_until(lambda: sockets_to(origin.address) == [("01", 0, 0)], 10, "steerway has read it, and waits for its client")
		with standing_still(edge.daemon):
			c.more()
			while sockets_to(c.sock.getsockname())[0][1] > 0:
				c.more()
			may_end.set()
			assert has_ended.wait(10)
		assert c.response().body == first + last
		assert edge.fetch("/").body == first + last
	assert len(origin.connections) == 1, "a good connection was thrown away"


def sockets_to(remote):
	"""State, bytes to send and bytes to read of each socket that is connected to `remote`, as the kernel has them in hexadecimal."""
	at = "%s:%04X" % ("".join("%02X" % int(part) for part in reversed(remote[0].split("."))), remote[1])
	with open("/proc/net/tcp") as table:
		rows = [line.split() for line in table]
	return [(row[3], *(int(n, 16) for n in row[4].split(":"))) for row in rows if row[2] == at]
