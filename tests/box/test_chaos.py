# SPDX-License-Identifier: BSD-2-Clause
"""Everything at once, for the sanitizers: load and queries through reloads that add, rename and remove servers, sites, pools, checks
and names, through drains that are aborted in any phase, and with servers that flap."""
import copy
import random
import time

import dns
from edge import CALM, HTTP_CHECK, Edge
from http1 import RawOrigin, ok
from lab import timeout, wait_until
from load import Running
from sites import ZONE

SECONDS = 8
CHECK = {**HTTP_CHECK, "interval": "100ms", "timeout": "40ms", "rise": 1, "fall": 1, "fast_interval": "50ms"}
SITES = {"cloud": 2, "onprem": 2, "dr": 1}


class Chaos:
	def __init__(self, lab, seed):
		self.rand, self.sick = random.Random(seed), {}
		origins = {site: [self.origin(lab, f"{site}{i}") for i in range(n)] for site, n in SITES.items()}
		self.edge = Edge(lab, origins, check=CHECK, start=False)
		lab.write("example.test.zone", ZONE)
		self.dns = (lab.ip, lab.port())
		self.nowhere = "%s:%d" % (lab.ip, lab.port())
		self.base = self.edge.config
		self.base["listeners"]["dns"] = {"bind": ["%s:%d" % self.dns], "protocol": "dns"}
		self.base["zones"] = {"example.test": {"file": "example.test.zone", "names": {
			"app": {"policy": "failover", "pool": "app", "sites": ["cloud", "onprem"], "ttl": "1s..2s"}}}}
		self.daemon = self.edge.daemon = lab.steerway(self.base)

	def origin(self, lab, name):
		def serve(c):
			while request := c.request():
				is_probe = request.target == "/health"
				c.send(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n" if is_probe and self.sick[name] else ok(b"ok"))
		self.sick[name] = False
		return RawOrigin(lab, serve)

	def reload(self, config, is_good=True):
		self.edge.config = config
		done = self.edge.reconfigure(check=False)
		assert (done.returncode == 0) == is_good, done.stdout + done.stderr

	# ---- what happens ----

	def server_goes(self, config):
		config["pools"]["app"]["servers"].pop(self.rand.randrange(5))

	def server_renamed(self, config):
		config["pools"]["app"]["servers"][0]["name"] = f"n{self.rand.randrange(99)}"

	def site_goes(self, config):
		gone, app = self.rand.choice(list(SITES)), config["pools"]["app"]
		app["servers"] = [s for s in app["servers"] if s["site"] != gone]
		del config["sites"][gone]
		name = config["zones"]["example.test"]["names"]["app"]
		name["sites"] = [s for s in name["sites"] if s != gone]

	def check_changes(self, config):
		config["checks"]["app"].update(interval=f"{self.rand.randrange(50, 150)}ms", fall=self.rand.randrange(1, 4),
		                               path=self.rand.choice(["/health", "/other"]))

	def check_goes(self, config):
		del config["checks"], config["pools"]["app"]["check"]

	def pool_renamed(self, config):
		pool = f"p{self.rand.randrange(5)}"
		config["pools"] = {pool: config["pools"]["app"]}
		config["routes"] = [{"pool": pool}]
		config["zones"]["example.test"]["names"]["app"]["pool"] = pool

	def name_changes(self, config):
		names = config["zones"]["example.test"]["names"]
		names[f"n{self.rand.randrange(9)}"] = names.pop("app")

	def balance_changes(self, config):
		config["pools"]["app"]["balance"] = self.rand.choice(["round_robin", "least_requests", "p2c", "hash", "random"])

	def zone_is_bad(self, config):
		config["zones"]["example.test"]["file"] = "nosuch.zone"

	def bind_is_bad(self, config):
		config["listeners"]["more"] = {"bind": [self.nowhere, "192.0.2.99:80"]}

	def certificate_is_bad(self, config):
		config["listeners"]["more"] = {"bind": [self.nowhere], "tls": {"certificates": ["nosuch.pem"]}}

	GOOD = (server_goes, server_renamed, site_goes, check_changes, check_goes, pool_renamed, name_changes, balance_changes)
	BAD = (zone_is_bad, bind_is_bad, certificate_is_bad)

	def turn(self):
		rand, config = self.rand, copy.deepcopy(self.base)
		name = rand.choice(list(self.sick))
		self.sick[name] = not self.sick[name]
		dice = rand.randrange(4)
		if dice < 2:
			rand.choice(self.GOOD)(self, config)
			self.reload(config)
		elif dice == 2:
			rand.choice(self.BAD)(self, config)
			self.reload(config, is_good=False)
		else:
			target = rand.choice([("site", "cloud"), ("site", "dr"), ("pool", "app"), ("server", "app/cloud1")])
			self.daemon.ctl("drain", *target, "--force", "--deadline", rand.choice(["0s", "100ms", "2s"]), check=False)
			time.sleep(rand.random() * 0.2)
			self.daemon.ctl("explain", target[1], "--json", check=False)
			self.daemon.ctl(rand.choice(["ready", "maint", "up"]), *target, check=False)
		dns.ask(self.dns, "app.example.test")
		for what in ("sites", "pools", "servers", "names", "drains", "stats"):
			self.daemon.ctl_json("show", what)

	def calm(self):
		for name in self.sick:
			self.sick[name] = False
		self.base["checks"]["app"] = {**HTTP_CHECK, **CALM}
		self.reload(self.base)
		for kind in ("site", "pool", "server"):
			for row in self.daemon.ctl_json("show", f"{kind}s"):
				self.daemon.ctl("ready", kind, row["name"])
		wait_until(lambda: all(row["in_service"] for row in self.daemon.ctl_json("show", "servers")), 10, "all in service")


@timeout(60)
def test_everything_at_once(lab):
	chaos = Chaos(lab, seed=5)
	load = Running(lab, chaos.edge.web, 32)
	end = time.monotonic() + SECONDS
	while time.monotonic() < end:
		chaos.turn()
	account = load.stop()
	assert account["ok"] > 100 and set(account["statuses"]) <= {"200", "502", "503"}, account
	chaos.calm()
	load, before = Running(lab, chaos.edge.web, 32), chaos.daemon.metric("steerway_proxy_requests_total")
	wait_until(lambda: chaos.daemon.metric("steerway_proxy_requests_total") > before + 200, 10, "load on all that is well again")
	account = load.stop()
	assert account["n_failures"] == 0, account
	assert dns.ask(chaos.dns, "app.example.test").data() == ["192.0.2.1"]
