#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""steerway beside its peers: same origin, same load, same run.

	bench/run.py [--build DIR] [--quick] [--seconds S] [--repeats N] [--only TEXT] [--peers a,b]

HTTP beside haproxy and nginx, DNS beside gdnsd and knot, each with one worker thread on one CPU; the load generator and the origin
share the other CPU. Repeats are interleaved (every program in turn, then again), and the medians are shown. What counts most is CPU time per request: utime
and stime of all processes of a program over the load, by the number of requests that the load generator counted. It is far less
touched by the machine's mood than requests a second. No program writes an access log. Results also go to DIR/bench/ as JSON.

A peer is one row in HTTP_PEERS or DNS_PEERS (peers.py); a load is one row in CASES.
"""
import argparse
import json
import os
import re
import shutil
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "box"))

LOAD_CPU, PROXY_CPU = 0, 1


class Case:
	def __init__(self, name, kind, **what):
		self.name, self.kind = name, kind
		self.path, self.tls, self.connections = what.get("path", "/13"), what.get("tls", False), what.get("connections", 64)
		self.headers, self.names = what.get("headers", ()), what.get("names", "")


CASES = [
	Case("small, clear text, keep-alive", "http"),
	Case("small, TLS 1.3, keep-alive", "http", tls=True),
	Case("small, clear text, new connections", "http", headers=("Connection: close",)),
	Case("1 MiB, clear text", "http", path="/1m", connections=16),
	Case("1 MiB, TLS 1.3", "http", path="/1m", tls=True, connections=16),
	Case("DNS, static A", "dns", names="static"),
	Case("DNS, steered A", "dns", names="steered"),
]


def pinned(cpu, command):
	return ["taskset", "-c", str(cpu), *command] if os.cpu_count() > 1 else list(command)


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
	"""utime and stime of a process and all its descendants."""
	ticks = 0
	for p in family(pid):
		fields = Path(f"/proc/{p}/stat").read_text().rsplit(")", 1)[1].split()
		ticks += int(fields[11]) + int(fields[12])
	return ticks / os.sysconf("SC_CLK_TCK")


def to_us(text):
	number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
	return float(number) * {"us": 1, "ms": 1e3, "s": 1e6, "m": 6e7}[unit]


def load_http(case, peer, seconds):
	from lab import run
	scheme, port = ("https", peer.tls_port) if case.tls else ("http", peer.port)
	headers = [w for h in (*case.headers, "Host: app.test") for w in ("-H", h)]
	out = run(*pinned(LOAD_CPU, ["wrk", "--latency", "-t1", f"-c{case.connections}", f"-d{seconds}s", *headers,
	                             f"{scheme}://{peer.ip}:{port}{case.path}"]), seconds=seconds + 60).stdout
	percentiles = dict(re.findall(r"^\s+(50|99)%\s+(\S+)\s*$", out, re.M))
	count = re.search(r"(\d+) requests in ([\d.]+)(\w+),", out)
	errors = sum(map(int, re.findall(r"(?:connect|read|write|timeout) (\d+)", out)))
	bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
	return {"requests": int(count[1]), "rate": float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1]),
	        "p50_us": to_us(percentiles["50"]), "p99_us": to_us(percentiles["99"]), "errors": errors + (int(bad[1]) if bad else 0)}


def load_dns(case, peer, seconds):
	from lab import run
	out = run(*pinned(LOAD_CPU, ["dnsperf", "-s", peer.ip, "-p", str(peer.port), "-d", peer.queries[case.names], "-l", str(seconds), "-c", "8",
	                             "-q", "128", "-T", "1", "-t", "1"]), seconds=seconds + 60).stdout

	def number(label):
		return float(re.search(rf"{label}:\s+([\d.]+)", out)[1])
	completed, lost = int(number("Queries completed")), int(number("Queries lost"))
	codes = dict(re.findall(r"(\w+) (\d+) \(", re.search(r"Response codes:(.*)", out)[1]))
	return {"requests": completed, "rate": number("Queries per second"), "mean_us": number(r"Average Latency \(s\)") * 1e6,
	        "errors": lost + sum(int(n) for code, n in codes.items() if code != "NOERROR")}


def measure(case, peer, seconds):
	start = cpu_seconds(peer.process.pid)
	result = (load_http if case.kind == "http" else load_dns)(case, peer, seconds)
	result["cpu_us"] = (cpu_seconds(peer.process.pid) - start) * 1e6 / max(1, result["requests"])
	return result


def medians(runs):
	return {key: statistics.median(r[key] for r in runs) for key in runs[0]} | {"errors": sum(r["errors"] for r in runs)}


def ratio(ours, theirs):
	return f"{ours / theirs:.2f}" if theirs else "-"


def shown_time(us):
	return "-" if us is None else f"{us / 1000:.2f} ms" if us >= 1000 else f"{us:.0f} us"


def table(results):
	"""A table a case: each program's medians; for steerway also the ratio to the best peer of each column."""
	lines = []
	for case, by_peer in results.items():
		peers = {n: r for n, r in by_peer.items() if n != "steerway"}
		lines += [f"\n**{case}**\n", "| program | requests/s | CPU us/request | p50 | p99 | mean | errors |", "|---|---:|---:|---:|---:|---:|---:|"]
		for name, r in by_peer.items():
			lines.append(f"| {name} | {r['rate']:.0f} | {r['cpu_us']:.2f} | {shown_time(r.get('p50_us'))} | {shown_time(r.get('p99_us'))} "
			             f"| {shown_time(r.get('mean_us'))} | {r['errors']} |")
		if "steerway" in by_peer and peers:
			ours, cells = by_peer["steerway"], []
			for key, best in (("rate", max), ("cpu_us", min), ("p50_us", min), ("p99_us", min), ("mean_us", min)):
				values = [r[key] for r in peers.values() if r.get(key)]
				cells.append(ratio(ours[key], best(values)) if values and ours.get(key) else "-")
			lines.append(f"| *steerway / best peer* | {' | '.join(cells)} | |")
	return "\n".join(lines)


def run_all(args, lab):
	import peers
	cases = [c for c in CASES if args.only in c.name]
	wanted = set(args.peers.split(",")) if args.peers else None
	origin = peers.start_origin(lab, lambda command: pinned(LOAD_CPU, command))
	started = {"http": [], "dns": []}
	for kind, rows in (("http", peers.HTTP_PEERS), ("dns", peers.DNS_PEERS)):
		for row in rows if any(c.kind == kind for c in cases) else ():
			if wanted and row.name not in wanted | {"steerway"}:
				continue
			if not shutil.which(row.program(args.build)):
				print(f"{row.name} is not installed: left out", file=sys.stderr)
				continue
			started[kind].append(row.start(lab, args.build, origin, lambda command: pinned(PROXY_CPU, command)))
	results = {}
	for case in cases:
		runs = {p.name: [] for p in started[case.kind]}
		for turn in range(args.repeats):
			for peer in started[case.kind][turn % len(runs):] + started[case.kind][:turn % len(runs)]:
				runs[peer.name].append(measure(case, peer, args.seconds))
		results[case.name] = {name: medians(r) for name, r in runs.items()}
		print(table({case.name: results[case.name]}), flush=True)
	return results


def machine():
	model = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
	return {"cpu": model[1] if model else "?", "cpus": os.cpu_count(), "kernel": os.uname().release}


def main():
	parser = argparse.ArgumentParser(description="steerway beside its peers.")
	parser.add_argument("--build", default="build", type=Path)
	parser.add_argument("--quick", action="store_true", help="one repeat of a second each: to see that it works, not to compare")
	parser.add_argument("--seconds", type=int)
	parser.add_argument("--repeats", type=int)
	parser.add_argument("--only", default="", help="cases whose name contains this")
	parser.add_argument("--peers", default="", help="names with commas between; all when empty")
	args = parser.parse_args()
	args.seconds = args.seconds or (1 if args.quick else 3)
	args.repeats = args.repeats or (1 if args.quick else 3)
	args.build = args.build.resolve()
	os.environ["STEERWAY_BUILD"] = str(args.build)
	import lab as labs
	lab, start = labs.Lab("bench"), time.monotonic()
	try:
		results = run_all(args, lab)
	finally:
		lab.close(failed=True)
	folder = args.build / "bench"
	folder.mkdir(parents=True, exist_ok=True)
	path = folder / time.strftime("%Y%m%d-%H%M%S.json")
	path.write_text(json.dumps({"machine": machine(), "seconds": args.seconds, "repeats": args.repeats, "results": results}, indent=1) + "\n")
	print(f"\n{machine()['cpu']}, medians of {args.repeats} x {args.seconds} s, {time.monotonic() - start:.0f} s in all; {path}")


if __name__ == "__main__":
	main()
