# SPDX-License-Identifier: BSD-2-Clause
"""Every way through steerway with real peers: HTTP/1.1 and HTTP/2 clients, servers of both protocols, in clear text and over TLS. The peers are
Node (http, http2, fetch), curl, nghttp, nghttpd and Python's http.client; none of them is ours."""
import http.client
import json
import socket
import ssl

from edge import Edge
from lab import cases, need_tool, run, wait_until
from node import KINDS, NodeOrigin, answer_sum, ask, body_sum, four_pools
from origins import Authority, Certificate

LARGE = 3 * 1024 * 1024 + 77
HELLO = body_sum(6, b"hello\n")


class World:
	"""One edge with a listener in clear text and one over TLS, and all four kinds of servers."""

	def __init__(self, lab):
		self.lab = lab
		self.origin = NodeOrigin(lab, Certificate(lab, "origin.test"))
		pools, routes = four_pools(lab, self.origin)
		front = Certificate(lab, *(f"{kind}.test" for kind in KINDS), lab.ip)
		self.secure = (lab.ip, lab.port())
		self.edge = Edge(lab, start=False, sites={"cloud": []})
		self.edge.config["listeners"]["secure"] = {"bind": ["%s:%d" % self.secure], "tls": {"certificates": [front.file]}}
		self.edge.config.update(pools=pools, routes=routes)
		self.daemon = lab.steerway(self.edge.config)
		self.ca = Authority.of(lab).file

	def url(self, is_tls):
		return "https://%s:%d" % self.secure if is_tls else "http://%s:%d" % self.edge.web

	def ask(self, how, kind, list_of_cases, is_tls=False, **more):
		if how == "fetch":
			for case in list_of_cases:
				case["headers"] = {**case.get("headers", {}), "x-kind": kind}
		return ask(how, self.url(is_tls), f"{kind}.test", list_of_cases, ca=self.ca if is_tls else None, **more)

	def records(self, protocol, kind, n, begins="/"):
		"""The last n records of a client's protocol and a kind of server."""
		def found():
			records = [r for r in self.daemon.access() if (r["protocol"], r["pool"]) == (protocol, kind) and r["path"].startswith(begins)]
			return records[-n:] if len(records) >= n else None
		return wait_until(found, 5, f"{n} records of {protocol} to {kind}")


def shared(lab):
	return World(lab)


WAYS = [(f"{how}{'_tls' if is_tls else ''}_to_{kind}", how, is_tls, kind)
        for how in ("h1", "h2") for is_tls in (False, True) for kind in KINDS]


# ---- what is asked ----

def whole(n, sum=None, status=200):
	return lambda a: a.get("error") is None and a["status"] == status and a["n"] == n and (not sum or a["sha256"] == sum)


def empty(status):
	return lambda a: a.get("error") is None and a["status"] == status and a["n"] == 0 and "transfer-encoding" not in a["headers"]


def summed(n, trailers=None):
	def check(a):
		said = json.loads(a.get("text", "null"))
		return said and said["n"] == n and said["sha256"] == body_sum(n) and said["trailers"] == (trailers or {})
	return check


def all_of(*checks):
	return lambda a: all(c(a) for c in checks)


ASKED = {
	"get": ({"path": "/hello"}, whole(6, HELLO)),
	"get with a length": ({"path": "/length"}, all_of(whole(6, HELLO), lambda a: a["headers"]["content-length"] == "6")),
	"head": ({"path": "/length", "method": "HEAD"}, all_of(empty(200), lambda a: a["headers"]["content-length"] == "6")),
	"head without a length": ({"path": "/hello", "method": "HEAD"}, empty(200)),
	"204": ({"path": "/status?s=204"}, all_of(empty(204), lambda a: a["headers"]["x-seen"] == "yes")),
	"304": ({"path": "/status?s=304"}, empty(304)),
	"500": ({"path": "/status?s=500"}, whole(0, status=500)),
	"post empty": ({"path": "/sum", "method": "POST", "text": True, "headers": {"content-length": "0"}}, summed(0)),
	"post small": ({"path": "/sum", "method": "POST", "body": 10, "text": True}, summed(10)),
	"post large": ({"path": "/sum", "method": "POST", "body": LARGE, "text": True}, summed(LARGE)),
	"post without a length": ({"path": "/sum", "method": "POST", "body": LARGE, "chunked": True, "text": True}, summed(LARGE)),
	"post empty without a length": ({"path": "/sum", "method": "POST", "chunked": True, "text": True}, summed(0)),
	"post with trailers": ({"path": "/sum", "method": "POST", "body": 100, "chunked": True, "text": True, "trailers": {"x-sum": "7"}},
	                       summed(100, {"x-sum": "7"})),
	"download": ({"path": f"/bytes?n={LARGE}"}, whole(LARGE, answer_sum(LARGE))),
	"download without a length": ({"path": f"/stream?n={LARGE}"}, whole(LARGE, answer_sum(LARGE))),
	"download slowly": ({"path": f"/stream?n={LARGE}", "slow": 2}, whole(LARGE, answer_sum(LARGE))),
	"echo": ({"path": "/echo", "method": "POST", "body": LARGE, "chunked": True, "trailers": {"x-sum": "8"}},
	         all_of(whole(LARGE, body_sum(LARGE)), lambda a: a["trailers"].get("x-sum") == "8")),
	"echo slowly": ({"path": "/echo", "method": "POST", "body": LARGE, "slow": 2}, whole(LARGE, body_sum(LARGE))),
	"trailers": ({"path": "/trailers"}, all_of(whole(6, HELLO), lambda a: (a["trailers"]["x-sum"], a["trailers"]["x-more"]) == ("12", "a b"))),
	"early hints": ({"path": "/hints"}, all_of(whole(6, HELLO), lambda a: a["interim"] == [{"status": 103, "link": "</a.css>; rel=preload"}])),
	"100-continue": ({"path": "/sum", "method": "POST", "body": 100000, "text": True, "headers": {"expect": "100-continue"}}, summed(100000)),
	"early answer": ({"path": "/early", "method": "POST", "body": 1000}, whole(7, status=413)),
	"not found": ({"path": "/nowhere"}, empty(404)),
}


@cases(*WAYS)
def test_all_at_once(how, is_tls, kind, shared):
	"""All of them on one connection (HTTP/2), or on as many as the client likes."""
	got = shared.ask(how, kind, [{"name": name, **case} for name, (case, _) in ASKED.items()], is_tls)
	wrong = {name: got[name] for name, (_, check) in ASKED.items() if not check(got[name])}
	assert not wrong, json.dumps(wrong, indent=1)[:4000]
	records = shared.records(how, kind, len(ASKED))
	assert {r["server_protocol"] for r in records} == {kind[:2]} and all(("tls" in r) == is_tls for r in records), records


FETCHED = ["get", "get with a length", "head", "204", "304", "post small", "post large", "post without a length", "download",
           "download without a length", "early hints", "not found"]


@cases(("clear", False), ("tls", True))
def test_fetch(is_tls, shared):
	for kind in KINDS:
		got = shared.ask("fetch", kind, [{"name": name, **ASKED[name][0]} for name in FETCHED], is_tls)
		for answer in got.values():
			answer["interim"] = [{"status": 103, "link": "</a.css>; rel=preload"}]  # which fetch does not show
		wrong = {name: got[name] for name in FETCHED if not ASKED[name][1](got[name])}
		assert not wrong, json.dumps(wrong, indent=1)[:4000]


# ---- other clients ----

def curl(world, kind, path, *words, is_tls=False, way="--http1.1"):
	"""(exit status, status, version, body bytes)"""
	need_tool("curl")
	host = f"{kind}.test"
	port = world.secure[1] if is_tls else world.edge.web[1]
	url = f"{'https' if is_tls else 'http'}://{host}:{port}{path}"
	out = world.lab.path("curl.out")
	done = run("curl", "-s", "-S", "--noproxy", "*", way, "--cacert", world.ca, "--resolve", f"{host}:{port}:{world.lab.ip}", "-o", out,
	           "-w", "%{http_code} %{http_version}", *words, url, check=False)
	status, _, version = done.stdout.strip().rpartition("\n")[2].partition(" ")
	return done.returncode, status, version, out.read_bytes() if out.exists() else b""


CURLS = [("h1", False, "--http1.1", "1.1"), ("h1_tls", True, "--http1.1", "1.1"), ("h2_prior_knowledge", False, "--http2-prior-knowledge", "2"),
         ("h2_alpn", True, "--http2", "2")]


@cases(*CURLS)
def test_curl(is_tls, way, version, shared):
	body = shared.lab.write("curl.in", (b"fedcba9876543210" * (LARGE // 16 + 1))[:LARGE])
	for kind in KINDS:
		def get(path, *words):
			return curl(shared, kind, path, *words, is_tls=is_tls, way=way)
		assert get("/hello") == (0, "200", version, b"hello\n")
		assert get("/length", "-I")[:3] == (0, "200", version)
		assert get("/status?s=204") == (0, "204", version, b"")
		code, status, spoken, answer = get(f"/stream?n={LARGE}")
		assert (code, status, spoken, len(answer)) == (0, "200", version, LARGE)
		for words in (["--data-binary", f"@{body}"], ["-T", body, "-X", "POST"],  # curl asks with Expect: 100-continue
		              ["--data-binary", f"@{body}", "-H", "Transfer-Encoding: chunked"]):
			code, status, spoken, answer = get("/sum", *words)
			assert (code, status, spoken) == (0, "200", version) and json.loads(answer)["sha256"] == body_sum(LARGE), (words, answer)
		assert get("/trailers") == (0, "200", version, b"hello\n")
		assert get("/hints") == (0, "200", version, b"hello\n")
		code, status, spoken, answer = get("/short")
		assert code in (18, 56, 92) and status == "200", (code, status)  # the end of the body is missing, and curl can tell
		assert get("/cut")[:2] == (0, "502")


@cases(("h1", "h1"), ("h2", "h2"))
def test_http_client(kind, shared):
	context = ssl.create_default_context(cafile=shared.ca)
	for make in (lambda: http.client.HTTPConnection(*shared.edge.web, timeout=20),
	             lambda: http.client.HTTPSConnection(*shared.secure, timeout=20, context=context)):
		c = make()
		for i in range(3):  # on one connection
			c.request("POST", "/sum", body=iter([b"x" * 100000] * 10), headers={"Host": f"{kind}.test"}, encode_chunked=True)
			assert json.loads(c.getresponse().read())["n"] == 1000000
			c.request("GET", f"/stream?n={LARGE}", headers={"Host": f"{kind}.test"})
			assert len(c.getresponse().read()) == LARGE
		c.close()


@cases(("clear", False), ("tls", True))
def test_nghttp(is_tls, shared):
	need_tool("nghttp")
	for kind in KINDS:
		web = shared.secure if is_tls else shared.edge.web
		url = f"{'https' if is_tls else 'http'}://%s:%d" % web
		body = shared.lab.write("nghttp.in", b"x" * 1000000)
		out = run("nghttp", "-nv", "-H", f":authority: {kind}.test", "-m", "20", f"{url}/bytes?n=300000", f"{url}/hello").stdout
		assert out.count(":status: 200") == 40, out[-3000:]
		out = run("nghttp", "-H", f":authority: {kind}.test", "-d", body, "--no-content-length", "--trailer", "x-sum: 9", f"{url}/sum").stdout
		out = out[out.index("{"):]  # behind a word about our certificate
		assert json.loads(out)["n"] == 1000000 and json.loads(out)["trailers"] == {"x-sum": "9"}, out


# ---- nghttpd as the server ----

class Nghttpd:
	def __init__(self, lab, certificate=None):
		need_tool("nghttpd")
		self.ip, self.port = lab.ip, lab.port()
		for name, size in (("10k", 10240), ("1m", 1024 * 1024)):
			lab.write(f"nghttpd/{name}", (b"0123456789abcdef" * (size // 16)))
		tls = [certificate.file, certificate.file] if certificate else ["--no-tls"]
		self.process = lab.start("nghttpd-tls" if certificate else "nghttpd", [
			"nghttpd", "--address", lab.ip, "-d", lab.path("nghttpd"), "--trailer", "x-sum: 5", "-e", str(self.port), *tls])
		wait_until(self.listens, 10, "nghttpd listens")

	def listens(self):
		try:
			socket.create_connection((self.ip, self.port)).close()
			return True
		except OSError:
			return False

	@property
	def text(self):
		return f"{self.ip}:{self.port}"


@cases(("clear", False), ("tls", True))
def test_nghttpd(is_tls, lab):
	server = Nghttpd(lab, Certificate(lab, "origin.test") if is_tls else None)
	tls = {"tls": {"ca": Authority.of(lab).file, "server_name": "origin.test"}} if is_tls else {}
	edge = Edge(lab, {"cloud": [server]}, pool={"protocol": "http2", "max_streams": 10, **tls})
	some = [{"name": str(i), "path": "/1m" if i % 3 else "/10k"} for i in range(60)]
	for how in ("h1", "h2"):
		got = ask(how, "http://%s:%d" % edge.web, "app.test", some)
		assert all(a["status"] == 200 and a["n"] == (1024 * 1024 if int(name) % 3 else 10240) for name, a in got.items()), got
		assert how == "h1" or all(a["trailers"] == {"x-sum": "5"} for a in got.values()), got
		assert ask(how, "http://%s:%d" % edge.web, "app.test", [{"name": "head", "path": "/1m", "method": "HEAD"}])["head"]["n"] == 0
	assert edge.daemon.metric("steerway_proxy_upstream_connects_total") >= 6  # no more than ten streams on each
