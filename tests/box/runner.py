#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs the tests of one box file, one after the other, and writes what happens as JSON lines to a descriptor.

	runner.py FILE --list
	runner.py FILE DESCRIPTOR TEST...

A test is a function `test_*`; with @cases it counts once a case, as `test_x[case]`. A parameter named `lab` gets a Lab of the
test's own; `shared` gets what the file's function shared(lab) returned, made once and made anew after a failure.
"""
import importlib.util
import inspect
import io
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import lab as labs  # noqa: E402


class Late(BaseException):
	"""The test's own time is over."""


def load(path):
	spec = importlib.util.spec_from_file_location(Path(path).stem, path)
	module = importlib.util.module_from_spec(spec)
	spec.loader.exec_module(module)
	return module


def tests_of(module):
	"""Name -> (function, values of its case)."""
	found = {}
	for name, function in vars(module).items():
		if not name.startswith("test_") or not callable(function):
			continue
		rows = getattr(function, "cases", None)
		if rows is None:
			found[name] = (function, ())
			continue
		for label, values in rows:
			assert f"{name}[{label}]" not in found, f"two cases {name}[{label}]"
			found[f"{name}[{label}]"] = (function, values)
	return found


class File:
	def __init__(self, module, descriptor):
		self.module, self.out = module, os.fdopen(descriptor, "w", buffering=1)
		self.shared_lab, self.shared_value = None, None

	def say(self, event, test, **more):
		self.out.write(json.dumps({"event": event, "test": test, **more}) + "\n")

	def shared(self):
		if self.shared_lab is None:
			made = labs.Lab("shared")
			try:
				self.shared_value = self.module.shared(made)
			except BaseException:
				made.close(failed=True)
				raise
			self.shared_lab = made
		return self.shared_value

	def close_shared(self, failed):
		held, self.shared_lab, self.shared_value = self.shared_lab, None, None
		if held:
			held.close(failed)

	def run(self, name, function, values):
		timeout = getattr(function, "timeout", 60) * labs.PATIENCE
		self.say("start", name, timeout=timeout)
		start, state, detail = time.monotonic(), "passed", ""
		own = None
		labs.notes.clear()
		signal.alarm(int(timeout))
		try:
			arguments = {}
			wanted = inspect.signature(function).parameters
			if "shared" in wanted:
				arguments["shared"] = self.shared()
			if "lab" in wanted:
				own = arguments["lab"] = labs.Lab(name)
			function(*values, **arguments)
			if own:
				held, own = own, None
				held.close(failed=False)
			elif self.shared_lab:
				self.shared_lab.check()
		except labs.Skip as e:
			state, detail = "skipped", str(e)
		except (Exception, Late) as e:
			state, detail = "failed", "".join(traceback.format_exception(e)[-12:])
		finally:
			signal.alarm(0)
		if state != "passed":
			log = io.StringIO()
			for held in (own, self.shared_lab if state == "failed" and "shared" in wanted else None):
				if held and state == "failed":
					held.describe(log)
			try:
				if own:
					own.close(failed=True)
				if state == "failed" and "shared" in wanted:
					self.close_shared(failed=True)
			except Exception as e:
				detail += f"\nand on closing: {e}"
			detail += log.getvalue()
		self.say(state, name, seconds=time.monotonic() - start, detail=detail, note="; ".join(labs.notes))


def on_alarm(signum, frame):
	raise Late("the test took longer than it may")


def on_term(signum, frame):
	raise SystemExit("ended from outside")


def main():
	module = load(sys.argv[1])
	tests = tests_of(module)
	if sys.argv[2] == "--list":
		print("\n".join(tests))
		return
	signal.signal(signal.SIGALRM, on_alarm)
	signal.signal(signal.SIGTERM, on_term)
	file = File(module, int(sys.argv[2]))
	try:
		names = sys.argv[3:]
		for i, name in enumerate(names):
			file.run(name, *tests[name])
	finally:
		labs.close_all()


if __name__ == "__main__":
	main()
