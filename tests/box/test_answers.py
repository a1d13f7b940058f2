# SPDX-License-Identifier: BSD-2-Clause
"""Answers that the proxy makes itself: in the form that the client accepts, from configured pages, with nothing of the client in them."""
import json

from edge import Edge
from http1 import RawOrigin
from lab import cases


def refusing(lab):
	"""An address where nothing listens."""
	return "%s:%d" % (lab.ip, lab.port())


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@cases(("none", None, "text/plain"), ("curl", "*/*", "text/plain"), ("browser", BROWSER, "text/html; charset=utf-8"),
       ("script", "application/json, text/plain, */*", "application/problem+json"),
       ("weighed", "text/html;q=0.1, application/json;q=0.2", "application/problem+json"),
       ("nothing fits", "image/png", "text/plain"), ("garbage", ";;,,q=,\"", "text/plain"))
def test_form(accept, want, lab):
	edge = Edge(lab, {"cloud": [refusing(lab)]})
	with edge.client() as c:
		answer = c.get("/<script>", fields=[("Accept", accept)] if accept is not None else [])
		assert answer.status == 502 and answer.get("Content-Type") == want, answer
		assert answer.get("Cache-Control") == "no-store" and answer.get("Date"), answer
		assert b"no connection to a server" in answer.body and b"script>" not in answer.body, answer.body
		if "json" in want:
			assert json.loads(answer.body) == {"type": "about:blank", "title": "Bad Gateway", "status": 502,
			                                   "detail": "no connection to a server", "reason": "connect_failed"}
		assert c.get("/").status == 502, "the connection went on"
	assert edge.daemon.wait_access(lambda r: True)["end"] == "connect_failed"
	edge.daemon.wait_metric('steerway_proxy_ends_total{reason="connect_failed"}', 2)


def test_accept_in_two_lines(lab):
	edge = Edge(lab, {"cloud": [refusing(lab)]})
	answer = edge.fetch("/", fields=[("Accept", "image/png"), ("Accept", "text/html")])
	assert answer.get("Content-Type") == "text/html; charset=utf-8", answer


def test_head_request(lab):
	"""The fields that GET would get, and no body."""
	edge = Edge(lab, {"cloud": [refusing(lab)]})
	with edge.client() as c:
		whole = c.get("/")
		c.ask("HEAD", "/")
		answer = c.response("HEAD")
		assert answer.status == 502 and answer.get("Content-Length") == str(len(whole.body)), answer
		assert c.get("/").body == whole.body, "the next answer began where this one ended"


@cases(("unavailable", "app.test", None, "14", b"no connection to a server"), ("no route", "other.test", None, "12", b"no route"),
       ("json codec", "app.test", "application/grpc+json", "14", b"no connection to a server"))
def test_grpc(host, content_type, code, message, lab):
	"""A gRPC client reads no HTTP status: the code comes as trailers alone, whatever it accepts."""
	edge = Edge(lab, {"cloud": [refusing(lab)]}, routes=[{"host": "app.test", "pool": "app"}])
	answer = edge.fetch("/s/m", "POST", host=host, body=b"\0\0\0\0\0",
	                    fields=[("Content-Type", content_type or "application/grpc"), ("Accept", "text/html")])
	assert answer.status == 200 and answer.get("Content-Type") == "application/grpc", answer
	assert answer.get("Grpc-Status") == code and answer.get("Grpc-Message").encode().startswith(message), answer
	assert answer.body == b"", answer.body
	record = edge.daemon.wait_access(lambda r: True)
	assert record["status"] == 200 and record["end"] in ("connect_failed", "no_route"), record


def test_pages(lab):
	"""By status, and more exactly by reason; read anew by a reload."""
	html = lab.write("pages/5xx.html", "<title>${status}</title><p>${status_text} on ${node}: ${detail}, $5")
	lab.write("pages/route.json", '{"why": "${reason}"}')
	edge = Edge(lab, {"cloud": [refusing(lab)]}, routes=[{"host": "app.test", "pool": "app"}], answers={"retry_after": "3s", "pages": [
		{"status": "500-599", "html": "pages/5xx.html", "text": "pages/5xx.html"}, {"reason": "no_route", "json": "pages/route.json"}]})
	page = edge.fetch("/", fields=[("Accept", BROWSER)])
	assert page.status == 502 and page.get("Content-Type") == "text/html; charset=utf-8", page
	assert page.body == b"<title>502</title><p>Bad Gateway on edge-1: no connection to a server, $5", page.body
	assert edge.fetch("/").get("Content-Type") == "text/plain; charset=utf-8"
	assert edge.fetch("/", fields=[("Accept", "application/json")]).get("Content-Type") == "application/problem+json"
	page = edge.fetch("/", host="other.test", fields=[("Accept", "application/json")])
	assert page.status == 404 and page.body == b'{"why": "no_route"}' and page.get("Content-Type") == "application/json", page
	html.write_text("changed")
	edge.reconfigure()
	assert edge.fetch("/", fields=[("Accept", BROWSER)]).body == b"changed"
	html.write_text("${nothing}")
	refused = edge.reconfigure(check=False)
	assert "${nothing}" in refused.stderr + refused.stdout and "answers.pages[0]" in refused.stderr + refused.stdout, refused
	assert edge.fetch("/", fields=[("Accept", BROWSER)]).body == b"changed", "the old pages serve on"


def test_retry_after(lab):
	edge = Edge(lab, {"cloud": [RawOrigin(lab)]}, answers={"retry_after": "90s"})
	edge.daemon.ctl("maint", "pool", "app")
	answer = edge.fetch("/")
	assert answer.status == 503 and answer.get("Retry-After") == "90", answer
	edge.daemon.ctl("ready", "pool", "app")
	assert edge.fetch("/").get("Retry-After") is None


def test_servers_answers_stay(lab):
	"""What a server says passes as it is, also where there is a page for its status."""
	lab.write("pages/any.txt", "mine")
	origin = RawOrigin(lab, lambda c: c.request() and c.send(b"HTTP/1.1 503 Busy\r\nContent-Length: 6\r\n\r\ntheirs") or c.rest())
	edge = Edge(lab, {"cloud": [origin]}, answers={"pages": [{"status": "100-599", "text": "pages/any.txt"}]})
	answer = edge.fetch("/")
	assert answer.status == 503 and answer.body == b"theirs", answer


def test_method_refused(lab):
	edge = Edge(lab, {"cloud": [RawOrigin(lab)]})
	answer = edge.fetch("app.test:443", "CONNECT", host="app.test:443", fields=[("Accept", "application/json")])
	assert answer.status == 405 and "GET" in answer.get("Allow") and "CONNECT" not in answer.get("Allow"), answer
	assert json.loads(answer.body)["reason"] == "method_refused"
