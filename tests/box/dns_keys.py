# SPDX-License-Identifier: BSD-2-Clause
"""Keys as BIND's tools make them, and the records of a signed zone as its server tells them, asked for one by one."""
from dns_text import text_labels
from lab import need_tool, run

ALGORITHMS = {"ecdsap256sha256": ("ECDSAP256SHA256", []), "ed25519": ("ED25519", []), "rsasha256": ("RSASHA256", ["-b", "2048"])}
RRSIG, NSEC, APEX_TYPES = 46, 47, (6, 2, 48, 51, 59, 60)  # SOA, NS, DNSKEY, NSEC3PARAM, CDS, CDNSKEY
NOBODYS_TYPE = 65279  # asked of any name, the answer is NODATA with the name's own NSEC or NSEC3 record


class Keys:
	"""A directory with a KSK and a ZSK, or with a lone key that signs everything; `ds`: the line of the parent's zone."""

	def __init__(self, lab, zone, algorithm="ecdsap256sha256", split=True, label="keys"):
		need_tool("dnssec-keygen", "dnssec-dsfromkey")
		self.zone, self.dir = zone, lab.path(label)
		self.dir.mkdir(exist_ok=True)
		name, words = ALGORITHMS[algorithm]
		for flags in ([["-f", "KSK"], []] if split else [["-f", "KSK"]]):
			run("dnssec-keygen", "-q", "-K", self.dir, "-a", name, *words, *flags, zone)
		self.ksk = next(f for f in self.dir.glob("*.key") if " 257 " in f.read_text())
		self.ds = run("dnssec-dsfromkey", "-2", self.ksk).stdout.strip()

	def delv_anchors(self, path):
		tag, algorithm, digest_type, digest = self.ds.split(" DS ")[1].split()
		path.write_text(f'trust-anchors {{ {self.zone}. static-ds {tag} {algorithm} {digest_type} "{digest}"; }};\n')
		return path


def sign(zone, keys, source, to, nsec3):
	"""As BIND signs it, by the same keys."""
	need_tool("dnssec-signzone")
	run("dnssec-signzone", "-q", "-S", "-x", "-K", keys.dir, "-o", zone, "-P", "-d", to.parent, *(("-3", "-", "-H", "0") if nsec3 else ()), "-f", to, source)
	return to


def dump(ask, origin, names):
	"""The zone as a file. `ask(labels, type)`: the Message of a query with DO. `names`: relative labels -> types, of all names with data;
	names between them and the apex are asked, too, since NSEC3 records stand for them."""
	apex = text_labels(origin)
	questions = [((f"q{i}".encode(),), 1) for i in range(300)]  # NSEC3 records of aliases show only where they cover something
	every = {tuple(n[i:]): () for n in names for i in range(len(n) + 1)} | {tuple(n): types for n, types in names.items()}
	found = {}
	for labels, types in every.items():
		questions += [((b"0", *labels), 1)]  # nothing is closer behind the name, so that its NSEC record covers it
		questions += [(labels, kind) for kind in (*types, NSEC, NOBODYS_TYPE, *(APEX_TYPES if not labels else ()))]
	for labels, kind in questions:
		answer = ask([*labels, *apex], kind)
		own = answer.answer + answer.additional if labels in every else []  # what a wildcard made is not in the zone
		for r in own + answer.authority:
			key = r.key()[:3] + r.key()[4:]
			if key not in found or found[key].ttl < r.ttl:
				found[key] = r
	rows = sorted(found.values(), key=lambda r: (r.type != 6, r.key()))
	# Negative answers lower TTLs; in the zone there is what signatures say (RFC 4034 3.1.4).
	signed = {(r.owner.lower(), covered(r)): int.from_bytes(r.data[4:8], "big") for r in rows if r.type == RRSIG}

	def ttl(r):
		return signed.get((r.owner.lower(), covered(r) if r.type == RRSIG else r.type), r.ttl)
	return "".join(f"{r.owner} {ttl(r)} IN TYPE{r.type} \\# {len(r.data)} {r.data.hex()}\n" for r in rows)  # RFC 3597 5


def covered(signature):
	return int.from_bytes(signature.data[:2], "big")
