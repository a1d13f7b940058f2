# SPDX-License-Identifier: BSD-2-Clause
"""What a TLS listener agrees to: two certificates for a name, policies, tickets over restarts and nodes, client certificates."""
import base64
import os
import subprocess

from edge import Edge
from http1 import Client, RawOrigin
from lab import STEERWAY, cases, need_tool, run
from origins import Authority, Certificate


def s_client(lab, web, *words, sni="app.test", data="GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n"):
	need_tool("openssl")
	done = subprocess.run(["openssl", "s_client", "-connect", "%s:%d" % web, "-servername", sni, "-CAfile", Authority.of(lab).file,
	                       "-ign_eof", *words], input=data, capture_output=True, text=True, timeout=60)
	return done.stdout + done.stderr


def edge_with(lab, certificates, name="steerway", start=True, **tls):
	origin = RawOrigin(lab)
	edge = Edge(lab, {"cloud": [origin]}, start=False, listener={"tls": {"certificates": [c.file for c in certificates], **tls}})
	edge.origin = origin
	if start:
		edge.daemon = lab.steerway(edge.config, name=name)
	return edge


# ---- certificates ----

def test_ecdsa_and_rsa_for_one_name(lab):
	"""The client's signature algorithms decide, in both versions, in whichever order the files stand."""
	ecdsa, rsa = Certificate(lab, "app.test", label="ecdsa"), Certificate(lab, "app.test", label="rsa", key="rsa")
	other = Certificate(lab, "other.test")
	for order in ([ecdsa, rsa, other], [rsa, ecdsa, other], [other, rsa, ecdsa]):
		edge = edge_with(lab, order, name=f"order{len(lab.steerways)}")
		for version, rsa_only, ecdsa_only in (("-tls1_3", "rsa_pss_rsae_sha256", "ecdsa_secp256r1_sha256"),
		                                      ("-tls1_2", "RSA+SHA256", "ECDSA+SHA256")):
			assert "Peer signature type: RSA-PSS" in s_client(lab, edge.web, version, "-sigalgs", "rsa_pss_rsae_sha256")
			assert "Peer signature type: RSA" in s_client(lab, edge.web, version, "-sigalgs", rsa_only)
			assert "Peer signature type: ECDSA" in s_client(lab, edge.web, version, "-sigalgs", ecdsa_only)
			out = s_client(lab, edge.web, version)
			assert "Peer signature type: ECDSA" in out and "200 OK" in out, out  # the cheaper one where both would do


def test_a_wildcard_lends_what_a_name_lacks(lab):
	exact, wild = Certificate(lab, "app.test"), Certificate(lab, "*.test", label="wild", key="rsa")
	edge = edge_with(lab, [exact, wild])
	assert "CN = app.test" in s_client(lab, edge.web)
	out = s_client(lab, edge.web, "-sigalgs", "rsa_pss_rsae_sha256")
	assert "CN = *.test" in out and "200 OK" in out, out


# ---- policies ----

@cases(("intermediate", "intermediate", {"-tls1_2", "-tls1_3"}), ("modern", "modern", {"-tls1_3"}))
def test_policy(policy, spoken, lab):
	edge = edge_with(lab, [Certificate(lab, "app.test")], policy=policy)
	for version in ("-tls1", "-tls1_1", "-tls1_2", "-tls1_3"):
		weak = ["-cipher", "ALL@SECLEVEL=0"] if version in ("-tls1", "-tls1_1") else []
		assert ("200 OK" in s_client(lab, edge.web, version, *weak)) == (version in spoken), version


def test_intermediate_refuses_what_is_weak(lab):
	edge = edge_with(lab, [Certificate(lab, "app.test", label="rsa", key="rsa"), Certificate(lab, "app.test")])
	for words in (["-tls1_2", "-cipher", "AES128-GCM-SHA256"], ["-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA256"],
	              ["-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256"], ["-tls1_2", "-sigalgs", "RSA+SHA1:ECDSA+SHA1", "-cipher", "DEFAULT@SECLEVEL=0"],
	              ["-groups", "P-521"], ["-sigalgs", "RSA+SHA224:ECDSA+SHA224", "-cipher", "DEFAULT@SECLEVEL=0"]):
		out = s_client(lab, edge.web, *words)
		assert "200 OK" not in out and "alert" in out, (words, out)
	for words in (["-groups", "P-256"], ["-groups", "X25519"], ["-groups", "P-384"], ["-tls1_2", "-cipher", "ECDHE-RSA-CHACHA20-POLY1305"]):
		out = s_client(lab, edge.web, *words)
		assert "200 OK" in out, (words, out)


# ---- tickets ----

def ticket_key(n=80):
	return base64.b64encode(os.urandom(n)).decode()


def key_name(key):
	"""As s_client prints the first 16 bytes of a ticket, which name its key."""
	name = base64.b64decode(key)[:16].hex(" ")
	return f"0000 - {name[:23]}-{name[24:]}"


def test_tickets_of_a_file_survive_a_restart_and_go_to_other_nodes(lab):
	keys = lab.write("ticket.keys", f"# made for this test\n{ticket_key()}\n\n{ticket_key(48)}\n")
	certificate = Certificate(lab, "app.test")
	one = edge_with(lab, [certificate], name="one", ticket_keys=str(keys))
	two = edge_with(lab, [Certificate(lab, "app.test", label="two")], name="two", ticket_keys=str(keys))
	for version in ("-tls1_2", "-tls1_3"):
		session = str(lab.path(f"session{version}"))
		assert "New, TLS" in s_client(lab, one.web, version, "-sess_out", session)
		assert "Reused, TLS" in s_client(lab, two.web, version, "-sess_in", session), version
		one.daemon.finish()
		one.daemon.launch()
		assert "Reused, TLS" in s_client(lab, one.web, version, "-sess_in", session), version


def test_ticket_keys_turn_over(lab):
	"""A key that became the second still opens, and its tickets are replaced; one that is gone leads to a full handshake."""
	old, new, newest = ticket_key(), ticket_key(), ticket_key(48)
	keys = lab.write("ticket.keys", old + "\n")
	edge = edge_with(lab, [Certificate(lab, "app.test")], ticket_keys=str(keys))
	for version in ("-tls1_2", "-tls1_3"):
		session, renewed = str(lab.path(f"session{version}")), str(lab.path(f"renewed{version}"))
		keys.write_text(old + "\n")
		edge.daemon.reload()
		s_client(lab, edge.web, version, "-sess_out", session)
		keys.write_text(f"{new}\n{old}\n")
		edge.daemon.reload()
		out = s_client(lab, edge.web, version, "-sess_in", session, "-sess_out", renewed)
		assert "Reused, TLS" in out and key_name(new) in out, out
		keys.write_text(f"{newest}\n{new}\n")
		edge.daemon.reload()
		assert "New, TLS" in s_client(lab, edge.web, version, "-sess_in", session)
		if version == "-tls1_3":  # openssl keeps no renewed session of TLS 1.2
			assert "Reused, TLS" in s_client(lab, edge.web, version, "-sess_in", renewed)


@cases(("empty", "# none\n", "no ticket key in it"), ("no base64", "hello\n", ":1: no ticket key"),
       ("too short", "AAAA\n", ":1: no ticket key"), ("too many", "\n".join(ticket_key() for _ in range(17)) + "\n", ":17: more than 16"))
def test_bad_ticket_keys(text, why, lab):
	keys = lab.write("ticket.keys", text)
	edge = edge_with(lab, [Certificate(lab, "app.test")], start=False, ticket_keys=str(keys))
	daemon = lab.steerway(edge.config, wait=False)
	assert daemon.process.wait() != 0
	daemon.is_finished = True
	assert f"{keys}" in daemon.log() and why in daemon.log(), daemon.log()
	done = run(STEERWAY, "check", "-c", daemon.file, check=False)
	assert done.returncode == 1 and why in done.stdout, done.stdout


def test_a_ticket_of_other_names_is_not_taken(lab):
	"""Two listeners share a file, but not each other's sessions: a client must not be led to another service by its ticket."""
	keys = lab.write("ticket.keys", ticket_key() + "\n")
	one = edge_with(lab, [Certificate(lab, "app.test")], name="one", ticket_keys=str(keys))
	two = edge_with(lab, [Certificate(lab, "other.test")], name="two", ticket_keys=str(keys))
	session = str(lab.path("session"))
	s_client(lab, one.web, "-tls1_3", "-sess_out", session)
	assert "New, TLS" in s_client(lab, two.web, "-tls1_3", "-sess_in", session)


# ---- client certificates ----

class Clients:
	"""An authority of clients' certificates with its revocation list."""

	def __init__(self, lab):
		self.lab, self.ca = lab, Authority(lab, "clients")
		lab.write("tls/clients.index", "")
		lab.write("tls/clients.number", "01\n")
		self.conf = lab.write("tls/clients.cnf", f"[ca]\ndefault_ca=it\n[it]\ndatabase={lab.path('tls/clients.index')}\n"
		                      f"crlnumber={lab.path('tls/clients.number')}\ndefault_md=sha256\ndefault_crl_days=30\n")
		self.crl = str(lab.path("tls/clients.crl"))
		self.list()

	def list(self):
		self.ca_tool("-gencrl", "-out", self.crl)

	def ca_tool(self, *words):
		run("openssl", "ca", "-config", self.conf, "-keyfile", self.ca.key, "-cert", self.ca.file, *words)

	def revoke(self, certificate):
		self.ca_tool("-revoke", certificate.chain_file)
		self.list()

	def certificate(self, name, **more):
		return Certificate(self.lab, name, ca=self.ca, label=name, **more)


def shown(certificate):
	return ["-cert", certificate.file, "-key", certificate.file]


def test_client_certificate_required(lab):
	clients = Clients(lab)
	edge = edge_with(lab, [Certificate(lab, "app.test")], client={"ca": clients.ca.file})
	good, expired = clients.certificate("ann"), clients.certificate("late", days=-1)
	stranger = Certificate(lab, "stranger")
	for version in ("-tls1_2", "-tls1_3"):
		out = s_client(lab, edge.web, version, *shown(good))
		assert "200 OK" in out and "Acceptable client certificate CA names" in out, out
		for words in ([], shown(expired), shown(stranger)):
			failed = edge.daemon.metric("steerway_io_tls_failed_total")
			assert "200 OK" not in s_client(lab, edge.web, version, *words), words
			edge.daemon.wait_metric("steerway_io_tls_failed_total", failed + 1)


def test_client_certificate_optional(lab):
	clients = Clients(lab)
	edge = edge_with(lab, [Certificate(lab, "app.test")], client={"mode": "optional", "ca": clients.ca.file})
	good, stranger = clients.certificate("ann"), Certificate(lab, "stranger")
	assert "200 OK" in s_client(lab, edge.web)
	assert "200 OK" in s_client(lab, edge.web, *shown(good))
	assert "200 OK" not in s_client(lab, edge.web, *shown(stranger))


def test_revoked_client_certificate(lab):
	"""A new list takes effect at once, for sessions of before, too."""
	clients = Clients(lab)
	edge = edge_with(lab, [Certificate(lab, "app.test")], client={"ca": clients.ca.file, "crl": clients.crl})
	good, bad = clients.certificate("ann"), clients.certificate("bob")
	session = str(lab.path("session"))
	for c in (good, bad):
		assert "200 OK" in s_client(lab, edge.web, "-sess_out", session, *shown(c))
	assert "Reused, TLS" in s_client(lab, edge.web, "-sess_in", session, *shown(bad))
	clients.revoke(bad)
	edge.daemon.reload()
	assert "200 OK" not in s_client(lab, edge.web, *shown(bad))
	assert "200 OK" not in s_client(lab, edge.web, "-sess_in", session, *shown(bad))
	assert "200 OK" in s_client(lab, edge.web, *shown(good))


def test_a_session_leads_past_no_listener_that_asks(lab):
	"""A ticket of a listener that asks for nothing is worth nothing where certificates are required, whatever the keys."""
	clients, keys = Clients(lab), lab.write("ticket.keys", ticket_key() + "\n")
	certificate = Certificate(lab, "app.test")
	lax = edge_with(lab, [certificate], name="lax", ticket_keys=str(keys))
	strict = edge_with(lab, [certificate], name="strict", ticket_keys=str(keys), client={"ca": clients.ca.file})
	session = str(lab.path("session"))
	assert "200 OK" in s_client(lab, lax.web, "-sess_out", session)
	assert "200 OK" not in s_client(lab, strict.web, "-sess_in", session)


# ---- what servers are told ----

NAMES = ("Verify", "Subject", "SAN", "Serial", "Fingerprint")


def client_of(lab, edge, certificate=None, sni="app.test", check_hostname=True):
	context = Authority.of(lab).context()
	context.check_hostname = check_hostname
	if certificate:
		context.load_cert_chain(certificate.file)
	return Client(edge.web, tls=context, sni=sni)


def told(request):
	return {name: request.get(f"X-SSL-Client-{name}") for name in NAMES}


def test_servers_are_told_of_the_certificate(lab):
	clients = Clients(lab)
	edge = edge_with(lab, [Certificate(lab, "app.test")], client={"mode": "optional", "ca": clients.ca.file})
	ann = clients.certificate("ann", subject="/C=DE/O=Example, Inc./CN=ann <a>",
	                          alternatives="DNS:a.test,email:ann@a.test,URI:spiffe://a/b,IP:192.0.2.7,IP:2001:db8::1")
	with client_of(lab, edge, ann) as c:
		for _ in range(2):
			assert c.get("/", host="app.test").status == 200
	seen = told(edge.origin.requests[-1])
	assert seen["Verify"] == "SUCCESS", seen
	assert seen["Subject"] == r"CN=ann \<a\>,O=Example\, Inc.,C=DE", seen
	assert seen["SAN"] == "DNS:a.test, email:ann@a.test, URI:spiffe://a/b, IP:192.0.2.7, IP:2001:db8::1", seen
	text = run("openssl", "x509", "-in", ann.chain_file, "-noout", "-serial", "-fingerprint", "-sha256").stdout
	assert f"serial={seen['Serial']}" in text, (seen, text)
	assert seen["Fingerprint"] == text.split("Fingerprint=")[1].strip().replace(":", "").lower()
	with client_of(lab, edge) as c:
		assert c.get("/", host="app.test").status == 200
	assert told(edge.origin.requests[-1]) == {**dict.fromkeys(NAMES), "Verify": "NONE"}


def test_hostile_names_of_a_certificate(lab):
	"""What an authority signed may still be hostile: no name becomes two, and no byte ends a line."""
	clients = Clients(lab)
	edge = edge_with(lab, [Certificate(lab, "app.test")], client={"ca": clients.ca.file})
	bob = clients.certificate("bob", alternatives="@a\n[a]\nDNS.1=a.test\\, DNS:b.test\nURI.1=x:y\\r\\nX-Evil: 1\n[b]")
	with client_of(lab, edge, bob) as c:
		assert c.get("/", host="app.test").status == 200
	seen = edge.origin.requests[-1]
	assert seen.get("X-Evil") is None
	assert seen.get("X-SSL-Client-SAN") == r"DNS:a.test\2C\20DNS:b.test, URI:x:y\0D\0AX-Evil:\201", seen.fields


def test_clients_tell_nothing_of_certificates(lab):
	"""Neither here nor through a listener that asks for none; nor by '_', nor by having ours taken away."""
	clients = Clients(lab)
	edge = edge_with(lab, [Certificate(lab, "app.test")], start=False, client={"mode": "optional", "ca": clients.ca.file})
	plain = (lab.ip, lab.port())
	edge.config["listeners"]["plain"] = {"bind": ["%s:%d" % plain]}
	lab.steerway(edge.config)
	lies = [(f"{prefix}{name}", "SUCCESS") for prefix in ("X-SSL-Client-", "x_ssl_client_", "X-SSL_Client-") for name in (*NAMES, "Other")]
	with client_of(lab, edge) as c:
		assert c.get("/", host="app.test", fields=[*lies, ("Connection", "X-SSL-Client-Verify")]).status == 200
	seen = edge.origin.requests[-1]
	assert [f for f in seen.fields if "ssl" in f[0].lower()] == [("X-SSL-Client-Verify", "NONE")], seen.fields
	with Client(plain) as c:
		assert c.get("/", host="app.test", fields=lies).status == 200
	assert not [f for f in edge.origin.requests[-1].fields if "ssl" in f[0].lower()]


def test_routes_do_not_see_what_clients_tell_of_certificates(lab):
	"""A condition and a variable look at our own fields alone, through any listener."""
	clients = Clients(lab)
	edge = edge_with(lab, [Certificate(lab, "app.test")], start=False, client={"mode": "optional", "ca": clients.ca.file})
	plain = (lab.ip, lab.port())
	edge.config["listeners"]["plain"] = {"bind": ["%s:%d" % plain]}
	edge.config["routes"] = [{"pool": "app", "request_headers": {"set": {"X-User": "${header:x-ssl-client-subject}"}}},
	                         {"path": "/verified", "answer": {"status": 403, "body": "no\n"}},
	                         {"path": "/verified", "headers": {"X-SSL-Client-Verify": {"exact": "SUCCESS"}}, "pool": "app"}]
	lab.steerway(edge.config)
	lies = [("X-SSL-Client-Verify", "SUCCESS"), ("X-SSL-Client-Subject", "CN=root")]
	ann = clients.certificate("ann", subject="/CN=ann")
	for open_client, status, user in ((lambda: client_of(lab, edge), 403, None), (lambda: Client(plain), 403, None),
	                                  (lambda: client_of(lab, edge, ann), 200, "CN=ann")):
		with open_client() as c:
			assert c.get("/verified", host="app.test", fields=lies).status == status
		with open_client() as c:
			assert c.get("/", host="app.test", fields=lies).status == 200
		assert edge.origin.requests[-1].get("X-User") == user, edge.origin.requests[-1].fields


def test_fields_pass_where_no_listener_asks(lab):
	"""Then they may come from a proxy in front."""
	edge = edge_with(lab, [Certificate(lab, "app.test")])
	with client_of(lab, edge) as c:
		assert c.get("/", host="app.test", fields=[("X-SSL-Client-Verify", "SUCCESS")]).status == 200
	assert edge.origin.requests[-1].get("X-SSL-Client-Verify") == "SUCCESS"


# ---- 421 ----

def test_host_is_the_name_that_tls_named(lab):
	clients = Clients(lab)
	edge = edge_with(lab, [Certificate(lab, "app.test", "other.test", lab.ip)], client={"mode": "optional", "ca": clients.ca.file})
	for sni, host, status in (("app.test", "app.test", 200), ("app.test", "APP.test:443", 200), ("app.test", "other.test", 421),
	                          ("app.test", "app.test.", 200), ("app.test", lab.ip, 421), (None, lab.ip, 200), (None, "[::1]:443", 200),
	                          (None, "app.test", 421), ("APP.test", "app.test", 200)):
		with client_of(lab, edge, sni=sni, check_hostname=False) as c:
			answer = c.get("/", host=host)
			assert answer.status == status, (sni, host, answer)
			assert status == 200 or c.is_closed(5)
	assert edge.daemon.ends()["misdirected"] == 3
	edge.daemon.wait_access(lambda r: r["end"] == "misdirected" and r["status"] == 421 and r["host"] == "other.test")


def test_without_client_certificates_any_host_goes(lab):
	edge = edge_with(lab, [Certificate(lab, "app.test")])
	with client_of(lab, edge) as c:
		assert c.get("/", host="other.test").status == 200


def test_a_connection_without_the_certificate_that_is_required_now(lab):
	clients = Clients(lab)
	edge = edge_with(lab, [Certificate(lab, "app.test")])
	with client_of(lab, edge) as c:
		assert c.get("/", host="app.test").status == 200
		edge.config["listeners"]["web"]["tls"]["client"] = {"ca": clients.ca.file}
		edge.reconfigure()
		assert c.get("/", host="app.test").status == 421
	with client_of(lab, edge, clients.certificate("ann")) as c:
		assert c.get("/", host="app.test").status == 200
