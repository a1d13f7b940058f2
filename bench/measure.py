# SPDX-License-Identifier: BSD-2-Clause
"""How a program is measured under a load: CPU time, system calls, instructions, memory.

CPU time is utime and stime of all processes of the program between the load's gate and its end, nothing being under way at either. System calls and
instructions are counted in runs of their own with a fixed number of requests, since strace and valgrind slow a program down: what they count
hardly depends on that, but for calls that handle many requests at once (epoll_wait).
"""
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import tempfile
import threading
from pathlib import Path

from lab import wait_until

WARM_IDLE = 500  # connections that are held already when memory is looked at first: what they brought along is not what one costs


def family(pid):
	"""A process and its descendants."""
	parents = {}
	for entry in os.listdir("/proc"):
		if entry.isdigit():
			try:
				stat = Path(f"/proc/{entry}/stat").read_text()
			except OSError:
				continue
			parents[int(entry)] = int(stat.rsplit(")", 1)[1].split()[1])
	found = {pid}
	while more := {p for p, parent in parents.items() if parent in found} - found:
		found |= more
	return found


def cpu_seconds(pid):
	"""utime and stime of a program's processes, all threads; those of children that have ended stand in their parent's third and fourth figure."""
	ticks = 0
	for p in family(pid):
		try:
			fields = Path(f"/proc/{p}/stat").read_text().rsplit(")", 1)[1].split()
		except FileNotFoundError:
			if p == pid:
				raise
			continue  # ended meanwhile
		ticks += sum(map(int, fields[11:15]))
	return ticks / os.sysconf("SC_CLK_TCK")


def memory_bytes(pids):
	"""Proportional set size: what is shared counts once."""
	return sum(int(re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{p}/smaps_rollup").read_text(), re.M)[1]) for p in pids) * 1024


class Load:
	"""bench/load.c or load_dns.c between its gate and its end: Load(...) returns at the gate, result() goes through it. Ended by its id at its time
	limit."""

	def __init__(self, bench, running, row, extra=(), limit=60):
		command = [str(Path(bench.build) / "bench" / row.tool), *row.options, *extra, running.ip, str(running.ports[row.port])]
		self.command = command
		self.popen = subprocess.Popen(bench.load_side(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
		self.timer = threading.Timer(limit, self.popen.kill)
		self.timer.start()
		self.expect("begin")

	def expect(self, what):
		line = self.popen.stdout.readline()
		if not line.startswith(what):
			self.timer.cancel()
			self.popen.kill()
			raise RuntimeError(f"{' '.join(self.command)}: {line!r}, status {self.popen.wait()}: {self.popen.stderr.read()[-2000:]}")
		return line

	def result(self):
		self.popen.stdin.write("\n")
		self.popen.stdin.flush()
		return json.loads(self.expect("{"))

	def close(self):
		self.timer.cancel()
		self.popen.stdin.close()
		self.popen.wait()
		self.popen.stdout.close()
		self.popen.stderr.close()


def percentile(values, share):
	return values[min(len(values) - 1, int(len(values) * share))]


def h2load(bench, running, row, amount):
	"""`amount` as h2load takes it, time or number; percentiles from its log of requests (a line each: start, status, microseconds)."""
	scheme = "https" if row.port == "h2s" else "http"
	with tempfile.NamedTemporaryFile(dir=bench.lab.dir) as log:
		command = ["h2load", "-t1", *row.options, *amount, f"--log-file={log.name}", "-H", ":authority: app.test",
		           f"{scheme}://{running.ip}:{running.ports[row.port]}/13"]
		out = subprocess.run(bench.load_side(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60).stdout
		latencies = sorted(int(line.split("\t")[2]) for line in Path(log.name).read_text().splitlines())
	counts = re.search(r"requests: .*?(\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored", out)
	if not counts or not latencies:
		raise RuntimeError(f"{' '.join(command)}\n{out}")
	seconds = re.search(r"finished in ([\d.]+)(ms|s)", out)
	taken = float(seconds[1]) / (1000 if seconds[2] == "ms" else 1)
	return {"requests": int(counts[2]), "errors": int(counts[3]), "seconds": taken, "rate": int(counts[2]) / taken,
	        **{f"p{name}_us": percentile(latencies, share) for name, share in (("50", .5), ("99", .99), ("999", .999))}}


def timed(bench, running, row, seconds, extra=()):
	"""One run: what the load saw, and CPU microseconds a request."""
	if row.tool == "h2load":
		h2load(bench, running, row, ["-n", "2000"])
		before = cpu_seconds(running.pid)
		result = h2load(bench, running, row, ["-D", f"{max(1, round(seconds))}"])
		after = cpu_seconds(running.pid)
	else:
		load = Load(bench, running, row, ["-d", str(seconds), *extra], seconds + 30)
		before = cpu_seconds(running.pid)
		result = load.result()
		after = cpu_seconds(running.pid)
		load.close()
	if "-R" in row.options:
		result["errors"] += max(0, result["requests"] - result["resumed"])  # a full handshake is not what is measured
	result["cpu_us"] = (after - before) * 1e6 / max(1, result["requests"])
	result["busy"] = (after - before) / result["seconds"]
	return result


def medians(runs):
	return {key: statistics.median(r[key] for r in runs) for key in runs[0]} | {"errors": sum(r["errors"] for r in runs)}


def turns(bench, repeats):
	"""The numbers of the repeats, until the time is over."""
	for turn in range(repeats):
		if turn and bench.seconds_left() < 0:
			return bench.note(f"The time of {bench.args.budget} s was over after {turn} of {repeats} repeats.")
		yield turn


def rotated(items, turn):
	"""Another one first each time."""
	return items[turn % len(items):] + items[:turn % len(items)] if items else []


def interleaved(bench, programs, repeats, run_one):
	"""run_one(program) in turns; by name the medians of its runs."""
	runs = {name: [] for name in programs}
	for turn in turns(bench, repeats):
		for name in rotated(list(programs), turn):
			runs[name].append(run_one(programs[name]))
	return {name: medians(r) for name, r in runs.items()}


def counted(bench, running, row, amount, begin, end, limit=60):
	"""That many requests of a row between begin() and end(), which takes the number of requests."""
	if row.tool == "h2load":  # has no gate: connecting counts, 16 times in thousands
		h2load(bench, running, row, ["-n", "500"])
		begin()
		return end(h2load(bench, running, row, ["-n", str(amount)])["requests"])
	load = Load(bench, running, row, ["-n", str(amount), "-w", str(row.warm)], limit)
	begin()
	result = load.result()
	value = end(max(1, result["requests"]))
	load.close()
	return value


class Strace:
	"""System calls by name a request, of all threads and processes."""

	def __init__(self, bench, running):
		self.bench, self.running = bench, running

	def begin(self):
		self.out = self.bench.lab.path("strace.out")
		self.out.unlink(missing_ok=True)
		targets = [w for p in sorted(family(self.running.pid)) for w in ("-p", str(p))]
		self.popen = subprocess.Popen(["strace", "-c", "-f", "-U", "name,calls", "-o", str(self.out), *targets], stdin=subprocess.DEVNULL,
		                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
		self.popen.stderr.readline()  # "Process N attached"

	def end(self, requests):
		self.popen.send_signal(signal.SIGINT)
		self.popen.wait(20)
		self.popen.stderr.close()
		calls = {name: int(n) for name, n in re.findall(r"^\s*(\w+)\s+(\d+)\s*$", self.out.read_text(), re.M) if name != "total"}
		return {"syscalls": sum(calls.values()) / requests,
		        "by_name": {n: round(c / requests, 3) for n, c in sorted(calls.items(), key=lambda x: -x[1]) if c / requests >= 0.005}}


def callgrind(bench, out, *options):
	return ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", *options]


def total_of(dump):
	"""Of a dump of callgrind, when it is written."""
	wait_until(lambda: dump.exists() and "totals:" in dump.read_text(errors="replace"), 10, "callgrind's dump")
	return int(re.search(r"^totals: (\d+)", dump.read_text(errors="replace"), re.M)[1])


class Callgrind:
	"""Instructions in user space a request. The program runs under valgrind from its start, and counts only between begin() and end()."""

	def __init__(self, bench, peer, back):
		self.bench, self.out = bench, bench.lab.path(f"callgrind.{peer.name}.{back}")
		wrap = callgrind(bench, self.out, "--instr-atstart=no", "--vgdb=yes", f"--vgdb-prefix={bench.lab.dir}/vgdb")
		self.running, self.dumps = peer.start(bench, back, bench.proxy_side, wrap), 0

	def control(self, *what):
		for command in what:
			subprocess.run(["vgdb", f"--pid={self.running.pid}", f"--vgdb-prefix={self.bench.lab.dir}/vgdb", *command.split()],
			               capture_output=True, timeout=30, check=True)

	def begin(self):
		self.control("instrumentation on", "zero")

	def end(self, requests):
		self.control("dump", "instrumentation off")
		self.dumps += 1
		return {"instructions": total_of(Path(f"{self.out}.{self.dumps}")) / requests}


def forked_instructions(bench, peer, row):
	"""The same of a program whose forked processes valgrind can't be told anything: what their whole lives cost, one with more requests less one with
	fewer."""
	lives = []
	for amount in (row.counted // 5, row.counted):
		out = bench.lab.path(f"callgrind.{peer.name}.{row.key}.{amount}")
		running = peer.start(bench, row.back, bench.proxy_side, callgrind(bench, f"{out}.%p"))
		done = counted(bench, running, row, amount, lambda: None, lambda requests: requests)
		pids = family(running.pid)
		running.process.stop()
		lives.append((done, sum(total_of(Path(f"{out}.{p}")) for p in pids)))
	return {"instructions": (lives[1][1] - lives[0][1]) / (lives[1][0] - lives[0][0])}


def syscalls(bench, running, row):
	strace = Strace(bench, running)
	return counted(bench, running, row, row.counted, strace.begin, strace.end)


def idle_memory(bench, peer, row):
	"""Bytes a connection that had a request and waits for another, in a program that was just started and warmed."""
	running = peer.start(bench, row.back, bench.proxy_side)
	if not running:
		return None
	first = Load(bench, running, row, ["-I", "-c", str(WARM_IDLE)])
	before = memory_bytes(family(running.pid))
	load = Load(bench, running, row, ["-I", "-c", str(row.idle)])
	after = memory_bytes(family(running.pid))
	errors = load.result()["errors"] + first.result()["errors"]
	load.close()
	first.close()
	running.stop()
	return {"bytes": (after - before) / row.idle, "errors": errors}


def resident_bytes(pid):
	"""Memory of a program: all of its greatest process, and of the others what they have for themselves."""
	def rollup(p):
		text = Path(f"/proc/{p}/smaps_rollup").read_text()
		return [sum(int(n) for n in re.findall(rf"^{what}:\s+(\d+)", text, re.M)) * 1024 for what in ("Rss", "Private_\\w+")]
	sizes = sorted(map(rollup, family(pid)), reverse=True)
	return sizes[0][0] + sum(private for _, private in sizes[1:])


def parsed(bench, file):
	"""CPU seconds that ldns takes to read a zone file (bench/parse.c)."""
	popen = subprocess.Popen(bench.proxy_side([str(Path(bench.build) / "bench" / "parse"), str(file), "bench.test."]), stdout=subprocess.DEVNULL)
	_, status, usage = os.wait4(popen.pid, 0)
	popen.returncode = status
	return {"errors": int(status != 0), "load_s": usage.ru_utime + usage.ru_stime}


def has(tool):
	return shutil.which(tool) is not None
