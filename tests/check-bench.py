#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The measurement works: a row for half a second beside nginx or Knot, its figures in JSON, table and plot; and its arithmetic is right."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("STEERWAY_BUILD", ROOT / "build")).resolve()
sys.path.insert(0, str(ROOT / "bench"))
sys.dont_write_bytecode = True

import report  # noqa: E402


def programs(**cpu_us):
	return {name: {"cpu_us": value, "errors": 0} for name, value in cpu_us.items()}


def check_ratios():
	results = {"a": {"title": "a", "target": 0.8, "base": "a", "programs": programs(steerway=8, haproxy=10, nginx=16)},
	           "b": {"title": "b", "target": 0.6, "base": "a", "programs": programs(steerway=8)},
	           "c": {"title": "c", "target": 0.8, "base": "c", "programs": programs(haproxy=3)}}
	assert report.ratio(results, "a") == 0.8 and report.verdict(results, "a") == "met"
	assert report.ratio(results, "b") == 0.8 and report.verdict(results, "b") == "missed"
	assert report.ratio(results, "c") is None and report.verdict(results, "c") == "-"
	assert "| a | 8.0 | 10.0 | 16.0 | 0.80 of haproxy | 0.80 | met |" in report.summary(results)
	results["a"]["programs"]["haproxy"]["errors"] = 1  # a figure with errors is no measure
	assert report.ratio(results, "a") == 0.5
	results["a"]["programs"]["steerway"]["errors"] = 1
	assert report.verdict(results, "a") == "errors"


def bounded(**bound):
	return {"title": "a", "target": None, "base": "a", "bounds": [bound],
	        "programs": {"steerway": {"cpu_us": 3.1, "p99_us": 80, "errors": 0}, "gdnsd": {"cpu_us": 3.0, "p99_us": 90, "errors": 0},
	                     "floor": {"cpu_us": 2.0, "p99_us": 70, "errors": 0}}}


def check_bounds():
	"""A bound by itself, of a program, of the best peer (which the floor is not)."""
	for bound, line in (({"column": "cpu_us", "bound": 3.1, "of": None}, "| a | CPU us | 3.10 | 3.10 | met |"),
	                    ({"column": "cpu_us", "bound": 1.05, "of": "floor"}, "| a | CPU us | 3.10 | 1.05 of floor's 2.00 | missed |"),
	                    ({"column": "p99_us", "bound": 1.0, "of": "best"}, "| a | p99 us | 80 | 1.00 of gdnsd's 90 | met |")):
		row = bounded(**bound)
		assert line in report.summary({"a": row}), report.summary({"a": row})
		row["programs"]["steerway"]["errors"] = 1
		assert line.rsplit("|", 2)[0] + "| errors |" in report.summary({"a": row})
	row = bounded(column="cpu_us", bound=1.0, of="nsd")  # nothing to compare with: nothing is said
	assert "at most" not in report.summary({"a": row})


def check_run(suite, peer, *what):
	"""Results of a run of half a second, in JSON; table and plot are there, too."""
	# A copy of the tree's programs under a folder of its own, so that no result of a real measurement is written over.
	with tempfile.TemporaryDirectory() as folder:
		build = Path(folder)
		(build / "bench").mkdir()
		for name in ("steerway", "bench/load", "bench/origin", "bench/load_dns", "bench/floor"):
			os.symlink(BUILD / name, build / name)
		command = [sys.executable, ROOT / "bench" / "run.py", suite, *what, "--build", build, "--peers", peer, "--seconds", "0.5", "--repeats", "1"]
		done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=400)
		assert done.returncode == 0, done.stdout
		assert len(xml.parse(build / f"bench/{suite}.svg").getroot()) > 5
		results = json.loads((build / f"bench/{suite}.json").read_text())["results"]
		assert all(row["title"] in (build / f"bench/{suite}.md").read_text() for row in results.values())
	for row in results.values():
		for name, m in row["programs"].items():
			assert m["errors"] == 0 and m["requests"] > 100 and 0 < m["cpu_us"] < 5000 and m["p50_us"] <= m["p99_us"] <= m["p999_us"], (name, m)
			assert "syscalls" not in m or 2 < m["syscalls"] < 20, (name, m)  # two receives and two sends, and a share of a wait
	return {key: set(row["programs"]) for key, row in results.items()}


def main():
	missing = [t for t in ("nginx", "openssl", "knotd") if not shutil.which(t)]
	if missing:
		print(f"not installed: {missing}")
		return 77
	check_ratios()
	check_bounds()
	assert check_run("http", "nginx", "h1 keep-alive", "--columns", "time,syscalls") == {"h1": {"steerway", "nginx"}}
	assert check_run("dns", "knot", "static", "pipelined", "--columns", "time") == {"static": {"steerway", "knot", "floor"}, "tcp": {"steerway", "knot"}}
	assert check_run("scale", "nginx", "workers") == {"workers": {"1 worker", "2 workers"}}
	return 0


if __name__ == "__main__":
	sys.exit(main())
