# SPDX-License-Identifier: BSD-2-Clause
"""knotd and NSD over the same zone: 20,000 questions that a seed makes (STEERWAY_SEED for another). Code, AA, TC and the sections with
their TTLs have to be the same; where they are not, a rule below says why ours is right, or this test fails."""
import os
import random
import socket
import struct

from dns import exchange_tcp
from dns_keys import Keys, sign
from dns_peers import Knot, Nsd
from dns_text import FORMS, Message, ask_wire, labels_wire, name_text, text_labels, type_name
from dns_zone import Zone
from lab import PATIENCE, SANITIZER, SLOW, cases, note, timeout
from test_dns import House

SEED = int(os.environ.get("STEERWAY_SEED", "4"))
QUESTIONS = 20000 // SLOW
WINDOW = 100  # answers of 1232 bytes that a socket's buffer holds


class Seen:
	"""An answer as far as it has to be the same: sets of records, whatever their order and the case of their names."""

	def __init__(self, wire):
		m = self.message = Message(wire)
		self.rcode, self.aa, self.tc = m.rcode, bool(m.flags & 0x400), bool(m.flags & 0x200)
		self.answer, self.authority, self.additional = (frozenset(map(key, s)) for s in (m.answer, m.authority, m.additional))
		self.opt = m.opt is not None

	def fields(self):
		return {"rcode": self.rcode, "aa": self.aa, "tc": self.tc, "answer": self.answer, "authority": self.authority,
		        "additional": self.additional, "opt": self.opt}


def key(record):
	owner, kind, klass, ttl, data = record.key()
	if kind == RRSIG:  # without the times and the signature itself, which is another each time
		return owner, kind, klass, ttl, data[:8] + data[16:-64].lower()
	return owner, kind, klass, ttl, data.lower() if "n" in FORMS.get(type_name(kind), "").lower() else data


RULES = []
CUTS = []  # the delegated names, in lower case as wire names
NS, CNAME, SOA, DNAME, RRSIG, NSEC, DNSKEY, NSEC3, NSEC3PARAM, CDS, ANY = 2, 5, 6, 39, 46, 47, 48, 50, 51, 59, 255


def rule(peers, why, of_signed=False):
	"""Registers a predicate (question, ours, theirs, names of what differs) -> does `why` explain it? Some hold for signed zones alone."""
	def register(function):
		RULES.append((peers.split(), why, function, of_signed))
		return function
	return register


@rule("knot nsd", "ANY: one made-up HINFO record (RFC 8482 4.2), of a signed name one set that it has (4.1); they send all, another, or TC")
def any_is_minimal(question, ours, theirs, differs):
	kinds = {k[1] for k in ours.answer} - {RRSIG}
	return question[1] == ANY and ours.rcode == theirs.rcode and ours.aa and len(kinds) == 1 and (question[3] or kinds == {13})


@rule("knot nsd", "TC: no part of a set is worth sending, since it will be asked for again over TCP (RFC 2181 9)")
def truncated_bare(question, ours, theirs, differs):
	empty = not (ours.answer or ours.authority or ours.additional)
	return ours.tc and theirs.tc and empty and differs <= {"answer", "authority", "additional"}


@rule("nsd", "glue that does not fit makes ours TC (RFC 9471 3.1); NSD 4.6 sends what fits")
def glue_whole_or_tc(question, ours, theirs, differs):
	return ours.tc and not theirs.tc and not ours.aa and not theirs.aa and bool(theirs.authority) and not theirs.answer


def limit(question):
	"""Of an answer over UDP, in bytes."""
	return min(max(question[2] or 512, 512), 1232)


def names_them(ours, theirs):
	"""Ours has more additional records, all of them of hosts that the answer names."""
	named = b"".join(k[4] for k in ours.answer)
	return theirs.additional < ours.additional and all(k[0] in named for k in ours.additional - theirs.additional)


@rule("nsd", "addresses of the hosts that an answer names spare a resolver queries (RFC 1034 4.3.2 step 6); NSD's minimal answers lack them")
def additional_addresses(question, ours, theirs, differs):
	return differs == {"additional"} and names_them(ours, theirs)


@rule("knot", "AFSDB, RT (RFC 1183), KX (RFC 2230), SVCB and HTTPS (RFC 9460 4.1) name hosts, too")
def additional_types(question, ours, theirs, differs):
	return differs == {"additional"} and question[1] in (18, 21, 36, 64, 65) and names_them(ours, theirs)


@rule("knot", "a chain of aliases is followed to its end (RFC 1034 4.3.2); Knot stops after five")
def long_chain(question, ours, theirs, differs):
	aliases = [k for k in theirs.answer if k[1] == CNAME]
	return len(aliases) == 5 and (theirs.answer < ours.answer or ours.tc) and not denials(theirs)


@rule("knot nsd", "additional data are sent whole or not at all, and not behind a proof; they fill up what room there is", of_signed=True)
def additional_whole(question, ours, theirs, differs):
	is_left_out = len(theirs.message.wire) > limit(question) - 160 or denials(ours)
	return differs == {"additional"} and not ours.additional and bool(is_left_out)


@rule("knot", "no data at a wildcard that is an empty non-terminal: its NSEC record is part of the proof (RFC 4035 3.1.3.4)", of_signed=True)
def empty_wildcard(question, ours, theirs, differs):
	return differs == {"authority"} and theirs.authority < ours.authority and {k[1] for k in ours.authority - theirs.authority} == {RRSIG, NSEC}


@rule("knot", "no data at a wildcard takes the proof of the closest encloser, too (RFC 5155 7.2.5); Knot leaves it out when an asterisk is asked for", of_signed=True)
def asterisk_below_a_wildcard(question, ours, theirs, differs):
	more = ours.authority - theirs.authority
	return differs == {"authority"} and question[0][0] == b"*" and theirs.authority < ours.authority and {k[1] for k in more} == {RRSIG, NSEC3}


@rule("nsd", "no data at a name that exists takes the NSEC3 record that matches it and no other (RFC 5155 7.2.3); NSD adds one when an asterisk is asked for", of_signed=True)
def asterisk_asked(question, ours, theirs, differs):
	more = theirs.authority - ours.authority
	starred = question[0][0] == b"*" or any(k[1] == CNAME and k[4].startswith(b"\1*") for k in ours.answer)
	if theirs.tc and not ours.tc:  # it made the answer too long
		return starred and bool(denials(ours))
	return differs == {"authority"} and ours.authority < theirs.authority and {k[1] for k in more} == {RRSIG, NSEC3} and starred


@rule("knot", "the whole answer fits; Knot's compression, which looks at fewer names, leaves no room for its last signatures", of_signed=True)
def fits_here(question, ours, theirs, differs):
	return theirs.tc and not ours.tc and theirs.answer <= ours.answer and theirs.authority <= ours.authority and len(ours.message.wire) <= limit(question)


@rule("knot nsd", "a proof is sent whole, or TC (RFC 2181 9); ours spell out its owner twice, which makes them some bytes longer than theirs", of_signed=True)
def proof_longer(question, ours, theirs, differs):
	return ours.tc and not theirs.tc and bool(denials(theirs)) and len(theirs.message.wire) > limit(question) - 200


def denials(seen):
	return {k for k in seen.authority if k[1] in (NSEC, NSEC3)}


@rule("knot", "addresses at or below a cut are glue: part of referrals, not of answers (RFC 2181 5.4.1); Knot sends them beside MX and SRV, too")
def glue_in_answer(question, ours, theirs, differs):
	more = theirs.additional - ours.additional
	return differs == {"additional"} and ours.additional < theirs.additional and all(any(k[0].endswith(cut) for cut in CUTS) for k in more)


@rule("knot nsd", "128-255 are no types of records (RFC 6895 3.1): NOTIMP says so, an empty answer would be kept by caches")
def meta_types(question, ours, theirs, differs):
	return 128 <= question[1] < 255 and ours.rcode == "NOTIMP"


def ask_all(servers, questions):
	"""{server: answer} a question, with a window of them under way at every server."""
	sockets = {}
	for server in servers:
		s = sockets[server] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
		s.connect(server.address)
		s.settimeout(10 * PATIENCE)
	try:
		for at in range(0, len(questions), WINDOW):
			queries = [ask_wire(name, kind, ident=i, edns=edns, do=do) for i, (name, kind, edns, do) in enumerate(questions[at:at + WINDOW])]
			for s in sockets.values():
				for q in queries:
					s.send(q)
			got = {server: {} for server in servers}
			for server, s in sockets.items():
				for _ in queries:
					wire = s.recv(65535)
					got[server][struct.unpack_from("!H", wire)[0]] = wire
			for i, q in enumerate(queries):
				wires = {server: got[server].get(i) for server in servers}
				for server, wire in wires.items():
					assert wire, f"{server.name} did not answer {questions[at + i]}"
					assert wire[12:len(q) - 11 * (q[11])].startswith(q[12:12 + 4]), f"{server.name} answers another question"
				yield questions[at + i], wires
	finally:
		for s in sockets.values():
			s.close()


def explain(peer, question, ours, theirs, differs):
	for i, (peers, why, predicate, of_signed) in enumerate(RULES):
		if peer in peers and (question[3] or not of_signed) and predicate(question, ours, theirs, differs):
			return i
	return None


def compare(servers, answers, truncated):
	"""(how many are the same, how often each rule explained something, texts of what none explained); adds questions with TC answers."""
	ours, *peers = servers
	used, unexplained, n_same = [0] * len(RULES), [], 0
	for question, wires in answers:
		mine = None
		if wires[ours][2] & 2:
			truncated[labels_wire(question[0]).lower(), question[1]] = question
		for peer in peers:
			if wires[peer] == wires[ours]:
				n_same += 1
				continue
			mine = mine or Seen(wires[ours])
			theirs = Seen(wires[peer])
			a, b = mine.fields(), theirs.fields()
			differs = {k for k in a if a[k] != b[k]}
			if not differs:
				n_same += 1
				continue
			number = explain(peer.name, question, mine, theirs, differs)
			if number is None:
				name, kind, edns, do = question
				unexplained.append(f"{peer.name} {sorted(differs)} {name_text(name)} {type_name(kind)} edns={edns} do={do}: {sorted(differs)}\n  steerway {mine.message}\n  {peer.name} {theirs.message}")
			else:
				used[number] += 1
	return n_same, used, unexplained


class Ours:
	def __init__(self, lab, zones, port, **more):
		self.name, self.address = "steerway", (lab.ip, port)
		self.daemon = lab.steerway({"listeners": {"dns": {"bind": ["%s:%d" % self.address], "protocol": "dns"}},
		                            "zones": {name: {"file": str(file), **more} for name, file in zones.items()}})


def judge(servers, questions):
	"""Compares all answers, those that are truncated once more over TCP; returns how often each rule explained a difference."""
	truncated = {}
	n_same, used, unexplained = compare(servers, ask_all(servers, questions), truncated)
	whole = compare(servers, over_tcp(servers, list(truncated.values())), {})
	assert len(truncated) > 20
	n_same, used, unexplained = n_same + whole[0], [a + b for a, b in zip(used, whole[1])], unexplained + whole[2]
	note(f"{n_same} of {2 * (len(questions) + len(truncated))} answers are the same; explained: {sum(used)}")
	assert not unexplained, f"{len(unexplained)} differences that no rule explains\n" + "\n".join(random.Random(1).sample(unexplained, min(12, len(unexplained))))
	return used


def outside(n):
	"""Names that none of the servers has."""
	names = [[], [b"test"], [b"richtest"], [b"xrich", b"test"], [b"rich", b"test", b"x"], [b"com"], [b"rich"], [b"\4rich\4test"]]
	return [(names[i % len(names)], 1 + i // len(names) % 60, (None, 1232)[i % 2], False) for i in range(n)]


def over_tcp(servers, questions):
	"""As ask_all, each server on one connection."""
	queries = [ask_wire(name, kind, ident=i) for i, (name, kind, _, _) in enumerate(questions)]
	wires = {server: {w[:2]: w for w in exchange_tcp(server.address, *queries, seconds=20)} for server in servers}
	for question, q in zip(questions, queries):
		yield question, {server: wires[server][q[:2]] for server in servers}


@timeout(120)
def test_beside_knot_and_nsd(lab):
	zones = [Zone(SEED, "rich.test."), Zone(SEED + 1, "star.test.", n_hosts=60, has_star=True)]
	files = {z.name: lab.write(f"{z.name}.zone", z.file()) for z in zones}
	servers = [kind(lab, files, House.port(lab.ip)) for kind in (Ours, Knot, Nsd)]
	questions = zones[0].questions(QUESTIONS * 3 // 4) + zones[1].questions(QUESTIONS // 4) + outside(QUESTIONS // 100)
	CUTS[:] = [labels_wire([*cut, *text_labels(z.origin)]).lower() for z in zones for cut in z.cuts]
	assert len(questions) >= QUESTIONS
	used = judge(servers, questions)
	idle = [RULES[i][1] for i, n in enumerate(used) if not n and not RULES[i][3]]
	assert not idle or SANITIZER, f"rules that explain nothing: {idle}"


@timeout(120)
@cases(("NSEC", "nsec"), ("NSEC3", "nsec3"))
def test_signed(denial, lab):
	"""The peers serve what BIND's dnssec-signzone made of the zone, by the same keys: its chain and ours have to be the same, too."""
	zone = Zone(SEED, "rich.test.", n_hosts=120)
	plain = lab.write("rich.test.zone", zone.file())
	keys = Keys(lab, "rich.test")
	signed = sign("rich.test", keys, plain, lab.path("rich.test.signed"), denial == "nsec3")
	CUTS[:] = [labels_wire([*cut, *text_labels(zone.origin)]).lower() for cut in zone.cuts]
	servers = [Ours(lab, {zone.name: plain}, House.port(lab.ip), dnssec={"keys": str(keys.dir), "denial": denial}),
	           *(kind(lab, {zone.name: signed}, House.port(lab.ip)) for kind in (Knot, Nsd))]
	rng = random.Random(SEED)
	judge(servers, [(name, kind if rng.random() < 0.9 else rng.choice((DNSKEY, NSEC3PARAM, CDS)), size or 1232, True)
	                for name, kind, size, _ in zone.questions(QUESTIONS // 5)])
