# SPDX-License-Identifier: BSD-2-Clause
"""Chromium: a page that fetches much at once over HTTP/2, and a WebSocket. The page tells its server what it has seen."""
import shutil
from urllib.parse import unquote

from edge import Edge
from http1 import RawOrigin
from lab import need, timeout, wait_until
from origins import Certificate
from test_websocket import Origin

PAGE = b"""<!doctype html><title>t</title><script>
(async () => {
	const out = [];
	try {
		const texts = await Promise.all([...Array(60).keys()].map(async (i) => (await fetch("/item?" + i)).text()));
		out.push("fetched " + texts.filter((t, i) => t === "/item?" + i).length);
		const ws = new WebSocket("wss://" + location.host + "/echo");
		out.push(await new Promise((resolve) => {
			let n = 0;
			ws.onopen = () => { for (let i = 0; i < 100; i++) ws.send("m" + i); };
			ws.onmessage = (m) => { if (m.data === "m" + n && ++n === 100) { ws.close(); resolve("echoed " + n); } };
			ws.onerror = () => resolve("no socket");
		}));
	} catch (e) { out.push(String(e)); }
	fetch("/done?" + encodeURIComponent(out.join(", ")));
})();
</script>"""


class Origin1(RawOrigin):
	def answer(self, c):
		while request := c.request():
			self.note(request)
			body = PAGE if request.target == "/" else request.target.encode()
			kind = b"text/html" if request.target == "/" else b"text/plain"
			c.send(b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s" % (kind, len(body), body))

	def said(self):
		return next((unquote(r.target[6:]) for r in self.requests if r.target.startswith("/done?")), None)


@timeout(90)
def test_chromium(lab):
	chromium = shutil.which("chromium") or shutil.which("google-chrome")
	need(chromium, "chromium is not installed")
	sockets = Origin(lab)
	origin = Origin1(lab)
	edge = Edge(lab, {"cloud": [origin]}, listener={"tls": {"certificates": [Certificate(lab, "app.test").file]}},
	            pools={"sockets": {"servers": [{"name": "ws", "address": sockets.text, "site": "cloud"}]}},
	            routes=[{"pool": "app"}, {"path": "/echo", "pool": "sockets"}])
	browser = lab.start("chromium", [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server",
	                                 "--ignore-certificate-errors", "--remote-debugging-port=0", f"--user-data-dir={lab.path('profile')}",
	                                 f"--host-resolver-rules=MAP app.test {lab.ip}", f"https://app.test:{edge.web[1]}/"])
	assert wait_until(origin.said, 40, "the page's word") == "fetched 60, echoed 100", origin.said()
	browser.stop()

	def items():
		return [r["protocol"] for r in edge.daemon.access() if r["path"].startswith("/item")]
	wait_until(lambda: len(items()) >= 60, 5, "a record of each item")
	assert items() == ["h2"] * 60, items()
	socket = edge.daemon.wait_access(lambda r: r["path"] == "/echo")
	# On the same connection (RFC 8441): it was offered, and 200 is what opens it there.
	assert (socket["protocol"], socket["status"]) == ("h2", 200) and socket["end"] in ("complete", "client_abort"), socket
