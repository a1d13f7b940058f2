# SPDX-License-Identifier: BSD-2-Clause
"""Peers in Node (peers/*.js), and what they agree on: an origin of four protocols, and clients of three kinds."""
import hashlib
import json
import subprocess
from pathlib import Path

from lab import PATIENCE, need_tool, wait_until
from origins import Authority

PEERS = Path(__file__).resolve().parent / "peers"
KINDS = ("h1", "h2", "h1s", "h2s")  # of origins: the protocol, with an s over TLS


class NodeOrigin:
	def __init__(self, lab, certificate, name="origin"):
		need_tool("node")
		self.ports = {kind: lab.port() for kind in KINDS}
		self.ip = lab.ip
		words = {"ip": lab.ip, "ports": self.ports, "pem": str(certificate.file)}
		self.process = lab.start(name, ["node", PEERS / "origin.js", json.dumps(words)])
		wait_until(self.is_ready, 20, "the origin listens")

	def is_ready(self):
		self.process.must_live()
		return "ready" in self.process.text()

	def text(self, kind):
		return f"{self.ip}:{self.ports[kind]}"


def four_pools(lab, origin):
	"""A pool of each kind, and routes to them by host (h1.test, h2.test, h1s.test, h2s.test) or by X-Kind, for clients that choose no host."""
	pools = {}
	for kind in KINDS:
		pools[kind] = {"protocol": "http2" if kind.startswith("h2") else "http1",
		               "servers": [{"name": f"{kind}-1", "address": origin.text(kind), "site": "cloud"}]}
		if kind.endswith("s"):
			pools[kind]["tls"] = {"ca": Authority.of(lab).file, "server_name": "origin.test"}
	return pools, [{**which, "pool": kind} for kind in KINDS
	               for which in ({"host": f"{kind}.test"}, {"headers": {"x-kind": {"exact": kind}}})]


def ask(how, url, host, cases, ca=None, seconds=30, **more):
	"""Runs cases in one Node client, all at once; name -> what became of it."""
	need_tool("node")
	words = {"how": how, "url": url, "host": host, "cases": cases, **more}
	if ca:
		words["ca"] = ca
	env = {"PATH": "/usr/local/bin:/usr/bin:/bin", **({"NODE_EXTRA_CA_CERTS": ca} if ca else {})}
	done = subprocess.run(["node", PEERS / "client.js", json.dumps(words)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
	                      timeout=seconds * PATIENCE, env=env)
	assert done.returncode == 0 and done.stdout, f"node: {done.returncode} {done.stdout[-1000:]}{done.stderr[-3000:]}"
	return json.loads(done.stdout)


def body_sum(n, unit=b"fedcba9876543210"):
	"""SHA-256 of n bytes as the clients send them."""
	return hashlib.sha256((unit * (n // len(unit) + 1))[:n]).hexdigest()


def answer_sum(n):
	"""The same as the origin sends them."""
	return body_sum(n, b"0123456789abcdef")
