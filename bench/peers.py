# SPDX-License-Identifier: BSD-2-Clause
"""The HTTP proxies that are measured: a row each, and nothing about them anywhere else.

A row says the program, its command, its configuration as a template, and `backs`: by the origin's protocol ("h1", "h2") what fills the template in;
a protocol that is missing is one that the program can't speak to servers. {ip} {port} {tls_port} {h2_port} {origin} {origin_host} {origin_port} {pem}
{dir} {name} are filled in, too. One worker thread, kept connections to the origin, X-Forwarded-For, no access log: the same work for all.

What clients may speak is not written down but tried: a program that answers the preface of HTTP/2 on {h2_port} takes part in rows of HTTP/2.
"""
import os
import pwd
import socket
import subprocess
from pathlib import Path

from http1 import fetch
from lab import free_port, wait_until

STEERWAY = """
workers: {workers}
run_as_root: {is_root}
listeners:
  clear: {{ bind: ["{ip}:{port}"] }}
  tls: {{ bind: ["{ip}:{tls_port}"], tls: {{ certificates: ["{pem}"] }} }}
sites: {{ one: {{ addresses: [192.0.2.1] }} }}
pools:
  app: {{ {pool}, servers: [ {servers} ] }}
routes: [ {routes} ]
admin: {{ socket: {{ path: {dir}/{name}.sock }} }}
log: {{ level: warn }}
"""

HAPROXY = """
global
	nbthread 1
	maxconn 9000
	ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
	mode http
	timeout connect 2s
	timeout client 600s
	timeout server 600s
	option http-keep-alive
	http-reuse always
frontend clear
	bind {ip}:{port}
	option forwardfor
	default_backend app
frontend tls
	bind {ip}:{tls_port} ssl crt {pem} alpn h2,http/1.1
	option forwardfor
	default_backend app
backend app
	server o {origin} {server}
"""

NGINX = """
worker_processes 1;
daemon off;
master_process off;
pid {dir}/{name}.pid;
error_log {dir}/{name}.log crit;
events {{ worker_connections 18000; }}
http {{
	access_log off;
	keepalive_requests 1000000000;
	keepalive_timeout 600s;
	http2_max_requests 1000000000;
	tcp_nodelay on;
	client_body_temp_path {dir}/u1; proxy_temp_path {dir}/u2; fastcgi_temp_path {dir}/u3; uwsgi_temp_path {dir}/u4; scgi_temp_path {dir}/u5;
	upstream app {{ server {origin}; keepalive 1024; keepalive_requests 1000000000; keepalive_timeout 600s; }}
	server {{
		listen {ip}:{port} backlog=4096;
		listen {ip}:{h2_port} http2 backlog=4096;
		listen {ip}:{tls_port} ssl http2 backlog=4096;
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

# Its default for tickets makes keys by itself, and is resumed as every other program's.
H2O = """
user: {user}
num-threads: 1
max-connections: 18000
pid-file: {dir}/{name}.pid
error-log: {dir}/{name}.log
http1-request-timeout: 600
http2-idle-timeout: 600
listen: {{ host: {ip}, port: {port} }}
listen: {{ host: {ip}, port: {tls_port}, ssl: {{ certificate-file: {pem}, key-file: {pem}, minimum-version: TLSv1.2 }} }}
hosts:
  default:
    paths:
      "/":
        proxy.reverse.url: "http://{origin}/"
        proxy.preserve-host: ON
        proxy.timeout.keepalive: 600000
        proxy.timeout.io: 600000
"""

NGHTTPX = """
frontend={ip},{port};no-tls
frontend={ip},{tls_port};tls
backend={origin_host},{origin_port};;{server}
private-key-file={pem}
certificate-file={pem}
workers=1
single-process=yes
backend-keep-alive-timeout=10m
frontend-keep-alive-timeout=10m
add-x-forwarded-for=yes
no-ocsp=yes
errorlog-file={dir}/{name}.log
log-level=ERROR
"""

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])  # and empty SETTINGS


class Peer:
	def __init__(self, name, program, command, template, backs, **values):
		self.name, self.program, self.command, self.template, self.backs, self.values = name, program, command, template, backs, values
		self.has_h2_port = "{h2_port}" in template

	def start(self, bench, back="h1", pin=lambda command: command, wrap=(), **values):
		"""A Running; None where the program can't do that (its own check says so, or the row)."""
		if back not in self.backs:
			return None
		lab, origin = bench.lab, bench.origin
		name = f"{self.name}-{back}-{next(bench.numbers)}"
		port = free_port(lab.ip)
		known = {"ip": lab.ip, "port": port, "h2_port": free_port(lab.ip) if self.has_h2_port else port, "tls_port": free_port(lab.ip),
		         "dir": lab.dir, "build": bench.build, "pem": bench.pem, "name": name, "origin": f"{lab.ip}:{origin[back]}",
		         "origin_host": lab.ip, "origin_port": origin[back], "is_root": "true" if os.geteuid() == 0 else "false",
		         "user": pwd.getpwuid(os.geteuid()).pw_name}
		for key, text in (self.values | self.backs[back] | values).items():
			known[key] = str(text).format(**known)
		file = lab.write(f"{name}.conf", self.template.format(**known))
		command = [w.format(file=file, **known) for w in (self.program, *self.command)]
		if "check" in self.values and subprocess.run([command[0], "check", "-c", file], capture_output=True).returncode != 0:
			return None  # this build does not know a key that the protocol takes
		process = lab.start(name, pin([*wrap, *command]))
		running = Running(self, back, process, known)
		wait_until(running.answers, 60 if wrap else 20, f"{self.name} answers")
		running.has_h2 = running.answers_preface()
		return running


class Running:
	"""A program under way. Only `pid` and those below it count as its processes."""

	def __init__(self, peer, back, process, values):
		self.name, self.peer, self.back, self.process = peer.name, peer, back, process
		self.pid, self.ip = process.pid, values["ip"]
		self.ports = {"clear": int(values["port"]), "tls": int(values["tls_port"]), "h2": int(values["h2_port"]), "h2s": int(values["tls_port"])}
		self.has_h2 = False

	def answers(self):
		if not self.process.is_alive():
			raise RuntimeError(f"{self.name} ended: {self.process.text()[-2000:]}")
		try:
			return fetch((self.ip, self.ports["clear"]), "/13", host="app.test").status == 200
		except OSError:
			return False

	def answers_preface(self):
		with socket.create_connection((self.ip, self.ports["h2"]), timeout=5) as s:
			s.sendall(PREFACE)
			try:
				data = s.recv(9)
			except OSError:
				return False
			return len(data) == 9 and data[3] == 4  # SETTINGS comes first (RFC 9113, 3.4)

	def stop(self):
		if self.process.is_alive():
			self.process.kill()


PEERS = [
	Peer("steerway", "{build}/steerway", ["-c", "{file}"], STEERWAY, {"h1": {"pool": "balance: round_robin"}, "h2": {"pool": "protocol: http2"}},
	     check=True, workers=1, servers='{{ name: o, address: "{origin}", site: one }}', routes="{{ pool: app }}"),
	Peer("haproxy", "haproxy", ["-db", "-f", "{file}"], HAPROXY, {"h1": {"server": ""}, "h2": {"server": "proto h2"}}),
	Peer("nginx", "nginx", ["-p", "{dir}", "-c", "{file}", "-e", "{dir}/{name}.log"], NGINX, {"h1": {}}),
	Peer("h2o", "h2o", ["-c", "{file}"], H2O, {"h1": {}}),
	Peer("nghttpx", "nghttpx", ["--conf={file}"], NGHTTPX, {"h1": {"server": "proto=http/1.1"}, "h2": {"server": "proto=h2"}}),
]


def start_origin(bench):
	"""The light origin, on the load's CPU: HTTP/1.1 on one port, HTTP/2 on the other."""
	lab = bench.lab
	ports = {"h1": free_port(lab.ip), "h2": free_port(lab.ip)}
	process = lab.start("origin", bench.load_side([str(Path(bench.build) / "bench" / "origin"), lab.ip, *map(str, ports.values())]))

	def answers():
		assert process.is_alive(), process.text()
		try:
			return fetch((lab.ip, ports["h1"]), "/13").status == 200
		except OSError:
			return False
	wait_until(answers, 10, "the origin answers")
	return ports
