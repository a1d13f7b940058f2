# SPDX-License-Identifier: BSD-2-Clause
"""A failover as the world sees it: through a resolver that caches. Bounds: a verdict's time, the TTL that was handed out, a second for
the resolver's clock, which counts whole ones."""
import itertools
import time

from http1 import RawOrigin
from lab import SLOW, note, slowness, wait_until
from origins import Namespace
from resolver import Unbound, Watch, addresses_of
from test_dns import House

ADDRESS = {"cloud": "198.51.100.10", "onprem": "192.0.2.10", "dr": "203.0.113.10"}
CHECK = {"type": "tcp", "interval": "300ms", "timeout": "300ms", "rise": 2, "fall": 2}
DETECTION = 0.3 * 2 + 0.3 + 0.5  # two probes and a timeout; the rest is a machine that is busy
TTL = 2
ZONE = """$ORIGIN example.test.
$TTL 300
@ IN SOA ns1 hostmaster 1 7200 3600 1209600 1
@ IN NS ns1
ns1 IN A {address}
*.fresh IN A 192.0.2.99
alias 2 IN CNAME app
"""


class World:
	"""Three origins, a steerway that probes them, and a resolver in a network of its own."""

	def __init__(self, lab):
		self.lab, self.namespace = lab, Namespace(lab, "resolver")
		self.origins = {s: RawOrigin(lab) for s in ADDRESS}
		self.address = (self.namespace.gateway, House.port(self.namespace.gateway))
		lab.write("example.test.zone", ZONE.format(address=self.namespace.gateway))
		self.daemon = lab.steerway({
			"listeners": {"dns": {"bind": ["%s:%d" % self.address], "protocol": "dns"}},
			"sites": {s: {"addresses": [a]} for s, a in ADDRESS.items()},
			"checks": {"t": CHECK},
			"pools": {"app": {"check": "t", "servers": [{"name": s, "address": o.text, "site": s} for s, o in self.origins.items()]}},
			"zones": {"example.test": {"file": "example.test.zone", "names": {
				"app": {"policy": "failover", "pool": "app", "sites": list(ADDRESS), "ttl": f"1s..{TTL}s"}}}}})
		self.resolver = Unbound(lab, self.namespace, self.address)

	def kill(self, site):
		self.origins[site].close()
		return time.monotonic()

	def revive(self, site):
		self.origins[site] = RawOrigin(self.lab, port=self.origins[site].address[1])
		return time.monotonic()


def assert_follows(watch, since, site):
	"""From TTL and detection on, every answer is the site's."""
	bound = (DETECTION + TTL + 1) * SLOW
	when = watch.wait_for([ADDRESS[site]], bound + 5, f"the resolver answers {site}")
	assert when - since < bound or when - since < bound * slowness(), f"{site} after {when - since:.2f} s"
	note(f"{site} after {when - since:.2f} s")
	settled = len(watch.seen)
	wait_until(lambda: len(watch.seen) > settled + 20 or watch.trouble, 10, "twenty answers more")
	later = {str(addresses_of(a)) for a in watch.since(when)}
	assert later == {str([ADDRESS[site]])}, f"behind the switch to {site}: {later}"


def assert_all_good(watch):
	for _, answer in watch.seen:
		assert answer.rcode == "NOERROR" and len(answer.answer) >= 1, answer
		assert all(r.ttl <= TTL for r in answer.answer), answer
	assert len(watch.seen) > 100


def test_sites_die_and_return(lab):
	w = World(lab)
	with Watch(w.resolver, "app.example.test") as direct, Watch(w.resolver, "alias.example.test", every=0.05) as alias:
		assert_follows(direct, time.monotonic(), "cloud")
		assert_follows(direct, w.kill("cloud"), "onprem")
		assert_follows(direct, w.kill("onprem"), "dr")
		w.revive("onprem")
		assert_follows(direct, w.revive("cloud"), "cloud")
		alias.wait_for([ADDRESS["cloud"]], TTL + 2, "the alias follows")
	assert_all_good(direct)
	for _, answer in alias.seen:
		assert answer.rcode == "NOERROR" and len(addresses_of(answer)) == 1, answer


def test_flapping_and_reloads(lab):
	"""The first site dies and returns faster than TTLs run out, the configuration is read again and again meanwhile: always an answer,
	always a site that was up a moment ago, and in the end the right one."""
	w = World(lab)
	fresh = (f"n{i}.fresh.example.test" for i in itertools.count())  # no cache has these: each is asked of steerway
	with Watch(w.resolver, "app.example.test") as watch:
		assert_follows(watch, time.monotonic(), "cloud")
		for _ in range(4):
			w.kill("cloud")
			wait_until(lambda: w.daemon.ctl_json("show", "names")[0]["answers"] == ["onprem"], 5, "onprem is answered")
			w.daemon.reload()
			assert addresses_of(w.resolver.ask(next(fresh))) == ["192.0.2.99"]
			at = w.revive("cloud")
			wait_until(lambda: w.daemon.ctl_json("show", "names")[0]["answers"] == ["cloud"], 5, "cloud is answered")
			w.daemon.reload()
			assert addresses_of(w.resolver.ask(next(fresh))) == ["192.0.2.99"]
		assert_follows(watch, at, "cloud")
	assert_all_good(watch)
	assert {str(addresses_of(a)) for _, a in watch.seen} <= {str([ADDRESS[s]]) for s in ("cloud", "onprem")}


def test_one_server_restarts(lab):
	"""While the daemon is away the cache answers, and what is in no cache gets SERVFAIL; when it is back, so is everything."""
	w = World(lab)
	assert addresses_of(w.resolver.ask("app.example.test")) == [ADDRESS["cloud"]]
	w.daemon.finish()
	w.daemon.launch()
	names = (f"m{i}.fresh.example.test" for i in itertools.count())
	wait_until(lambda: addresses_of(w.resolver.ask(next(names))) == ["192.0.2.99"], 10, "the resolver finds the server again")
	wait_until(lambda: addresses_of(w.resolver.ask("app.example.test")) == [ADDRESS["cloud"]], TTL + 5, "and the steered name")
