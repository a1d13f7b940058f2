# SPDX-License-Identifier: BSD-2-Clause
"""The programs that are measured: one row each, with its configuration, one worker thread, no access log.

A row says the program, its command and its files as templates; {ip} {port} {tls_port} {origin} {pem} {dir} are filled in.
"""
import os
import pwd
from pathlib import Path

import dns
from http1 import fetch
from lab import free_port, wait_until
from origins import Certificate

STATIC = 1000  # names of the zone that queries go over

ORIGIN = """
worker_processes 1;
daemon off;
master_process off;
pid {dir}/origin.pid;
error_log {dir}/origin.log crit;
events {{ worker_connections 16384; }}
http {{
	access_log off;
	keepalive_requests 1000000000;
	keepalive_timeout 600s;
	sendfile on;
	tcp_nodelay on;
	default_type text/plain;
	client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3; uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5;
	server {{
		listen {ip}:{port} backlog=4096;
		root {dir}/files;
		location = /13 {{ return 200 "Hello, world\\n"; }}
	}}
}}
"""

STEERWAY_HTTP = """
workers: 1
run_as_root: {is_root}
listeners:
  clear: {{ bind: ["{ip}:{port}"] }}
  tls: {{ bind: ["{ip}:{tls_port}"], tls: {{ certificates: ["{pem}"] }} }}
sites: {{ one: {{ addresses: [192.0.2.1] }} }}
pools: {{ app: {{ servers: [ {{ name: o, address: "{origin}", site: one }} ] }} }}
routes: [ {{ pool: app }} ]
admin: {{ socket: {{ path: {dir}/steerway-http.sock }} }}
log: {{ level: warn }}
"""

HAPROXY = """
global
	nbthread 1
	maxconn 4000
	ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
	mode http
	timeout connect 2s
	timeout client 60s
	timeout server 30s
	option http-keep-alive
	http-reuse always
frontend clear
	bind {ip}:{port}
	option forwardfor
	default_backend app
frontend tls
	bind {ip}:{tls_port} ssl crt {pem} alpn http/1.1
	option forwardfor
	default_backend app
backend app
	server o {origin}
"""

NGINX = """
worker_processes 1;
daemon off;
master_process off;
pid {dir}/nginx.pid;
error_log {dir}/nginx.log crit;
events {{ worker_connections 16384; }}
http {{
	access_log off;
	keepalive_requests 1000000000;
	keepalive_timeout 600s;
	tcp_nodelay on;
	client_body_temp_path {dir}/u1; proxy_temp_path {dir}/u2; fastcgi_temp_path {dir}/u3; uwsgi_temp_path {dir}/u4; scgi_temp_path {dir}/u5;
	upstream app {{ server {origin}; keepalive 128; keepalive_requests 1000000000; }}
	server {{
		listen {ip}:{port} backlog=4096;
		listen {ip}:{tls_port} ssl backlog=4096;
		ssl_certificate {pem};
		ssl_certificate_key {pem};
		ssl_protocols TLSv1.2 TLSv1.3;
		location / {{
			proxy_pass http://app;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_set_header Host $http_host;
			proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
			proxy_set_header X-Forwarded-Proto $scheme;
			proxy_max_temp_file_size 0;
		}}
	}}
}}
"""

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


class Running:
	"""A program under way, as run.py measures it."""

	def __init__(self, name, process, values, queries):
		self.name, self.process, self.queries = name, process, queries
		self.ip, self.port, self.tls_port = values["ip"], values["port"], values["tls_port"]


class Peer:
	def __init__(self, name, program, command, files):
		self.name, self._program, self.command, self.files = name, program, command, files

	def program(self, build):
		return self._program.format(build=build)

	def start(self, lab, build, origin, pin):
		values = {"ip": lab.ip, "port": free_port(lab.ip), "tls_port": free_port(lab.ip), "dir": lab.dir, "build": build,
		          "origin": origin["text"], "pem": origin["pem"], "is_root": "true" if os.geteuid() == 0 else "false",
		          "user": pwd.getpwuid(os.geteuid()).pw_name}
		for path, text in self.files.items():
			lab.write(path, text.format(**values) if "{ip}" in text else text)
		for folder in ("knot", "gdnsd/run", "gdnsd/state"):
			lab.path(folder).mkdir(parents=True, exist_ok=True)
		command = [self.program(build), *(w.format(**values) for w in self.command)]
		is_dns = "zone" in "".join(self.files)
		process = lab.start(f"{self.name}-{'dns' if is_dns else 'http'}", pin(command))
		wait_until(lambda: self.answers(process, values, is_dns), 20, f"{self.name} answers")
		return Running(self.name, process, values, origin["queries"])

	@staticmethod
	def answers(process, values, is_dns):
		assert process.is_alive(), process.text()
		address = values["ip"], values["port"]
		try:
			if is_dns:
				return all(dns.ask(address, f"{n}.bench.test").data() for n in ("n1", "app"))
			return fetch(address, "/13").status == 200
		except OSError:
			return False


def zone(steered):
	return SOA + "".join(f"n{i} IN A 203.0.113.{i % 250 + 1}\n" for i in range(STATIC)) + steered


HTTP_PEERS = [
	Peer("steerway", "{build}/steerway", ["-c", "{dir}/steerway-http.yaml"], {"steerway-http.yaml": STEERWAY_HTTP}),
	Peer("haproxy", "haproxy", ["-db", "-f", "{dir}/haproxy.cfg"], {"haproxy.cfg": HAPROXY}),
	Peer("nginx", "nginx", ["-p", "{dir}", "-c", "{dir}/nginx.conf", "-e", "{dir}/nginx.log"], {"nginx.conf": NGINX}),
]
DNS_PEERS = [
	Peer("steerway", "{build}/steerway", ["-c", "{dir}/steerway-dns.yaml"], {"steerway-dns.yaml": STEERWAY_DNS, "static.zone": zone("")}),
	Peer("knot", "knotd", ["-c", "{dir}/knot.conf"], {"knot.conf": KNOT, "all.zone": zone("app IN A 198.51.100.10\n")}),
	Peer("gdnsd", "gdnsd", ["-c", "{dir}/gdnsd", "start"],
	     {"gdnsd/config": GDNSD, "gdnsd/zones/bench.test": zone("app 60 DYNA simplefo!app\n")}),
]


def start_origin(lab, pin):
	"""One nginx process for all: a short answer made in memory, and a file of 1 MiB. Also what all loads share: certificate and queries."""
	port = free_port(lab.ip)
	lab.write("files/1m", b"0123456789abcdef" * 65536)
	conf = lab.write("origin.conf", ORIGIN.format(dir=lab.dir, ip=lab.ip, port=port))
	lab.start("origin", pin(["nginx", "-p", str(lab.dir), "-c", conf, "-e", lab.path("origin.log")]))

	def answers():
		try:
			return fetch((lab.ip, port), "/13").status == 200
		except OSError:
			return False
	wait_until(answers, 10, "the origin answers")
	queries = {"static": lab.write("static.queries", "".join(f"n{i * 7 % STATIC}.bench.test A\n" for i in range(STATIC))),
	           "steered": lab.write("steered.queries", "app.bench.test A\n" * 100)}
	return {"text": f"{lab.ip}:{port}", "pem": Certificate(lab, "app.test").file, "queries": {k: Path(v) for k, v in queries.items()}}
