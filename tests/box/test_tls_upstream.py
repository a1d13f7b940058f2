# SPDX-License-Identifier: BSD-2-Clause
"""TLS towards servers: whom steerway trusts, what it shows, and which sessions it resumes. Servers: nginx and openssl s_server."""
import socket

from edge import Edge
from lab import cases, need_tool, wait_until
from origins import Authority, Certificate, Nginx


class Server:
	"""openssl s_server -HTTP over files: it says what it saw of each connection."""

	def __init__(self, lab, certificate, *words, name="server"):
		need_tool("openssl")
		self.lab, self.address = lab, (lab.ip, lab.port())
		lab.write(f"{name}-files/index", "HTTP/1.0 200 OK\r\n\r\nhello")
		self.process = lab.start(name, ["openssl", "s_server", "-accept", "%s:%d" % self.address, "-cert", certificate.file, "-key",
		                                certificate.file, "-HTTP", *words], cwd=lab.path(f"{name}-files"))
		wait_until(self.listens, 10, "s_server listens")

	def listens(self):
		try:
			socket.create_connection(self.address).close()
			return True
		except OSError:
			return False

	@property
	def text(self):
		return "%s:%d" % self.address


def edge_to(lab, server, start=True, **tls):
	return Edge(lab, {"cloud": [server]}, start=start, pool={"tls": tls, "retries": {"attempts": 0}})


def test_a_verified_server(lab):
	origin = Nginx(lab, "cloud", certificate=Certificate(lab, "localhost"))
	edge = edge_to(lab, origin, ca=Authority.of(lab).file, server_name="localhost")
	with edge.client() as c:
		for path, size in (("/13", 13), ("/10k", 10240), ("/1m", 1024 * 1024)):
			answer = c.get(path)
			assert answer.status == 200 and len(answer.body) == size
	assert edge.daemon.metric("steerway_io_tls_client_handshakes_total") == 1


def test_by_address(lab):
	"""Without a name the certificate must hold the address, and no SNI is sent."""
	origin = Nginx(lab, "cloud", certificate=Certificate(lab, "localhost", lab.ip))
	edge = edge_to(lab, origin, ca=Authority.of(lab).file)
	assert edge.fetch("/13").status == 200


@cases(("wrong name", ["other.test"], {}, {}), ("expired", ["localhost"], {"days": -1}, {}),
       ("no name and another address", ["localhost", "127.0.0.9"], {}, {"server_name": None}),
       ("another authority", ["localhost"], {"ca": "other"}, {}))
def test_a_server_that_does_not_verify(names, made, more, lab):
	if "ca" in made:
		made = {"ca": Authority(lab, "other")}
	server = Server(lab, Certificate(lab, *names, label="bad", **made))
	tls = {"ca": Authority.of(lab).file, "server_name": "localhost", **more}
	edge = edge_to(lab, server, **{k: v for k, v in tls.items() if v})
	answer = edge.fetch("/index")
	assert answer.status == 502, answer
	wait_until(lambda: edge.daemon.ends()["connect_failed"] == 1, 5, "one that failed")
	edge.config["pools"]["app"]["tls"] = {"verify": False}
	edge.reconfigure()
	assert edge.fetch("/index").status == 200


def test_clear_text_behind_a_tls_pool(lab):
	origin = Nginx(lab, "cloud")
	edge = edge_to(lab, origin, verify=False)
	assert edge.fetch("/13").status == 502


def test_client_certificate(lab):
	own = Certificate(lab, "steerway.test")
	server = Server(lab, Certificate(lab, "localhost"), "-Verify", "1", "-CAfile", Authority.of(lab).file)
	edge = edge_to(lab, server, verify=False, certificate=own.file)
	assert edge.fetch("/index").status == 200
	wait_until(lambda: "CN = steerway.test" in server.process.text(), 5, "the certificate at the server")
	edge.config["pools"]["app"]["tls"].pop("certificate")
	edge.reconfigure()
	assert edge.fetch("/index").status in (502, 504)


def test_sni(lab):
	"""The server has the right certificate for those alone who name it."""
	second = Certificate(lab, "localhost")
	server = Server(lab, Certificate(lab, "other.test"), "-servername", "localhost", "-cert2", second.file, "-key2", second.file)
	edge = edge_to(lab, server, ca=Authority.of(lab).file, server_name="localhost")
	assert edge.fetch("/index").status == 200


@cases(("TLS 1.3", "-tls1_3"), ("TLS 1.2", "-tls1_2"))
def test_sessions_are_resumed(version, lab):
	"""s_server closes after each answer, so that each request is a connection."""
	server = Server(lab, Certificate(lab, "localhost"), version)
	edge = Edge(lab, {"cloud": [server]}, workers=1, pool={"tls": {"ca": Authority.of(lab).file, "server_name": "localhost"}})
	for n in range(1, 6):
		assert edge.fetch("/index").status == 200
		assert edge.daemon.metric("steerway_io_tls_client_handshakes_total") == n
	assert edge.daemon.metric("steerway_io_tls_client_resumed_total") == 4


def test_a_session_does_not_outlive_what_was_trusted(lab):
	"""A reload that starts to verify ends sessions and idle connections that were made without."""
	origin = Nginx(lab, "cloud", certificate=Certificate(lab, "localhost", label="self", ca=Authority(lab, "other")))
	edge = edge_to(lab, origin, verify=False)
	for _ in range(2):
		assert edge.fetch("/13").status == 200
	edge.config["pools"]["app"]["tls"] = {"ca": Authority.of(lab).file, "server_name": "localhost"}
	edge.reconfigure()
	assert edge.fetch("/13").status == 502
	edge.config["pools"]["app"].pop("tls")
	edge.reconfigure()
	assert edge.fetch("/13").status == 400  # clear text on the port: nginx says so


def test_a_replaced_authority_is_taken(lab):
	other = Authority(lab, "other")
	trusted = lab.write("tls/trusted.crt", open(Authority.of(lab).file).read())
	origin = Nginx(lab, "cloud", certificate=Certificate(lab, "localhost", label="others", ca=other))
	edge = edge_to(lab, origin, ca=str(trusted), server_name="localhost")
	assert edge.fetch("/13").status == 502
	trusted.write_text("nonsense")
	edge.daemon.wait_metric("steerway_proxy_tls_refused_total", 1)
	trusted.write_text(open(other.file).read())
	edge.daemon.wait_metric("steerway_proxy_tls_reloads_total", 2)
	assert edge.fetch("/13").status == 200
