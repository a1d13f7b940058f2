# SPDX-License-Identifier: BSD-2-Clause
"""DNS beside gdnsd and knot: the programs, a row each, and their loads by dnsperf."""
import os
import pwd
import re
import subprocess

import dns
from lab import free_port, wait_until
from measure import cpu_seconds

STATIC = 1000  # names of the zone that queries go over

STEERWAY_DNS = """
workers: 1
run_as_root: {is_root}
listeners:
  dns: {{ bind: ["{ip}:{port}"], protocol: dns }}
sites:
  one: {{ addresses: [198.51.100.10] }}
  two: {{ addresses: [192.0.2.10] }}
pools:
  app:
    servers:
      - {{ name: a, address: "127.0.0.1:9", site: one }}
      - {{ name: b, address: "127.0.0.1:9", site: two }}
zones:
  bench.test:
    file: {dir}/static.zone
    names:
      app: {{ policy: failover, pool: app, sites: [one, two] }}
admin: {{ socket: {{ path: {dir}/steerway-dns.sock }} }}
log: {{ level: warn }}
"""

KNOT = """
server:
    listen: {ip}@{port}
    rundir: {dir}/knot
    user: {user}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: {dir}/knot
zone:
  - domain: bench.test
    file: {dir}/all.zone
"""

GDNSD = """
options => {{
	listen => {ip}:{port}
	udp_threads => 1
	tcp_threads => 1
	run_dir => {dir}/gdnsd/run
	state_dir => {dir}/gdnsd/state
}}
plugins => {{
	simplefo => {{ service_types => up, app => {{ primary => 198.51.100.10, secondary => 192.0.2.10 }} }}
}}
"""

SOA = "$TTL 300\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300\n@ IN NS ns1\nns1 IN A 192.0.2.53\n"


class Case:
	def __init__(self, key, title, names):
		self.key, self.title, self.names = key, title, names
		self.target, self.base = None, key


CASES = [Case("dns-static", "DNS, static A", "static"), Case("dns-steered", "DNS, steered A", "steered")]


class DnsPeer:
	def __init__(self, name, program, command, files):
		self.name, self.program, self.command, self.files = name, program, command, files

	def start(self, bench):
		lab = bench.lab
		known = {"ip": lab.ip, "port": free_port(lab.ip), "dir": lab.dir, "build": bench.build,
		         "is_root": "true" if os.geteuid() == 0 else "false", "user": pwd.getpwuid(os.geteuid()).pw_name}
		for path, text in self.files.items():
			lab.write(path, text.format(**known) if "{ip}" in text else text)
		for folder in ("knot", "gdnsd/run", "gdnsd/state"):
			lab.path(folder).mkdir(parents=True, exist_ok=True)
		process = lab.start(f"{self.name}-dns", bench.proxy_side([w.format(**known) for w in (self.program, *self.command)]))
		address = known["ip"], known["port"]

		def answers():
			assert process.is_alive(), process.text()
			try:
				return all(dns.ask(address, f"{n}.bench.test").data() for n in ("n1", "app"))
			except OSError:
				return False
		wait_until(answers, 20, f"{self.name} answers")
		return self.name, process.pid, address


def zone(steered):
	return SOA + "".join(f"n{i} IN A 203.0.113.{i % 250 + 1}\n" for i in range(STATIC)) + steered


DNS_PEERS = [
	DnsPeer("steerway", "{build}/steerway", ["-c", "{dir}/steerway-dns.yaml"], {"steerway-dns.yaml": STEERWAY_DNS, "static.zone": zone("")}),
	DnsPeer("knot", "knotd", ["-c", "{dir}/knot.conf"], {"knot.conf": KNOT, "all.zone": zone("app IN A 198.51.100.10\n")}),
	DnsPeer("gdnsd", "gdnsd", ["-c", "{dir}/gdnsd", "start"],
	     {"gdnsd/config": GDNSD, "gdnsd/zones/bench.test": zone("app 60 DYNA simplefo!app\n")}),
]


def query_files(lab):
	return {"static": lab.write("static.queries", "".join(f"n{i * 7 % STATIC}.bench.test A\n" for i in range(STATIC))),
	        "steered": lab.write("steered.queries", "app.bench.test A\n" * 100)}


def timed(bench, running, case, queries, seconds):
	name, pid, (ip, port) = running
	before = cpu_seconds(pid)
	command = ["dnsperf", "-s", ip, "-p", str(port), "-d", str(queries[case.names]), "-l", f"{max(1, round(seconds))}", "-c", "8", "-q", "128", "-T", "1", "-t", "1"]
	out = subprocess.run(bench.load_side(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds + 60).stdout
	after = cpu_seconds(pid)

	def number(label):
		return float(re.search(rf"{label}:\s+([\d.]+)", out)[1])
	completed, lost = int(number("Queries completed")), int(number("Queries lost"))
	codes = dict(re.findall(r"(\w+) (\d+) \(", re.search(r"Response codes:(.*)", out)[1]))
	return {"requests": completed, "rate": number("Queries per second"), "mean_us": number(r"Average Latency \(s\)") * 1e6,
	        "errors": lost + sum(int(n) for code, n in codes.items() if code != "NOERROR"), "cpu_us": (after - before) * 1e6 / max(1, completed)}
