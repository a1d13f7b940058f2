# SPDX-License-Identifier: BSD-2-Clause
"""The embedded demonstration: it starts, the commands that it prints work as printed, Ctrl-C leaves nothing behind."""
import json
import os
import re
import signal
import socket
import subprocess

import dns
from lab import BUILD, PATIENCE, ROOT, STEERWAY, Process, Skip, need_tool, timeout, wait_until
from http1 import fetch

PORTS = [("127.0.0.1", 8080), ("127.0.0.1", 8443), ("127.0.0.1", 5353), ("127.0.0.1", 8404)]


def lock_ports(lab):
	"""The demonstration's ports are fixed: two of them at once can't be."""
	lock = socket.socket(socket.AF_UNIX)
	lab.on_close(lock.close)
	wait_until(lambda: try_lock(lock), 50, "another demonstration's end")
	for address in PORTS:
		with socket.socket() as s:
			s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
			try:
				s.bind(address)
			except OSError:
				raise Skip("port %s:%d is in use" % address)


def try_lock(s):
	"""An abstract address: it goes with its owner, however that ends."""
	try:
		s.bind("\0steerway-demo-test")
		return True
	except OSError:
		return False


def start(lab):
	lock_ports(lab)
	demo = Process("demo", [STEERWAY, "demo"], lab.path("demo.out"), env=dict(os.environ, TMPDIR=str(lab.dir)))
	lab.processes.append(demo)

	def up():
		demo.must_live()
		try:
			return fetch(("127.0.0.1", 8404), "/readyz").status == 200
		except OSError:
			return False
	wait_until(up, 20, "the demonstration is ready")
	return demo


def left_overs(lab, before):
	return set(os.listdir(lab.dir)) - before


@timeout(120)
def test_demo(lab):
	need_tool("curl", "dig")
	before = set(os.listdir(lab.dir)) | {"demo.out"}
	demo = start(lab)
	wait_until(lambda: "steerctl" in demo.text() and "dig" in demo.text(), 5, "what to try")
	text = demo.text()
	commands = [line.strip().removeprefix("$ ") for line in text.splitlines() if re.match(r"\s*(\$ )?(curl|dig|\S*steerctl) ", line)]
	assert any("curl" in c for c in commands) and any("dig" in c for c in commands) and any("drain site" in c for c in commands), text
	exports = dict(re.findall(r"^\s*export (\w+)=(\S+)", text, re.M))
	for command in commands:
		command = re.sub(r"\s{2,}#.*|\s{2,}\S.*$", "", command)  # what stands behind it explains it
		done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, timeout=60 * PATIENCE,
		                      env=dict(os.environ, **exports))
		assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}\n{text}"
		assert done.stdout.strip() or "drain" in command, command
	children = subprocess.run(["ps", "--ppid", str(demo.pid), "-o", "pid="], capture_output=True, text=True).stdout.split()
	demo.send(signal.SIGINT)
	assert demo.wait(20) == 0, demo.text()
	assert not left_overs(lab, before), left_overs(lab, before)
	for pid in children:
		assert not os.path.exists(f"/proc/{pid}"), f"process {pid} is left"


@timeout(90)
def test_demo_failover(lab):
	"""What it is there to show: a site that is taken out leaves DNS, the proxy serves on."""
	demo = start(lab)
	text = demo.text()
	name = re.search(r"dig [^\n]*?\s([\w.-]+\.[\w-]+)\.?(?:\s|$)", text)
	assert name, text
	socket_path = re.search(r"steerctl[^\n]*-s\s+(\S+)", text) or re.search(r"(\S+\.sock)", text)
	assert socket_path, text

	def ctl(*words):
		return subprocess.run([str(BUILD / "steerctl"), "-s", socket_path[1], *words], capture_output=True, text=True, timeout=30 * PATIENCE)
	answer = dns.ask(("127.0.0.1", 5353), name[1]).data()
	assert answer, name[1]
	sites = ctl("show", "sites", "--json")
	first = next(s["name"] for s in json.loads(sites.stdout) if answer[0] in s["addresses"])
	assert ctl("maint", "site", first).returncode == 0
	wait_until(lambda: dns.ask(("127.0.0.1", 5353), name[1]).data() != answer, 5, "another answer")
	assert fetch(("127.0.0.1", 8080), "/", host=name[1]).status == 200
	demo.send(signal.SIGTERM)
	assert demo.wait(20) == 0
