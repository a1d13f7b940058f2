# SPDX-License-Identifier: BSD-2-Clause
"""A laboratory: a temporary folder, an address of its own on loopback, real programs in it, and nothing left when it closes.

Every program is ended by its id and dies with this process (PR_SET_PDEATHSIG). A steerway that a lab ends must end by itself,
with status 0 and without a word of a sanitizer: leaks are found in every test, not in one.
"""
import contextlib
import ctypes
import json
import os
import random
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("STEERWAY_BUILD", ROOT / "build"))
SANITIZER = os.environ.get("STEERWAY_SANITIZER", "")
SLOW = 5 if SANITIZER else 1  # what a sanitizer costs, for what is measured
PATIENCE = 4 * SLOW  # for waits: a machine may have much else to do, and only what fails takes all of it
STEERWAY = os.environ.get("STEERWAY_PROGRAM", str(BUILD / "steerway"))
STEERCTL = str(BUILD / "steerctl")
SANITIZER_WORDS = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|SUMMARY: \w+Sanitizer")

_libc = ctypes.CDLL(None, use_errno=True)
_open_labs = []


class Skip(Exception):
	"""The machine or the build can't run this test; the text says why."""


notes = []  # of the test that runs; the runner shows them beside its result


def note(text):
	"""A figure that the test measured."""
	notes.append(text)


def need(condition, reason):
	if not condition:
		raise Skip(reason)


def need_tool(*names):
	for name in names:
		need(shutil.which(name), f"{name} is not installed")


def need_root():
	need(os.geteuid() == 0, "needs root")


def need_no_sanitizer(what):
	need(not SANITIZER, f"{what} means nothing under the {SANITIZER} sanitizer")


def cases(*rows):
	"""@cases(("label", value...), ...): the test runs once a row, with the row's values as its first arguments."""
	def mark(function):
		function.cases = [(row[0], row[1:]) for row in rows]
		return function
	return mark


def timeout(seconds):
	"""@timeout(N): this test may take longer than a minute."""
	def mark(function):
		function.timeout = seconds
		return function
	return mark


def wait_until(condition, seconds=10, what="the condition", step=0.01):
	"""Waits until condition() is true, and returns what it returned. An AssertionError raised in it counts as `not yet`."""
	deadline = time.monotonic() + seconds * PATIENCE
	while True:
		why = ""
		try:
			value = condition()
		except AssertionError as e:
			value, why = None, f": {e}"
		if value:
			return value
		if time.monotonic() > deadline:
			raise AssertionError(f"not within {seconds * PATIENCE} s: {what}{why}")
		time.sleep(step)


def slowness():
	"""How much longer work takes here and now than on a machine that has nothing else to do; bounds on times are stretched by it."""
	wall, cpu = time.monotonic(), time.thread_time()
	while time.monotonic() < wall + 0.1:
		pass
	return max(1.0, (time.monotonic() - wall) / max(time.thread_time() - cpu, 0.001))


def to_yaml(value, indent=0):
	"""Dicts, lists and scalars as YAML; small, because the tests use no more of it."""
	pad = "  " * indent
	if isinstance(value, dict) and value:
		lines = []
		for key, item in value.items():
			shown = key if re.fullmatch(r"[A-Za-z_][\w.-]*", str(key)) else json.dumps(str(key))
			if isinstance(item, (dict, list)) and item:
				lines.append(f"{pad}{shown}:\n{to_yaml(item, indent + 1)}")
			else:
				lines.append(f"{pad}{shown}: {to_yaml(item)}\n")
		return "".join(lines)
	if isinstance(value, list) and value:
		return "".join(f"{pad}- {json.dumps(item)}\n" for item in value)  # JSON is YAML's flow style
	return json.dumps(value)


def _die_with_parent():
	_libc.prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG


class Process:
	"""A program whose output goes to a file."""

	def __init__(self, name, command, log, env=None, cwd=None, preexec=None, stdin=subprocess.DEVNULL):
		def prepare():
			_die_with_parent()
			if preexec:
				preexec()
		self.name, self.log, self.command = name, Path(log), [str(c) for c in command]
		with open(log, "ab") as output:
			self.popen = subprocess.Popen(self.command, stdin=stdin, stdout=output, stderr=output, env=env, cwd=cwd,
			                              preexec_fn=prepare)
		self.pid = self.popen.pid

	def is_alive(self):
		return self.popen.poll() is None

	def must_live(self):
		"""For conditions that are waited for: of what has ended nothing more will come, and the wait ends at once."""
		if not self.is_alive():
			raise RuntimeError(f"{self.name} ended with {self.popen.returncode}\n{self.text()[-4000:]}")

	def text(self):
		return self.log.read_text(errors="replace")

	def send(self, number):
		self.popen.send_signal(number)

	def kill(self):
		"""At once, as a crash would."""
		if self.is_alive():
			self.popen.kill()
		return self.popen.wait()

	def wait(self, seconds=20):
		return self.popen.wait(seconds * PATIENCE)

	def stop(self, number=signal.SIGTERM, seconds=20):
		if self.is_alive():
			self.send(number)
		try:
			return self.wait(seconds)
		except subprocess.TimeoutExpired:
			self.kill()
			raise AssertionError(f"{self.name} did not end within {seconds * PATIENCE} s of signal {number}\n{self.text()[-4000:]}")


def free_port(ip, kind=socket.SOCK_STREAM):
	"""Below the range that the kernel gives to clients, so that no outgoing connection takes it meanwhile."""
	while True:
		port = random.randrange(10000, 32000)
		with socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, kind) as s:
			try:
				s.bind((ip, port))
				return port
			except OSError:
				continue


class Lab:
	def __init__(self, name):
		self.name = name
		self.dir = Path(tempfile.mkdtemp(prefix="steerway-"))
		os.chmod(self.dir, 0o755)  # a daemon that dropped its privileges has to get in
		# An address of its own: two labs at once can't meet, though listeners share ports (SO_REUSEPORT).
		self.ip = f"127.{random.randrange(64, 128)}.{random.randrange(1, 255)}.{random.randrange(1, 255)}"
		self.closers, self.steerways, self.processes, self.ports = [], [], [], set()
		_open_labs.append(self)

	def path(self, name):
		return self.dir / name

	def write(self, name, data):
		path = self.dir / name
		path.parent.mkdir(parents=True, exist_ok=True)
		path.write_bytes(data if isinstance(data, bytes) else data.encode())
		return path

	def port(self):
		"""Never the same twice: what took the first may not be listening yet."""
		while (port := free_port(self.ip)) in self.ports:
			pass
		self.ports.add(port)
		return port

	def on_close(self, function):
		self.closers.append(function)

	def start(self, name, command, **options):
		process = Process(name, command, self.dir / f"{name}.out", **options)
		self.processes.append(process)
		return process

	def steerway(self, config, **options):
		return Steerway(self, config, **options)

	def check(self):
		"""Every steerway of the lab lives, and no sanitizer has spoken."""
		for s in self.steerways:
			s.check()

	def describe(self, out):
		for p in self.processes:
			state = "alive" if p.is_alive() else f"exit status {p.popen.returncode}"
			out.write(f"\n--- {p.name} ({state})\n{p.text()[-6000:]}")
		for s in self.steerways:
			out.write(f"\n--- configuration of {s.name}\n{s.file.read_text()}")
			if s.access_path.exists():
				out.write(f"\n--- access log of {s.name}, its end\n{s.access_path.read_text()[-2000:]}")

	def close(self, failed=False):
		if self not in _open_labs:
			return
		_open_labs.remove(self)
		troubles = []
		for s in self.steerways:
			try:
				s.finish()
			except Exception as e:
				troubles.append(str(e))
		for p in reversed(self.processes):
			if p.is_alive():
				p.kill()
		for function in reversed(self.closers):
			try:
				function()
			except Exception as e:
				troubles.append(f"{function}: {e}")
		if not os.environ.get("STEERWAY_KEEP"):
			shutil.rmtree(self.dir, ignore_errors=True)
		if troubles and not failed:
			raise AssertionError("\n".join(troubles))


def close_all():
	for lab in list(_open_labs):
		lab.close(failed=True)


class Steerway:
	"""The real daemon on a configuration of the lab."""

	def __init__(self, lab, config, name="steerway", wait=True, env=None, preexec=None):
		self.lab, self.name, self.is_finished = lab, name, False
		self.file = lab.path(f"{name}.yaml")
		self.access_path = lab.path(f"{name}.access.log")
		self.socket = lab.path(f"{name}.sock")
		self.admin = (lab.ip, lab.port())
		self.env, self.preexec = env, preexec
		self.configure(config)
		self.launch(wait)

	def launch(self, wait=True):
		self.is_finished = False
		env = dict(os.environ, **(self.env or {}))
		self.process = self.lab.start(self.name, [STEERWAY, "-c", self.file], env=env, preexec=self.preexec)
		if self not in self.lab.steerways:
			self.lab.steerways.append(self)
		if wait:
			self.wait_ready()
		return self

	@property
	def pid(self):
		return self.process.pid

	def configure(self, config):
		"""Writes the file: text as it is; a dict with what every lab needs filled in."""
		if isinstance(config, dict):
			config = dict(config)
			config.setdefault("admin", {"socket": {"path": str(self.socket), "mode": "0600"},
			                            "http": {"bind": "%s:%d" % self.admin}})
			config.setdefault("log", {"level": "info", "access": {"path": str(self.access_path), "format": "json"}})
			config.setdefault("workers", 2)
			if os.geteuid() == 0 and "user" not in config:
				config.setdefault("run_as_root", True)
			self.config = config
			config = to_yaml(config)
		self.file.write_text(config)

	def wait_ready(self, seconds=20):
		def ready():
			self.process.must_live()
			try:
				return self.http("/readyz")[0] == 200
			except OSError:
				return False
		deadline = time.monotonic() + seconds * PATIENCE
		while not ready():
			if time.monotonic() > deadline:
				raise AssertionError(f"not ready within {seconds * PATIENCE} s\n{self.process.text()[-4000:]}")
			time.sleep(0.01)

	# ---- what it says ----

	def http(self, path, method="GET"):
		"""(status, text) of its admin HTTP."""
		request = urllib.request.Request("http://%s:%d%s" % (*self.admin, path), method=method)
		opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
		try:
			with opener.open(request, timeout=10 * PATIENCE) as response:
				return response.status, response.read().decode()
		except urllib.error.HTTPError as e:
			return e.code, e.read().decode()

	def metrics(self):
		"""'name' or 'name{label="x"}' -> value, as /metrics has them."""
		status, text = self.http("/metrics")
		assert status == 200, f"/metrics: {status}"
		return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
		        if line and not line.startswith("#")}

	def metric(self, name):
		values = self.metrics()
		assert name in values, f"no metric {name} among {sorted(values)}"
		return values[name]

	def ctl(self, *words, check=True, seconds=60):
		done = subprocess.run([STEERCTL, "-s", str(self.socket), *words], stdin=subprocess.DEVNULL, capture_output=True,
		                      text=True, timeout=seconds * PATIENCE)
		if check and done.returncode != 0:
			raise AssertionError(f"steerctl {' '.join(words)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
		return done

	def ctl_json(self, *words):
		text = self.ctl(*words, "--json").stdout
		try:
			return json.loads(text)
		except ValueError as e:
			raise AssertionError(f"steerctl {' '.join(words)} --json: not JSON ({e}): {text[:500]!r}")

	def log(self):
		return self.process.text()

	def access(self):
		"""Whole records of the access log so far."""
		if not self.access_path.exists():
			return []
		lines = self.access_path.read_text().split("\n")[:-1]
		return [json.loads(line) for line in lines]

	def wait_access(self, want, seconds=5):
		"""The first record that `want` accepts; the log is written behind the request."""
		def find():
			found = next((r for r in self.access() if want(r)), None)
			if found is None and not self.is_finished:
				self.process.must_live()
			return found
		return wait_until(find, seconds, "a record in the access log")

	def ends(self):
		"""How many transactions ended in which way."""
		return {re.search(r'reason="(\w+)"', k)[1]: int(v) for k, v in self.metrics().items()
		        if k.startswith("steerway_proxy_ends_total{")}

	def wait_metric(self, name, value, seconds=5):
		return wait_until(lambda: self.metric(name) == value, seconds, f"{name} = {value}")

	# ---- what it costs ----

	def status(self, field):
		"""A number of /proc/PID/status; kB for memory."""
		text = Path(f"/proc/{self.pid}/status").read_text()
		return int(re.search(rf"^{field}:\s+(\d+)", text, re.M)[1])

	def rss_bytes(self):
		return self.status("VmRSS") * 1024

	def descriptors(self):
		return len(os.listdir(f"/proc/{self.pid}/fd"))

	# ---- its life ----

	def reload(self, check=True):
		return self.ctl("reload", check=check)

	def check(self):
		assert self.process.is_alive() or self.is_finished, \
			f"{self.name} died with {self.process.popen.returncode}\n{self.process.text()[-6000:]}"
		self.check_sanitizer()

	def check_sanitizer(self):
		text = self.process.text()
		words = SANITIZER_WORDS.search(text)
		assert not words, f"{self.name}: {text[max(0, words.start() - 500):words.start() + 12000]}"

	def finish(self, seconds=20):
		"""Ends it as an operator would, and looks at how it went."""
		if self.is_finished:
			return
		self.is_finished = True
		was_alive = self.process.is_alive()
		status = self.process.stop(seconds=seconds)
		text = self.process.text()
		self.check_sanitizer()
		assert was_alive, f"{self.name} died with {status}\n{text[-6000:]}"
		assert status == 0, f"{self.name} stopped with {status}\n{text[-6000:]}"


def run(*command, check=True, seconds=60, **options):
	"""A program to its end; its output as text, both kinds in one."""
	done = subprocess.run([str(c) for c in command], stdin=options.pop("stdin", subprocess.DEVNULL), stdout=subprocess.PIPE,
	                      stderr=subprocess.STDOUT, text=True, errors="replace", timeout=seconds * PATIENCE, **options)
	if check and done.returncode != 0:
		raise AssertionError(f"{' '.join(map(str, command))}: exit status {done.returncode}\n{done.stdout[-4000:]}")
	return done


def raise_descriptors(wanted):
	"""Room for `wanted` descriptors in this process (and what it starts)."""
	soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
	if soft < wanted:
		need(hard == resource.RLIM_INFINITY or hard >= wanted, f"needs {wanted} descriptors, the limit is {hard}")
		resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextlib.contextmanager
def measured():
	"""`with measured() as t: ...; t()` is the seconds since the start."""
	start = time.monotonic()
	yield lambda: time.monotonic() - start
