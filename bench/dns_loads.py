# SPDX-License-Identifier: BSD-2-Clause
"""What DNS servers are asked: grounds (what is served), loads (a row each), and the bounds of steerway's figures."""
import random
import subprocess

CLIENTS = 4096  # subnets of 24 bits that the map of clients has, 10.0.0.0/24 and on
SITES = {"one": "198.51.100.10", "two": "192.0.2.10", "three": "203.0.113.10"}
NETS = [(f"10.{i >> 8}.{i & 255}.0/24", site) for i, site in enumerate(random.Random(1).choices(list(SITES), k=CLIENTS))]

SOA = "$TTL 300\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300\n@ IN NS ns1\nns1 IN A 192.0.2.53\n"
LUA = "app 60 IN LUA A \"ifportup({port}, {{'{ip}', '192.0.2.10'}}, {{timeout=1}})\"\n"


def client(number):
	"""A query's more: EDNS with this client subnet."""
	return {"edns": 1232, "options": bytes([0, 8, 0, 7, 0, 1, 24, 0, 10, number >> 8, number & 255])}


class Ground:
	"""A zone of `names` addresses n0, n1..., and by server a line more (a template as its other files). `answer_bytes`: what the floor answers with.
	`probes`: (name, more of the query, what may be the first address) that a server must answer before it counts as started."""

	def __init__(self, names, answer_bytes, more=(), probes=(), is_signed=False):
		self.names, self.answer_bytes, self.more, self.is_signed = names, answer_bytes, dict(more), is_signed
		self.probes = [*((f"n{i}.bench.test", {}, [address(i)]) for i in range(names)[-1:]), *probes]

	def unsigned(self, lab):
		path = lab.path(f"zones/{self.names}")
		if not path.exists():
			lab.write(f"zones/{path.name}", SOA + "".join(f"n{i} IN A {address(i)}\n" for i in range(self.names)))
		return path

	def zone(self, lab):
		"""The zone's file without a server's line, written once."""
		path = self.unsigned(lab)
		if not self.is_signed:
			return path
		signed = path.with_name(f"{path.name}-signed")
		if not signed.exists():
			sign(path, signed)
		return signed


def address(number):
	return f"203.0.{number >> 8 & 255}.{number & 255}"


def sign(path, to):
	"""By new keys beside the file: a zone-signing and a key-signing one of P-256; NSEC."""
	keys = [subprocess.run(["ldns-keygen", *kind, "-a", "ECDSAP256SHA256", "bench.test"], cwd=path.parent, check=True, stdout=subprocess.PIPE,
	                       text=True).stdout.strip() for kind in ((), ("-k",))]
	subprocess.run(["ldns-signzone", "-o", "bench.test", "-f", str(to), str(path), *keys], cwd=path.parent, check=True)


GROUNDS = {
	"static": Ground(1000, 50),
	"failover": Ground(1000, 48, {"gdnsd": "app 60 DYNA simplefo!app\n", "pdns": LUA}, probes=[("app.bench.test", {}, ["198.51.100.10", "{ip}"])]),
	"large": Ground(100_000, 52),
	"huge": Ground(1_000_000, 52),
	"geo": Ground(0, 71, {"gdnsd": "app 60 DYNA geoip!app\n"}, probes=[("app.bench.test", client(i), [SITES[NETS[i][1]]]) for i in range(8)]),
	"signed": Ground(1000, 170, is_signed=True),
}


class Bound:
	"""Of steerway's figure in `column`: at most `bound`, or that many times the figure of `of` (a program, or `best`: the best peer's)."""

	def __init__(self, column, bound, of=None):
		self.column, self.bound, self.of = column, bound, of


class Row:
	"""As loads.Row; `back` is the ground. `has_floor`: what the floor sends back passes for an answer."""

	tool, warm, counted = "load_dns", 2000, 50000

	def __init__(self, key, title, ground, options, bounds, port="udp", has_floor=True):
		self.key, self.title, self.back, self.options, self.bounds, self.port, self.has_floor = key, title, ground, options, bounds, port, has_floor

	def is_for(self, server):
		return self.back in server.grounds and (self.has_floor or not server.is_floor)


def bounds(instructions, floor=None, of_gdnsd=1.0):
	"""The usual ones."""
	found = [Bound("instructions", instructions)] if instructions else []
	if floor:
		found.append(Bound("cpu_us", floor, "floor"))
	return [*found, Bound("cpu_us", of_gdnsd, "gdnsd"), Bound("p99_us", 1.0, "best")]


ROWS = [
	Row("static", "static A", "static", ["n%.bench.test", "-V", "1000"], bounds(600, 1.05)),
	Row("failover", "failover A", "failover", ["app.bench.test"], bounds(600, 1.05)),
	Row("large", "100,000 names", "large", ["n%.bench.test", "-V", "100000"], bounds(700, 1.08)),
	Row("geo", "client subnet (ECS) to site", "geo", ["app.bench.test", "-E", str(CLIENTS)], bounds(900)),
	Row("dnssec", "DNSSEC, signed A", "signed", ["n%.bench.test", "-V", "1000", "-D", "-a", "2"], bounds(700)),
	Row("denial", "DNSSEC, NXDOMAIN with proofs", "signed", ["n%x.bench.test", "-V", "1000", "-D", "-r", "3", "-a", "0", "-A", "6"], bounds(1200),
	    has_floor=False),
	Row("tcp", "TCP, pipelined by 32", "static", ["n%.bench.test", "-V", "1000", "-T", "-c", "16", "-u", "32"], bounds(None, None, 0.5), port="tcp",
	    has_floor=False),
]


class Loading:
	"""A ground loaded by a server that was just started: memory, and CPU time until it answers; beside it ldns, which reads the file alone."""

	def __init__(self, key, title, ground, bounds):
		self.key, self.title, self.back, self.bounds = key, title, ground, bounds


LOADINGS = [
	Loading("load-100k", "100,000 names loaded", "large", [Bound("mib", 1.0, "gdnsd")]),
	Loading("load-1m", "1,000,000 names loaded", "huge", [Bound("mib", 120), Bound("load_s", 3.0)]),
]


class Switch:
	"""What a publish costs the control thread, in the control thread (tests/unit/gslb/test_switch.c): answers have changed when it returns."""

	key, title = "switch", "1,000 steered names switched by a verdict"
	bounds = [Bound("switch_ms", 10), Bound("switch_one_ms", 1)]
