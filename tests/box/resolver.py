# SPDX-License-Identifier: BSD-2-Clause
"""unbound as a resolver in a network namespace of its own: it knows nothing but where the zone's servers are, caches and retries as
resolvers do, and validates when it is given a trust anchor."""
import threading
import time

import dns
from dns_text import Message, ask_wire
from lab import need_tool, wait_until

CONF = """
server:
	interface: {ip}
	port: 53
	access-control: 0.0.0.0/0 allow
	directory: "{dir}"
	pidfile: "{dir}/pid"
	chroot: ""
	username: ""
	do-daemonize: no
	use-syslog: no
	logfile: ""
	verbosity: 1
	num-threads: 1
	do-ip6: no
	local-zone: "test." nodefault
	module-config: "{modules}"
	{anchor}
	prefetch: no
	val-log-level: 2
	rrset-roundrobin: no
	{lines}
remote-control:
	control-enable: no
stub-zone:
	name: "{zone}"
	stub-addr: {server}@{port}
"""


class Unbound:
	"""Answers at self.address, which is in `place`: a Namespace, or something like it. `anchor`: a line of a DS or DNSKEY record that it trusts; without one it does not validate."""

	numbers = 0

	def __init__(self, lab, place, server, zone="example.test", anchor=None, lines="", exchange=dns.exchange_udp):
		need_tool("unbound")
		self.exchange = exchange
		Unbound.numbers += 1
		name = f"unbound{Unbound.numbers}"
		lab.path(name).mkdir()
		text = CONF.format(ip=place.ip, dir=lab.path(name), modules="validator iterator" if anchor else "iterator", zone=zone,
		                   anchor=f'trust-anchor: "{anchor}"' if anchor else "", server=server[0], port=server[1],
		                   lines=lines)
		conf = lab.write(f"{name}/unbound.conf", text)
		self.address = (place.ip, 53)
		self.process = lab.start(name, [*place.prefix(), "unbound", "-d", "-p", "-c", conf])
		wait_until(self.is_ready, 20, "unbound answers")

	def is_ready(self):
		self.process.must_live()
		try:
			return self.exchange(self.address, ask_wire("localhost", "A", flags=0x100), 0.2) is not None
		except OSError:
			return False

	def ask(self, name, kind="A", do=False):
		wire = self.exchange(self.address, ask_wire(name, kind, ident=1, flags=0x100, edns=1232, do=do), 10)
		assert wire is not None, f"the resolver does not answer {name} {kind}"
		return Message(wire)

	def stop(self):
		self.process.stop()


class Watch:
	"""Asks the resolver for a name all the time; each answer with when it was asked for and when it came."""

	def __init__(self, resolver, name, every=0.01):
		self.resolver, self.name, self.every = resolver, name, every
		self.seen, self.trouble, self.is_over = [], None, False
		self.thread = threading.Thread(target=self.work, daemon=True)

	def work(self):
		try:
			while not self.is_over:
				at = time.monotonic()
				answer = self.resolver.ask(self.name)
				self.seen.append((at, answer))
				time.sleep(self.every)  # a pace, not a wait
		except Exception as e:
			self.trouble = e

	def __enter__(self):
		self.thread.start()
		return self

	def __exit__(self, *failure):
		self.is_over = True
		self.thread.join()
		assert failure[0] or self.trouble is None, f"the resolver's client: {self.trouble}"

	def since(self, at):
		return [answer for when, answer in list(self.seen) if when >= at]

	def wait_for(self, addresses, seconds, what):
		"""Until an answer is these addresses; returns when it was asked for."""
		start = time.monotonic()

		def find():
			assert self.trouble is None, self.trouble
			return next((when for when, answer in self.seen if when >= start and addresses_of(answer) == addresses), None)
		return wait_until(find, seconds, what)


def addresses_of(answer):
	return sorted(".".join(map(str, r.data)) for r in answer.answer if r.type == 1)
