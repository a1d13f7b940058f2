# SPDX-License-Identifier: BSD-2-Clause
"""A steerway at the edge, as most tests want it: clear-text HTTP in front, one pool `app` behind, and what a test says otherwise."""
from http1 import Client, fetch


def servers(**by_site):
	"""servers(cloud=[origin, ...]) -> the list of a pool's servers, named cloud1, cloud2..."""
	return [{"name": f"{site}{i + 1}", "address": origin if isinstance(origin, str) else origin.text, "site": site}
	        for site, origins in by_site.items() for i, origin in enumerate(origins)]


class Edge:
	"""sites: name -> origins; the first address octets of a site's records are made up from its place."""

	def __init__(self, lab, sites=None, listener=None, pool=None, routes=None, pools=None, check=None, start=True, **root):
		self.lab = lab
		self.web = (lab.ip, lab.port())
		sites = sites or {}
		self.config = {
			"node": {"name": "edge-1"},
			"listeners": {"web": {"bind": ["%s:%d" % self.web], **(listener or {})}},
			"sites": {name: {"addresses": [f"192.0.2.{i + 1}"]} for i, name in enumerate(sites)},
		}
		# Without a check servers count as up, and origins see no request but the test's.
		if check:
			self.config["checks"] = {"app": check}
		if sites:
			app = {"servers": servers(**sites), **({"check": "app"} if check else {}), **(pool or {})}
			self.config["pools"] = {"app": app, **(pools or {})}
			self.config["routes"] = routes or [{"pool": "app"}]
		self.config.update(root)
		self.daemon = lab.steerway(self.config) if start else None

	def client(self, **more):
		return Client(self.web, **more)

	def fetch(self, target="/", method="GET", **more):
		return fetch(self.web, target, method, **more)

	def reconfigure(self, check=True):
		"""Writes self.config and reloads."""
		self.daemon.configure(self.config)
		return self.daemon.reload(check)


# Where no server is to fail: a machine that is busy for half a second must not look like one.
CALM = {"interval": "1s", "timeout": "1s"}
HTTP_CHECK = {"type": "http", "path": "/health", "expect": {"status": "200-299", "body": "ok"},
              "interval": "200ms", "timeout": "200ms", "rise": 2, "fall": 3}
