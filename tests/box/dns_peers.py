# SPDX-License-Identifier: BSD-2-Clause
"""Other authoritative servers on a lab's address, over the same zone files: what a test compares with."""
import os
import pwd

from dns_text import Message, ask_wire
from dns import exchange_udp
from lab import need_tool, wait_until

KNOT = """
server:
    listen: {ip}@{port}
    rundir: {dir}
    user: {user}
    udp-max-payload: 1232
database:
    storage: {dir}/db
log:
  - target: stderr
    any: warning
zone:
{zones}"""
NSD = """
server:
	ip-address: {ip}@{port}
	username: {user}
	chroot: ""
	zonesdir: ""
	database: ""
	zonelistfile: {dir}/zone.list
	xfrdfile: {dir}/xfrd.state
	xfrdir: {dir}
	pidfile: {dir}/nsd.pid
	server-count: 1
	ipv4-edns-size: 1232
	rrl-ratelimit: 0
	rrl-whitelist-ratelimit: 0
	minimal-responses: yes
	hide-version: yes
remote-control:
	control-enable: no
{zones}"""


class Peer:
	"""A server that answers for the first of its zones when the constructor returns. `net`: where it runs, if not here."""

	def __init__(self, lab, zones, port, ip=None, net=None, name=None):
		need_tool(self.PROGRAM)
		self.name, self.address = name or self.NAME, (ip or lab.ip, port)
		self.dir = lab.path(self.name)
		os.makedirs(self.dir / "db", exist_ok=True)
		text = "".join(self.ZONE.format(name=name, file=file) for name, file in zones.items())
		user = pwd.getpwuid(os.geteuid()).pw_name
		conf = lab.write(f"{self.name}/conf", self.CONF.format(ip=self.address[0], port=port, dir=self.dir, user=user, zones=text))
		self.process = lab.start(self.name, [self.PROGRAM, *self.WORDS, "-c", conf], preexec=net and net.enter)
		exchange = net.exchange if net else exchange_udp
		wait_until(lambda: self.is_ready(exchange, next(iter(zones))), 20, f"{self.name} answers")

	def is_ready(self, exchange, zone):
		self.process.must_live()
		try:
			wire = exchange(self.address, ask_wire(zone, "SOA"), 0.2)
			return wire and Message(wire).rcode == "NOERROR"
		except OSError:
			return False

	def stop(self):
		self.process.stop()


class Knot(Peer):
	NAME, PROGRAM, WORDS, CONF = "knot", "knotd", [], KNOT
	ZONE = "  - domain: {name}\n    file: {file}\n"


class Nsd(Peer):
	NAME, PROGRAM, WORDS, CONF = "nsd", "nsd", ["-d"], NSD
	ZONE = "zone:\n\tname: {name}\n\tzonefile: {file}\n"
