# SPDX-License-Identifier: BSD-2-Clause
"""The DNS servers that are measured: a row each, and nothing about them anywhere else.

A row says the program, its command, and `grounds`: by the name of a ground (what is served, dns_loads.py) the files that it takes; a ground that is missing
is a case that the server does not have. A file is a template, with {ip} {port} {dir} {build} {user} and the like filled in, or the zone of a ground
(ZONE), which is the same text for all servers that read zone files. One UDP worker and one TCP worker each, no query log.
"""
import os
import pwd

import dns
from dns_loads import GROUNDS, NETS, SITES
from lab import free_port, wait_until

ZONE, UNSIGNED = object(), object()  # the ground's zone as it is; before it was signed, with its keys in {zones}

STEERWAY = """
workers: 1
run_as_root: {is_root}
listeners:
  dns: {{ bind: ["{ip}:{port}"], protocol: dns }}
sites:
  one: {{ addresses: [198.51.100.10] }}
  two: {{ addresses: [192.0.2.10] }}
  three: {{ addresses: [203.0.113.10] }}
pools:
  app:
    servers:
      - {{ name: a, address: "127.0.0.1:9", site: one }}
      - {{ name: b, address: "127.0.0.1:9", site: two }}
      - {{ name: c, address: "127.0.0.1:9", site: three }}
zones:
  bench.test:
    file: {dir}/bench.test.zone
    %s
%s
admin: {{ socket: {{ path: {dir}/admin.sock }} }}
log: {{ level: warn }}
"""


STEERWAY_FAILOVER = "names: {{ app: {{ policy: failover, pool: app, sites: [one, two] }} }}"
STEERWAY_GEO = ("names: {{ app: {{ policy: subnet, map: clients, pool: app, ttl: 60s, "
                "cases: {{ one: one, two: two, three: three, default: three }} }} }}")
STEERWAY_MAP = "maps: {{ clients: {{ type: subnet, file: {dir}/nets }} }}"


def steerway(zone="", top="", text=ZONE, **more):
	return {"steerway.yaml": STEERWAY % (zone, top), "bench.test.zone": text} | more


GDNSD = """
options => {{
	listen => {ip}:{port}
	udp_threads => 1
	tcp_threads => 1
	run_dir => {dir}/run
	state_dir => {dir}/state
}}
plugins => {{ %s }}
"""
GDNSD_FAILOVER = "simplefo => {{ service_types => up, app => {{ primary => 198.51.100.10, secondary => 192.0.2.10 }} }}"
GDNSD_GEO = """
	geoip => {{
		maps => {{ clients => {{ datacenters => [one, two, three], nets => {{ %s }} }} }}
		resources => {{ app => {{ map => clients, service_types => up, dcmap => {{ one => 198.51.100.10, two => 192.0.2.10, three => 203.0.113.10 }} }} }}
	}}
""" % "\n".join(f"{net} => {site}" for net, site in NETS)


def gdnsd(plugins="", **more):
	return {"config": GDNSD % plugins, "zones/bench.test": ZONE} | more


KNOT = """
server:
    listen: {ip}@{port}
    rundir: {dir}/run
    user: {user}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    edns-client-subnet: on
database:
    storage: {dir}/state
%s
zone:
  - domain: bench.test
    file: {dir}/bench.test.zone
    %s
"""
KNOT_GEO = "mod-geoip:\n  - id: clients\n    config-file: {dir}/nets\n    ttl: 60\n    mode: subnet\n"


KNOT_NETS = "app.bench.test:\n" + "".join(f"  - net: {net}\n    A: {SITES[site]}\n" for net, site in NETS)


def knot(modules="", zone="", **more):
	return {"knot.conf": KNOT % (modules, zone), "bench.test.zone": ZONE} | more


NSD = """
server:
    server-count: 1
    ip-address: {ip}@{port}
    username: ""
    chroot: ""
    zonesdir: {dir}
    database: ""
    zonelistfile: {dir}/state/zones
    xfrdfile: {dir}/state/xfrd
    xfrdir: {dir}/state
    pidfile: {dir}/run/nsd.pid
    rrl-ratelimit: 0
    tcp-count: 100
    minimal-responses: yes
remote-control:
    control-enable: no
zone:
    name: bench.test
    zonefile: bench.test.zone
"""
NSD_FILES = {"nsd.conf": NSD, "bench.test.zone": ZONE}

# Its caches as they come: an answer of the static zone is taken from the packet cache for 20 s.
PDNS = """
local-address={ip}
local-port={port}
receiver-threads=1
distributor-threads=1
socket-dir={dir}/run
daemon=no
guardian=no
loglevel=3
disable-syslog=yes
edns-subnet-processing=yes
%s
"""
PDNS_BIND = "launch=bind\nbind-config={dir}/named.conf\nenable-lua-records=shared\n"
PDNS_GEO = "launch=geoip\ngeoip-zones-file={dir}/geo.yaml\n"
NAMED = 'zone "bench.test" {{ type master; file "{dir}/bench.test.zone"; }};\n'
PDNS_GEO_ZONE = """
domains:
- domain: bench.test
  ttl: 60
  records:
    bench.test: [ {{ soa: ns1.bench.test hostmaster.bench.test 1 7200 3600 1209600 300 }}, {{ ns: ns1.bench.test }} ]
    one.bench.test: [ {{ a: 198.51.100.10 }} ]
    two.bench.test: [ {{ a: 192.0.2.10 }} ]
    three.bench.test: [ {{ a: 203.0.113.10 }} ]
  services:
    app.bench.test: {{ default: three.bench.test, %s }}
""" % ", ".join(f"{net}: {site}.bench.test" for net, site in NETS)


def pdns(**more):
	return {"pdns.conf": PDNS % PDNS_BIND, "named.conf": NAMED, "bench.test.zone": ZONE} | more


class Server:
	def __init__(self, name, program, command, grounds, is_floor=False, is_forking=False):
		self.name, self.program, self.command, self.grounds = name, program, command, grounds
		self.is_floor, self.is_forking = is_floor, is_forking

	def start(self, bench, ground, pin=lambda command: command, wrap=(), seconds=60):
		"""A Running that answers; None where the server does not have the case."""
		if ground not in self.grounds:
			return None
		lab, name = bench.lab, f"{self.name}-{ground}-{next(bench.numbers)}"
		known = {"ip": lab.ip, "port": free_port(lab.ip), "dir": lab.path(name), "zones": lab.path("zones"), "build": bench.build,
		         "answer_bytes": GROUNDS[ground].answer_bytes,
		         "is_root": "true" if os.geteuid() == 0 else "false", "user": pwd.getpwuid(os.geteuid()).pw_name}
		for folder in ("run", "state"):
			lab.path(f"{name}/{folder}").mkdir(parents=True, exist_ok=True)
		for path, text in self.grounds[ground].items():
			lab.write(f"{name}/{path}", text.format(**known) if isinstance(text, str) else self.zone(lab, GROUNDS[ground], text is ZONE, known))
		process = lab.start(name, pin([*wrap, *(w.format(**known) for w in (self.program, *self.command))]))
		running = Running(self, ground, process, known)
		wait_until(running.answers, seconds, f"{self.name} answers")
		return running

	def zone(self, lab, ground, is_signed, known):
		path = ground.zone(lab)
		return (path if is_signed else ground.unsigned(lab)).read_text() + ground.more.get(self.name, "").format(**known)


class Running:
	def __init__(self, server, ground, process, values):
		self.name, self.server, self.back, self.process = server.name, server, ground, process
		self.pid, self.ip = process.pid, values["ip"]
		self.ports = {"udp": values["port"], "tcp": values["port"]}

	def answers(self):
		"""All that the ground is asked for beforehand, rightly."""
		if not self.process.is_alive():
			raise RuntimeError(f"{self.name} ended: {self.process.text()[-2000:]}")
		try:
			if self.server.is_floor:
				return dns.exchange_udp((self.ip, self.ports["udp"]), dns.query("bench.test"))
			for name, more, data in GROUNDS[self.back].probes:
				got = dns.ask((self.ip, self.ports["udp"]), name, **more).data()
				assert got and got[0] in [d.format(ip=self.ip) for d in data], f"{self.name} answers {name} with {got}, not {data}"
		except OSError:
			return False
		return True

	def stop(self):
		if self.process.is_alive():
			self.process.kill()


def each(names, files):
	return {name: files for name in names}


PDNS_GEO_FILES = {"pdns.conf": PDNS % PDNS_GEO, "geo.yaml": PDNS_GEO_ZONE}
PLAIN = ("static", "large")
SERVERS = [
	Server("steerway", "{build}/steerway", ["-c", "{dir}/steerway.yaml"],
	       each((*PLAIN, "huge"), steerway()) | {"failover": steerway(STEERWAY_FAILOVER), "signed": steerway("dnssec: {{ keys: {zones} }}", text=UNSIGNED),
	                            "geo": steerway(STEERWAY_GEO, STEERWAY_MAP, nets="".join(f"{net} {site}\n" for net, site in NETS))}),
	Server("gdnsd", "gdnsd", ["-c", "{dir}", "start"], each((*PLAIN, "huge"), gdnsd()) | {"failover": gdnsd(GDNSD_FAILOVER), "geo": gdnsd(GDNSD_GEO)}),
	Server("knot", "knotd", ["-c", "{dir}/knot.conf"], each((*PLAIN, "signed"), knot()) | {"geo": knot(KNOT_GEO, "module: mod-geoip/clients", nets=KNOT_NETS)}),
	Server("nsd", "nsd", ["-d", "-c", "{dir}/nsd.conf"], each((*PLAIN, "signed"), NSD_FILES), is_forking=True),
	Server("pdns", "pdns_server", ["--config-dir={dir}"], each((*PLAIN, "failover"), pdns()) | {"geo": PDNS_GEO_FILES}),
	Server("floor", "{build}/bench/floor", ["{ip}", "{port}", "{answer_bytes}"], each(("static", "failover", "large", "geo", "signed"), {}), is_floor=True),
]
