# SPDX-License-Identifier: BSD-2-Clause
"""RFC 9110 and 9112 towards clients, in raw bytes: cases/h1_*.py, each sent whole and cut in three other ways, which must change
nothing. A case asserts the client's answers, the exact bytes at the origin, log records, counters and what becomes of the connection."""
from cases import h1_body, h1_message
from edge import Edge
from http1 import Closed
from lab import cases
from table import PROBE, EndCounters, LogTail, Recorder, connect, half_close, probe, send_pieces, splits

ALL = h1_message.CASES + h1_body.CASES
LISTENER = {"max_head": "4KiB", "max_target": "1KiB", "max_fields": 20, "max_body": "64KiB", "forwarded": "off"}
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: app.test\r\n\r\n"


class Front:
	def __init__(self, lab):
		self.origin = Recorder(lab)
		# One worker, so that its log is in the order of what happened.
		self.edge = Edge(lab, {"cloud": [self.origin]}, listener=LISTENER, workers=1)
		self.log, self.ends = LogTail(self.edge.daemon), EndCounters(self.edge.daemon)


def shared(lab):
	return Front(lab)


def converse(front, case, pieces):
	"""Sends the pieces; returns what the client saw, and the records that this must leave behind."""
	with connect(front.edge.web) as c:
		send_pieces(c, pieces)
		if case.fin:
			half_close(c)
		answers = []
		try:
			for _ in case.answers:
				answers.append(c.response(case.method))
		except Closed as e:
			raise AssertionError(f"answers {answers}, then {e}")
		assert [a.status for a in answers] == case.answers, answers
		if not case.is_open:
			# The FIN may come behind the answer, which then can't know of it.
			assert case.fin or answers[-1].has_token("Connection", "close"), f"no word of the close: {answers[-1]}"
			assert c.is_closed(), "still open"
			return case.log
		assert not any(a.has_token("Connection", "close") for a in answers), answers
		probe(c)
		return case.log + [(200, "complete", None)]


@cases(*((case.label, case) for case in ALL))
def test_h1(case, shared):
	tail = SMUGGLED if case.log[-1][1] == "bad_request" or case.log[-1][1] == "body_too_large" else b""
	ways = splits(case.sent + tail, case.label, behind=case.behind)
	expected = []
	for pieces in ways:
		before, broken = len(shared.origin.whole), len(shared.origin.broken)
		expected += converse(shared, case, pieces)
		got = b"".join(shared.origin.whole[before:])
		wanted = case.got + (PROBE if case.is_open else b"")
		assert got == wanted, f"the origin got {got!r}, not {wanted!r}, from {pieces}"
		if case.is_head_refused:
			assert len(shared.origin.broken) == broken, f"the origin got {shared.origin.broken[broken:]}"
	records = shared.log.take(len(expected))
	assert [(r["status"], r["end"], r.get("fault")) for r in records] == expected, records
	counted = {}
	for _, end, _ in expected:
		counted[end] = counted.get(end, 0) + 1
	assert shared.ends.moved() == counted
	assert all(b"/smuggled" not in b for b in shared.origin.broken[-4:])


def test_enough_cases():
	assert len(ALL) >= 300 and len({c.label for c in ALL}) == len(ALL)
