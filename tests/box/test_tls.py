# SPDX-License-Identifier: BSD-2-Clause
"""TLS in front: which certificate, which version, resumption, and what a reload does to it. Clients: Python's ssl and openssl s_client."""
import shutil
import socket
import ssl
import subprocess
import threading

from edge import Edge
from http1 import Client, RawOrigin
from lab import cases, need_tool, run, wait_until
from origins import Authority, Certificate


def common_name(c):
	return dict(pair[0] for pair in c.sock.getpeercert()["subject"])["commonName"]


class Secure:
	def __init__(self, lab, *names, **tls):
		self.lab, self.origin = lab, RawOrigin(lab)
		self.certificates = [Certificate(lab, n) for n in names or ("app.test",)]
		self.trust = Authority.of(lab).context
		self.edge = Edge(lab, {"cloud": [self.origin]}, listener={
			"tls": {"certificates": [c.file for c in self.certificates], **tls}, "timeouts": {"handshake": "1s"}})
		self.daemon = self.edge.daemon

	def client(self, sni="app.test", **context):
		return Client(self.edge.web, tls=self.trust(**context), sni=sni)

	def s_client(self, *words, sni="app.test", data="GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n"):
		"""openssl's client, up to the peer's close; its whole output."""
		need_tool("openssl")
		done = subprocess.run(["openssl", "s_client", "-connect", "%s:%d" % self.edge.web, "-servername", sni, "-CAfile",
		                       Authority.of(self.lab).file, "-ign_eof", *words], input=data, capture_output=True, text=True, timeout=60)
		return done.stdout + done.stderr


def test_request_over_tls(lab):
	s = Secure(lab)
	with s.client() as c:
		for _ in range(3):
			answer = c.get("/")
			assert answer.status == 200 and answer.body == b"hello"
		assert c.sock.version() == "TLSv1.3"
	seen = s.origin.requests[-1]
	assert seen.get("X-Forwarded-Proto") == "https" and "proto=https" in seen.get("Forwarded"), seen.fields
	assert s.daemon.metric("steerway_io_tls_handshakes_total") == 1
	record = s.daemon.wait_access(lambda r: True)
	assert "TLSv1.3" in repr(record), record


def test_large_bodies_over_tls(lab):
	"""Records, read-ahead and partial writes: what comes out is what went in."""
	s = Secure(lab)

	def serve(c):
		while request := c.request():
			c.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(request.body) + request.body)
	s.origin.serve = serve
	data = bytes(range(256)) * 8192
	with s.client() as c:
		for n in (1, 16383, 16384, 16385, 100_000, len(data)):
			c.ask("POST", "/", body=data[:n])
			assert c.response().body == data[:n]


def test_sni_selects(lab):
	s = Secure(lab, "app.test", "other.test", "*.wild.test")
	context = s.trust()
	context.check_hostname = False
	for sni, expected in (("app.test", "app.test"), ("other.test", "other.test"), ("OTHER.test", "other.test"),
	                      ("a.wild.test", "*.wild.test"), ("unknown.test", "app.test"), (None, "app.test")):
		with Client(s.edge.web, tls=context, sni=sni) as c:
			assert common_name(c) == expected, (sni, common_name(c))


def test_versions(lab):
	s = Secure(lab)
	for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
		with s.client(lowest=version, highest=version) as c:
			assert c.sock.version() == name and c.get("/").status == 200
	out = s.s_client("-tls1_1", "-cipher", "ALL@SECLEVEL=0")
	assert "HTTP/1.1 200" not in out, out


def test_min_version(lab):
	s = Secure(lab, min_version="1.3")
	with s.client() as c:
		assert c.get("/").status == 200
	failed = s.daemon.metric("steerway_io_tls_failed_total")
	try:
		s.client(highest=ssl.TLSVersion.TLSv1_2).close()
		raise AssertionError("TLS 1.2 was taken")
	except (ssl.SSLError, ConnectionResetError):
		pass
	s.daemon.wait_metric("steerway_io_tls_failed_total", failed + 1)


def test_http2_switched_off_is_not_offered(lab):
	origin, certificate = RawOrigin(lab), Certificate(lab, "app.test")
	edge = Edge(lab, {"cloud": [origin]}, listener={"tls": {"certificates": [certificate.file]}, "http2": {"enabled": False}})
	with Client(edge.web, tls=Authority.of(lab).context(alpn=["h2", "http/1.1"]), sni="app.test") as c:
		assert c.sock.selected_alpn_protocol() == "http/1.1"
		assert c.get("/").status == 200


@cases(("both", ["h2", "http/1.1"], {"h2,http/1.1": "h2", "http/1.1,h2": "h2", "h2": "h2", "http/1.1": "http/1.1", "": None}),
       ("http/1.1", ["http/1.1"], {"h2,http/1.1": "http/1.1", "http/1.1": "http/1.1", "": None}),
       ("h2", ["h2"], {"h2,http/1.1": "h2", "h2": "h2", "": None}))
def test_alpn(spoken, chosen, lab):
	s = Secure(lab, alpn=spoken)
	for offered, expected in chosen.items():
		with s.client(alpn=offered.split(",") if offered else None) as c:
			assert c.sock.selected_alpn_protocol() == expected, offered
			assert expected == "h2" or c.get("/").status == 200
	for offered in {"h2", "http/1.1"} - set(spoken) | {"other"}:
		try:
			s.client(alpn=[offered]).close()
			raise AssertionError(f"{offered} was taken")
		except ssl.SSLError as e:
			assert "no application protocol" in str(e), e


def resume(s, version, path):
	return s.s_client(version, "-sess_in", path)


def test_resumption_by_ticket(lab):
	s = Secure(lab)
	for version in ("-tls1_2", "-tls1_3"):
		session = str(lab.path(f"session{version}"))
		first = s.s_client(version, "-sess_out", session)
		assert "New, TLS" in first and "200 OK" in first, first
		again = resume(s, version, session)
		assert "Reused, TLS" in again and "200 OK" in again, again
	assert s.daemon.metric("steerway_io_tls_resumed_total") == 2


def test_tickets_survive_a_reload(lab):
	s = Secure(lab)
	session = str(lab.path("session"))
	s.s_client("-tls1_3", "-sess_out", session)
	s.edge.config["listeners"]["web"]["max_fields"] = 50
	s.edge.reconfigure()
	assert "Reused, TLS" in resume(s, "-tls1_3", session)


def test_tickets_off(lab):
	s = Secure(lab, tickets=False)
	session = str(lab.path("session"))
	assert "200 OK" in s.s_client("-tls1_2", "-sess_out", session)
	if lab.path("session").exists():
		assert "New, TLS" in resume(s, "-tls1_2", session)
	assert s.daemon.metric("steerway_io_tls_resumed_total") == 0


def test_new_certificate_by_reload(lab):
	"""Connections that are open keep going; new ones see the new certificate."""
	s = Secure(lab)
	with s.client() as old:
		serial = old.sock.getpeercert()["serialNumber"]
		assert old.get("/").status == 200
		fresh = Certificate(lab, "app.test", label="fresh")
		shutil.copy(fresh.file, s.certificates[0].file)
		s.daemon.reload()
		assert old.get("/").status == 200
	with s.client() as c:
		assert c.sock.getpeercert()["serialNumber"] != serial
		assert c.get("/").status == 200


def test_bad_certificate_at_reload(lab):
	"""The file is named, the old certificate serves on."""
	s = Secure(lab)
	with s.client() as c:
		serial = c.sock.getpeercert()["serialNumber"]
	with open(s.certificates[0].file, "w") as f:
		f.write("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
	refused = s.daemon.reload(check=False)
	assert refused.returncode != 0 and s.certificates[0].file in refused.stdout + refused.stderr, refused
	with s.client() as c:
		assert c.sock.getpeercert()["serialNumber"] == serial and c.get("/").status == 200
	assert s.daemon.metric("steerway_main_reload_failures_total") == 1


def test_key_of_another_certificate(lab):
	a, b = Certificate(lab, "app.test"), Certificate(lab, "b.test")
	mixed = lab.write("mixed.pem", open(f"{lab.path('tls/app.test')}.crt").read() + open(f"{lab.path('tls/b.test')}.key").read())
	edge = Edge(lab, {"cloud": [RawOrigin(lab)]}, listener={"tls": {"certificates": [str(mixed)]}}, start=False)
	daemon = lab.steerway(edge.config, wait=False)
	assert daemon.process.wait() != 0
	daemon.is_finished = True
	assert str(mixed) in daemon.log(), daemon.log()
	assert a.file != b.file


def test_clear_text_on_a_tls_port(lab):
	s = Secure(lab)
	with Client(s.edge.web) as c:
		c.send(b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n")
		data = c.rest()
		assert b"200 OK" not in data and len(data) < 500, data
	s.daemon.wait_metric("steerway_io_tls_failed_total", 1)


def test_handshake_timeout(lab):
	"""A client that connects and says nothing, or half a hello, is let go."""
	s = Secure(lab)
	for sent in (b"", b"\x16\x03\x01\x02\x00\x01"):
		with Client(s.edge.web) as c:
			c.send(sent)
			assert c.is_closed(10)
	s.daemon.wait_metric("steerway_proxy_sessions", 0)


def test_garbage_instead_of_a_handshake(lab):
	import os
	s = Secure(lab)
	for n in (1, 5, 100, 20000):
		with Client(s.edge.web) as c:
			try:
				c.send(b"\x16\x03\x01" + os.urandom(n))
				c.rest()
			except OSError:
				pass
	with s.client() as c:
		assert c.get("/").status == 200


def test_closing_is_clean(lab):
	"""The end of a body that runs to the close is told by close_notify, not by a cut."""
	s = Secure(lab)

	def serve(c):
		c.request()
		c.send(b"HTTP/1.0 200 OK\r\n\r\n" + b"z" * 50000)
	s.origin.serve = serve
	with s.client() as c:  # suppress_ragged_eofs is off: a missing close_notify raises
		c.ask("GET", "/", version="HTTP/1.0")
		head = c.head()
		got = c.buffer
		while True:
			try:
				data = c.sock.recv(65536)
			except ssl.SSLZeroReturnError:
				break
			if not data:
				break
			got += data
		assert head.status == 200 and got == b"z" * 50000


class Flight:
	"""A client of TLS 1.3 that says what it sends in one packet, and sees what comes in one."""

	def __init__(self, s):
		self.sock = socket.create_connection(s.edge.web, timeout=10)
		self.come, self.out = ssl.MemoryBIO(), ssl.MemoryBIO()
		self.tls = s.trust(lowest=ssl.TLSVersion.TLSv1_3).wrap_bio(self.come, self.out, server_hostname="app.test")
		while not self.is_shaken():
			self.sock.sendall(self.out.read())
			self.take()

	def is_shaken(self):
		try:
			self.tls.do_handshake()
			return True
		except ssl.SSLWantReadError:
			return False

	def take(self, timeout=10):
		"""One packet; the types of its records (RFC 8446 5.2: all that is encrypted looks like application data)."""
		self.sock.settimeout(timeout)
		data, records, at = self.sock.recv(65536), 0, 0
		while at + 5 <= len(data):
			at, records = at + 5 + int.from_bytes(data[at + 3:at + 5], "big"), records + 1
		self.come.write(data)
		return records


def test_ticket_answer_and_goodbye_in_one_packet(lab):
	"""A request that comes with the client's Finished, on a connection that closes behind it: three records, and the FIN at once. Only an
	answer within 10 ms is waited for, so one is sought that took less than half of it by steerway's own clock."""
	s = Secure(lab)
	for _ in range(500):
		c = Flight(s)
		c.tls.write(b"GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n")
		c.sock.sendall(c.out.read())
		records, mine = c.take(), "%s:%d" % c.sock.getsockname()
		if s.daemon.wait_access(lambda r: r["client"] == mine)["total_us"] < 5000:
			break
		c.sock.close()
	else:
		raise AssertionError("no answer within 5 ms")
	assert records == 3
	assert c.tls.read().endswith(b"hello") and c.tls.session.has_ticket
	assert c.tls.read() == b"" and c.sock.recv(1) == b""


def test_a_ticket_does_not_wait_for_a_slow_answer(lab):
	s = Secure(lab)
	may_answer = threading.Event()

	def serve(c):
		c.request()
		may_answer.wait(20)
		c.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
	s.origin.serve = serve
	c = Flight(s)
	c.tls.write(b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n")
	c.sock.sendall(c.out.read())
	assert c.take() == 1
	may_answer.set()
	assert c.take() == 1 and c.tls.read().endswith(b"hello")


def test_a_ticket_comes_before_any_request(lab):
	"""Its packet also acknowledges the Finished, which a client with Nagle's algorithm waits for."""
	c = Flight(Secure(lab))
	c.sock.sendall(c.out.read())
	assert c.take() == 1


class Talk:
	"""openssl's client, kept open: what is typed into it, and what it says."""

	def __init__(self, s, *words):
		need_tool("openssl")
		self.popen = subprocess.Popen(["openssl", "s_client", "-connect", "%s:%d" % s.edge.web, "-servername", "app.test", "-CAfile",
		                               Authority.of(s.lab).file, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
		s.lab.on_close(self.close)

	def type(self, text, answer):
		"""Reads on until `answer`."""
		self.popen.stdin.write(text)
		self.popen.stdin.flush()
		seen = b""
		while answer not in seen:
			more = self.popen.stdout.read1(65536)
			assert more, seen
			seen += more
		return seen

	def get(self):
		return self.type(b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n", b"hello")

	def close(self):
		self.popen.kill()
		self.popen.communicate()


SUITES = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")


def test_a_kept_connection_tells_its_suite(lab):
	"""What the handshake found out is there for each request, though its session is gone; connections of several suites stand side by side."""
	s = Secure(lab)
	talks = [Talk(s, "-tls1_3", "-ciphersuites", suite) for suite in SUITES]
	for _ in range(2):
		for talk in talks:
			talk.get()
	records = wait_until(lambda: (r := s.daemon.access()) and len(r) == 6 and r, what="six records")
	assert sorted(r["cipher"] for r in records) == sorted(SUITES * 2), records
	assert {r["tls"] for r in records} == {"TLSv1.3"}, records


def test_keys_are_updated(lab):
	"""Both sides' (RFC 8446 4.6.3): the client sends its own and asks for ours."""
	s = Secure(lab)
	for suite in SUITES[:2]:
		talk = Talk(s, "-tls1_3", "-ciphersuites", suite)
		for _ in range(3):
			talk.get()
			talk.type(b"K\n", b"KEYUPDATE")
		talk.get()


def test_a_client_that_takes_short_records_gets_them(lab):
	"""max_fragment_length (RFC 6066 4); openssl's client ends when a record is longer."""
	s = Secure(lab)

	def serve(c):
		c.request()
		c.send(b"HTTP/1.1 200 OK\r\nContent-Length: 300005\r\n\r\n" + b"x" * 300000 + b"hello")
	s.origin.serve = serve
	for version in ("-tls1_2", "-tls1_3"):
		talk = Talk(s, version, "-maxfraglen", "512")
		assert b"x" * 400 in talk.get() and b"x" * 400 in talk.get()


def test_curl(lab):
	need_tool("curl")
	s = Secure(lab)
	out = run("curl", "-sS", "--cacert", Authority.of(lab).file, "--resolve", "app.test:%d:%s" % (s.edge.web[1], s.edge.web[0]),
	          "https://app.test:%d/x" % s.edge.web[1]).stdout
	assert out == "hello"
	wait_until(lambda: s.origin.requests, 5, "the request at the origin")
