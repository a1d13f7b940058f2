# SPDX-License-Identifier: BSD-2-Clause
"""WebSocket and other tunnels with real peers: the module ws of Node over HTTP/1.1 and over HTTP/2 (RFC 8441), Python's websockets; CONNECT;
what a route, a server or the clock refuses."""
import base64
import json
import os
import subprocess
import threading
import time

from edge import Edge
from http1 import Client, RawOrigin
from http2 import END_HEADERS, PREFACE, Connection, connect, data, headers, request, settings
from lab import PATIENCE, SLOW, cases, need, need_tool, wait_until
from node import PEERS
from origins import Authority, Certificate
from test_grpc import python_with

ENV = {**os.environ, "NODE_PATH": "/usr/share/nodejs"}  # where Debian has ws


def need_ws():
	need_tool("node")
	need(subprocess.run(["node", "-e", "require('ws')"], env=ENV, capture_output=True).returncode == 0, "Node's module ws is not installed")


class Origin:
	def __init__(self, lab, certificate=None):
		need_ws()
		self.text = f"{lab.ip}:{lab.port()}"
		self.process = lab.start("ws-origin", ["node", PEERS / "ws_origin.js", *self.text.split(":"), *([certificate.file] if certificate else [])],
		                         env=ENV)
		wait_until(lambda: "ready" in self.process.text(), 20, "the WebSocket server listens")


def edge_for(lab, origin, front_tls=False, back_tls=False, route=None, pool=None, **more):
	tls = {"tls": {"ca": Authority.of(lab).file, "server_name": "origin.test"}} if back_tls else {}
	listener = {"tls": {"certificates": [Certificate(lab, "app.test").file]}} if front_tls else {}
	return Edge(lab, {"cloud": [origin]}, listener=listener, pool={**tls, **(pool or {})}, routes=[{"pool": "app", **(route or {})}], **more)


def talk(edge, how, *list_of_cases, seconds=15):
	need_ws()
	is_tls = "tls" in edge.config["listeners"]["web"]
	options = {"how": how, "url": f"http{'s' if is_tls else ''}://%s:%d" % edge.web, "host": "app.test", "cases": list_of_cases}
	if is_tls:
		options["ca"] = Authority.of(edge.lab).file
	done = subprocess.run(["node", PEERS / "ws_client.js", json.dumps(options)], stdin=subprocess.DEVNULL, capture_output=True, text=True, env=ENV,
	                      timeout=seconds * PATIENCE)
	assert done.returncode == 0 and done.stdout, done.stderr[-3000:]
	return json.loads(done.stdout)


TALKS = [
	{"name": "one", "path": "/echo", "n": 1, "size": 5},
	{"name": "empty", "path": "/echo", "n": 3, "size": 0},
	{"name": "many", "path": "/echo", "n": 3000, "size": 100},
	{"name": "large", "path": "/echo", "n": 4, "size": 3000000},
	{"name": "slow", "path": "/echo", "n": 60, "size": 60000, "slow": 3},
	{"name": "chosen", "path": "/echo?x=1", "n": 1, "size": 5, "protocols": ["chat.v1", "chat.v2"]},
]


@cases(("h1", "h1", False, False), ("h2", "h2", False, False), ("h1_tls", "h1", True, True), ("h2_tls", "h2", True, True))
def test_echo(how, front_tls, back_tls, lab):
	edge = edge_for(lab, Origin(lab, Certificate(lab, "origin.test") if back_tls else None), front_tls, back_tls)
	got = talk(edge, how, *TALKS, {"name": "flood", "path": "/flood?n=500&size=20000", "listen": True}, {"name": "bye", "path": "/bye", "listen": True})
	for c in TALKS:
		a = got[c["name"]]
		assert a["opened"] and (a["n"], a["bytes"], a["wrong"], a["code"]) == (c["n"], c["n"] * c["size"], 0, 1000), (c, a)
	assert got["chosen"]["protocol"] == "chat.v2", got["chosen"]
	assert (got["flood"]["n"], got["flood"]["bytes"], got["flood"]["code"]) == (500, 10000000, 1000), got["flood"]
	assert (got["bye"]["code"], got["bye"]["reason"]) == (4001, "go away"), got["bye"]
	records = wait_until(lambda: len(edge.daemon.access()) == len(TALKS) + 2 and edge.daemon.access(), 5, "a record each")
	assert {(r["protocol"], r["status"], r["end"]) for r in records} == {(how, 200 if how == "h2" else 101, "complete")}, records
	assert how == "h1" or got["settings"]["enableConnectProtocol"] is True, got["settings"]


@cases(("h1", "h1"), ("h2", "h2"))
def test_head(how, lab):
	"""What the server gets to see is the same for both."""
	edge = edge_for(lab, Origin(lab))
	said = json.loads(talk(edge, how, {"name": "it", "path": "/greet?a=b", "protocols": ["chat.v2"], "listen": True})["it"]["greeting"])
	seen = said["headers"]
	assert said["url"] == "/greet?a=b" and seen["host"] == "app.test" and seen["upgrade"] == "websocket", said
	assert seen["connection"].lower() == "upgrade" and seen["sec-websocket-version"] == "13", said
	assert seen["sec-websocket-protocol"] == "chat.v2" and len(base64.b64decode(seen["sec-websocket-key"])) == 16, said
	assert ":protocol" not in seen and "content-length" not in seen and "transfer-encoding" not in seen, said


def test_python_websockets(lab):
	"""Another client and another server, which speak before they are spoken to."""
	python = python_with("websockets")
	port = lab.port()
	server = lab.start("server", [python, "-c", f"""
import asyncio, websockets
async def serve(ws):
	await ws.send("hello " + (ws.subprotocol or "none"))
	async for m in ws:
		await ws.send(m)
async def main():
	async with websockets.serve(serve, "{lab.ip}", {port}, subprotocols=["v2"], max_size=None):
		print("ready", flush=True)
		await asyncio.Future()
asyncio.run(main())"""])
	wait_until(lambda: "ready" in server.text(), 20, "the server listens")
	edge = edge_for(lab, f"{lab.ip}:{port}")
	client = lab.start("client", [python, "-c", f"""
import asyncio, websockets
async def main():
	async with websockets.connect("ws://%s:%d/" % {edge.web!r}, subprotocols=["v1", "v2"], max_size=None) as ws:
		assert await ws.recv() == "hello v2"
		for size in (1, 125, 126, 65535, 65536, 2000000):
			await ws.send(b"x" * size)
			assert await ws.recv() == b"x" * size
		await ws.ping()
	print("ok")
asyncio.run(main())"""])
	assert client.wait(20) == 0 and "ok" in client.text(), client.text()
	assert edge.daemon.wait_access(lambda r: r["status"] == 101)["end"] == "complete"


# ---- refused ----

REFUSED = [  # path, status by HTTP/1.1 and HTTP/2, end reason by HTTP/2; without a status the client itself saw that the key is wrong
	("/refuse", 403, 403, "complete"), ("/none", 200, 501, "upgrade_refused"), ("/another", 200, 501, "upgrade_refused"),
	("/ignore", 200, 502, "server_bad_response"), ("/other", 502, 502, "server_bad_response"), ("/bad-accept", None, 502, "server_bad_response"),
]


def test_refused(lab):
	"""By the server, by the route, or by us since what the server said opens no tunnel."""
	edge = edge_for(lab, Origin(lab), pool={"retries": {"attempts": 0}})
	edge.config["routes"] += [{"path": "/none", "pool": "app", "upgrade": "none"}, {"path": "/another", "pool": "app", "upgrade": "other"}]
	edge.reconfigure()
	asked = [{"name": path, "path": path} for path, *_ in REFUSED]
	h1, h2 = talk(edge, "h1", *asked), talk(edge, "h2", *asked)
	for path, by_h1, by_h2, end in REFUSED:
		assert (h1[path]["opened"], h1[path].get("status")) == (False, by_h1), (path, h1[path])
		assert (h2[path]["opened"], h2[path].get("status")) == (False, by_h2), (path, h2[path])
		assert edge.daemon.wait_access(lambda r: r["protocol"] == "h2" and r["path"] == path)["end"] == end
	assert edge.fetch("/plain").body == b"plain none\n"


def test_a_switch_that_nobody_asked_for(lab):
	edge = edge_for(lab, Origin(lab), pool={"retries": {"attempts": 0}})
	assert edge.fetch("/unasked").status == 502
	with connect(edge.web) as c:
		c.send(headers(1, request(path="/unasked")))
		assert c.answer(1).status == 502
	wait_until(lambda: edge.daemon.ends()["server_bad_response"] == 2, 5, "two bad responses")


def test_pools_of_http2_are_not_asked(lab):
	edge = edge_for(lab, f"{lab.ip}:{lab.port()}", pool={"protocol": "http2"})
	a = talk(edge, "h2", {"name": "it", "path": "/echo"})["it"]
	assert a["status"] == 501, a


# ---- bytes ----

class Sink(RawOrigin):
	"""Switches to whatever is asked for; then counts bytes until the client has said all, and answers with their number."""

	def __init__(self, lab):
		super().__init__(lab, self.count)

	def count(self, c):
		asked = self.note(c.request(with_body=False))
		if asked.method == "CONNECT":
			c.send(b"HTTP/1.1 200 OK\r\n\r\n")
		else:
			c.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n" % asked.get("Upgrade").encode())
		c.send(b"welcome")
		n = len(c.buffer)
		while piece := c.sock.recv(65536):
			n += len(piece)
		c.send(b"%d bytes" % n)


@cases(("upgrade", False), ("connect", True))
def test_half_close_h1(is_connect, lab):
	"""The client's FIN reaches the server, whose last words reach the client. What came before the server agreed is not lost either."""
	origin = Sink(lab)
	edge = edge_for(lab, origin, route={"upgrade": "any", "connect": True})
	with edge.client() as c:
		if is_connect:
			c.send(b"CONNECT app.test:25 HTTP/1.1\r\nHost: app.test:25\r\n\r\n" + b"early")
		else:
			c.send(b"GET / HTTP/1.1\r\nHost: app.test\r\nConnection: upgrade\r\nUpgrade: chatter/1\r\n\r\n" + b"early")
		answer = c.head()
		assert answer.status == (200 if is_connect else 101), answer
		assert not answer.all("Content-Length") and not answer.all("Transfer-Encoding"), answer
		assert c.take(7) == b"welcome"
		c.send(b"x" * 3000000)
		c.sock.shutdown(1)
		assert c.rest() == b"3000005 bytes"
	seen = origin.wait(1)
	assert (seen.method, seen.target) == (("CONNECT", "app.test:25") if is_connect else ("GET", "/")), seen
	record = edge.daemon.wait_access(lambda r: r["status"] in (101, 200))
	assert record["end"] == "complete", record


@cases(("upgrade", False), ("connect", True))
def test_half_close_h2(is_connect, lab):
	origin = Sink(lab)
	edge = edge_for(lab, origin, route={"upgrade": "any", "connect": True})
	with connect(edge.web) as c:
		asked = [(":method", "CONNECT"), (":authority", "app.test:25")] if is_connect else \
			[(":method", "CONNECT"), (":protocol", "chatter"), (":scheme", "http"), (":path", "/"), (":authority", "app.test")]
		c.send(headers(1, asked, END_HEADERS))
		c.until(lambda: c.on(1).body == b"welcome")
		assert c.on(1).status == 200, c.on(1)
		c.send(*(data(1, b"x" * 10000, 0) for _ in range(6)))
		c.send(data(1, b"last"))
		assert c.answer(1).body == b"welcome60004 bytes", c.on(1)
	seen = origin.wait(1)
	assert (seen.method, seen.target) == (("CONNECT", "app.test:25") if is_connect else ("GET", "/")), seen
	record = edge.daemon.wait_access(lambda r: r["status"] == 200)
	assert (record["end"], record["protocol"]) == ("complete", "h2"), record


def test_connect(lab):
	"""Refused unless a route says otherwise; through a server that speaks CONNECT to anything that speaks TCP."""
	far = RawOrigin(lab)
	edge = edge_for(lab, Origin(lab), route={"connect": True})
	edge.config["routes"].append({"host": "closed.test", "pool": "app"})
	edge.reconfigure()
	with edge.client() as c:
		c.send(b"CONNECT closed.test:80 HTTP/1.1\r\nHost: closed.test:80\r\n\r\n")
		refused = c.response()
		assert refused.status == 405, refused
	with connect(edge.web) as c:
		c.send(headers(1, [(":method", "CONNECT"), (":authority", "closed.test:80")], END_HEADERS))
		assert c.answer(1).status == 405
		c.send(headers(3, [(":method", "CONNECT"), (":authority", "refused.test:80")], END_HEADERS))
		assert c.answer(3).status == 403
		c.send(headers(5, [(":method", "CONNECT"), (":authority", far.text)], END_HEADERS))
		c.send(data(5, b"GET /h2 HTTP/1.1\r\nHost: far.test\r\n\r\n", 0))
		c.until(lambda: c.on(5).body.endswith(b"hello"))
		c.send(data(5))
		c.answer(5)
	with edge.client() as c:
		c.send(b"CONNECT %s HTTP/1.1\r\nHost: x\r\n\r\n" % far.text.encode())
		assert c.head().status == 200
		assert c.get("/h1", host="far.test").body == b"hello"
	assert [r.target for r in far.requests] == ["/h2", "/h1"]
	records = wait_until(lambda: len(edge.daemon.access()) == 5 and edge.daemon.access(), 5, "five records")
	assert sorted((r["protocol"], r["status"], r["end"]) for r in records) == [
		("h1", 200, "complete"), ("h1", 405, "method_refused"), ("h2", 200, "complete"), ("h2", 403, "complete"), ("h2", 405, "method_refused")], records


# ---- time ----

def open_h1(edge):
	c = edge.client()
	c.send(b"GET / HTTP/1.1\r\nHost: app.test\r\nConnection: upgrade\r\nUpgrade: chatter\r\n\r\n")
	assert c.head().status == 101 and c.take(7) == b"welcome"
	return c


def open_h2(edge):
	c = connect(edge.web)
	c.send(headers(1, [(":method", "CONNECT"), (":protocol", "chatter"), (":scheme", "http"), (":path", "/"), (":authority", "app.test")], END_HEADERS))
	c.until(lambda: c.on(1).body == b"welcome")
	return c


def goes_on(edge, c, seconds, say):
	"""Sends now and then until it is cut; how long that took."""
	start = time.monotonic()
	try:
		while time.monotonic() < start + seconds:
			say(c)
			time.sleep(0.1)
	except OSError:
		pass
	return time.monotonic() - start


@cases(("h1", open_h1), ("h2", open_h2))
def test_idle(opens, lab):
	edge = edge_for(lab, Sink(lab), route={"upgrade": "any"}, pool={"timeouts": {"tunnel_idle": "400ms"}})
	with opens(edge) as c:
		if opens == open_h1:
			for _ in range(8):  # one direction is enough to keep it
				c.send(b"x")
				threading.Event().wait(0.1)
			assert c.is_closed()
		else:
			assert c.answer(1).is_over
	assert edge.daemon.wait_access(lambda r: r["end"] == "tunnel_idle")["total_us"] >= 400000


@cases(("h1", open_h1), ("h2", open_h2))
def test_lifetime(opens, lab):
	edge = edge_for(lab, Sink(lab), route={"upgrade": "any"}, pool={"timeouts": {"tunnel_lifetime": "500ms"}})
	with opens(edge) as c:
		goes_on(edge, c, 1, lambda c: c.send(b"x" if opens == open_h1 else data(1, b"x", 0)))
		assert c.is_closed() if opens == open_h1 else c.answer(1).is_over
	assert 500000 <= edge.daemon.wait_access(lambda r: r["end"] == "tunnel_lifetime")["total_us"] < 20000000 * SLOW


@cases(("h1", open_h1), ("h2", open_h2))
def test_drain(opens, lab):
	"""They live on until the deadline of the drain, and are counted meanwhile."""
	edge = edge_for(lab, Sink(lab), route={"upgrade": "any"})
	with opens(edge) as c:
		edge.daemon.ctl("drain", "server", "app/cloud1", "--deadline", "2s", "--force")
		drain = edge.daemon.ctl_json("show", "drains")[0]
		assert drain["active"] == 1 and drain["phase"] in ("requests", "sessions"), drain
		assert c.is_closed() if opens == open_h1 else c.answer(1).is_over
	record = edge.daemon.wait_access(lambda r: r["end"] == "drain_deadline")
	assert record["total_us"] >= 1900000, record
	wait_until(lambda: edge.daemon.ctl_json("show", "drains")[0]["phase"] == "drained", 5, "drained")
	assert edge.daemon.ends()["drain_deadline"] == 1


@cases(("h1", open_h1), ("h2", open_h2))
def test_stop(opens, lab):
	edge = edge_for(lab, Sink(lab), route={"upgrade": "any"}, drain_timeout="500ms")
	with opens(edge) as c:
		edge.daemon.process.send(15)
		edge.daemon.is_finished = True
		assert edge.daemon.process.wait() == 0
		assert c.is_closed() if opens == open_h1 else c.ends() is None or c.goaway
	assert edge.daemon.access()[-1]["end"] == "stop_deadline", edge.daemon.access()


# ---- who dies ----

@cases(("h1", "h1"), ("h2", "h2"))
def test_the_server_dies(how, lab):
	origin = Origin(lab)
	edge = edge_for(lab, origin)
	result = []
	talker = threading.Thread(target=lambda: result.append(talk(edge, how, {"name": "it", "path": "/echo", "n": 1, "size": 5, "listen": True})), daemon=True)
	talker.start()
	wait_until(lambda: "open" in origin.process.text(), 10, "the tunnel")
	origin.process.kill()
	talker.join(20 * PATIENCE)
	assert result and result[0]["it"]["opened"] and result[0]["it"]["code"] == 1006, result
	edge.daemon.wait_metric("steerway_proxy_requests_active", 0)


@cases(("h1", "h1"), ("h2", "h2"))
def test_the_client_dies(how, lab):
	edge = edge_for(lab, Origin(lab))
	assert talk(edge, how, {"name": "it", "path": "/flood?n=100000&size=20000", "listen": True, "dies": 200})["it"]["opened"]
	edge.daemon.wait_metric("steerway_proxy_requests_active", 0)
	assert edge.daemon.wait_access(lambda r: r["path"].startswith("/flood"))["end"] == "client_abort"


def test_memory_of_a_client_that_takes_nothing(lab):
	"""The server floods; what a tunnel holds of it is bounded, in both protocols."""
	edge = edge_for(lab, Origin(lab), workers=1)
	for opens in ("h1", "h2"):
		before = edge.daemon.rss_bytes()
		if opens == "h1":
			c = Client(edge.web, receive_buffer=4096)
			key = base64.b64encode(os.urandom(16)).decode()
			c.ask("GET", "/flood?n=10000&size=20000", fields=[("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
			                                                  ("Sec-WebSocket-Key", key)])
		else:
			c = Connection(Client(edge.web, receive_buffer=4096), is_polite=False)
			c.send(PREFACE, settings(), headers(1, [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/flood?n=10000&size=20000"),
			                                        (":authority", "app.test"), ("sec-websocket-version", "13")], END_HEADERS))
		wait_until(lambda: edge.daemon.metric("steerway_proxy_requests_active") == 1, 10, "the tunnel")
		threading.Event().wait(0.5)
		assert edge.daemon.rss_bytes() - before < 4 * 1024 * 1024 * SLOW, edge.daemon.rss_bytes() - before
		c.close()
		edge.daemon.wait_metric("steerway_proxy_requests_active", 0)

