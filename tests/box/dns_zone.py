# SPDX-License-Identifier: BSD-2-Clause
"""A zone made from a seed, with all that makes answering hard, and questions that look for trouble in it."""
import random

from dns_text import TYPES, label_text, text_labels

SOA = "ns1 hostmaster 2026010101 7200 3600 1209600 300"
WORDS = "alpha beta gamma delta app www mail db api edge node cache x1 x2 long-label-of-some-length b-2 _tcp _udp _http 0 00 xn--bcher-kva".split()
ODD = [b"a.b", b"sp ace", b"\0nul", b"\xc3\xa4", b"at@", b"quo\"te", b"back\\slash", b"semi;colon", b"pa(ren", b"$dollar", b"UPPER", b"MiXeD", b"a" * 63]

# Type -> a function that makes its data; `host` gives a name of the zone or of elsewhere.
DATA = {
	"A": lambda r, host: f"192.0.2.{r.randrange(256)}",
	"AAAA": lambda r, host: f"2001:db8::{r.randrange(65536):x}",
	"MX": lambda r, host: f"{r.randrange(100)} {host()}",
	"TXT": lambda r, host: " ".join(f'"{"t" * r.randrange(1, 60)}{r.randrange(1000)}"' for _ in range(r.randrange(1, 4))),
	"SRV": lambda r, host: f"{r.randrange(10)} {r.randrange(10)} {r.randrange(65536)} {host()}",
	"CAA": lambda r, host: f'{r.choice((0, 128))} issue "ca{r.randrange(9)}.test"',
	"TLSA": lambda r, host: f"3 1 1 {r.getrandbits(256):064x}",
	"SSHFP": lambda r, host: f"4 2 {r.getrandbits(256):064x}",
	"NAPTR": lambda r, host: f'{r.randrange(100)} 10 "S" "SIP+D2U" "" {host()}',
	"HINFO": lambda r, host: f'"CPU{r.randrange(99)}" "OS"',
	"PTR": lambda r, host: host(),
	"RP": lambda r, host: f"{host()} {host()}",
	"AFSDB": lambda r, host: f"1 {host()}",
	"LOC": lambda r, host: f"{r.randrange(90)} 30 0.000 N {r.randrange(180)} 15 0.000 E 100m 10m 100m 10m",
	"URI": lambda r, host: f'{r.randrange(10)} 1 "https://u{r.randrange(99)}.test/"',
	"TYPE65280": lambda r, host: f"\\# 3 {r.getrandbits(24):06x}",
}


class Zone:
	"""`nodes`: labels (relative to the origin, as bytes) -> {type: [data]}; `interesting`: names to ask about."""

	def __init__(self, seed, origin, n_hosts=250, has_star=False):
		self.random, self.origin = random.Random(seed), origin
		self.nodes, self.cuts = {}, []
		self.add((), "NS", "ns1", "ns2", "ns.elsewhere.test.")
		self.add((b"ns1",), "A", "192.0.2.53")
		self.add((b"ns1",), "AAAA", "2001:db8::53")
		self.add((b"ns2",), "A", "192.0.2.54")
		self.hosts(n_hosts)
		self.wildcards()
		self.aliases()
		self.delegations()
		self.large()
		if has_star:
			self.some_data([b"*"], ["A", "TXT", "MX"])

	@property
	def name(self):
		return self.origin.rstrip(".")

	# ---- making ----

	def add(self, labels, kind, *data):
		"""Not beside a CNAME, nor a CNAME beside anything."""
		sets = self.nodes.setdefault(tuple(labels), {})
		if "CNAME" in sets or kind == "CNAME" and sets:
			return
		sets[kind] = list(dict.fromkeys(data))

	def text(self, labels):
		return ".".join(map(label_text, labels)) or "@"

	def label(self):
		r = self.random
		return r.choice(ODD) if r.random() < 0.06 else r.choice(WORDS).encode() + (str(r.randrange(40)).encode() if r.random() < 0.5 else b"")

	def host(self):
		r = self.random
		return r.choice(("mx.elsewhere.test.", ".")) if r.random() < 0.15 else self.text(r.choice(list(self.nodes)))

	def some_data(self, labels, kinds=()):
		r = self.random
		for kind in kinds or r.sample(list(DATA), r.choice((1, 1, 1, 2, 2, 3, 5))):
			self.add(labels, kind, *(DATA[kind](r, self.host) for _ in range(r.choice((1, 1, 1, 2, 4)))))

	def hosts(self, n):
		"""Most at the apex, others several labels below names that have no data of their own."""
		for _ in range(n):
			self.some_data([self.label() for _ in range(self.random.choice((1, 1, 1, 2, 3, 5)))])

	def wildcards(self):
		r = self.random
		for depth in (1, 1, 2, 3):
			for i in range(3):
				below = [f"wild{i}".encode()] + [self.label() for _ in range(depth - 1)]
				self.some_data([b"*"] + below[::-1])
				self.some_data([b"exists"] + below[::-1], ["TXT"])
				self.some_data([b"deep", b"ent"] + below[::-1], ["A"])
		self.some_data([b"*", b"*", b"stars"], ["A", "TXT"])
		self.some_data([b"sub", b"*", b"stars2"], ["TXT"])
		self.some_data([b"*", b"sub", b"*", b"stars2"], ["A"])
		self.add([b"*", b"cnames"], "CNAME", self.text(r.choice(list(self.nodes))))
		self.add([b"*", b"cnames-out"], "CNAME", "www.elsewhere.test.")
		self.add([b"*", b"cnames-wild"], "CNAME", "y.cnames")
		self.add([b"*", b"cnames-below"], "CNAME", "x.exists.wild0")

	def aliases(self):
		r = self.random
		for i in range(60):
			target = r.choice(("there", "there", "there", "alias", "wild", "cut", "ent", "missing", "outside", "odd"))
			text = {"there": lambda: self.text(r.choice(list(self.nodes))), "alias": lambda: f"alias{r.randrange(60)}", "wild": lambda: f"z{i}.wild{i % 3}",
			        "cut": lambda: f"www.cut{r.randrange(12)}", "ent": lambda: f"ent.wild{i % 3}", "missing": lambda: f"missing{i}",
			        "outside": lambda: "www.elsewhere.test.", "odd": lambda: self.text([r.choice(ODD)])}[target]()
			self.add([f"alias{i}".encode()], "CNAME", text)
		for i in range(7):
			self.add([f"chain{i}".encode()], "CNAME", f"CHAIN{i + 1}")
		self.add([b"chain7"], "A", "192.0.2.7")
		for i in range(3):
			self.add([f"circle{i}".encode()], "CNAME", f"circle{(i + 1) % 3}")

	def delegations(self):
		"""Servers within, in a sibling's zone, in this one, elsewhere; with addresses or without; with DS or not."""
		r = self.random
		for i in range(12):
			cut = [f"cut{i}".encode()] + ([b"deeper"] if i % 4 == 3 else [])
			here = self.text(cut)
			servers = {0: [f"ns.{here}"], 1: [f"ns1.{here}", f"ns2.{here}"], 2: ["ns.elsewhere.test."], 3: ["ns1"], 4: ["ns.cut0", f"ns.{here}"],
			           5: ["ns.cut0"], 6: [f"noglue.{here}"], 7: [here]}[i % 8]
			self.add(cut, "NS", *servers)
			self.cuts.append(tuple(cut))
			for name in servers:
				if name.endswith(here) and "noglue" not in name:
					owner = text_labels(name)
					self.add(owner, "A", f"192.0.2.{100 + i}")
					if r.random() < 0.5:
						self.add(owner, "AAAA", f"2001:db8:1::{i:x}")
			if i % 3 == 0:
				self.add(cut, "DS", f"{1000 + i} 13 2 {r.getrandbits(256):064x}")
			if i % 5 == 0:
				self.add([b"hidden"] + cut, "TXT", '"no one sees this"')
		self.add([b"mail-below-a-cut"], "MX", "10 ns.cut0")
		crowd = [b"crowd"]
		self.add(crowd, "NS", *(f"ns{i}.crowd" for i in range(10)))
		self.cuts.append(tuple(crowd))
		for i in range(10):
			self.add([f"ns{i}".encode()] + crowd, "A", f"192.0.2.{150 + i}")
			self.add([f"ns{i}".encode()] + crowd, "AAAA", f"2001:db8:2::{i:x}")

	def large(self):
		for i, size in enumerate((450, 480, 500, 1100, 1180, 1220, 3000, 20000)):
			strings = [f'"{j:03d}{"L" * 247}"' for j in range(size // 251)] + [f'"{"E" * (size % 251)}"']
			self.add([f"large{i}".encode()], "TXT", " ".join(strings))
			self.add([f"many{i}".encode()], "A", *(f"198.51.100.{j}" for j in range(size // 16 % 250)))

	# ---- as a file ----

	def file(self):
		lines = [f"$ORIGIN {self.origin}", f"@ 3600 IN SOA {SOA}"]
		for labels, sets in self.nodes.items():
			for kind, data in sets.items():
				ttl = 1 + hash_of(labels, kind) % 86400
				lines += [f"{self.text(labels)} {ttl} IN {kind} {d}" for d in data]
		return "\n".join(lines) + "\n"

	# ---- asking ----

	def interesting(self):
		"""Names that exist, with all names between them and the apex."""
		names = {n[i:] for n in self.nodes for i in range(len(n) + 1)}
		return sorted(names)

	def near(self, labels):
		"""A name beside, below or above one that exists."""
		r = self.random
		labels = list(labels)
		way = r.randrange(8)
		if way == 0 and labels:
			labels[0] = self.label()
		elif way == 1:
			labels = [self.label()] + labels
		elif way == 2:
			labels = [b"*"] + labels
		elif way == 3:
			labels = [self.label(), self.label(), b"*"][r.randrange(2):] + labels
		elif way == 4 and len(labels) > 1:
			del labels[r.randrange(len(labels))]
		elif way == 5 and labels:
			at = r.randrange(len(labels))
			label = bytearray(labels[at])
			label[r.randrange(len(label))] = r.randrange(256)
			labels[at] = bytes(label)
		elif way == 6 and labels:
			labels = [b"x"] * r.randrange(1, 6) + labels[r.randrange(len(labels)):]
		elif labels:
			labels = [b"exists"] + labels[1:]
		return tuple(labels)

	def questions(self, n):
		"""(labels, type number, EDNS size or None, DO): every name with a few types first, then at random."""
		r, names, out = self.random, self.interesting(), []
		kinds = [TYPES[k] for k in DATA if k in TYPES] + [TYPES[k] for k in ("NS", "SOA", "CNAME", "DS", "DNAME", "ANY", "SPF", "SVCB", "HTTPS")] + \
			[65280, 65281, 128, 200, 249, 250, 254]
		for name in names:
			own = [TYPES.get(k, 65280) for k in self.nodes.get(name, {})]
			out += [(name, k) for k in {*own, 1, 16}]
		while len(out) < n:
			name = r.choice(names)
			if r.random() < 0.65:
				name = self.near(name)
			own = [TYPES.get(k, 65280) for k in self.nodes.get(name, {})]
			kind = r.choice(own) if own and r.random() < 0.4 else r.choice(kinds) if r.random() < 0.97 else r.randrange(65536)
			out.append((name, kind))
		origin = text_labels(self.origin)
		sizes = [r.choice((None, None, 512, 1232, 4096)) for _ in out]
		return [(self.random_case(list(name) + origin), kind, size, size is not None and r.random() < 0.4) for (name, kind), size in zip(out, sizes)
		        if sum(map(len, name)) + len(name) < 240]

	def random_case(self, labels):
		r = self.random
		if r.random() < 0.5:
			return labels
		return [bytes(c ^ 0x20 if (65 <= c <= 90 or 97 <= c <= 122) and r.random() < 0.5 else c for c in label) for label in labels]


def hash_of(labels, kind):
	"""Python's own differs from run to run."""
	value = 7
	for c in b".".join(labels) + kind.encode():
		value = (value * 31 + c) & 0xFFFFFFFF
	return value
