# SPDX-License-Identifier: BSD-2-Clause
"""Steering by who asks: dig with EDNS Client Subnet against the daemon, with a MaxMind DB, subnet and latency files; maps that change
while it answers, and what is told by `steerctl latency`; what `steerctl resolve` says beforehand. RFC 7871."""
import re

import mmdb
from dns import ask
from http1 import RawOrigin
from lab import cases, need_tool, run, wait_until
from test_dns import ZONE, House

A, B, C, SORRY = "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.80"
PLACES = {
	"10.0.0.0/8": {"continent": {"code": "EU"}, "country": {"iso_code": "DE"}, "location": {"latitude": 48.1, "longitude": 11.6}},
	"10.128.0.0/9": {"continent": {"code": "NA"}, "country": {"iso_code": "US"}, "location": {"latitude": 40.0, "longitude": -75.0}},
	"2001:db8::/32": {"continent": {"code": "EU"}, "country": {"iso_code": "IE"}, "location": {"latitude": 53.0, "longitude": -6.0}},
}
NETWORKS = "10.1.0.0/16 office\n2001:db8:1::/48 office\n"
SITES = {"a": {"addresses": [A], "location": [53.3, -6.2]}, "b": {"addresses": [B], "location": [50.1, 8.6]},
         "c": {"addresses": [C], "location": [38.9, -77.4]}}
NAMES = {
	"case": {"policy": "geo", "map": "world", "pool": "app", "cases": {"country/DE": "b", "continent/NA": ["c", "a"], "default": "a"}},
	"near": {"policy": "geo", "map": "world", "pool": "app", "sites": ["a", "b", "c"]},
	"net": {"policy": "subnet", "map": "nets", "pool": "app", "cases": {"office": "b", "default": "a"}},
	"fast": {"policy": "latency", "map": "rtt", "pool": "app", "sites": ["a", "b", "c"]},
	"hash": {"policy": "consistent", "pool": "app", "sites": ["a", "b", "c"]},
	"view": {"policy": "view", "map": "nets", "pool": "app", "cases": {"office": "b", "default": "a"}, "all_down": "none"},
	"sorry": {"policy": "failover", "pool": "app", "sites": ["a"], "all_down": "fallback", "fallback": [SORRY]},
	"kept": {"policy": "failover", "pool": "app", "sites": ["c", "b"], "all_down": "last"},
	"plain": {"policy": "failover", "pool": "app", "sites": ["a", "b"]},
	"list": {"policy": "all", "pool": "app", "sites": ["c", "a", "b"]},
	"circle": {"policy": "all", "pool": "app", "sites": ["c", "a", "b"], "order": "rotate"},
}


class Steered:
	def __init__(self, lab):
		self.lab = lab
		self.port = House.port(lab.ip)
		mmdb.write(lab.dir / "world.mmdb", PLACES)
		lab.write("nets.txt", NETWORKS)
		lab.write("rtt.txt", "10.1.0.0/16 a=30ms b=5ms c=10.5ms\n")
		lab.write("example.test.zone", ZONE)
		origin = RawOrigin(lab)
		self.config = {
			"listeners": {"dns": {"bind": [f"{lab.ip}:{self.port}"], "protocol": "dns"}},
			"sites": SITES,
			"pools": {"app": {"servers": [{"name": s, "address": origin.text, "site": s} for s in SITES]}},
			"maps": {"world": {"type": "geo", "file": "world.mmdb"}, "nets": {"type": "subnet", "file": "nets.txt"},
			         "rtt": {"type": "latency", "file": "rtt.txt"}},
			"zones": {"example.test": {"file": "example.test.zone", "names": NAMES}}}
		self.daemon = lab.steerway(self.config)

	def dig(self, name, client=None):
		"""(addresses, scope): the scope is None without a client subnet in the answer."""
		need_tool("dig")
		words = [f"@{self.lab.ip}", "-p", self.port, "+norecurse", "+tries=1", "+time=5", f"{name}.example.test"]
		out = run("dig", *words, *([f"+subnet={client}"] if client else [])).stdout
		scope = re.search(r"CLIENT-SUBNET: \S+/(\d+)/(\d+)", out)
		return re.findall(r"IN\tA\t(\S+)", out), int(scope[2]) if scope else None

	def resolve(self, *words):
		return self.daemon.ctl_json("resolve", *words)


def shared(lab):
	return Steered(lab)


@cases(("case, in the country", "case", "10.1.2.0/24", B, 9), ("case, on the continent", "case", "10.200.2.0/24", C, 9),
       ("case, elsewhere", "case", "198.51.100.0/24", A, 1), ("case, IPv6", "case", "2001:db8:7::/48", A, 0),
       ("nearest", "near", "10.1.2.0/24", B, 9), ("nearest, over the sea", "near", "10.200.2.0/24", C, 9),
       ("subnet", "net", "10.1.2.0/24", B, 16), ("subnet, IPv6", "net", "2001:db8:1:2::/56", B, 48),
       ("subnet, beside it", "net", "10.2.2.0/24", A, 15), ("latency", "fast", "10.1.2.0/24", B, 16),
       ("view", "view", "10.1.2.0/24", B, 16), ("a policy that looks at nobody", "plain", "10.1.2.0/24", A, 0))
def test_by_client(name, client, address, scope, shared):
	addresses, told = shared.dig(name, client)
	assert addresses == [address], (addresses, told)
	if ":" not in client or scope:
		assert told == scope, (addresses, told)


def test_without_client_subnet(shared):
	"""The resolver's own address decides (127.x is in no map); RFC 7871 7.2.2: no option in the answer then."""
	assert shared.dig("net") == ([A], None)
	assert shared.dig("fast") == ([A], None)


def test_scope_longer_than_source(shared):
	"""RFC 7871 7.2.1: what is told is too short for a good answer; the scope says how long it takes."""
	addresses, scope = shared.dig("net", "10.0.0.0/8")
	assert addresses == [A] and scope == 16, (addresses, scope)


def test_consistent(shared):
	"""The clients of a network stay together, and different networks spread."""
	first, scope = shared.dig("hash", "10.77.3.0/24")
	assert scope == 24
	assert all(shared.dig("hash", "10.77.3.0/24")[0] == first for _ in range(5))
	seen = {shared.dig("hash", f"10.{i}.3.0/24")[0][0] for i in range(30)}
	assert seen == {A, B, C}, seen


def firsts(h, name, n):
	"""The addresses that stood first in n answers, each of which was the list (C, A, B) or its circle from another one on."""
	answers = [[r.data for r in ask((h.lab.ip, h.port), f"{name}.example.test").answers] for _ in range(n)]
	assert all(a in ([C, A, B], [A, B, C], [B, C, A]) for a in answers), answers
	return {a[0] for a in answers}


def test_order(lab):
	"""Fixed as the policy prefers; rotating, each comes first sooner or later (none of three in 60 draws: one of 10^10 runs). By reload, too."""
	h = Steered(lab)
	assert firsts(h, "list", 20) == {C}
	assert firsts(h, "circle", 60) == {A, B, C}
	assert sorted(h.dig("circle")[0]) == [A, B, C]
	assert any("order rotate" in line for line in h.daemon.ctl_json("explain", "circle.example.test")["why"])
	assert not any("order rotate" in line for line in h.daemon.ctl_json("explain", "list.example.test")["why"])
	h.config["zones"]["example.test"]["names"] = {**NAMES, "list": NAMES["circle"], "circle": NAMES["list"]}
	h.daemon.configure(h.config)
	h.daemon.reload()
	assert firsts(h, "list", 60) == {A, B, C}
	assert firsts(h, "circle", 20) == {C}


def test_resolve_says_what_dig_gets(shared):
	for name in ("case", "near", "net", "fast", "view", "hash", "plain"):
		for client in ("10.1.2.0/24", "10.200.2.0/24", "198.51.100.0/24"):
			addresses, scope = shared.dig(name, client)
			told = shared.resolve(f"{name}.example.test", "--client", client)
			assert told["answers"] == [{"share": "100%", "sites": told["answers"][0]["sites"], "addresses": addresses[0]}], told
			assert told["scope"] == scope, (told, scope)


def test_resolve_imagines(shared):
	"""States that are only told change the answer that is told, and nothing else."""
	before = shared.daemon.metrics()
	told = shared.resolve("case.example.test", "A", "--client", "10.200.2.0/24", "--at-state", "c=down")
	assert told["policy"] == "geo (map world, continent/NA): a" and told["answers"][0]["addresses"] == A, told
	assert told["usable"] == ["a", "b"] and told["imagined"] and told["ttl_s"] == 5, told
	told = shared.resolve("sorry.example.test", "--at-state", "app=down")
	assert told["all_down"] and told["answers"][0] == {"share": "100%", "sites": "none", "addresses": SORRY}, told
	assert shared.dig("case", "10.200.2.0/24")[0] == [C]
	told = shared.resolve("mail.example.test")
	assert told["rcode"] == "NOERROR" and "192.0.2.25" in told["records"][0]["record"], told
	assert shared.resolve("nowhere.example.test")["rcode"] == "NXDOMAIN"
	assert shared.daemon.metrics()["steerway_gslb_nxdomain_total"] == before["steerway_gslb_nxdomain_total"]


def test_all_down(lab):
	h = Steered(lab)
	assert h.dig("kept")[0] == [C]
	h.daemon.ctl("down", "site", "c")
	wait_until(lambda: h.dig("kept")[0] == [B], 3, "kept answers b")
	for site in ("a", "b"):
		h.daemon.ctl("down", "site", site)
	wait_until(lambda: h.dig("sorry")[0] == [SORRY], 3, "the fallback's address")
	assert h.dig("kept")[0] == [B], "the last one that was usable"
	switches = h.daemon.log().count("name_switched")
	lab.write("example.test.zone", (lab.dir / "example.test.zone").read_text() + "more A 192.0.2.99\n")
	h.daemon.ctl("reload")
	assert h.dig("more")[0] == ["192.0.2.99"] and h.dig("kept")[0] == [B], "a reload forgets nothing"
	assert h.daemon.log().count("name_switched") == switches, "no name answers another way"
	assert h.dig("view", "10.1.2.0/24")[0] == [], "nothing of another view"
	h.daemon.ctl("ready", "site", "a")
	wait_until(lambda: h.dig("view")[0] == [A], 3, "the view of everybody is back")
	assert h.dig("view", "10.1.2.0/24")[0] == [], "and the office's is not"


def test_maps_change_while_serving(lab):
	"""A changed file holds at once; a faulty one leaves the old map in force and is named with its line; so does a reload."""
	h = Steered(lab)
	assert h.dig("net", "10.3.2.0/24")[0] == [A]
	lab.write("nets.txt", NETWORKS + "10.3.0.0/16 office\n")
	wait_until(lambda: h.dig("net", "10.3.2.0/24") == ([B], 16), 10, "the new network is known")
	lab.write("nets.txt", "10.3.0.0/16 office\n10.4.0.1/16 office\n")
	wait_until(lambda: "map_refused" in h.daemon.log() and "nets.txt:2: \\\"10.4.0.1/16\\\" is no network" in h.daemon.log(), 10, "a refusal")
	assert h.dig("net", "10.3.2.0/24") == ([B], 16) and h.dig("net", "10.1.2.0/24")[0] == [B]
	failed = h.daemon.ctl("reload", check=False)
	assert "nets.txt:2:" in failed.stdout + failed.stderr, failed
	assert h.dig("net", "10.1.2.0/24")[0] == [B]
	mmdb.write(lab.dir / "new.mmdb", {"10.1.0.0/16": PLACES["10.128.0.0/9"]})
	lab.write("nets.txt", "10.4.0.0/16 office\n")
	(lab.dir / "new.mmdb").rename(lab.dir / "world.mmdb")
	wait_until(lambda: h.dig("net", "10.4.2.0/24")[0] == [B] and h.dig("case", "10.1.2.0/24")[0] == [C], 10, "both new maps")
	assert h.dig("net", "10.1.2.0/24")[0] == [A]


def test_latency_told(lab):
	"""Times told by command hold at once, over a reload and over a change of the file, until they are cleared."""
	h = Steered(lab)
	assert h.dig("fast", "10.1.2.0/24") == ([B], 16) and h.dig("fast", "10.3.2.0/24")[0] == [A]
	h.daemon.ctl("latency", "set", "rtt", "10.1.0.0/16", "a=30ms,b=5ms,c=1.5ms")
	wait_until(lambda: h.dig("fast", "10.1.2.0/24") == ([C], 16), 3, "the time that was told")
	h.daemon.ctl("latency", "set", "rtt", "10.3.2.0/24", "b=1ms")
	wait_until(lambda: h.dig("fast", "10.3.2.0/24") == ([B], 24), 3, "a network that is not in the file")
	assert h.daemon.ctl_json("show", "latency") == [{"map": "rtt", "network": "10.1.0.0/16", "times": "a=30ms,b=5ms,c=1.5ms"},
	                                                {"map": "rtt", "network": "10.3.2.0/24", "times": "b=1ms"}]
	h.daemon.reload()
	assert h.dig("fast", "10.1.2.0/24") == ([C], 16)
	lab.write("rtt.txt", "10.1.0.0/16 b=5ms\n10.5.0.0/16 b=5ms\n")
	wait_until(lambda: h.dig("fast", "10.5.2.0/24")[0] == [B], 10, "the changed file")
	assert h.dig("fast", "10.1.2.0/24") == ([C], 16)
	h.daemon.ctl("latency", "clear", "rtt", "10.1.0.0/16")
	wait_until(lambda: h.dig("fast", "10.1.2.0/24")[0] == [B], 3, "what the file says")
	h.daemon.ctl("latency", "clear", "rtt")
	wait_until(lambda: h.dig("fast", "10.3.2.0/24")[0] == [A], 3, "nothing is told any more")
	assert h.daemon.ctl_json("show", "latency") == []
	for words, why in ((("nets", "10.1.0.0/16", "a=1ms"), "map nets is of type subnet; name one of type latency"),
	                   (("rtt", "10.1.0.0/16", "d=1ms"), "there is no site `d`; see `show sites`"),
	                   (("rtt", "10.1.0.1/16", "a=1ms"), "is no network"), (("rtt", "10.1.0.0/16", "a=1"), "is no round-trip time")):
		refused = h.daemon.ctl("latency", "set", *words, check=False)
		assert refused.returncode == 1 and why in refused.stdout + refused.stderr, refused
