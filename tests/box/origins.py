# SPDX-License-Identifier: BSD-2-Clause
"""Real origins: nginx with files of 13 B, 10 KiB and 1 MiB and an access log, on loopback or in a network namespace that stands
for a site; and the certificates that TLS needs, made anew for each lab."""
import itertools
import os
import random
import ssl

from lab import need, need_root, need_tool, run, wait_until
from http1 import fetch

FILES = {"13": 13, "10k": 10 * 1024, "1m": 1024 * 1024}


class Namespace:
	"""A site with an address of its own behind a veth pair; names and addresses are this run's own."""

	numbers = itertools.count()

	def __init__(self, lab, label):
		need_root()
		need_tool("ip")
		mark = f"{os.getpid()}{next(self.numbers):03d}"  # 10 digits at most: an interface's name has 15 characters
		self.name, self.outside, self.inside = f"steerway-{label}-{mark}", f"sw{mark}o", f"sw{mark}i"
		# 198.18.0.0/15 is meant for measurements (RFC 2544), so that it is no one's network.
		net = f"198.{random.choice((18, 19))}.{random.randrange(256)}.{random.randrange(64) * 4}".split(".")
		self.gateway, self.ip = (".".join(net[:3] + [str(int(net[3]) + i)]) for i in (1, 2))
		made = run("ip", "netns", "add", self.name, check=False)
		need(made.returncode == 0, f"network namespaces are not allowed here: {made.stdout.strip()}")
		lab.on_close(self.remove)
		run("ip", "link", "add", self.outside, "type", "veth", "peer", "name", self.inside, "netns", self.name)
		run("ip", "addr", "add", f"{self.gateway}/30", "dev", self.outside)
		run("ip", "link", "set", self.outside, "up")
		self.run("ip", "addr", "add", f"{self.ip}/30", "dev", self.inside)
		self.run("ip", "link", "set", self.inside, "up")
		self.run("ip", "link", "set", "lo", "up")

	def prefix(self):
		return ["ip", "netns", "exec", self.name]

	def run(self, *command):
		return run(*self.prefix(), *command)

	def cut(self):
		"""Drops all that the site sends, without a word: what is under way hangs, what connects waits."""
		self.run("ip", "route", "add", "blackhole", f"{self.gateway}/32")

	def mend(self):
		self.run("ip", "route", "del", "blackhole", f"{self.gateway}/32")

	def remove(self):
		run("ip", "link", "del", self.outside, check=False)
		run("ip", "netns", "del", self.name, check=False)


NGINX = """
worker_processes 1;
daemon off;
master_process off;
pid {dir}/nginx.pid;
error_log {dir}/error.log notice;
events {{ worker_connections 16384; }}
http {{
	log_format seen '$request_method $request_uri $status $http_user_agent';
	access_log {dir}/access.log seen;
	client_body_temp_path {dir}/body;
	proxy_temp_path {dir}/proxy;
	fastcgi_temp_path {dir}/fastcgi;
	uwsgi_temp_path {dir}/uwsgi;
	scgi_temp_path {dir}/scgi;
	client_max_body_size 0;
	keepalive_requests 1000000000;
	keepalive_timeout 600s;
	default_type text/plain;
	server {{
		listen {ip}:{port}{ssl} backlog=4096;
		{tls}
		root {dir}/files;
		add_header X-Site {name};
		location = /health {{ access_log off; return 200 "ok\\n"; }}
		location = /id {{ return 200 "{name}\\n"; }}
		location = /slow {{ limit_rate 10k; alias {dir}/files/10k; }}
	}}
}}
"""


class Nginx:
	"""One nginx process (no master), so that ending it by its id ends the site's origin."""

	def __init__(self, lab, name, ip=None, port=None, namespace=None, certificate=None):
		need_tool("nginx")
		self.lab, self.name, self.namespace = lab, name, namespace
		self.ip = namespace.ip if namespace else ip or lab.ip
		self.port = port or (8080 if namespace else lab.port())
		self.dir = lab.path(f"origin-{name}")
		for label, size in FILES.items():
			lab.write(f"origin-{name}/files/{label}", (b"0123456789abcdef" * (size // 16 + 1))[:size])
		tls = f"ssl_certificate {certificate.file}; ssl_certificate_key {certificate.file};" if certificate else ""
		self.conf = lab.write(f"origin-{name}/nginx.conf", NGINX.format(
			dir=self.dir, ip=self.ip, port=self.port, name=name, ssl=" ssl" if certificate else "", tls=tls))
		self.tls = certificate.trust() if certificate else None
		self.process = None
		self.start()

	@property
	def text(self):
		return f"{self.ip}:{self.port}"

	@property
	def address(self):
		return self.ip, self.port

	def start(self):
		prefix = self.namespace.prefix() if self.namespace else []
		command = [*prefix, "nginx", "-p", f"{self.dir}/", "-c", self.conf, "-e", self.dir / "error.log"]
		self.process = self.lab.start(f"nginx-{self.name}", command)

		def answers():
			self.process.must_live()
			try:
				return fetch(self.address, "/health", tls=self.tls, sni="localhost").status == 200
			except OSError:
				return False
		wait_until(answers, 10, f"nginx {self.name} answers")

	def kill(self):
		self.process.kill()

	def served(self):
		"""Lines of its access log (probes of /health are not in it)."""
		path = self.dir / "access.log"
		return path.read_text().splitlines() if path.exists() else []


class Certificate:
	"""A PEM file with chain and key, signed by the lab's own authority; `days` below 0: expired. key: a word of KEYS."""

	KEYS = {"ecdsa": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"], "rsa": ["-newkey", "rsa:2048"]}

	def __init__(self, lab, *names, ca=None, days=30, label=None, key="ecdsa", subject=None, alternatives=None):
		need_tool("openssl")
		self.ca = ca or Authority.of(lab)
		label = label or names[0].replace("*", "any")
		base = lab.path(f"tls/{label}")
		base.parent.mkdir(exist_ok=True)
		alternatives = alternatives or ",".join(f"IP:{n}" if n.replace(".", "").isdigit() else f"DNS:{n}" for n in names)
		lab.write(f"tls/{label}.ext", f"subjectAltName={alternatives}\nbasicConstraints=CA:FALSE\n")
		run("openssl", "req", *self.KEYS[key], "-nodes", "-subj", subject or f"/CN={names[0]}",
		    "-keyout", f"{base}.key", "-out", f"{base}.csr")
		run("openssl", "x509", "-req", "-in", f"{base}.csr", "-CA", self.ca.file, "-CAkey", self.ca.key, "-CAcreateserial",
		    "-days", str(days), "-extfile", f"{base}.ext", "-out", f"{base}.crt")
		self.file, self.chain_file = f"{base}.pem", f"{base}.crt"
		with open(self.file, "w") as out:
			for part in (f"{base}.crt", f"{base}.key"):
				with open(part) as piece:
					out.write(piece.read())

	def trust(self):
		return self.ca.context()


class Authority:
	def __init__(self, lab, label="ca"):
		base = lab.path(f"tls/{label}")
		base.parent.mkdir(exist_ok=True)
		self.file, self.key = f"{base}.crt", f"{base}.key"
		run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
		    "-subj", f"/CN={label} of the lab", "-keyout", self.key, "-out", self.file)

	@classmethod
	def of(cls, lab):
		"""The lab's one."""
		if not hasattr(lab, "authority"):
			lab.authority = cls(lab)
		return lab.authority

	def context(self, alpn=None, lowest=None, highest=None):
		"""A client that trusts this authority alone."""
		context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
		context.load_verify_locations(self.file)
		if alpn:
			context.set_alpn_protocols(alpn)
		if lowest:
			context.minimum_version = lowest
		if highest:
			context.maximum_version = highest
		return context
