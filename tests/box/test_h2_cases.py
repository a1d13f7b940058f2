# SPDX-License-Identifier: BSD-2-Clause
"""RFC 9113 towards clients, frame by frame: cases/h2.py, with servers that speak HTTP/1.1 and with ones that speak HTTP/2. Each case is sent
whole and cut in two other ways, which must change nothing. It asserts what becomes of each stream and of the connection, what the
server saw, log records and counters."""
from cases import h2
from edge import Edge
from http1 import RawOrigin, ok
from http2 import PREFACE, Connection, Origin2, Seen, headers, request
from lab import cases
from table import EndCounters, LogTail, connect, send_pieces, splits

LISTENER = {"max_head": "4KiB", "max_target": "1KiB", "max_fields": 20, "max_body": "64KiB", "forwarded": "off"}
LAST = 0x7fffffff  # the highest stream that a client can open


class Origin1(RawOrigin):
	def __init__(self, lab):
		self.seen = []
		super().__init__(lab, self.answer_all)

	def answer_all(self, c):
		while request := c.request():
			self.seen.append(Seen.of_message(request))
			c.send(ok(b"" if request.method == "HEAD" else b"hello"))


class Front:
	def __init__(self, lab, origin, protocol):
		self.origin = origin
		self.edge = Edge(lab, {"cloud": [origin]}, start=False, listener=LISTENER, pool={"protocol": protocol, "retries": {"attempts": 0}},
		                 workers=1)
		daemon = lab.steerway(self.edge.config, name=protocol)
		self.log, self.ends = LogTail(daemon), EndCounters(daemon)


class Fronts:
	def __init__(self, lab):
		self.by_protocol = {"h1": Front(lab, Origin1(lab), "http1")}
		self.lab = lab

	def get(self, protocol):
		if protocol not in self.by_protocol:
			self.by_protocol[protocol] = Front(self.lab, Origin2(self.lab), "http2")
		return self.by_protocol[protocol]


def shared(lab):
	return Fronts(lab)


def matches(answer, want):
	return answer.reset in want if isinstance(want, tuple) else answer.status == want and answer.has_ended


def converse(front, case, pieces):
	with Connection(connect(front.edge.web)) as c:
		send_pieces(c.wire, pieces)
		if case.error is not None:
			error = c.ends()
			assert error in case.error, f"{error}; frames {c.frames}"
			return
		for stream, want in case.streams.items():
			answer = c.answer(stream)
			assert matches(answer, want), f"stream {stream}: {answer}, not {want}"
		c.send(headers(LAST, request(path="/probe")))
		assert c.answer(LAST).status == 200, c.streams[LAST]
		assert c.goaway is None, c.goaway


def by_text(items):
	return sorted(items, key=repr)


def run(case, front, wanted):
	ways = splits(PREFACE + case.sent, case.label, 2 if case.cuttable else 0)
	probe = [Seen("GET", "/probe", "app.test", [])] if case.error is None else []
	expected = (case.log + [(200, "complete", None)] * len(probe)) * len(ways)
	for pieces in ways:
		before = len(front.origin.seen)
		converse(front, case, pieces)
		got = front.origin.seen[before:]
		assert by_text(got) == by_text(wanted + probe), f"the origin got {got}"
	records = front.log.take(len(expected)) if expected else []
	assert by_text((r["status"], r["end"], r.get("fault")) for r in records) == by_text(expected), records
	counted = {}
	for _, end, _ in expected:
		counted[end] = counted.get(end, 0) + 1
	assert front.ends.moved() == counted


@cases(*((f"{case.label}_to_{protocol}", case, protocol) for protocol in ("h1", "h2") for case in h2.CASES))
def test_h2(case, protocol, shared):
	run(case, shared.get(protocol), case.to_h2 if protocol == "h2" and case.to_h2 else case.got)


def test_enough_cases():
	assert len(h2.CASES) >= 200 and len({c.label for c in h2.CASES}) == len(h2.CASES)
