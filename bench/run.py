#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""steerway beside its peers: same origin, same load, same run.

	bench/run.py [--build DIR] [bench | http | dns | scale] [pattern...] [--quick] [--seconds S] [--repeats N] [--peers a,b] [--columns a,b] [--budget S]

`http` measures all columns of HTTP rows (loads.py) beside haproxy, nginx, h2o and nghttpx (peers.py); `dns` the same of DNS rows (dns_loads.py) beside
gdnsd, knot, nsd and PowerDNS (dns_servers.py); `bench` CPU, rate and latency of both; `scale` what must not grow with connections, servers, routes and workers (scale.py). The program under test has
one CPU for itself, load generator and origin share another. Repeats are interleaved (every program in turn, then again with another one first), and
medians are shown. What counts most is CPU time a request: it is far less touched by the machine's mood than requests a second.
Results go to DIR/bench/NAME.json, .md and .svg.
"""
import argparse
import itertools
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "box"))
sys.dont_write_bytecode = True

import dns_run  # noqa: E402
import lab as labs  # noqa: E402
import loads  # noqa: E402
import measure  # noqa: E402
import peers  # noqa: E402
import report  # noqa: E402
import scale  # noqa: E402
from origins import Certificate  # noqa: E402

LOAD_CPU, PROXY_CPU = 1, 0  # Knot's first UDP worker binds itself to CPU 0, wherever it is put
COLUMNS = ("time", "syscalls", "instructions", "memory")


class Bench:
	"""One run: its lab, its origin, where programs go, and until when it may take."""

	def __init__(self, args):
		self.args, self.build = args, args.build
		self.lab, self.numbers, self.started, self.notes = labs.Lab("bench"), itertools.count(), time.monotonic(), []
		self.pem = Certificate(self.lab, "app.test").file
		self.origin = peers.start_origin(self)

	@staticmethod
	def pinned(cpu, command):
		return ["taskset", "-c", str(cpu), *map(str, command)] if os.cpu_count() > 1 else [str(w) for w in command]

	def load_side(self, command):
		return self.pinned(LOAD_CPU, command)

	def proxy_side(self, command):
		return self.pinned(PROXY_CPU, command)

	def seconds_left(self):
		return self.args.budget - (time.monotonic() - self.started)

	def note(self, text):
		self.notes.append(text)
		print(text, file=sys.stderr, flush=True)

	def peers(self):
		"""Rows whose program is here and was asked for; steerway always."""
		wanted = set(self.args.peers.split(",")) if self.args.peers else None
		for peer in peers.PEERS:
			if wanted and peer.name not in wanted | {report.OURS}:
				continue
			if measure.has(peer.program.format(build=self.build)):
				yield peer
			else:
				self.note(f"{peer.name} is not installed: left out.")


def result_of(row):
	return {"title": row.title, "target": row.target, "base": row.base, "programs": {}}


# ---- HTTP ----

def start_all(bench, rows):
	"""Every program with every protocol to the origin that the rows need, where it can do it."""
	backs = {row.back for row in rows if not row.idle}
	return [r for peer in bench.peers() for back in sorted(backs) if (r := peer.start(bench, back, bench.proxy_side))]


def measure_time(bench, rows, results):
	running = start_all(bench, rows)
	for row in rows:
		programs = {r.name: r for r in running if row.is_for(r)}
		if row.idle or not programs:
			continue
		done = measure.interleaved(bench, programs, bench.args.repeats, lambda r: measure.timed(bench, r, row, bench.args.seconds))
		results[row.key]["programs"].update(done)
		print(report.detail(results[row.key]), flush=True)
	return running


def add(results, row, name, values):
	results[row.key]["programs"].setdefault(name, {"errors": 0}).update(values)


def measure_syscalls(bench, rows, running, results):
	if not measure.has("strace"):
		return bench.note("strace is not installed: no system calls were counted.")
	for row in rows:
		for r in running if not row.idle else ():
			if row.is_for(r) and bench.seconds_left() > 0:
				add(results, row, r.name, measure.syscalls(bench, r, row))


def measure_instructions(bench, rows, results):
	if not measure.has("valgrind"):
		return bench.note("valgrind is not installed: no instructions were counted.")
	for peer in bench.peers():
		for back in sorted({row.back for row in rows if not row.idle}):
			if back in peer.backs and bench.seconds_left() > 0:
				count_instructions(bench, peer, back, rows, results)


def count_instructions(bench, peer, back, rows, results):
	try:
		grind = measure.Callgrind(bench, peer, back)
		if not grind.running:
			return
		for row in rows:
			if not row.idle and row.is_for(grind.running) and bench.seconds_left() > 0:
				add(results, row, peer.name, measure.counted(bench, grind.running, row, row.counted // 5, grind.begin, grind.end))
		grind.running.stop()
		print(f"instructions of {peer.name} ({back}) are counted", file=sys.stderr, flush=True)
	except (AssertionError, RuntimeError, subprocess.SubprocessError) as e:
		bench.note(f"{peer.name} does not run under valgrind: {str(e).splitlines()[0][:200]}")


def measure_memory(bench, rows, results):
	for row in rows:
		for peer in bench.peers() if row.idle else ():
			if bench.seconds_left() > 0:
				add(results, row, peer.name, measure.idle_memory(bench, peer, row))
		if row.idle:
			print(report.detail(results[row.key]), flush=True)


def run_http(bench, columns):
	picked = [row for row in loads.ROWS if row.is_picked(bench.args.patterns)]
	bases = {row.base for row in picked}
	rows = [row for row in loads.ROWS if row in picked or row.key in bases]
	results = {row.key: result_of(row) for row in rows}
	running = measure_time(bench, rows, results) if "time" in columns else start_all(bench, rows)
	if "syscalls" in columns:
		measure_syscalls(bench, rows, running, results)
	for r in running:
		r.stop()
	if "memory" in columns:
		measure_memory(bench, rows, results)
	if "instructions" in columns:
		measure_instructions(bench, rows, results)
	return {key: row for key, row in results.items() if row["programs"]}


# ---- the whole ----

def columns_of(bench, default):
	return bench.args.columns.split(",") if bench.args.columns else default


SUITES = {"bench": lambda bench: run_http(bench, columns_of(bench, ("time", "memory"))) | dns_run.run(bench, columns_of(bench, ("time",))),
          "http": lambda bench: run_http(bench, columns_of(bench, COLUMNS)),
          "dns": lambda bench: dns_run.run(bench, columns_of(bench, ("time", "instructions", "memory"))),
          "scale": scale.run}


def version(command):
	try:
		return report.plain_version(subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=10).stdout)
	except OSError:
		return None


def machine(args):
	model = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
	programs = {"haproxy": ["haproxy", "-v"], "nginx": ["nginx", "-v"], "h2o": ["h2o", "-v"], "nghttpx": ["nghttpx", "-v"], "openssl": ["openssl", "version"],
	            "gdnsd": ["gdnsd", "-V"], "knot": ["knotd", "--version"], "nsd": ["nsd", "-v"], "PowerDNS": ["pdns_server", "--version"]}
	found = [f"{n} {v}" for n, c in programs.items() if (v := version(c))]
	return {"cpu": model[1] if model else "?", "cpus": os.cpu_count(), "kernel": os.uname().release, "versions": ", ".join(found),
	        "seconds": args.seconds, "repeats": args.repeats}


def arguments():
	parser = argparse.ArgumentParser(description="steerway beside its peers.")
	parser.add_argument("suite", nargs="?", default="bench", choices=sorted(SUITES))
	parser.add_argument("patterns", nargs="*", help="rows whose key or title contains one of these; all when none")
	parser.add_argument("--build", default="build", type=Path)
	parser.add_argument("--quick", action="store_true", help="one repeat of a second each: to see that it works, not to compare")
	parser.add_argument("--seconds", type=float)
	parser.add_argument("--repeats", type=int)
	parser.add_argument("--peers", default="", help="names with commas between; all when empty")
	parser.add_argument("--columns", default="", help=f"of {','.join(COLUMNS)}; all when empty")
	parser.add_argument("--budget", type=float, help="seconds after which nothing new is begun; 570, of `dns` 900")
	args = parser.parse_intermixed_args()
	args.seconds = args.seconds or (1 if args.quick else 2)
	args.budget = args.budget or (900 if args.suite == "dns" else 570)
	args.repeats = args.repeats or (1 if args.quick else 3)
	args.build = args.build.resolve()
	return args


def main():
	args = arguments()
	labs.raise_descriptors(1000)
	bench = Bench(args)
	try:
		results = SUITES[args.suite](bench)
	finally:
		bench.lab.close(failed=True)
	if not results:
		sys.exit("nothing was picked")
	about = machine(args)
	path = report.write(args.build / "bench", args.suite, about, results, bench.notes)
	print(f"\n{report.summary(results)}\n\n{time.monotonic() - bench.started:.0f} s in all; {path}.json, .md, .svg")


if __name__ == "__main__":
	main()
