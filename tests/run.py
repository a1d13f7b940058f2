#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs every test of a build tree and says how it went.

	tests/run.py --build DIR [--jobs N] [--list] [pattern...]

A pattern picks the tests whose name contains it (`box/test_dns`, `unit/http`, `test_tls.py::test_sni`). Names are
unit/<room>/test_x, sim/test_x, fuzz/fuzz_x, check-x.sh or .py, box/test_x.py::test_y, bugs/test_x.py::test_y. Refuses to call a run good
in which nothing passed. The last line is always `N passed, N failed, N skipped`.
"""
import argparse
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
SKIP_STATUS = 77  # of check scripts and programs, as automake has it

# Seconds a program may take: only what hangs shall meet them. The slowest of each kind needs 10, 3, 3 and 45 on two busy cores, and a
# machine may be several times slower; sanitizers cost about five times the time.
TIMEOUT = {"unit": 240, "sim": 240, "fuzz": 240, "check": 600}
# Files that take longest start first, so that none of them is left over alone at the end.
LONG_FIRST = ["test_hostile", "test_proxy_http", "test_reload", "test_drain", "test_failover", "test_stress", "test_dns", "test_idle_memory"]


class Result:
	def __init__(self, name, status, seconds, detail="", note=""):
		self.name, self.status, self.seconds, self.detail, self.note = name, status, seconds, detail, note


class Build:
	"""The tree under test, and what its config says about sanitizers."""

	def __init__(self, path):
		self.path = Path(path).resolve()
		self.sanitizer = sanitizer_of(self.path / "steerway")
		self.slow = 5 if self.sanitizer else 1

	def environment(self):
		env = dict(os.environ)
		env.setdefault("ASAN_OPTIONS", "detect_leaks=1")
		env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
		env["STEERWAY_BUILD"] = str(self.path)
		env["STEERWAY_SANITIZER"] = self.sanitizer
		env["CMOCKA_MESSAGE_OUTPUT"] = "TAP"
		return env


def sanitizer_of(program):
	"""`address`, `thread` or nothing, from the program's own symbols."""
	try:
		data = program.read_bytes()
	except OSError:
		return ""
	for mark, name in ((b"__asan_init", "address"), (b"__tsan_init", "thread"), (b"__ubsan_handle", "undefined")):
		if mark in data:
			return name
	return ""


running = set()  # processes under way, to be ended when the run is


def run_captured(command, timeout, env):
	"""(exit status or None at the timeout, output, seconds). The process group is ended by its id at the timeout."""
	start = time.monotonic()
	process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env,
	                           start_new_session=True, cwd=ROOT)
	running.add(process)
	try:
		output = process.communicate(timeout=timeout)[0]
		status = process.returncode
	except subprocess.TimeoutExpired:
		os.killpg(process.pid, signal.SIGKILL)
		output = process.communicate()[0]
		status = None
	running.discard(process)
	return status, output.decode(errors="replace"), time.monotonic() - start


class Program:
	"""A cmocka program: every test in it counts."""

	def __init__(self, build, path, kind):
		self.build, self.path, self.kind = build, path, kind
		self.name = str(path.relative_to(build.path / "tests"))

	def run(self, report):
		limit = TIMEOUT[self.kind] * self.build.slow
		status, output, seconds = run_captured([str(self.path)], limit, self.build.environment())
		results = list(self.parse(output))
		share = seconds / len(results) if results else seconds
		for name, state, detail in results:
			report(Result(f"{self.name}::{name}", state, share, detail))
		if status is None:
			report(Result(f"{self.name}::(timeout)", "failed", seconds, f"still running after {limit} s\n{output}"))
		elif not results and status == SKIP_STATUS:
			report(Result(self.name, "skipped", seconds, output.strip()))
		elif not results:
			report(Result(f"{self.name}::(no test)", "failed", seconds, f"ran no test, exit status {status}\n{output}"))
		elif status != 0 and not any(state == "failed" for _, state, _ in results):
			report(Result(f"{self.name}::(exit)", "failed", seconds, f"exit status {status}\n{output}"))

	@staticmethod
	def parse(output):
		"""TAP as cmocka writes it; what stands between two results belongs to the next one, `# ...` after one to it."""
		planned = sum(int(n) for n in re.findall(r"^1\.\.(\d+)", output, re.M))
		seen, before = [], []
		for line in output.splitlines():
			match = re.match(r"(ok|not ok) \d+ (- |# SKIP )(.*)$", line)  # cmocka 1.1 writes `not ok 3 # SKIP name`
			if match:
				state = "skipped" if "SKIP" in match[2] else "failed" if match[1] == "not ok" else "passed"
				seen.append([match[3], state, "\n".join(before)])
				before = []
			elif seen and line.startswith("#"):
				seen[-1][2] += "\n" + line
			else:
				before.append(line)
		if planned > len(seen):
			seen.append(["(died)", "failed", f"{len(seen)} of {planned} tests ran\n" + "\n".join(before)])
		return seen


class Fuzz:
	"""A fuzz target's corpus, and a bounded number of mutations of it, without libFuzzer."""

	RUNS = 20000

	def __init__(self, build, path):
		self.build, self.path = build, path
		self.name = f"fuzz/{path.name}"

	def run(self, report):
		corpus = TESTS / "fuzz" / "corpus" / self.path.name.removeprefix("fuzz_")
		limit = TIMEOUT["fuzz"] * self.build.slow
		if not corpus.is_dir():
			report(Result(self.name, "failed", 0, f"no corpus at {corpus.relative_to(ROOT)}"))
			return
		runs = self.RUNS // (2 if self.build.sanitizer else 1)
		status, output, seconds = run_captured([str(self.path), f"-runs={runs}", "-seed=1", str(corpus)], limit,
		                                       self.build.environment())
		detail = "" if status == 0 else f"exit status {status} (none: timeout of {limit} s)\n{output}"
		report(Result(self.name, "passed" if status == 0 else "failed", seconds, detail))


class Script:
	def __init__(self, build, path):
		self.build, self.path, self.name = build, path, path.name

	def run(self, report):
		env = self.build.environment()
		status, output, seconds = run_captured([str(self.path)], TIMEOUT["check"], env)
		state = "passed" if status == 0 else "skipped" if status == SKIP_STATUS else "failed"
		report(Result(self.name, state, seconds, "" if status == 0 else output.strip()))


class Box:
	"""A file of box tests, or of tests of bugs, in a process of its own that says on a pipe what it starts and how it ended."""

	def __init__(self, build, path, tests):
		self.build, self.path, self.tests = build, path, tests
		self.name = f"{path.parent.name}/{path.name}"

	def run(self, report):
		# Temporary file, not a pipe, for the output: a test that floods it must not stall.
		with tempfile.TemporaryFile() as output:
			read_end, write_end = os.pipe()
			command = [sys.executable, str(TESTS / "box" / "runner.py"), str(self.path), str(write_end), *self.tests]
			process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
			                           env=self.build.environment(), pass_fds=[write_end], start_new_session=True, cwd=ROOT)
			running.add(process)
			os.close(write_end)
			done, current = self.follow(process, read_end, report)
			running.discard(process)
			os.close(read_end)
			output.seek(0)
			text = output.read().decode(errors="replace")
		left = [t for t in self.tests if t not in done]
		for test in left:
			why = "did not end in time" if test == current else "its file ended before it ran"
			report(Result(f"{self.name}::{test}", "failed", 0, f"{why} (exit status {process.returncode})\n{text[-20000:]}"))
		if process.returncode != 0 and not left:
			report(Result(f"{self.name}::(exit)", "failed", 0, f"exit status {process.returncode}\n{text[-20000:]}"))

	def follow(self, process, read_end, report):
		"""Reads the events until the file ends or a test is later than it said it may be."""
		done, current, deadline, pending = set(), None, time.monotonic() + 60, b""
		selector = selectors.DefaultSelector()
		selector.register(read_end, selectors.EVENT_READ)
		while True:
			if not selector.select(max(0, deadline - time.monotonic())):
				self.end(process)
				return done, current
			data = os.read(read_end, 65536)
			if not data:
				break
			*lines, pending = (pending + data).split(b"\n")
			for line in lines:
				event = json.loads(line)
				if event["event"] == "start":
					current = event["test"]
					deadline = time.monotonic() + event["timeout"] + 30  # the file's own alarm comes first
				else:
					done.add(event["test"])
					report(Result(f"{self.name}::{event['test']}", event["event"], event["seconds"], event["detail"], event["note"]))
					deadline = time.monotonic() + 60
		try:
			process.wait(60)
		except subprocess.TimeoutExpired:
			self.end(process)
		return done, current

	@staticmethod
	def end(process):
		"""SIGTERM lets the file take its namespaces down; SIGKILL when it does not."""
		process.terminate()
		try:
			process.wait(20)
		except subprocess.TimeoutExpired:
			os.killpg(process.pid, signal.SIGKILL)
			process.wait()


def list_box_tests(path):
	output = subprocess.run([sys.executable, str(TESTS / "box" / "runner.py"), str(path), "--list"], stdout=subprocess.PIPE,
	                        stderr=subprocess.STDOUT, text=True)
	if output.returncode != 0:
		raise SystemExit(f"{path}: can't be read\n{output.stdout}")
	return output.stdout.split("\n")[:-1]


def may_be_wanted(file, patterns):
	"""Of a file of box tests, before its tests are known: a pattern that names no file may mean a test of any."""
	return not patterns or any(".py" not in p or file.endswith(p.split("::")[0]) for p in patterns)


def collect(build, patterns):
	def wanted(name):
		return not patterns or any(p in name for p in patterns)

	jobs = []
	boxes = sorted((p for folder in ("box", "bugs") for p in (TESTS / folder).glob("test_*.py")),
	               key=lambda p: (LONG_FIRST.index(p.stem) if p.stem in LONG_FIRST else len(LONG_FIRST), p.name))
	boxes = [p for p in boxes if may_be_wanted(f"{p.parent.name}/{p.name}", patterns)]
	with ThreadPoolExecutor(os.cpu_count()) as pool:  # a process each, which loads the file
		lists = list(pool.map(list_box_tests, boxes))
	for path, listed in zip(boxes, lists):
		tests = [t for t in listed if wanted(f"{path.parent.name}/{path.name}::{t}")]
		if tests:
			jobs.append(Box(build, path, tests))
	built = build.path / "tests"
	programs = [Program(build, p, "unit") for p in sorted(built.glob("unit/*/test_*"))]
	programs += [Program(build, p, "sim") for p in sorted(built.glob("sim/test_*"))]
	programs += [Fuzz(build, p) for p in sorted(built.glob("fuzz/fuzz_*"))]
	programs = [p for p in programs if p.path.suffix == "" and os.access(p.path, os.X_OK) and is_current(p, built)]
	programs += [Script(build, p) for p in sorted(TESTS.glob("check-*")) if p.suffix in (".sh", ".py")]
	return jobs + [p for p in programs if wanted(p.name)]


def is_current(program, built):
	"""A program whose source is gone is left over from an older tree."""
	return (TESTS / program.path.relative_to(built)).with_suffix(".c").exists()


class Run:
	def __init__(self):
		self.results, self.lock = [], threading.Lock()

	def report(self, result):
		with self.lock:
			self.results.append(result)
			word = {"passed": "ok", "failed": "FAIL", "skipped": "skip"}[result.status]
			why = result.detail.splitlines()[0] if result.status == "skipped" and result.detail else result.note
			reason = f"  ({why})" if why else ""
			print(f"{word:4} {result.seconds:6.2f}s  {result.name}{reason}", flush=True)

	def work(self, jobs):
		while True:
			with self.lock:
				if not jobs:
					return
				job = jobs.pop(0)
			try:
				job.run(self.report)
			except Exception as e:  # a defect here must fail the run, not hide a job
				self.report(Result(job.name, "failed", 0, f"the runner itself failed: {e!r}"))

	def count(self, status):
		return sum(r.status == status for r in self.results)

	def close(self, seconds):
		for r in self.results:
			if r.status == "failed":
				print(f"\n=== {r.name}\n{r.detail.rstrip()}")
		slowest = sorted(self.results, key=lambda r: -r.seconds)[:10]
		print(f"\nslowest of {seconds:.0f} s:")
		for r in slowest:
			print(f"  {r.seconds:6.2f}s  {r.name}")
		passed, failed, skipped = map(self.count, ("passed", "failed", "skipped"))
		print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
		return 1 if failed or not passed else 0


def main():
	parser = argparse.ArgumentParser(description="Runs the tests of a build tree.")
	parser.add_argument("--build", default="build")
	parser.add_argument("--jobs", type=int, default=2)
	parser.add_argument("--list", action="store_true")
	parser.add_argument("patterns", nargs="*")
	args = parser.parse_args()
	build = Build(args.build)
	jobs = collect(build, args.patterns)
	if args.list:
		for job in jobs:
			print("\n".join(f"{job.name}::{t}" for t in job.tests) if isinstance(job, Box) else job.name)
		return 0
	start, run = time.monotonic(), Run()
	threads = [threading.Thread(target=run.work, args=(jobs,), daemon=True) for _ in range(args.jobs)]
	signal.signal(signal.SIGTERM, signal.default_int_handler)
	try:
		for t in threads:
			t.start()
		for t in threads:
			t.join()
	except KeyboardInterrupt:
		jobs.clear()
		for process in list(running):
			process.terminate()  # a box file takes its namespaces down before it ends
		for process in list(running):
			process.wait()
		raise SystemExit("interrupted")
	return run.close(time.monotonic() - start)


if __name__ == "__main__":
	sys.exit(main())
