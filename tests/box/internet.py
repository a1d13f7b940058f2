# SPDX-License-Identifier: BSD-2-Clause
"""A small internet in one network namespace, which nothing leaves: a root, a top-level domain `test.` that delegates, and on two
addresses a steerway as the delegated zone's servers. What runs in it (zonemaster, delv, unbound) sees public addresses and port 53."""
import ctypes
import itertools
import os

import socket

from dns_peers import Nsd
from dns_text import Message, ask_wire
from lab import PATIENCE, Steerway, need, need_root, need_tool, run, wait_until

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
ROOT, TLD, SERVERS, RESOLVER = "9.9.0.1", "9.9.1.1", ("9.9.2.1", "9.9.3.1"), "9.9.4.1"
ROOT_ZONE = f"""$ORIGIN .
$TTL 86400
. SOA a.root-servers.test. nobody.test. 1 1800 900 604800 86400
. NS a.root-servers.test.
a.root-servers.test. A {ROOT}
test. NS ns.nic.test.
ns.nic.test. A {TLD}
"""
TLD_ZONE = f"""$ORIGIN test.
$TTL 86400
@ SOA ns.nic hostmaster.nic 1 14400 3600 1209600 3600
@ NS ns.nic
ns.nic A {TLD}
a.root-servers A {ROOT}
"""


def set_namespace(descriptor):
	if libc.setns(descriptor, CLONE_NEWNET) != 0:
		raise OSError(ctypes.get_errno(), "setns")


class Internet:
	"""`parent_lines`: of the parent's zone file, beside NS and glue (DS)."""

	numbers = itertools.count()

	def __init__(self, lab, zone="example.test", parent_lines=""):
		need_root()
		need_tool("ip")
		self.lab, self.zone, self.ip = lab, zone, RESOLVER
		self.namespace = f"steerway-net-{os.getpid()}-{next(self.numbers)}"
		made = run("ip", "netns", "add", self.namespace, check=False)
		need(made.returncode == 0, f"network namespaces are not allowed here: {made.stdout.strip()}")
		lab.on_close(lambda: run("ip", "netns", "del", self.namespace, check=False))
		self.run("ip", "link", "set", "lo", "up")
		for address in (ROOT, TLD, *SERVERS, RESOLVER):
			self.run("ip", "addr", "add", f"{address}/32", "dev", "lo")
		delegation = "".join(f"{zone}. NS ns{i + 1}.{zone}.\nns{i + 1}.{zone}. A {a}\n" for i, a in enumerate(SERVERS)) + parent_lines
		self.here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
		lab.on_close(lambda: os.close(self.here))
		for name, ip, zones in (("root", ROOT, {".": ROOT_ZONE}), ("tld", TLD, {"test": TLD_ZONE + delegation})):
			Nsd(lab, {z: lab.write(f"{name}.zone", text) for z, text in zones.items()}, 53, ip=ip, net=self, name=f"nsd-{name}")
		self.hints = lab.write("hints", f". 3600000 NS a.root-servers.test.\na.root-servers.test. 3600000 A {ROOT}\n")

	def prefix(self):
		return ["ip", "netns", "exec", self.namespace]

	def run(self, *command, **more):
		return run(*self.prefix(), *command, **more)

	def enter(self):
		"""This thread; in a child, before it becomes the program."""
		with open(f"/run/netns/{self.namespace}") as file:
			set_namespace(file.fileno())

	def socket(self, kind=socket.SOCK_DGRAM):
		"""A socket stays in the namespace that it was made in."""
		self.enter()
		try:
			return socket.socket(socket.AF_INET, kind)
		finally:
			set_namespace(self.here)

	def exchange(self, address, message, seconds=3):
		"""As dns.exchange_udp."""
		with self.socket() as s:
			s.settimeout(seconds * PATIENCE)
			s.connect(address)
			s.send(message)
			try:
				return s.recv(65535)
			except TimeoutError:
				return None

	def steerway(self, config):
		"""The delegated zone's servers; its admin socket is reachable from outside, its HTTP is not."""
		config = {"listeners": {"dns": {"bind": [f"{a}:53" for a in SERVERS], "protocol": "dns"}}, **config}
		daemon = Steerway(self.lab, config, wait=False, preexec=self.enter)

		def is_ready():
			daemon.process.must_live()
			return daemon.ctl("show", "zones", check=False).returncode == 0
		wait_until(is_ready, 20, "steerway is ready")
		return daemon

	def ask(self, name, kind, server=SERVERS[0], **more):
		wire = self.exchange((server, 53), ask_wire(name, kind, ident=1, **more))
		assert wire is not None, f"{server} does not answer {name} {kind}"
		return Message(wire)
