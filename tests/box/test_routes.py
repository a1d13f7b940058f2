# SPDX-License-Identifier: BSD-2-Clause
"""Routes in the real daemon: what matches, in which order, and what is done then: pools, splits, redirects, answers, rewriting, rules
for fields, maintenance; and that `explain route` tells the same."""
import http2

from edge import Edge, servers
from http1 import Client, RawOrigin, fetch, ok
from lab import cases, need_tool, run
from origins import Certificate

ROUTES = [
	{"pool": "app"},
	{"host": "api.test", "path": "/v1", "pool": "one"},
	{"host": "api.test", "path": "/v1/x", "match": "exact", "pool": "two"},
	{"host": "api.test", "path": "/v[0-9]+/[a-z]+", "match": "regex", "pool": "three"},
	{"host": "*.wild.test", "pool": "two"},
	{"host": "www.wild.test", "pool": "one"},
	{"host": "cond.test", "pool": "app"},
	{"host": "cond.test", "methods": ["POST", "PUT"], "pool": "one"},
	{"host": "cond.test", "headers": {"X-Canary": {"exact": "yes"}}, "pool": "two"},
	{"host": "cond.test", "headers": {"Cookie": {"regex": r".*\bbeta=1\b.*"}}, "pool": "three"},
	{"host": "cond.test", "query": {"v": {"prefix": "2 "}}, "pool": "two"},
	{"host": "cond.test", "path": "/office", "clients": ["127.0.0.0/8"], "pool": "one"},
	{"host": "cond.test", "path": "/far", "clients": ["192.0.2.0/24"], "pool": "one"},
	{"path": "/status", "priority": 10, "pool": "three"},
	{"host": "go.test", "redirect": {"location": "https://www.test${path}${query}", "status": 301}},
	{"host": "go.test", "path": "/old/([0-9]+)(/.*)?", "match": "regex", "redirect": {"location": "/new${2}?id=${1}", "status": 302}},
	{"host": "go.test", "path": "/here", "redirect": {"location": "${path}"}},
	{"host": "go.test", "path": "/tls", "redirect": {"https": True}},
	{"host": "go.test", "path": "/field", "redirect": {"location": "/?u=${header:user-agent}"},
	 "response_headers": {"set": {"X-Why": "moved ${host}"}}},
	{"host": "say.test", "answer": {"status": 410, "body": "gone\n", "content_type": "text/x-gone"}},
	{"host": "say.test", "path": "/nothing", "answer": {"status": 204}},
	{"host": "re.test", "path": "/api", "pool": "app", "rewrite": {"strip_prefix": "/api", "host": "inner.test"}},
	{"host": "re.test", "path": "/all", "pool": "app", "rewrite": {"path": "/one/${method}"}},
	{"host": "re.test", "path": "/user/(.*)", "match": "regex", "pool": "app", "rewrite": {"path": "/u/${1}/profile"}},
	{"host": "re.test", "path": "/sub", "pool": "app", "rewrite": {"regex": "/sub/(..)/(.*)", "replace": "/${2}/${1}"}},
	{"host": "re.test", "path": "/up", "pool": "app", "rewrite": {"path": "/a/${header:x-where}/b"}},
	{"host": "re.test", "path": "/badhost", "pool": "app", "rewrite": {"host": "${header:x-where}"}},
	{"host": "set.test", "pool": "app",
	 "request_headers": {"remove": ["X-Secret"], "set": {"X-User": "proxy", "X-From": "${client_ip} ${scheme} ${listener} ${pool} ${path}${query}",
	                                                     "X-Ua": "${header:user-agent}", "X-Dollar": "$$5 $"},
	                     "add": {"X-List": "b"}},
	 "response_headers": {"remove": ["Server", "X-Powered-By"],
	                      "set": {"X-Served": "${server}@${site} ${host} ${header:x-tag}", "Cache-Control": "no-store"},
	                      "add": {"Vary": "Origin"}}},
]


class Front:
	def __init__(self, lab):
		self.origins = {name: RawOrigin(lab, self.serve(name)) for name in ("app", "one", "two", "three")}
		others = {name: {"servers": servers(cloud=[o])} for name, o in self.origins.items() if name != "app"}
		self.edge = Edge(lab, {"cloud": [self.origins["app"]]}, routes=ROUTES, pools=others)

	def serve(self, name):
		def answer(connection):
			while request := connection.request():
				self.origins[name].note(request)
				connection.send(ok(name.encode(), b"Server: x\r\nX-Powered-By: y\r\nX-Tag: t1\r\nCache-Control: max-age=5\r\nVary: Accept\r\n"))
		return answer

	def explain(self, host, target, *words):
		return self.edge.daemon.ctl_json("explain", "route", f"http://{host}{target}", *words)

	def last(self, name="app"):
		return self.origins[name].requests[-1]


def shared(lab):
	return Front(lab)


MATCHES = [
	# host, target, fields, method, pool
	("any host", "other.test", "/", (), "GET", "app"),
	("prefix", "api.test", "/v1/y/z", (), "GET", "one"),
	("prefix itself", "api.test", "/v1", (), "GET", "one"),
	("prefix not on a border", "api.test", "/v1x", (), "GET", "app"),
	("exact before regex", "api.test", "/v1/x", (), "GET", "two"),
	("regex before prefix", "api.test", "/v1/y", (), "GET", "three"),
	("regex is whole", "api.test", "/v1/y1", (), "GET", "one"),
	("encoded letters are what they stand for", "api.test", "/%76%31/x", (), "GET", "two"),
	("dot segments are gone", "api.test", "/a/../v1/x", (), "GET", "two"),
	("wildcard", "a.b.wild.test", "/", (), "GET", "two"),
	("exact host before wildcard", "WWW.wild.test", "/", (), "GET", "one"),
	("the wildcard's own name", "wild.test", "/", (), "GET", "app"),
	("method", "cond.test", "/", (), "POST", "one"),
	("no such method", "cond.test", "/", (), "DELETE", "app"),
	("field", "cond.test", "/", (("x-canary", "yes"),), "GET", "two"),
	("field, other value", "cond.test", "/", (("x-canary", "yes!"),), "GET", "app"),
	("field, one of two values", "cond.test", "/", (("x-canary", "no"), ("x-canary", "yes")), "GET", "two"),
	("pattern of a field", "cond.test", "/", (("Cookie", "a=b; beta=1; c=d"),), "GET", "three"),
	("pattern that does not match", "cond.test", "/", (("Cookie", "a=b; beta=12"),), "GET", "app"),
	("parameter", "cond.test", "/?a=b&v=2%20x", (), "GET", "two"),
	("parameter with a plus", "cond.test", "/?v=2+", (), "GET", "two"),
	("parameter, other value", "cond.test", "/?v=3", (), "GET", "app"),
	("client", "cond.test", "/office/a", (), "GET", "one"),
	("other client", "cond.test", "/far/a", (), "GET", "app"),
	("priority over all hosts", "api.test", "/status", (), "GET", "three"),
]


@cases(*MATCHES)
def test_match(host, target, fields, method, pool, shared):
	"""The request comes to the pool, and explain route says so."""
	answer = shared.edge.fetch(target, method, host=host, fields=fields)
	assert answer.body.decode() == pool, answer
	words = ["--method", method]
	for name, value in fields:
		words += ["--header", f"{name}: {value}"]
	told = shared.explain(host, target, *words)
	assert {"what": "pool", "text": pool} in told["effects"], told
	taken = [c for c in told["candidates"] if c["why"] == "takes it"]
	assert len(taken) == 1 and taken[0]["route"] == told["taken_by"], told


def test_explanation_tells_why(shared):
	told = shared.explain("cond.test", "/", "--client", "192.0.2.9", "--header", "X-Canary: maybe")
	why = {c["route"]: c["why"] for c in told["candidates"]}
	assert why["routes[8]"] == "field X-Canary is not yes", told
	assert why["routes[9]"].startswith("field Cookie does not match"), told
	assert why["routes[10]"] == "parameter v does not begin with 2 ", told
	assert why["routes[7]"] == "method GET is not among its methods", told
	assert why["routes[6]"] == "takes it" and told["taken_by"] == "routes[6]", told
	assert why["routes[0]"] == "not looked at: an earlier one decides", told
	assert all(c["place"].startswith(str(shared.edge.daemon.file)) for c in told["candidates"]), told
	# The order in which they are told is the order in which they are looked at.
	assert [c["route"] for c in told["candidates"]][-2:] == ["routes[6]", "routes[0]"], told
	text = shared.edge.daemon.ctl("explain", "route", "http://set.test/x").stdout
	assert "set X-From: 127.0.0.1 http (listener) app /x" in text, text
	done = shared.edge.daemon.ctl("explain", "route", "nonsense", check=False)
	assert done.returncode != 0 and "is no URL" in done.stdout + done.stderr, done
	done = shared.edge.daemon.ctl("explain", "route", "http://a.test/", "--header", "a b", check=False)
	assert done.returncode != 0 and "malformed" in done.stdout + done.stderr, done


REDIRECTS = [
	("the URL elsewhere", "/a%20b/c?d=e", (), 301, "https://www.test/a%20b/c?d=e"),
	("captures", "/old/17/x/y", (), 302, "/new/x/y?id=17"),
	("an empty capture", "/old/17", (), 302, "/new?id=17"),
	("two slashes name no host", "//here/../here", (), 308, None),
	("https", "/tls/x?y", (), 308, "https://go.test/tls/x?y"),
	("a field's value is encoded", "/field", (("User-Agent", "a b/\xe9?#\t\"<"),), 308, "/?u=a%20b%2F%E9%3F%23%09%22%3C"),
]


@cases(*REDIRECTS)
def test_redirect(target, fields, status, location, shared):
	answer = shared.edge.fetch(target, host="go.test", fields=fields)
	if location is None:  # another route takes it; what counts is that nothing leads to //here
		assert not (answer.get("Location") or "").startswith("//"), answer
		return
	assert answer.status == status and answer.get("Location") == location, answer
	assert answer.get("Date") and answer.get("Content-Length") == "0" and answer.body == b"", answer
	if target == "/field":
		assert answer.get("X-Why") == "moved go.test", answer
	record = shared.edge.daemon.wait_access(lambda r: r["path"] == target and r["host"] == "go.test")
	assert record["status"] == status and record["end"] == "redirected", record
	told = shared.explain("go.test", target)
	assert {"what": "answer", "text": told["effects"][0]["text"]} and told["effects"][0]["text"].startswith(str(status)), told


def test_a_path_never_becomes_a_host(shared):
	"""`location: ${path}` with a path of two slashes."""
	shared.edge.config["routes"] = ROUTES + [{"host": "open.test", "redirect": {"location": "${path}"}}]
	shared.edge.reconfigure()
	answer = shared.edge.fetch("///evil.test/x", host="open.test")
	assert answer.status == 308 and answer.get("Location") == "/evil.test/x", answer


def test_https_redirect_is_for_clear_text_alone(lab):
	origin = RawOrigin(lab)
	edge = Edge(lab, {"cloud": [origin]}, routes=[{"pool": "app"}, {"path": "/", "redirect": {"https": True}}])
	tls = (lab.ip, lab.port())
	certificate = Certificate(lab, "app.test")
	edge.config["listeners"]["tls"] = {"bind": ["%s:%d" % tls], "tls": {"certificates": [certificate.file]}}
	edge.reconfigure()
	assert edge.fetch("/x?y").get("Location") == "https://app.test/x?y"
	assert fetch(tls, "/x", tls=certificate.trust(), sni="app.test").body == b"hello"
	# A client that names no host is sent to the address that it came to.
	with edge.client() as c:
		c.send(b"GET /x HTTP/1.0\r\n\r\n")
		assert c.response().get("Location") == f"https://{lab.ip}/x"


def test_own_answer(shared):
	answer = shared.edge.fetch("/x", host="say.test")
	assert (answer.status, answer.body, answer.get("Content-Type")) == (410, b"gone\n", "text/x-gone"), answer
	answer = shared.edge.fetch("/x", "HEAD", host="say.test")
	assert answer.status == 410 and answer.get("Content-Length") == "5", answer
	answer = shared.edge.fetch("/nothing", host="say.test")
	assert answer.status == 204 and not answer.get("Content-Length") and not answer.get("Content-Type"), answer
	with shared.edge.client() as c:  # the connection serves on, but not behind a body that nobody read
		assert c.get("/x", host="say.test").status == 410 and c.get("/x", host="say.test").status == 410
		c.ask("POST", "/x", host="say.test", body=b"x" * 1000)
		answer = c.response()
		assert answer.status == 410
	assert shared.edge.daemon.wait_access(lambda r: r["end"] == "answered" and r["method"] == "POST")


REWRITES = [
	("prefix off", "/api/v1/x?y=z", (), "/v1/x?y=z", "inner.test"),
	("nothing left", "/api", (), "/", "inner.test"),
	("slash left", "/api/", (), "/", "inner.test"),
	("encoded prefix", "/%61pi/%2e%2e/api/a%20b", (), "/a%20b", "inner.test"),
	("whole path", "/all/x?q", (), "/one/GET?q", "re.test"),
	("captures of the route", "/user/a%20b", (), "/u/a%20b/profile", "re.test"),
	("pattern", "/sub/ab/c/d", (), "/c/d/ab", "re.test"),
	("pattern that does not match", "/sub/abc/d", (), "/sub/abc/d", "re.test"),
	("a value can't climb", "/up", (("X-Where", ".."),), "/b", "re.test"),
	("a value can't be a path", "/up", (("X-Where", "x/../../y?z#"),), "/a/x%2F..%2F..%2Fy%3Fz%23/b", None),
	("a host of the client's", "/badhost", (("X-Where", "in.test:81"),), "/badhost", None),
	("no host", "/badhost", (("X-Where", "a b"),), None, None),
]


@cases(*REWRITES)
def test_rewrite(target, fields, seen, host, shared):
	before = len(shared.origins["app"].requests)
	answer = shared.edge.fetch(target, host="re.test", fields=fields)
	if host is None:  # what comes out is looked at as if a client had sent it
		assert answer.status == 500, answer
		assert len(shared.origins["app"].requests) == before
		assert shared.edge.daemon.wait_access(lambda r: r["end"] == "rewrite_failed")
		return
	assert answer.status == 200, answer
	request = shared.last()
	assert request.target == seen and request.get("Host") == host, request
	assert request.get("X-Forwarded-Host") == "re.test", request
	words = [w for n, v in fields for w in ("--header", f"{n}: {v}")]
	effects = shared.explain("re.test", target, *words)["effects"]
	assert {"what": "target", "text": seen} in effects and {"what": "host", "text": host} in effects, effects


def test_log_has_what_was_asked(shared):
	shared.edge.fetch("/api/log-me?x=1", host="re.test")
	assert shared.last().target == "/log-me?x=1"
	assert shared.edge.daemon.wait_access(lambda r: r["path"] == "/api/log-me?x=1")["host"] == "re.test"


def test_field_rules(shared):
	answer = shared.edge.fetch("/p?q=r", host="set.test", fields=(
		("X-Secret", "1"), ("x-secret", "2"), ("X-User", "mallory"), ("X-List", "a"), ("User-Agent", "agent 1"),
		("Connection", "X-User, X-From, close"), ("X-Dollar", "client")))
	request = shared.last()
	assert request.all("X-Secret") == [] and request.all("X-User") == ["proxy"], request
	assert request.all("X-From") == ["127.0.0.1 http web app /p?q=r"], request
	assert request.all("X-List") == ["a", "b"] and request.all("X-Ua") == ["agent 1"], request
	assert request.all("X-Dollar") == ["$5 $"], request
	assert answer.all("Server") == answer.all("X-Powered-By") == [], answer
	assert answer.all("X-Served") == ["cloud1@cloud set.test t1"], answer
	assert answer.all("Cache-Control") == ["no-store"] and answer.all("Vary") == ["Accept", "Origin"], answer


def test_a_connection_field_takes_nothing_away(shared):
	"""RFC 9110 7.6.1 lets a client name fields that end at the proxy; what a rule sets is not the client's."""
	shared.edge.fetch("/", host="set.test", fields=(("Connection", "keep-alive, x-user"), ("X-User", "a")))
	assert shared.last().all("X-User") == ["proxy"]
	assert shared.last().all("Connection") == []


def test_empty_value_leaves_the_field_out(shared):
	shared.edge.fetch("/", host="set.test", fields=(("X-Ua", "client's"),))
	assert shared.last().all("X-Ua") == []


def test_rules_when_a_head_is_full(lab):
	"""A head that came with as many fields as may come still gets those of the rules."""
	origin = RawOrigin(lab)
	rules = {"set": {f"X-R{i}": "${path}" for i in range(60)}}
	edge = Edge(lab, {"cloud": [origin]}, listener={"max_fields": 20},
	            routes=[{"pool": "app", "request_headers": rules, "response_headers": rules}])
	answer = edge.fetch("/full", fields=[(f"A{i}", "b") for i in range(19)])
	assert answer.status == 200
	for message in (origin.requests[-1], answer):
		assert all(message.all(f"X-R{i}") == ["/full"] for i in range(60)), message
	assert all(origin.requests[-1].get(f"A{i}") == "b" for i in range(19))


def test_split(lab):
	"""Shares of 2,000 draws within 5 standard deviations; by client each one keeps its pool."""
	pools = {}

	def serve(name):
		def answer(connection):
			while connection.request():
				pools[name] = pools.get(name, 0) + 1
				connection.send(ok(name.encode()))
		return answer
	stable, canary = RawOrigin(lab, serve("stable")), RawOrigin(lab, serve("canary"))
	edge = Edge(lab, {"cloud": [stable]}, pools={"canary": {"servers": servers(cloud=[canary])}},
	            routes=[{"split": {"canary": 10, "app": 90}},
	                    {"path": "/kept", "split": {"canary": 50, "app": 50}, "split_by": "client"}])
	with edge.client() as c:
		for _ in range(2000):
			assert c.get().status == 200
		assert abs(pools["canary"] - 200) < 5 * (2000 * 0.1 * 0.9) ** 0.5, pools
		assert len({c.get("/kept").body for _ in range(50)}) == 1
	shares = {e["text"] for e in edge.daemon.ctl_json("explain", "route", "http://a/")["effects"] if e["what"] == "pool"}
	assert shares == {"canary, for 10 of 100 requests", "app, for 90 of 100 requests"}, shares


def test_maintenance(lab):
	origin = RawOrigin(lab)
	page = {"status": 503, "body": "<h1>Back soon</h1>", "content_type": "text/html", "retry_after": "90s"}
	edge = Edge(lab, {"cloud": [origin]}, routes=[{"pool": "app", "maintenance": page}, {"path": "/plain", "pool": "app"}])
	assert edge.fetch("/").body == b"hello"
	edge.daemon.ctl("maint", "site", "cloud")
	answer = edge.fetch("/")
	assert answer.status == 503 and answer.body == b"<h1>Back soon</h1>", answer
	assert answer.get("Content-Type") == "text/html" and answer.get("Retry-After") == "90", answer
	assert edge.daemon.wait_access(lambda r: r["end"] == "maintenance")["status"] == 503
	assert edge.fetch("/plain").status == 503
	assert edge.daemon.wait_access(lambda r: r["end"] == "no_server")
	edge.daemon.ctl("ready", "site", "cloud")
	assert edge.fetch("/").body == b"hello"


def test_a_hard_value_is_no_way_around_a_route(lab):
	"""A pattern that takes too long on a path refuses the request; it does not let it pass to the next route."""
	origin = RawOrigin(lab)
	edge = Edge(lab, {"cloud": [origin]}, routes=[{"pool": "app"}, {"path": "/(a+a+)+[!b]", "match": "regex", "answer": {"status": 403}}])
	assert edge.fetch("/aaa!").status == 403
	assert edge.fetch("/aaac").body == b"hello"
	assert edge.fetch("/" + "a" * 4000).status == 500
	assert edge.daemon.wait_access(lambda r: r["end"] == "route_limit")
	assert len(origin.requests) == 1


def test_reload_changes_routes(lab):
	origin = RawOrigin(lab)
	edge = Edge(lab, {"cloud": [origin]}, routes=[{"pool": "app"}])
	with edge.client() as c:
		assert c.get("/x").body == b"hello"
		edge.config["routes"] = [{"path": "/x", "answer": {"body": "here"}}, {"pool": "app"}]
		edge.reconfigure()
		assert c.get("/x").body == b"here" and c.get("/y").body == b"hello"
	edge.config["routes"] = [{"path": "/a%2Fb", "pool": "app"}]
	edge.daemon.configure(edge.config)
	done = edge.daemon.reload(check=False)
	assert done.returncode != 0 and 'routes[0]: path: "/a%2Fb" is no path that a request can have' in done.stdout + done.stderr, done
	assert edge.fetch("/x").body == b"here"


def test_http2_on_both_sides(lab):
	"""Rules, rewriting and answers of the route's own do not ask which protocol it is: client h2c -> edge h2c -> edge -> origin."""
	need_tool("curl")
	origin = RawOrigin(lab)
	inner = Edge(lab, {"cloud": [origin]}, routes=[{"pool": "app", "response_headers": {"set": {"X-Inner": "${host}${path}"}}}], start=False)
	lab.steerway(inner.config, name="inner")
	rules = {"request_headers": {"remove": ["X-Gone"], "set": {"X-Set": "${header:x-came} ${scheme}"}},
	         "response_headers": {"set": {"X-Served": "${server} ${header:x-inner}"}}}
	outer = Edge(lab, {"cloud": ["%s:%d" % inner.web]}, pool={"protocol": "http2"}, routes=[
		{"path": "/api", "pool": "app", "rewrite": {"strip_prefix": "/api", "host": "in.test"}, **rules},
		{"path": "/go", "redirect": {"location": "/to${path}${query}"}},
		{"path": "/say", "headers": {"x-came": {"exact": "1"}}, "answer": {"body": "said\n"}}])

	def curl(target, *more):
		text = run("curl", "-sS", "-i", "--http2-prior-knowledge", "-H", "Host: app.test", *more,
		           "http://%s:%d%s" % (*outer.web, target)).stdout
		head, _, body = text.replace("\r\n", "\n").partition("\n\n")
		return head.lower(), body
	head, body = curl("/api/x?y", "-H", "X-Came: 1", "-H", "X-Gone: 1")
	assert head.startswith("http/2 200") and body == "hello", (head, body)
	assert "x-served: cloud1 in.test/x" in head, head
	request = origin.requests[-1]
	assert request.target == "/x?y" and request.get("Host") == "in.test", request
	assert request.all("X-Set") == ["1 http"] and request.all("X-Gone") == [], request
	assert request.get("X-Forwarded-Host") == "app.test", request
	head, _ = curl("/go/a?b")
	assert head.startswith("http/2 308") and "location: /to/go/a?b" in head, head
	assert curl("/say", "-H", "x-came: 1")[1] == "said\n"
	assert curl("/say")[0].startswith("http/2 404")


def test_rules_beside_an_upgrade(lab):
	"""What Connection says of the upgrade outlives the rules for fields."""
	def serve(connection):
		request = origin.note(connection.request())
		connection.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Gone: 1\r\n\r\n")
		connection.send(connection.take(4))
		assert request.has_token("Connection", "upgrade")
	origin = RawOrigin(lab, serve)
	rules = {"remove": ["X-Gone"], "set": {"X-Set": "${path}"}}
	edge = Edge(lab, {"cloud": [origin]}, routes=[{"pool": "app", "request_headers": rules, "response_headers": rules}])
	with edge.client() as c:
		c.ask("GET", "/ws", fields=(("Connection", "Upgrade, X-Set"), ("Upgrade", "websocket"), ("X-Gone", "1"), ("X-Set", "0")))
		answer = c.response()
		assert answer.status == 101 and answer.get("Upgrade") == "websocket", answer
		c.send(b"ping")
		assert c.take(4) == b"ping"
	for message in (answer, origin.requests[-1]):
		assert message.all("X-Set") == ["/ws"] and message.all("X-Gone") == [], message


def test_a_full_head_costs_no_rule_its_field(lab):
	"""As many fields as a listener may let in leave room for all that rules set, towards a server of HTTP/2 too."""
	origin = http2.Origin2(lab)
	edge = Edge(lab, {"cloud": [origin]}, pool={"protocol": "http2"}, listener={"max_fields": 1000, "max_head": "64KiB"},
	            routes=[{"pool": "app", "request_headers": {"set": {f"X-Rule-{i}": str(i) for i in range(64)}}}])
	assert edge.fetch("/", fields=[("X-Fill", "1")] * 999).status == 200
	seen = [name for name, _ in origin.seen[-1].fields]
	assert seen.count("x-fill") == 999 and [f"x-rule-{i}" for i in range(64)] == [n for n in seen if n.startswith("x-rule")], len(seen)
