# SPDX-License-Identifier: BSD-2-Clause
"""A hundred reloads, some of them of zones that can't be used, and a site that goes and comes, while clients over UDP and TCP ask all the
time: not one query goes unanswered, and no answer is older than the last reload or made of two."""
import socket
import struct
import threading
import time

import dns
from dns_text import Message, ask_wire
from lab import PATIENCE, SLOW, note, timeout, wait_until
from test_dns import CLOUD, House, ONPREM

RELOADS = 100 // SLOW
ZONE = """$ORIGIN example.test.
$TTL 60
@	SOA ns1 hostmaster {version} 7200 3600 1209600 300
@	NS ns1
ns1	A 192.0.2.53
"""
# Each of these makes a zone that is refused, at another stage of the way.
BROKEN = ["broken IN A 1.2.3.400\n", "broken IN\n", "broken CNAME ns1\nbroken A 192.0.2.1\n", "@ SOA ns1 hostmaster 1 1 1 1 1\n",
          "outside.of.the.zone. A 192.0.2.1\n", "app A 192.0.2.1\n", "\"\n", "$INCLUDE nothing.zone\n"]


def zone_of(version):
	"""Sets of several records, all of one version; names that come and go with it."""
	lines = [ZONE.format(version=version)]
	lines += [f"all\tTXT \"{version}\" \"{i}\"\n" for i in range(8)]
	lines += [f"name{i}\tA 192.0.2.{i % 250}\n" for i in range(version % 7 * 40)]
	lines += [f"*.star\tTXT \"{version}\"\n", f"here{version}\tA 192.0.2.1\n"]
	return "".join(lines)


class Clock:
	"""Which versions an answer may have: written by the test, read by the clients in front of and behind each question."""

	def __init__(self):
		self.lowest = self.highest = 1


class Asker:
	"""Asks one question after the other; what is wrong ends it."""

	def __init__(self, house, clock, tcp):
		self.house, self.clock, self.tcp = house, clock, tcp
		self.n, self.trouble, self.is_over = 0, None, False
		self.thread = threading.Thread(target=self.work, daemon=True)

	def __enter__(self):
		self.thread.start()
		return self

	def __exit__(self, *failure):
		self.is_over = True
		self.thread.join()

	def work(self):
		kind = socket.SOCK_STREAM if self.tcp else socket.SOCK_DGRAM
		try:
			with socket.socket(socket.AF_INET, kind) as self.sock:
				self.sock.settimeout(5 * PATIENCE)
				self.sock.connect(self.house.address)
				while not self.is_over:
					self.ask_of_a_version("all.example.test", 8)
					self.ask_of_a_version(f"q{self.n}.star.example.test", 1)
					self.ask_steered()
					time.sleep(0.001)  # a pace that leaves the machine to other tests
		except Exception as e:
			self.trouble = f"{type(e).__name__}: {e}"

	def exchange(self, name, kind):
		query = ask_wire(name, kind, ident=self.n & 0xFFFF, edns=1232)
		self.n += 1
		if self.tcp:
			self.sock.sendall(struct.pack("!H", len(query)) + query)
			answer = Message(dns.read_tcp(self.sock))
		else:
			self.sock.send(query)
			answer = Message(self.sock.recv(65535))
		assert answer.id == query[0] << 8 | query[1] and answer.rcode == "NOERROR", f"{name}: {answer}"
		return answer

	def ask_of_a_version(self, name, n):
		lowest = self.clock.lowest
		answer = self.exchange(name, "TXT")
		versions = {int(r.data[1:1 + r.data[0]]) for r in answer.answer}
		assert len(answer.answer) == n and len(versions) == 1, f"{name}: of two versions, or not whole: {answer}"
		version, highest = versions.pop(), self.clock.highest
		assert lowest <= version <= highest, f"{name}: version {version}, not {lowest} to {highest}"

	def ask_steered(self):
		answer = self.exchange("app.example.test", "A")
		found = [".".join(map(str, r.data)) for r in answer.answer]
		assert found in ([CLOUD], [ONPREM]), answer


def replace(house, text):
	"""As an editor does it, so that no half of it is ever read."""
	house.lab.write("next.zone", text).replace(house.lab.path("example.test.zone"))


def reload_all_the_time(house, clock, askers):
	version = 1
	for i in range(RELOADS):
		if i % 5 == 4:
			replace(house, zone_of(version + 1) + BROKEN[i // 5 % len(BROKEN)])
			house.daemon.reload(check=False)  # some faults refuse the whole configuration, others keep this zone's last version
			(zone,) = house.daemon.ctl_json("show", "zones")
			assert zone["serial"] == version, f"taken: {BROKEN[i // 5 % len(BROKEN)]!r}"
		else:
			version += 1
			clock.highest = version
			replace(house, zone_of(version))
			house.daemon.reload()
			clock.lowest = version
		if i % 10 == 3:
			house.daemon.ctl("down" if i % 20 == 3 else "ready", "site", "cloud")
		for a in askers:
			assert a.trouble is None, a.trouble
	return version


@timeout(120)
def test_a_hundred_reloads(lab):
	house = House(lab)
	replace(house, zone_of(1))
	house.daemon.reload()
	clock = Clock()
	before = house.daemon.metrics()
	with Asker(house, clock, False) as a, Asker(house, clock, False) as b, Asker(house, clock, True) as c:
		version = reload_all_the_time(house, clock, (a, b, c))
	askers = (a, b, c)
	assert [x.trouble for x in askers] == [None] * 3, [x.trouble for x in askers]
	assert all(x.n > RELOADS for x in askers), [x.n for x in askers]

	def are_counted():
		after = house.daemon.metrics()
		moved = [int(after[f"steerway_gslb_{k}_queries_total"] - before[f"steerway_gslb_{k}_queries_total"]) for k in ("udp", "tcp")]
		assert moved == [a.n + b.n, c.n], moved
		return True
	wait_until(are_counted, 5, "each query is counted")
	assert house.ask(f"here{version}").data() == ["192.0.2.1"] and house.ask(f"here{version - 1}").rcode == "NXDOMAIN"
	note(f"{a.n + b.n + c.n} queries during {RELOADS} reloads")
