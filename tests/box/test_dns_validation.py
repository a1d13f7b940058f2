# SPDX-License-Identifier: BSD-2-Clause
"""Signed zones before those who judge them: unbound and delv validate every kind of answer in every state of three sites; ldns-verify-zone,
dnssec-verify and zonemaster look at the whole. A signature that is bent on its way shows that they would notice."""
import itertools
import json
import re
import socket
import threading

from dns_keys import ALGORITHMS, Keys, dump
from dns_text import Message, text_labels, type_number
from internet import RESOLVER, SERVERS, Internet
from lab import cases, need_tool, note, run, timeout, wait_until
from resolver import Unbound

SITES = {"cloud": ["9.9.9.1", "2001:db8::1"], "onprem": ["9.9.9.2"], "dr": ["9.9.9.3", "2001:db8::3"]}
NAMES = {
	"app": {"policy": "failover", "pool": "app", "sites": ["cloud", "onprem", "dr"], "ttl": "1s..60s"},
	"www": {"policy": "weighted", "pool": "app", "sites": {"cloud": 60, "dr": 40}},
	"four": {"policy": "failover", "pool": "app", "sites": ["onprem"], "all_down": "none"},
	"first": {"policy": "failover", "pool": "app", "sites": ["dr", "onprem"], "all_down": "first"},
	"each": {"policy": "all", "pool": "app", "sites": ["dr", "cloud", "onprem"], "order": "rotate"},
	"*.pool": {"policy": "failover", "pool": "app", "sites": ["onprem", "cloud"]},
	"a.swild": {"policy": "failover", "pool": "app", "sites": ["onprem", "cloud"]},
	"@": {"policy": "failover", "pool": "app", "sites": ["cloud", "onprem"]},
}
ZONE = f"""$ORIGIN example.test.
$TTL 3600
@ SOA ns1 hostmaster 2026010101 14400 3600 1209600 3600
@ NS ns1
@ NS ns2
ns1 A {SERVERS[0]}
ns2 A {SERVERS[1]}
@ MX 10 mail
@ TXT "v=spf1 -all"
mail A 9.9.9.25
mail AAAA 2001:db8::25
hostmaster A 9.9.9.9
alias CNAME app
toempty CNAME four
*.wild A 9.9.9.81
*.walias CNAME mail
*.four CNAME four
*.swild CNAME a.swild
*.del CNAME host.insecure
sub.wild TXT "closer"
a.b.ent A 9.9.9.82
_http._tcp SRV 0 5 80 mail
insecure NS ns.insecure
ns.insecure A 9.9.9.53
"""
STATIC = {"": ["MX", "TXT", "A"], "ns1": ["A"], "ns2": ["A"], "mail": ["A", "AAAA"], "hostmaster": ["A"], "alias": ["CNAME"], "toempty": ["CNAME"],
          "*.wild": ["A"], "*.walias": ["CNAME"], "*.four": ["CNAME"], "*.swild": ["CNAME"], "*.del": ["CNAME"], "sub.wild": ["TXT"], "a.b.ent": ["A"], "_http._tcp": ["SRV"], "insecure": ["NS", "DS"],
          "ns.insecure": ["A"]}
STATES = [set(s for s, up in zip(SITES, bits) if up) for bits in itertools.product((1, 0), repeat=3)]


class World:
	"""The small internet, with example.test signed in it."""

	def __init__(self, lab, denial="nsec", algorithm="ecdsap256sha256", split=True, sites=SITES):
		need_tool("unbound")
		self.lab = lab
		self.keys = Keys(lab, "example.test", algorithm, split)
		self.net = Internet(lab, parent_lines=self.keys.ds + "\n")
		lab.write("example.test.zone", ZONE)
		self.daemon = self.net.steerway({
			"sites": {s: {"addresses": a} for s, a in sites.items()},
			"pools": {"app": {"servers": [{"name": s, "address": "127.0.0.1:9", "site": s} for s in SITES]}},
			"zones": {"example.test": {"file": "example.test.zone", "dnssec": {"keys": str(self.keys.dir), "denial": denial}, "names": NAMES}}})
		self.up = set(SITES)

	def resolver(self, server=(SERVERS[0], 53)):
		"""It keeps nothing for longer than a question, so that each answer is validated anew."""
		return Unbound(self.lab, self.net, server, anchor=self.keys.ds, exchange=self.net.exchange,
		               lines="cache-max-ttl: 0\n\tcache-max-negative-ttl: 0\n\taggressive-nsec: no")

	def set_up(self, up):
		for site in self.up ^ up:
			self.daemon.ctl("ready" if site in up else "down", "site", site)
		self.up = up
		wait_until(lambda: {n["name"]: n for n in self.daemon.ctl_json("show", "names")}["app.example.test."]["usable"] == [s for s in SITES if s in up],
		           5, f"usable: {up}")


def expected(name, up):
	"""The sets of sites that a name may answer with."""
	row = NAMES[name]
	order = list(row["sites"])
	usable = [s for s in order if s in up]
	if usable:
		return {"weighted": [[s] for s in usable], "all": [usable]}.get(row["policy"], [usable[:1]])
	return [{"all": order, "first": order[:1], "none": []}[row.get("all_down", "all")]]


def addresses(sites, kind):
	return sorted(a for s in sites for a in SITES[s] if (":" in a) == (kind == "AAAA"))


def data_of(answer, kind):
	return sorted(str(r).split()[-1] for r in answer.answer if r.type == type_number(kind))


def ask_validated(resolver, name, kind, rcode="NOERROR"):
	answer = resolver.ask(name, kind, do=True)
	assert answer.rcode == rcode, f"{name} {kind}: {answer}\n{resolver.process.text()[-3000:]}"
	assert answer.flags & 0x20, f"{name} {kind}: not validated: {answer}\n{resolver.process.text()[-3000:]}"
	return answer


def check_state(resolver, up):
	n = 0
	for name in NAMES:
		asked = {"@": "example.test", "*.pool": "x.pool.example.test"}.get(name, f"{name}.example.test")
		for kind in ("A", "AAAA"):
			answer = ask_validated(resolver, asked, kind)
			allowed = [addresses(sites, kind) for sites in expected(name, up)]
			assert data_of(answer, kind) in allowed, f"{asked} {kind} with {up} up: {answer}, not {allowed}"
			n += 1
		assert not ask_validated(resolver, asked, "CAA").answer
		n += 1
	# Of the last two the name that the wildcard leads to is the closest encloser, and covers the name itself.
	for asked, target in (("alias", "app"), ("toempty", "four"), ("x.four", "four"), ("foo.swild", "a.swild")):
		for kind in ("A", "AAAA"):
			answer = ask_validated(resolver, f"{asked}.example.test", kind)
			assert data_of(answer, kind) in [addresses(s, kind) for s in expected(target, up)], answer
			n += 1
	for asked in ("nowhere", "x.app", "app.nowhere", "x.y.sub.wild", "a.a.ent"):
		assert not ask_validated(resolver, f"{asked}.example.test", "A", "NXDOMAIN").answer
		n += 1
	return n


@timeout(120)
@cases(("NSEC", "nsec"), ("NSEC3", "nsec3"))
def test_unbound_validates_every_state(denial, lab):
	w = World(lab, denial)
	resolver = w.resolver()
	n = 0
	for up in STATES:
		w.set_up(up)
		n += check_state(resolver, up)
		for asked, kind in itertools.product(("alias", "toempty", "x.four", "foo.swild", "a.swild", "x.pool", "foo.nowhere"), ("A", "AAAA")):
			owners = [r.owner for r in w.net.ask(f"{asked}.example.test", kind, edns=1232, do=True).authority if r.type in (47, 50)]
			assert len(owners) == len(set(owners)), f"{asked} {kind} with {up} up: two records of denial with one owner"
	note(f"{n} answers validated in {len(STATES)} states")


STATIC_ASKED = [("example.test", "SOA"), ("example.test", "NS"), ("example.test", "DNSKEY"), ("example.test", "MX"), ("example.test", "TXT"),
                ("example.test", "CAA"), ("mail.example.test", "A"), ("mail.example.test", "TXT"), ("x.wild.example.test", "A"),
                ("x.y.wild.example.test", "A"), ("x.wild.example.test", "TXT"), ("sub.wild.example.test", "TXT"), ("sub.wild.example.test", "A"),
                ("wild.example.test", "A"), ("*.wild.example.test", "A"), ("x.walias.example.test", "A"), ("x.walias.example.test", "TXT"),
                ("ent.example.test", "A"), ("b.ent.example.test", "A"), ("a.b.ent.example.test", "A"), ("_http._tcp.example.test", "SRV"),
                ("_tcp.example.test", "A"), ("alias.example.test", "CNAME"), ("insecure.example.test", "DS")]


@cases(*((f"{denial} {algorithm}{'' if split else ' one key'}", denial, algorithm, split)
         for denial, algorithm, split in (("nsec", "ecdsap256sha256", False), ("nsec3", "ed25519", True), ("nsec", "rsasha256", True))))
def test_every_kind_of_answer(denial, algorithm, split, lab):
	"""RFC 4035 3.1.3, RFC 5155 7.2: positive, wildcard, no data, empty non-terminal, insecure delegation; by each algorithm."""
	w = World(lab, denial, algorithm, split)
	resolver = w.resolver()
	for name, kind in STATIC_ASKED:
		ask_validated(resolver, name, kind)
	for name in ("nowhere", "x.mail", "x.sub.wild", "x.ent", "zzz", "0"):
		ask_validated(resolver, f"{name}.example.test", "A", "NXDOMAIN")
	# Through a wildcard into a delegation: the proof that the name itself is not there stands in the authority section.
	led = w.net.ask("x.del.example.test", "A", edns=1232, do=True)
	assert {r.type for r in led.answer} == {5, 46} and {2, 50 if denial == "nsec3" else 47} <= {r.type for r in led.authority} and not led.additional, led
	assert str(ALGORITHMS[algorithm][0]) and {r.data[3] for r in ask_validated(resolver, "example.test", "DNSKEY").answer if r.type == 48} \
		== {{"ecdsap256sha256": 13, "ed25519": 15, "rsasha256": 8}[algorithm]}


@cases(("NSEC", "nsec"), ("NSEC3", "nsec3"))
def test_delv(denial, lab):
	"""BIND's validator, asking the server itself."""
	need_tool("delv")
	w = World(lab, denial)
	anchors = w.keys.delv_anchors(lab.path("anchors"))

	def delv(name, kind):
		return w.net.run("delv", f"@{SERVERS[0]}", "-a", anchors, "+root=example.test", name, kind, check=False).stdout
	for up in (set(SITES), {"dr"}, set()):
		w.set_up(up)
		for name, kind in (("app.example.test", "A"), ("example.test", "A"), ("x.wild.example.test", "A"), ("alias.example.test", "AAAA")):
			said = delv(name, kind)
			assert "fully validated" in said and "unsigned" not in said, f"{name} {kind}: {said}"
		for name, kind, word in (("four.example.test", "AAAA", "nxrrset"), ("nowhere.example.test", "A", "nxdomain"), ("app.example.test", "TXT", "nxrrset")):
			said = delv(name, kind)
			assert "negative response, fully validated" in said and word in said, f"{name} {kind}: {said}"


class Bender:
	"""A server that hands on what steerway says, with one bit of a signature changed when `is_bent`."""

	ADDRESS = "9.9.5.1"

	def __init__(self, net):
		self.net, self.is_bent = net, False
		net.run("ip", "addr", "add", f"{self.ADDRESS}/32", "dev", "lo")
		self.sock = net.socket()
		self.sock.bind((self.ADDRESS, 53))
		net.lab.on_close(self.sock.close)
		threading.Thread(target=self.work, daemon=True).start()

	def work(self):
		while True:
			try:
				query, client = self.sock.recvfrom(4096)
			except OSError:
				return
			wire = self.net.exchange((SERVERS[0], 53), query)
			self.sock.sendto(self.bend(wire) if self.is_bent else wire, client)

	@staticmethod
	def bend(wire):
		"""The last byte of the signature of the answer's first set; keys stay as they are, so that it is their judgement."""
		answer = Message(wire)
		signatures = [r for r in answer.answer + answer.authority if r.type == 46]
		if not signatures or answer.questions[0][1] == 48:
			return wire
		at = wire.index(signatures[0].data[-16:]) + 15
		return wire[:at] + bytes([wire[at] ^ 1]) + wire[at + 1:]


def test_a_bent_signature_is_noticed(lab):
	w = World(lab)
	bender = Bender(w.net)
	resolver = w.resolver((Bender.ADDRESS, 53))
	for name, kind, rcode in (("app", "A", "NOERROR"), ("app", "TXT", "NOERROR"), ("nowhere", "A", "NXDOMAIN"), ("x.wild", "A", "NOERROR")):
		bender.is_bent = False
		ask_validated(resolver, f"{name}.example.test", kind, rcode)
		bender.is_bent = True
		answer = resolver.ask(f"{name}.example.test", kind)
		assert answer.rcode == "SERVFAIL", f"{name} {kind}: {answer}"


@cases(("NSEC", "nsec", "ecdsap256sha256"), ("NSEC3", "nsec3", "ecdsap256sha256"), ("RSA", "nsec", "rsasha256"))
def test_the_zone_as_a_whole(denial, algorithm, lab):
	"""Every record that the server tells makes a zone in which each set is signed and the chain is closed."""
	need_tool("ldns-verify-zone", "dnssec-verify")
	# Every site has both families, so that the types of a steered name are the same whichever way it is asked about.
	w = World(lab, denial, algorithm, sites={**SITES, "onprem": ["9.9.9.2", "2001:db8::2"]})
	names = {tuple(text_labels(n)): [type_number(t) for t in kinds] for n, kinds in STATIC.items()}
	names.update({tuple(text_labels(n if n != "@" else "")): [1, 28, *names.get(tuple(text_labels(n if n != "@" else "")), [])] for n in NAMES})

	def ask(labels, kind):
		return w.net.ask(labels, kind, edns=1232, do=True)
	file = lab.write("dumped.zone", dump(ask, "example.test.", names))
	said = run("ldns-verify-zone", "-V", "3", "-k", w.keys.ksk, file).stdout
	assert "Zone is verified and complete" in said, said
	said = run("dnssec-verify", "-o", "example.test", file).stdout
	assert re.search(r"Zone fully signed:\s*\n(.*\n)*?.*ZSKs: 1 active", said), said


# What zonemaster finds fault with that is the laboratory's doing.
EXCUSED = {"NAMESERVER_IP_WITHOUT_REVERSE": "no reverse zones in the small internet", "NO_IPV6_NS_CHILD": "it has no IPv6", "NO_IPV6_NS_DEL": "it has no IPv6"}


@timeout(120)
@cases(("NSEC", "nsec"), ("NSEC3", "nsec3"))
def test_zonemaster(denial, lab):
	"""All its test cases, from the root downwards: delegation, consistency, DNSSEC, name server behaviour, syntax."""
	need_tool("zonemaster-cli")
	w = World(lab, denial)
	done = w.net.run("zonemaster-cli", "example.test", "--hints", w.net.hints, "--no-ipv6", "--level", "INFO", "--json", "--no-progress", seconds=100)
	rows = json.loads(done.stdout[done.stdout.index("["):])
	assert {r["module"] for r in rows} >= {"DELEGATION", "CONSISTENCY", "DNSSEC", "NAMESERVER", "SYNTAX", "ZONE"}, done.stdout
	blamed = [r for r in rows if r["level"] not in ("INFO", "DEBUG") and r["tag"] not in EXCUSED]
	assert not blamed, json.dumps(blamed, indent=1)
