# SPDX-License-Identifier: BSD-2-Clause
"""Signed zones, as validators see them: every answer with delv and a trust anchor, the whole zone (gathered by questions) with
ldns-verify-zone and dnssec-verify, in every state of health; keys of three makers; replacing keys while it serves."""
import re
import time
from datetime import datetime
from pathlib import Path

from http1 import RawOrigin
from lab import STEERWAY, cases, need_tool, run, timeout, to_yaml, wait_until
from test_dns import House

ZONE = """$TTL 3600
@	IN SOA ns hostmaster 7 3600 600 86400 300
@	IN NS ns
@	IN MX 10 Mail
@	IN TXT "Some Text" "and more"
ns	IN A 192.0.2.1
ns	IN AAAA 2001:db8::53
mail	IN A 192.0.2.2
alias	IN CNAME mail
far	IN CNAME app
lost	IN CNAME nowhere
*.w	IN TXT "wild"
sub.w	IN TXT "closer"
*.c	IN CNAME mail
x.empty	IN A 192.0.2.5
cut	IN NS ns.elsewhere.test.
_http._tcp	IN SRV 0 5 80 Mail
ca	IN CAA 0 issue "ca.test"
odd	IN TYPE65280 \\# 2 0001
"""
NAMES = {
	"app": {"pool": "app", "sites": ["cloud", "onprem", "dr"], "ttl": "30s", "all_down": "none"},
	"www": {"policy": "weighted", "pool": "app", "sites": {"west": 1, "onprem": 3}, "ttl": "30s"},
	"*.star": {"pool": "app", "sites": ["onprem", "cloud"], "ttl": "30s", "all_down": "first"},
	"app2.deep": {"pool": "app", "sites": ["dr", "onprem"], "ttl": "30s"},
}
# Which sites are down.
SITES = ("cloud", "onprem", "dr", "west")
STATES = ((), ("cloud",), ("cloud", "onprem"), ("onprem", "west"), SITES)
# Every name of the zone, and every type that any of them may have.
OWNERS = ("", "ns", "mail", "alias", "far", "lost", "*.w", "sub.w", "w", "*.c", "c", "x.empty", "empty", "cut", "_http._tcp",
          "_tcp", "ca", "odd", "app", "www", "*.star", "star", "app2.deep", "deep")
ALIASES = ("alias", "far", "lost", "*.c")
TYPES = ("A", "AAAA", "NS", "SOA", "MX", "TXT", "CNAME", "SRV", "CAA", "DS", "DNSKEY", "CDS", "CDNSKEY", "NSEC3PARAM", "TYPE65280")
QUESTIONS = tuple(f"{name} {kind}" for name, kind in (
	("example.test", "SOA"), ("example.test", "DNSKEY"), ("example.test", "NSEC3PARAM"), ("example.test", "A"), ("mail", "A"), ("mail", "MX"),
	("alias", "A"), ("alias", "TXT"), ("alias", "CNAME"), ("far", "A"), ("far", "AAAA"), ("far", "MX"), ("lost", "A"), ("nx", "A"),
	("a.b.nx", "A"), ("nx.mail", "A"), ("q.w", "TXT"), ("r.q.w", "TXT"), ("q.w", "A"), ("x.sub.w", "TXT"), ("w", "TXT"), ("q.c", "A"),
	("q.c", "TXT"), ("empty", "A"), ("y.empty", "A"), ("cut", "DS"), ("odd", "TYPE65280"), ("app", "A"), ("app", "AAAA"),
	("app", "TXT"), ("app", "HTTPS"), ("x.app", "A"), ("www", "A"), ("www", "AAAA"), ("i.star", "A"), ("i.star", "AAAA"), ("i.star", "MX"),
	("star", "A"), ("app2.deep", "A"), ("app2.deep", "AAAA"), ("deep", "A"), ("zzzz", "A"), ("0", "A")))


def bind_keys(folder, algorithm, *more):
	need_tool("dnssec-keygen")
	size = ("-b", 2048) if algorithm == "RSASHA256" else ()
	run("dnssec-keygen", "-K", folder, "-a", algorithm, *size, *more, "example.test")


class Signed(House):
	"""The house of test_dns with a zone that is signed; `make` puts keys into a folder."""
	NAMES = NAMES
	ZONE = ZONE

	def __init__(self, lab, make, **dnssec):
		self.lab = lab
		self.address = (lab.ip, self.port(lab.ip))
		self.keys = Path(lab.path("keys"))
		origin = RawOrigin(lab)
		lab.write("example.test.zone", self.ZONE)
		self.config = {
			"listeners": {"dns": {"bind": ["%s:%d" % self.address], "protocol": "dns"}},
			"sites": {"cloud": {"addresses": ["198.51.100.10", "2001:db8:1::10"]}, "onprem": {"addresses": ["192.0.2.10", "192.0.2.11"]},
			          "dr": {"addresses": ["2001:db8:2::10"]}, "west": {"addresses": ["192.0.2.20"]}},
			"pools": {"app": {"servers": [{"name": s, "address": origin.text, "site": s} for s in SITES]}},
			"zones": {"example.test": {"file": "example.test.zone", "dnssec": {"keys": "keys", **dnssec}, "names": self.NAMES}}}
		make(self)
		self.daemon = lab.steerway(self.config)

	def generate(self, *kinds, check=True):
		path = self.lab.write("first.yaml", to_yaml(self.config))
		return run(STEERWAY, "dnssec", "-c", path, "generate", "example.test", *kinds, check=check)

	def anchor(self):
		"""The trust anchors of delv: keys with SEP, or all when there is none."""
		records = [line.split() for file in self.keys.glob("*.key") for line in file.read_text().splitlines() if not line.startswith(";")]
		records = [r[r.index("DNSKEY") + 1:] for r in records]
		records = [r for r in records if r[0] == "257"] or records
		lines = "".join(f"\"example.test.\" static-key {r[0]} {r[1]} {r[2]} \"{''.join(r[3:]).split(';')[0]}\";\n" for r in records)
		return self.lab.write("anchor", "trust-anchors {\n" + lines + "};\n")

	def delv(self, question, anchor):
		name, kind = question.split()
		if not name.endswith("example.test"):
			name += ".example.test"
		return run("delv", f"@{self.address[0]}", "-p", self.address[1], "-a", anchor, "+root=example.test", name, kind, check=False).stdout

	def all_validate(self, questions=QUESTIONS):
		need_tool("delv")
		anchor = self.anchor()
		for question in questions:
			text = self.delv(question, anchor)
			assert "fully validated" in text, f"{question}: {text}"

	def gather(self):
		"""The zone as its own answers have it: what each name has of each type, and the record that says so of the name."""
		names = [f"{owner}.example.test" if owner else "example.test" for owner in OWNERS]
		questions = [f"{name} {kind}\n" for name in names for kind in (*TYPES, "TYPE65400")]
		# What an alias does not have it does not say itself: but that nothing is below it.
		batch = self.lab.write("questions", "".join(questions + [f"none.{owner}.example.test TYPE65400\n" for owner in ALIASES]))
		text = self.dig("+dnssec", "+bufsize=4096", "+noall", "+question", "+answer", "+authority", "-f", batch)
		records, proofs, ttls, asked = {}, {}, {}, None
		aliases = [f"{owner}.example.test." for owner in ALIASES]
		for line in text.splitlines():
			words = line.split()
			if line.startswith(";"):
				asked = words[0][1:].lower(), words[2]
				continue
			if len(words) < 5:
				continue
			owner, kind = words[0].lower(), words[3]
			covered = words[4] if kind == "RRSIG" else kind
			# Of a steered name the chain has a record that only covers other names; what it has now is what NODATA shows.
			if covered in ("NSEC", "NSEC3"):
				if asked[1] != "TYPE65400" or covered == "NSEC" and owner not in (asked[0], asked[0].removeprefix("none.")):
					continue
				if asked[0] in aliases:  # it leads elsewhere
					continue
				if proofs.setdefault(owner, asked) != asked:
					continue
			if kind == "RRSIG":
				ttls[owner, covered] = words[7]
			records[" ".join([owner, *words[2:]])] = owner, covered, words[1]
		assert len(records) > 50, text
		# A TTL may be shorter than the one that was signed.
		return self.lab.write("gathered", "".join(
			f"{line.split()[0]} {ttls.get((owner, covered), ttl)} {line.split(' ', 1)[1]}\n" for line, (owner, covered, ttl) in records.items()))

	def whole_validates(self):
		need_tool("dnssec-verify", "ldns-verify-zone")
		zone = self.gather()
		done = run("ldns-verify-zone", "-V", 2, zone, check=False)
		assert done.returncode == 0, done.stdout
		done = run("dnssec-verify", "-z", "-o", "example.test", zone, check=False)
		assert done.returncode == 0, done.stdout

	def signers(self, name="example.test", kind="SOA"):
		"""Numbers of the keys that signed."""
		text = self.dig("+dnssec", "+noall", "+answer", name, kind)
		return {int(line.split()[10]) for line in text.splitlines() if line.split()[3] == "RRSIG"}

	def set_state(self, down):
		for site in SITES:
			self.daemon.ctl("down" if site in down else "ready", "site", site)


def of_steerway(*kinds):
	return lambda h: h.generate(*kinds)


def of_bind(*sets):
	def make(h):
		h.keys.mkdir(mode=0o700)
		for words in sets:
			bind_keys(h.keys, *words)
	return make


def of_ldns(*sets):
	def make(h):
		need_tool("ldns-keygen")
		h.keys.mkdir(mode=0o700)
		for words in sets:
			run("ldns-keygen", *words, "example.test", cwd=h.keys)
	return make


@timeout(200)
@cases(("NSEC, a CSK of ours", of_steerway(), {}),
       ("NSEC3, KSK and ZSK of ours", of_steerway("ksk", "zsk"), {"denial": "nsec3", "algorithm": "ed25519"}))
def test_every_state_of_health_validates(make, dnssec, lab):
	"""RFC 4035 3.1, RFC 5155 7.2: positive answers, NODATA, NXDOMAIN, wildcards, delegations, aliases, and what health makes empty."""
	h = Signed(lab, make, **dnssec)
	h.all_validate()
	for down in STATES:
		h.set_state(down)
		h.all_validate([q for q in QUESTIONS if q.split()[0] in ("far", "app", "x.app", "www", "i.star", "app2.deep")])
		if dnssec.get("denial") != "nsec3":  # what questions gather is no whole chain of hashes; test_dns_validation has zones for that
			h.whole_validates()


@timeout(200)
@cases(("RSA of BIND", of_bind(("RSASHA256",), ("RSASHA256", "-f", "KSK")), {"cds": "always"}),
       ("Ed25519 of ldns", of_ldns(("-a", "ED25519"), ("-k", "-a", "ED25519")), {"denial": "nsec3"}),
       ("ECDSA of ldns without SEP", of_ldns(("-a", "ECDSAP256SHA256"),), {"cds": "delete"}),
       ("two algorithms of BIND", of_bind(("ECDSAP256SHA256", "-f", "KSK"), ("ED25519", "-f", "KSK")), {"denial": "nsec3"}))
def test_keys_of_others_sign(make, dnssec, lab):
	Signed(lab, make, **dnssec).all_validate([q for q in QUESTIONS if q.split()[0] in ("far", "app", "www", "none")])


def test_a_failover_signs_nothing(lab):
	"""Every answer that the policies can reach was signed before: the signatures of a state are the same when it returns."""
	h = Signed(lab, of_steerway())
	seen = {}
	for down in (*STATES, *reversed(STATES)):
		h.set_state(down)
		text = h.dig("+dnssec", "+noall", "+answer", "+authority", "app.example.test", "A")
		signatures = sorted(line for line in text.splitlines() if "RRSIG" in line)
		assert signatures
		assert seen.setdefault(down, signatures) == signatures


@cases(("NSEC", {}), ("NSEC3", {"denial": "nsec3"}))
def test_secure_delegation(dnssec, lab):
	"""RFC 4035 3.1.4: the DS records and their signature go with the referral; no DS is proven."""
	class Delegating(Signed):
		ZONE = ZONE + "safe\tIN NS ns.elsewhere.test.\nsafe\tIN DS 1 13 2 " + "0" * 64 + "\n"
	h = Delegating(lab, of_steerway(), **dnssec)
	h.all_validate(("safe DS", "cut DS", "saf DS", "safe0 A"))
	text = h.dig("+dnssec", "+noall", "+authority", "www.safe.example.test", "A")
	assert "RRSIG\tDS 13 3 " in text and "NSEC" not in text, text
	text = h.dig("+dnssec", "+noall", "+authority", "www.cut.example.test", "A")
	assert "NSEC" in text and "DS 13" not in text, text


def test_type_nsec_at_an_alias(lab):
	"""RFC 4034 4: an NSEC record stands beside a CNAME record, and is not an alias' target's."""
	h = Signed(lab, of_steerway())
	text = h.dig("+dnssec", "+noall", "+answer", "alias.example.test", "NSEC")
	assert "alias.example.test.\t300\tIN\tNSEC" in text and "CNAME mail" not in text, text
	assert " CNAME RRSIG NSEC" in text, text


@timeout(120)
def test_a_keys_time_comes_by_itself(lab):
	"""A ZSK that was published before takes over at its Activate time, without a reload."""
	def make(h):
		h.keys.mkdir(mode=0o700)
		bind_keys(h.keys, "ECDSAP256SHA256", "-f", "KSK")
		bind_keys(h.keys, "ECDSAP256SHA256", "-P", "now-1h", "-A", "now-1h", "-I", "now+6", "-D", "now+1d")
		bind_keys(h.keys, "ECDSAP256SHA256", "-P", "now-1h", "-A", "now+6")
	h = Signed(lab, make)
	before = h.signers()
	h.all_validate()
	wait_until(lambda: h.signers() != before, seconds=20, what="the next key")
	assert len(h.signers()) == 1
	h.all_validate()
	h.whole_validates()
	assert "zone_signed" in h.daemon.log()


@timeout(120)
def test_rollover_by_commands(lab):
	"""RFC 7583: steerctl makes the successor, publishes it, and says when what happens; the zone is valid at every step."""
	h = Signed(lab, of_steerway("ksk", "zsk"))
	text = h.daemon.ctl("dnssec", "rollover", "example.test").stdout
	assert "is published" in text and "signs no more" in text and "is removed" in text, text
	wait_until(lambda: h.dig("+short", "example.test", "DNSKEY").count("\n") == 3, what="the published key")
	h.all_validate()
	keys = h.daemon.ctl_json("show", "keys")
	assert sorted(k["state"] for k in keys) == ["active", "active", "published"], keys
	assert {k["next"] for k in keys} == {None, "Activate", "Inactive"}, keys
	refused = h.daemon.ctl("dnssec", "rollover", "example.test", check=False)
	assert refused.returncode == 1 and "a replacement is under way" in refused.stdout + refused.stderr, refused
	h.daemon.ctl("dnssec", "rollover", "example.test", "--kind", "ksk")
	wait_until(lambda: h.dig("+short", "example.test", "DNSKEY").count("\n") == 4, what="the second key")
	assert len(h.signers(kind="DNSKEY")) == 2
	h.whole_validates()
	ds = h.daemon.ctl("dnssec", "ds", "example.test").stdout
	assert len(re.findall(r"^example\.test\. IN DS \d+ 13 2 [0-9a-f]{64}$", ds, re.M)) == 2, ds


def test_a_zsk_beside_a_csk(lab):
	"""RFC 6781 4.1.1.1: it is published first, and signs when no cache lacks it; who can't know when that is makes none."""
	h = Signed(lab, of_steerway())
	before = h.signers()
	files = sorted(h.keys.iterdir())
	made = int(max(f.stat().st_mtime for f in files))
	wait_until(lambda: int(time.time()) > made, what="the first key is not of this second, as one that is made with it would be")
	refused = h.generate("zsk", check=False)
	assert refused.returncode == 1 and "use `steerctl dnssec generate`" in refused.stdout, refused
	assert sorted(h.keys.iterdir()) == files
	text = h.daemon.ctl("dnssec", "generate", "example.test", "--kind", "zsk").stdout
	published, signs = (datetime.fromisoformat(re.search(rf"^(\S+ \S+Z)  key \d{{5}} {what}$", text, re.M)[1])
	                    for what in ("is published", "signs"))
	assert (signs - published).total_seconds() == 3600 + 3600, text  # the TTL of the DNSKEY records, and a margin
	wait_until(lambda: h.dig("+short", "example.test", "DNSKEY").count("\n") == 2, what="the published key")
	keys = h.daemon.ctl_json("show", "keys")
	assert {(k["state"], k["sep"], k["signs"]) for k in keys} == {("active", True, "everything"), ("published", False, None)}, keys
	assert h.signers() == before and h.signers(kind="DNSKEY") == before
	h.all_validate(("example.test SOA", "example.test DNSKEY", "app A", "nx A"))


def test_first_keys_of_one_command(lab):
	"""A KSK and a ZSK that are made before any is served sign at once; a word that is no kind makes none."""
	h = Signed(lab, of_steerway("ksk", "zsk"))
	assert len(list(h.keys.glob("*.key"))) == 2
	assert h.signers() and h.signers(kind="DNSKEY") and not h.signers() & h.signers(kind="DNSKEY")
	Path(lab.path("keys")).rename(lab.path("other"))
	refused = h.generate("ksk", "psk", check=False)
	assert refused.returncode == 1 and "`psk` is no kind of key" in refused.stdout, refused
	assert not h.keys.exists()
	assert h.generate("ksk", "zsk").stdout.count("\n") == 2


def test_keys_that_cannot_sign_change_nothing(lab):
	"""A reload with a faulty key is refused with file, line and remedy, and what served serves on."""
	h = Signed(lab, of_steerway())
	before = h.signers()
	private = next(h.keys.glob("*.private"))
	good = private.read_text()
	private.write_text(good.replace("PrivateKey: ", "PrivateKey: !"))
	done = h.daemon.reload(check=False)
	assert "line 3: PrivateKey: not in base64" in done.stdout + done.stderr, done
	private.chmod(0o644)
	done = h.daemon.reload(check=False)
	assert "chmod 600" in done.stdout + done.stderr, done
	assert h.signers() == before
	h.all_validate()
