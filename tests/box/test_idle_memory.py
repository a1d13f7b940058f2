# SPDX-License-Identifier: BSD-2-Clause
"""What an idle client connection costs: at most 1.5 KiB of the daemon's own memory in clear text, 13 KiB with TLS 1.3."""
import socket
import ssl

from edge import Edge
from http1 import RawOrigin
from lab import need, need_no_sanitizer, note, raise_descriptors, timeout
from origins import Authority, Certificate

CONNECTIONS, BOUND = 10_000, 1536
TLS_CONNECTIONS, TLS_BOUND = 2_000, 13_312
REQUEST = b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n"


@timeout(120)
def test_ten_thousand_idle(lab):
	need_no_sanitizer("memory")
	raise_descriptors(CONNECTIONS + 500)  # the daemon inherits it, and has an own to each
	edge = Edge(lab, {"cloud": [RawOrigin(lab)]}, listener={"timeouts": {"keep_alive": "10m"}}, workers=1)
	# What the first connections bring along (arenas, buffers, TLS of libc) is not what a connection costs.
	warm = [connect(edge) for _ in range(200)]
	for s in warm:
		s.close()
	edge.daemon.wait_metric("steerway_proxy_sessions", 0)
	before = edge.daemon.rss_bytes()
	held = [connect(edge) for _ in range(CONNECTIONS)]
	assert edge.daemon.metric("steerway_proxy_sessions") == CONNECTIONS
	judge(edge, held, (edge.daemon.rss_bytes() - before) / CONNECTIONS, BOUND)


@timeout(120)
def test_two_thousand_idle_with_tls(lab):
	need_no_sanitizer("memory")
	need(ssl.OPENSSL_VERSION_INFO < (3, 2), "newer OpenSSL keeps sessions")
	raise_descriptors(TLS_CONNECTIONS + 1500)
	edge = Edge(lab, {"cloud": [RawOrigin(lab)]}, workers=1, listener={
		"tls": {"certificates": [Certificate(lab, "app.test").file]}, "timeouts": {"keep_alive": "10m"}})
	trust = Authority.of(lab).context(lowest=ssl.TLSVersion.TLSv1_3)
	held = [connect(edge, trust) for _ in range(500)]  # what is free among their pages is there for those that are counted
	before = edge.daemon.rss_bytes()
	held += [connect(edge, trust) for _ in range(TLS_CONNECTIONS)]
	judge(edge, held, (edge.daemon.rss_bytes() - before) / TLS_CONNECTIONS, TLS_BOUND)


def judge(edge, held, each, bound):
	"""They are alive, all of them, and go; `each`: bytes that one cost."""
	for s in held[::100]:
		s.sendall(REQUEST)
		assert s.recv(4096).startswith(b"HTTP/1.1 200")
	for s in held:
		s.close()
	edge.daemon.wait_metric("steerway_proxy_sessions", 0, 20)
	note(f"{each:.0f} bytes a connection")
	assert each <= bound, f"{each:.0f} bytes a connection, at most {bound} are promised"


def connect(edge, trust=None):
	"""A keep-alive connection that has had its request."""
	s = socket.create_connection(edge.web, timeout=20)
	if trust:
		s = trust.wrap_socket(s, server_hostname="app.test")
	s.sendall(REQUEST)
	data = s.recv(4096)
	assert data.startswith(b"HTTP/1.1 200"), data
	return s
