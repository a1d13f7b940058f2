# SPDX-License-Identifier: BSD-2-Clause
"""Probes of real servers: what each kind of check takes for healthy, and the evidence that it leaves."""
from edge import HTTP_CHECK, Edge
from http1 import RawOrigin, ok
from lab import SLOW, cases, wait_until
from origins import Authority, Certificate, Nginx

FAST = {"interval": "100ms", "timeout": "100ms" if SLOW == 1 else "1s", "rise": 1, "fall": 1}
if SLOW > 1:
	FAST["interval"] = "1s"


def verdict(edge):
	"""(verdict, evidence of the last probe)."""
	tree = edge.daemon.ctl_json("explain", "app/cloud1")
	return tree["verdict"], tree["probes"][0]["evidence"]


def probed(lab, origin, **check):
	return Edge(lab, {"cloud": [origin]}, check={**FAST, **check})


@cases(("status", {"expect": {"status": "200-299"}}, b"HTTP/1.1 204 No Content\r\n\r\n", "up", "204"),
       ("wrong status", {"expect": {"status": "200-299"}}, b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "down", "503"),
       ("list of statuses", {"expect": {"status": "200,418"}}, b"HTTP/1.1 418 Teapot\r\nContent-Length: 0\r\n\r\n", "up", "418"),
       ("body", {"expect": {"body": "all is well"}}, ok(b"yes, all is well here"), "up", "200"),
       ("wrong body", {"expect": {"body": "all is well"}}, ok(b"not so well"), "down", ""),
       ("body in chunks", {"expect": {"body": "abcdef"}}, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n", "up", "200"),
       ("expression", {"expect": {"body_regex": "load: [0-4]\\d%"}}, ok(b"load: 37%"), "up", "200"),
       ("expression that fails", {"expect": {"body_regex": "load: [0-4]\\d%"}}, ok(b"load: 97%"), "down", ""),
       ("garbage", {}, b"\0\1\2\r\n\r\n", "down", ""), ("silence", {}, b"", "down", ""))
def test_http(check, answer, expected, evidence, lab):
	def serve(c):
		origin.note(c.request())
		if answer:
			c.send(answer)
		else:
			c.rest()
	origin = RawOrigin(lab, serve)
	edge = probed(lab, origin, type="http", path="/health", host="probe.test", **check)
	wait_until(lambda: (v := verdict(edge))[0] == expected and v[1] and evidence in v[1], 5, f"verdict {expected} with {evidence}")
	request = origin.requests[0]
	assert request.target == "/health" and request.get("Host") == "probe.test" and request.method == "GET", request


def test_tcp(lab):
	origin = RawOrigin(lab)
	edge = probed(lab, origin, type="tcp")
	wait_until(lambda: verdict(edge)[0] == "up", 5, "up")
	origin.close()
	wait_until(lambda: (v := verdict(edge))[0] == "down" and "efused" in v[1], 5, "down, since it is refused")


@cases(("own authority", {"ca": True, "server_name": "origin.test"}, "up"), ("name of the host key", {"ca": True}, "up"),
       ("another name", {"ca": True, "server_name": "other.test"}, "down"), ("unknown authority", {"server_name": "origin.test"}, "down"),
       ("not verified", {"verify": False}, "up"))
def test_https(tls, expected, lab):
	certificate = Certificate(lab, "origin.test", "localhost")
	origin = Nginx(lab, "cloud", certificate=certificate)
	tls = {**tls, **({"ca": Authority.of(lab).file} if tls.get("ca") else {})}
	edge = probed(lab, origin, type="https", path="/health", host="origin.test", expect={"body": "ok"}, tls=tls,
	              interval="1s", timeout="1s")
	def is_as_expected():
		seen, evidence = verdict(edge)
		return seen == expected and (seen == "up" or any(w in evidence.lower() for w in ("verif", "certificate", "mismatch")))
	wait_until(is_as_expected, 5, f"verdict {expected}, and why")


def test_other_port(lab):
	"""A check on a port of its own: the server is down when that says so, whatever its main port does."""
	main, health = RawOrigin(lab), RawOrigin(lab, lambda c: c.request() and c.send(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"))
	edge = probed(lab, main, type="http", port=health.address[1])
	wait_until(lambda: verdict(edge)[0] == "down", 5, "down")
	assert not main.requests and edge.fetch("/").status == 503


def test_rise_and_fall(lab):
	"""`fall` failures in a row, no fewer; `rise` successes to come back. Counted by what the origin was asked."""
	plan, asked = [], []

	def serve(c):
		c.request()
		asked.append(1)
		good = plan.pop(0) if plan else True
		c.send(ok() if good else b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
	edge = Edge(lab, {"cloud": [RawOrigin(lab, serve)]}, check={**HTTP_CHECK, "expect": {"status": "200"}, "interval": "500ms", "timeout": "500ms",
	                                                            "jitter": "0%"})

	def play(*answers):
		plan.extend(answers)
		wait_until(lambda: not plan, 10, "the answers were given")
		n = len(asked)
		wait_until(lambda: len(asked) > n, 5, "one more probe")

	def changes():
		return [e["to"] for e in edge.daemon.ctl_json("show", "events") if e["server"] == "app/cloud1"]
	play(False, False, True, False, False)
	assert changes() in (["up"], []), "two failures in a row are not three"
	play(False, False, False)
	wait_until(lambda: changes()[-1:] == ["down"] or changes()[-2:] == ["down", "up"], 5, "three are")
	wait_until(lambda: changes()[-1] == "up", 5, "and two successes bring it back")


def test_a_refused_connection_is_probed_at_once(lab):
	"""Passive: live traffic that is refused brings the next probe forward, far before the interval."""
	origin = RawOrigin(lab)
	edge = Edge(lab, {"cloud": [origin]}, check={"type": "tcp", "interval": "30s", "timeout": "1s", "fall": 1, "rise": 1}, pool={"retries": {"attempts": 0}})
	assert edge.fetch("/").status == 200
	origin.close()
	assert edge.fetch("/").status == 502
	wait_until(lambda: verdict(edge)[0] == "down", 5, "the verdict")
