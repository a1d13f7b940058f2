# SPDX-License-Identifier: BSD-2-Clause
"""The whole picture: three sites in three network namespaces, an nginx in each, checks, proxy and DNS in one steerway before them."""
import dns
from edge import HTTP_CHECK, Edge
from lab import wait_until
from origins import Namespace, Nginx

ORDER = ("cloud", "onprem", "dr")
RECORDS = {"cloud": "198.51.100.10", "onprem": "192.0.2.10", "dr": "203.0.113.10"}
ZONE = """$ORIGIN example.test.
$TTL 300
@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300
@ IN NS ns1
ns1 IN A 192.0.2.53
"""


class World:
	def __init__(self, lab, namespaces=True, check=None, ttl="1s..2s", pool=None, listener=None, capacity=None, per_site=1, **root):
		self.lab = lab
		self.namespaces = {s: Namespace(lab, s) for s in ORDER} if namespaces else {}
		self.origins = {s: [Nginx(lab, s if i == 0 else f"{s}{i + 1}", namespace=self.namespaces.get(s), port=8080 + i if namespaces else None)
		                    for i in range(per_site)] for s in ORDER}
		self.dns = (lab.ip, lab.port())
		self.check = {**HTTP_CHECK, **(check or {})}
		lab.write("example.test.zone", ZONE)
		edge = Edge(lab, self.origins, check=self.check, listener=listener, start=False,
		            pool={"prefer": list(ORDER), "retries": {"attempts": 2}, "timeouts": {"connect": "300ms", "response": "2s"}, **(pool or {})},
		            zones={"example.test": {"file": "example.test.zone", "names": {
		                "app": {"policy": "failover", "pool": "app", "sites": list(ORDER), "ttl": ttl}}}}, **root)
		edge.config["listeners"]["dns"] = {"bind": ["%s:%d" % self.dns], "protocol": "dns"}
		for s in ORDER:
			edge.config["sites"][s] = {"addresses": [RECORDS[s]], **({"capacity": capacity[s]} if capacity else {})}
		self.edge, self.web = edge, edge.web
		self.daemon = edge.daemon = lab.steerway(edge.config)
		wait_until(lambda: self.answer() == "cloud", 10, "DNS answers with the first site")

	def answer(self):
		"""The site that DNS hands out for app."""
		data = dns.ask(self.dns, "app.example.test").data()
		found = [s for s in ORDER if [RECORDS[s]] == data]
		return found[0] if found else data

	def served(self, site):
		return sum(len(o.served()) for o in self.origins[site])
