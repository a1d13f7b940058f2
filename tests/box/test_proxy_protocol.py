# SPDX-License-Identifier: BSD-2-Clause
"""The PROXY protocol on both sides: exact bytes from trusted networks only, exact bytes to servers; haproxy and nginx as peers."""
import socket
import ssl
import struct
import time

from edge import CALM, HTTP_CHECK, Edge
from http1 import Client, RawOrigin, fetch, ok
from lab import cases, need_tool, wait_until
from origins import Certificate

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
GET = b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n"
V1 = b"PROXY TCP4 192.0.2.7 192.0.2.80 40001 443\r\n"


def v2(body=b"", command=0x21, family=0x11):
	return SIGNATURE + bytes([command, family]) + struct.pack(">H", len(body)) + body


def tlv(kind, value):
	return bytes([kind]) + struct.pack(">H", len(value)) + value


def addresses(source, destination, sport, dport):
	family = socket.AF_INET6 if ":" in source else socket.AF_INET
	return socket.inet_pton(family, source) + socket.inet_pton(family, destination) + struct.pack(">HH", sport, dport)


V4 = addresses("192.0.2.7", "192.0.2.80", 40001, 443)
V6 = addresses("2001:db8::7", "2001:db8::80", 40001, 443)


def edge_behind(lab, origin, trusted="127.0.0.0/8", **more):
	listener = {"proxy_protocol": {"from": [trusted]}, **more.pop("listener", {})}
	return Edge(lab, {"cloud": [origin]}, listener=listener, **more)


@cases(("v1", V1, "192.0.2.7:40001"),
       ("v1 IPv6", b"PROXY TCP6 2001:db8::7 2001:db8::80 40001 443\r\n", "[2001:db8::7]:40001"),
       ("v1 UNKNOWN", b"PROXY UNKNOWN\r\n", None),
       ("v2", v2(V4), "192.0.2.7:40001"),
       ("v2 IPv6", v2(V6, family=0x21), "[2001:db8::7]:40001"),
       ("v2 LOCAL", v2(command=0x20, family=0), None),
       ("v2 UDP", v2(V4, family=0x12), None),
       ("v2 with unknown TLVs", v2(V4 + tlv(0xE3, b"x" * 300) + tlv(4, b"")), "192.0.2.7:40001"))
def test_in(header, client, lab):
	"""The client is who the header says: in the log and to the server; the bytes behind it are the first request's."""
	origin = RawOrigin(lab)
	edge = edge_behind(lab, origin)
	for pieces in ([header + GET], [header, GET], [bytes([b]) for b in header] + [GET]):
		with edge.client() as c:
			for piece in pieces:
				c.send(piece)
				if len(pieces) > 2:
					time.sleep(0.001)
			assert c.response().status == 200
			mine = "%s:%d" % c.sock.getsockname()
			shown = client or mine
			record = edge.daemon.wait_access(lambda r: r["via"] == mine)
			assert record["client"] == shown, record
			ip = shown.rsplit(":", 1)[0].strip("[]")
			assert origin.requests[-1].get("X-Forwarded-For") == ip, origin.requests[-1]
			assert c.get("/").status == 200  # the second request needs none
	assert edge.daemon.metric("steerway_proxy_proxy_headers_total") == 3
	assert edge.daemon.metric("steerway_proxy_proxy_headers_refused_total") == 0


def test_in_worst_record(lab):
	"""The longest texts, of which each byte is escaped, leave a record that is whole."""
	origin = RawOrigin(lab)
	edge = edge_behind(lab, origin)
	evil = tlv(1, b"\1" * 255) + tlv(2, b"\2" * 255) + tlv(5, b"\3" * 128)
	with edge.client() as c:
		c.send(v2(V4 + evil) + b"GET /?" + b'"' * 1500 + b" HTTP/1.1\r\nHost: " + b"a." * 120 + b"test\r\n\r\n")
		assert c.response().status == 200
	record = edge.daemon.wait_access(lambda r: True)
	assert record["status"] == 200 and record["via_sni"] and record["epoch"], record


def test_in_tlvs(lab):
	"""Server name, ALPN and unique id are in the log; a wrong checksum is no header."""
	origin = RawOrigin(lab)
	edge = edge_behind(lab, origin)
	with edge.client() as c:
		c.send(v2(V4 + tlv(1, b"h2") + tlv(2, b"a.example") + tlv(5, b'id"\x00\xff')) + GET)
		assert c.response().status == 200
	record = edge.daemon.wait_access(lambda r: True)
	assert (record["via_alpn"], record["via_sni"], record["via_unique_id"]) == ("h2", "a.example", 'id"\x00\xff'), record
	with edge.client() as c:
		c.send(v2(V4 + tlv(3, b"abcd")) + GET)
		assert c.is_closed()


REFUSED = [
	("request", GET),
	("v1 half a line, then a request", b"PROXY TCP4 192.0.2.7 192.0.2.80 40001\r\n" + GET),
	("v1 bare LF", V1[:-2] + b"\n" + GET),
	("v1 too long", b"PROXY UNKNOWN " + b"x" * 100 + b"\r\n" + GET),
	("v1 UDP", b"PROXY UDP4 192.0.2.7 192.0.2.80 40001 443\r\n" + GET),
	("v2 version 1", v2(V4, command=0x11) + GET),
	("v2 command 2", v2(V4, command=0x22) + GET),
	("v2 too short", v2(V4[:-1]) + GET),
	("v2 broken TLV", v2(V4 + b"\x01\x00\x09x") + GET),
	("v2 too long", v2(V4 + tlv(4, b"x" * 5000)) + GET),
	("TLS", b"\x16\x03\x01\x02\x00\x01\x00"),
]


@cases(*REFUSED)
def test_in_refused(data, lab):
	"""Closed without a word; counted and logged; nothing reaches a server."""
	origin = RawOrigin(lab)
	edge = edge_behind(lab, origin)
	with edge.client() as c:
		c.send(data)
		assert c.is_closed()
	edge.daemon.wait_metric("steerway_proxy_proxy_headers_refused_total", 1)
	wait_until(lambda: "proxy_header_refused" in edge.daemon.log(), what="the log's record")
	assert not origin.requests and not edge.daemon.access()


def test_in_cut_short_and_late(lab):
	"""A header that ends with the connection, or never, is refused; who only knocks is no attempt."""
	origin = RawOrigin(lab)
	edge = edge_behind(lab, origin, listener={"timeouts": {"head": "300ms"}})
	with edge.client() as c:
		c.send(V1[:20])
		c.sock.shutdown(socket.SHUT_WR)
		assert c.is_closed()
	edge.daemon.wait_metric("steerway_proxy_proxy_headers_refused_total", 1)
	with edge.client():
		pass
	with edge.client() as c:
		c.send(v2(V4)[:16])
		assert c.is_closed()
	edge.daemon.wait_metric("steerway_proxy_proxy_headers_refused_total", 2)
	wait_until(lambda: "in time" in edge.daemon.log(), what="the log's record")
	edge.daemon.wait_metric("steerway_proxy_sessions", 0)


def test_in_untrusted(lab):
	"""From anybody else a header is no header but a bad request, and the client's address is its own."""
	origin = RawOrigin(lab)
	edge = edge_behind(lab, origin, trusted="192.0.2.0/24")
	assert edge.fetch("/").status == 200
	assert origin.requests[-1].get("X-Forwarded-For").startswith("127.")
	for header in (V1, v2(V4)):
		with edge.client() as c:
			c.send(header + GET)
			assert c.response().status == 400
	assert len(origin.requests) == 1
	# A reload that trusts them holds for new connections.
	edge.config["listeners"]["web"]["proxy_protocol"]["from"] = ["127.0.0.0/8"]
	edge.reconfigure()
	with edge.client() as c:
		c.send(V1 + GET)
		assert c.response().status == 200


def test_in_before_tls(lab):
	"""The header comes before the ClientHello, in one segment with it or not."""
	origin = RawOrigin(lab)
	certificate = Certificate(lab, "app.test")
	edge = edge_behind(lab, origin, listener={"tls": {"certificates": [certificate.file]}})
	for is_together in (False, True):
		with edge.client() as c:
			incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
			tls = certificate.trust().wrap_bio(incoming, outgoing, server_hostname="app.test")
			first = v2(V4)
			if not is_together:
				c.send(first)
				first = b""
			is_asked, answer = False, b""
			while b"hello" not in answer:
				try:
					if not is_asked:
						tls.do_handshake()
						tls.write(GET)
						is_asked = True
					answer += tls.read(65536)
				except ssl.SSLWantReadError:
					if out := outgoing.read():
						c.send(first + out)
						first = b""
					incoming.write(c.sock.recv(65536))
			assert answer.startswith(b"HTTP/1.1 200 ")
	record = edge.daemon.wait_access(lambda r: True)
	assert record["client"] == "192.0.2.7:40001" and record["tls"] == "TLSv1.3", record


# ---- towards servers ----


def take_header(c):
	"""Reads one PROXY header of a server's connection: (version, source, destination, TLVs)."""
	start = c.take(6)
	if start == b"PROXY ":
		words = c.until(b"\r\n").decode().split()
		if words == ["UNKNOWN"]:
			return 1, None, None, {}
		return 1, (words[1], int(words[3])), (words[2], int(words[4])), {}
	assert start + c.take(6) == SIGNATURE, start
	command, family, n = struct.unpack(">BBH", c.take(4))
	body = c.take(n)
	if command == 0x20:
		return 2, None, None, {}
	assert command == 0x21 and family in (0x11, 0x21), (command, family)
	size, af = (4, socket.AF_INET) if family == 0x11 else (16, socket.AF_INET6)
	sport, dport = struct.unpack_from(">HH", body, 2 * size)
	source, destination = socket.inet_ntop(af, body[:size]), socket.inet_ntop(af, body[size:2 * size])
	rest, tlvs = body[2 * size + 4:], {}
	while rest:
		kind, length = struct.unpack_from(">BH", rest)
		tlvs[kind], rest = rest[3:3 + length], rest[3 + length:]
	return 2, (source, sport), (destination, dport), tlvs


class ProxiedOrigin(RawOrigin):
	"""Wants a header on every connection; each request's .header is its connection's."""

	def answer(self, connection):
		connection.header = take_header(connection)
		while request := connection.request():
			request.header, request.connection = connection.header, connection.number
			self.note(request)
			connection.send(ok())


@cases(("v1", "v1", 1), ("v2", "v2", 2))
def test_out(mode, version, lab):
	"""A connection to the server is one client's: kept for its next request, never another's, and gone with it."""
	origin = ProxiedOrigin(lab)
	edge = Edge(lab, {"cloud": [origin]}, pool={"proxy_protocol": mode}, workers=1)
	with edge.client() as a, edge.client() as b:
		for c in (a, b, a, b):
			assert c.get("/").status == 200
			header = origin.requests[-1].header
			assert header[0] == version and header[1] == c.sock.getsockname() and header[2] == edge.web, header
		assert [r.connection for r in origin.requests] == [0, 1, 0, 1]
		edge.daemon.wait_metric("steerway_proxy_upstream_idle", 2)
	edge.daemon.wait_metric("steerway_proxy_upstream_idle", 0)
	assert edge.daemon.metric("steerway_proxy_upstream_reuses_total") == 2


def test_out_to_two_servers(lab):
	"""The one idle connection of a session is dropped when its next request goes elsewhere."""
	origins = [ProxiedOrigin(lab), ProxiedOrigin(lab)]
	edge = Edge(lab, {"cloud": origins}, pool={"proxy_protocol": "v2"}, workers=1)
	with edge.client() as c:
		for _ in range(6):
			assert c.get("/").status == 200
		edge.daemon.wait_metric("steerway_proxy_upstream_idle", 1)
	assert [len(o.requests) for o in origins] == [3, 3]
	edge.daemon.wait_metric("steerway_proxy_upstream_idle", 0)


def test_out_closed_by_server(lab):
	"""The server closes it while the session lives: the next request gets a new one."""
	def serve(c):
		c.header = take_header(c)
		request = c.request()
		if request:
			origin.note(request)
			c.send(ok())
	origin = RawOrigin(lab, serve)
	edge = Edge(lab, {"cloud": [origin]}, pool={"proxy_protocol": "v1"}, workers=1)
	with edge.client() as c:
		for _ in range(3):
			assert c.get("/").status == 200
			edge.daemon.wait_metric("steerway_proxy_upstream_idle", 0)


def test_out_idle_timeout(lab):
	"""So does one that the pool's idle timeout closed."""
	kept = ProxiedOrigin(lab)
	edge = Edge(lab, {"cloud": [kept]}, pool={"proxy_protocol": "v1", "timeouts": {"idle": "100ms"}}, workers=1)
	with edge.client() as c:
		assert c.get("/").status == 200
		kept.connections[0].wait_ended()
		assert c.get("/").status == 200
	assert [r.connection for r in kept.requests] == [0, 1]


def test_through(lab):
	"""What a proxy before us told is passed on; TLS on our side adds its own."""
	origin = ProxiedOrigin(lab)
	edge = edge_behind(lab, origin, pool={"proxy_protocol": "v2"})
	with edge.client() as c:
		c.send(v2(V4 + tlv(2, b"a.example") + tlv(5, b"id-1")) + GET)
		assert c.response().status == 200
	assert origin.requests[0].header == (2, ("192.0.2.7", 40001), ("192.0.2.80", 443), {2: b"a.example", 5: b"id-1"})
	with edge.client() as c:
		c.send(v2(V6, family=0x21) + GET)
		assert c.response().status == 200
	assert origin.requests[1].header[1:3] == (("2001:db8::7", 40001), ("2001:db8::80", 443))
	with edge.client() as c:
		c.send(v2(command=0x20, family=0) + GET)
		assert c.response().status == 200
		assert origin.requests[2].header[1:3] == (c.sock.getsockname(), edge.web)


def test_out_from_tls(lab):
	"""Server name and ALPN of our TLS side are told; the header comes before TLS to the server."""
	origin = ProxiedOrigin(lab)
	certificate = Certificate(lab, "app.test")
	edge = Edge(lab, {"cloud": [origin]}, listener={"tls": {"certificates": [certificate.file]}}, pool={"proxy_protocol": "v2"})
	assert fetch(edge.web, "/", tls=certificate.ca.context(alpn=["http/1.1"]), sni="app.test").status == 200
	assert origin.requests[0].header[3] == {1: b"http/1.1", 2: b"app.test"}


@cases(("v1 tcp", "v1", {"type": "tcp", "interval": "200ms", "timeout": "200ms"}), ("v1 http", "v1", HTTP_CHECK),
       ("v2 http", "v2", HTTP_CHECK))
def test_probes(mode, check, lab):
	"""A probe begins with a header too: LOCAL, or in version 1 with the probe's own addresses."""
	headers = []

	def serve(c):
		peer = c.sock.getpeername() if check["type"] == "http" else None  # a tcp probe is gone by then
		headers.append((take_header(c), peer, c.sock.getsockname()))
		while request := c.request():
			c.send(ok(b"ok"))
	origin = RawOrigin(lab, serve)
	edge = Edge(lab, {"cloud": [origin]}, pool={"proxy_protocol": mode}, check=check)
	wait_until(lambda: len(headers) >= 3, what="three probes")
	wait_until(lambda: edge.daemon.ctl_json("show", "servers")[0]["in_service"], what="the server is up")
	for (version, source, destination, _), peer, local in headers:
		assert version == int(mode[1])
		if version == 2:
			assert source is destination is None
		else:
			assert destination == local and source[0].startswith("127.") and peer in (None, source), (source, destination)


# ---- real peers ----

HAPROXY = """
global
	maxconn 200
defaults
	mode http
	timeout connect 5s
	timeout client 10s
	timeout server 10s
frontend front
	bind {address} {bind}
	unique-id-format %pid-%rt
	default_backend back
backend back
	http-request set-header X-Seen %[src]:%[src_port]
	http-request return status 200 content-type text/plain lf-string "%[src]:%[src_port]" if {{ path /who }}
	server origin {origin} {server}
"""


def haproxy(lab, name, origin, bind="", server=""):
	need_tool("haproxy")
	address = (lab.ip, lab.port())
	path = lab.write(f"{name}.cfg", HAPROXY.format(address="%s:%d" % address, bind=bind, origin=origin, server=server))
	process = lab.start(name, ["haproxy", "-db", "-f", path])

	def listens():
		process.must_live()
		try:
			socket.create_connection(address, 1).close()
			return True
		except OSError:
			return False
	wait_until(listens, what="haproxy listens")
	return address


@cases(("send-proxy", "send-proxy"), ("send-proxy-v2", "send-proxy-v2"),
       ("all options", "send-proxy-v2 proxy-v2-options crc32c,authority,unique-id,ssl,cert-cn"))
def test_haproxy_before(option, lab):
	origin = RawOrigin(lab)
	edge = edge_behind(lab, origin)
	front = haproxy(lab, "haproxy", "%s:%d" % edge.web, server=option)
	for n in range(3):
		with Client(front) as c:
			mine = "%s:%d" % c.sock.getsockname()
			assert c.get("/").status == 200
		assert edge.daemon.wait_access(lambda r: r["client"] == mine)["end"] == "complete"
	if "crc32c" in option:
		assert edge.daemon.access()[0]["via_unique_id"], edge.daemon.access()[0]
	assert edge.daemon.metric("steerway_proxy_proxy_headers_refused_total") == 0


@cases(("v1", "v1", "http1"), ("v2", "v2", "http1"), ("v1 http2", "v1", "http2"), ("v2 http2", "v2", "http2"))
def test_haproxy_behind(mode, protocol, lab):
	"""It sees the client's own address and port, and lets the probes in. A connection of HTTP/2, too, is one client's."""
	origin = RawOrigin(lab)
	h2 = " proto h2" if protocol == "http2" else ""
	back = haproxy(lab, "haproxy", origin.text, bind="accept-proxy" + h2)
	check = {"type": "tcp", **CALM} if h2 else {"type": "http", "path": "/who", "expect": {"status": "200"}, **CALM}
	edge = Edge(lab, {"cloud": ["%s:%d" % back]}, pool={"proxy_protocol": mode, "protocol": protocol}, check=check, workers=1)
	wait_until(lambda: edge.daemon.ctl_json("show", "servers")[0]["in_service"], what="haproxy is up")
	for _ in range(3):
		with edge.client() as c:
			mine = "%s:%d" % c.sock.getsockname()
			for _ in range(2):
				assert c.get("/who").body.decode() == mine
	edge.daemon.wait_metric("steerway_proxy_upstream_idle", 0)
	assert edge.daemon.metric("steerway_health_probe_failures_total") == 0


NGINX = """
worker_processes 1;
daemon off;
master_process off;
pid {dir}/nginx.pid;
error_log {dir}/error.log notice;
events {{ worker_connections 256; }}
http {{
	access_log off;
	client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
	server {{
		listen {address} proxy_protocol;
		location / {{ return 200 "$proxy_protocol_addr:$proxy_protocol_port"; }}
	}}
}}
"""


@cases(("v1", "v1"), ("v2", "v2"))
def test_nginx_behind(mode, lab):
	need_tool("nginx")
	address = "%s:%d" % (lab.ip, lab.port())
	conf = lab.write("nginx.conf", NGINX.format(dir=lab.dir, address=address))
	lab.start("nginx", ["nginx", "-p", f"{lab.dir}/", "-c", conf, "-e", lab.path("error.log")])
	check = {"type": "http", "expect": {"status": "200"}, **CALM}
	edge = Edge(lab, {"cloud": [address]}, pool={"proxy_protocol": mode}, check=check)
	wait_until(lambda: edge.daemon.ctl_json("show", "servers")[0]["in_service"], what="nginx is up")
	for _ in range(3):
		with edge.client() as c:
			mine = "%s:%d" % c.sock.getsockname()
			for _ in range(2):
				assert c.get("/").body.decode() == mine
