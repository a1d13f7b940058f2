# SPDX-License-Identifier: BSD-2-Clause
"""What an idle client connection costs: at most 1.5 KiB of the daemon's own memory in clear text."""
import socket

from edge import Edge
from http1 import RawOrigin
from lab import need_no_sanitizer, raise_descriptors, timeout

CONNECTIONS, BOUND = 10_000, 1536
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
	each = (edge.daemon.rss_bytes() - before) / CONNECTIONS
	# They are alive, all of them.
	for s in held[::500]:
		s.sendall(REQUEST)
		assert s.recv(4096).startswith(b"HTTP/1.1 200")
	for s in held:
		s.close()
	edge.daemon.wait_metric("steerway_proxy_sessions", 0, 20)
	print(f"{each:.0f} bytes a connection")
	assert each <= BOUND, f"{each:.0f} bytes a connection, at most {BOUND} are promised"


def connect(edge):
	"""A keep-alive connection that has had its request."""
	s = socket.create_connection(edge.web, timeout=20)
	s.sendall(REQUEST)
	data = s.recv(4096)
	assert data.startswith(b"HTTP/1.1 200"), data
	return s
