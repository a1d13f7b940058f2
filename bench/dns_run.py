# SPDX-License-Identifier: BSD-2-Clause
"""The DNS suite: every load beside every server that has its case, instructions a query, and what it takes to load many names."""
import re
import subprocess
import sys

import dns_loads
import dns_servers
import measure
import report


def result_of(row):
	return {"title": row.title, "target": None, "base": row.key, "programs": {},
	        "bounds": [{"column": b.column, "bound": b.bound, "of": b.of} for b in row.bounds]}


def servers(bench):
	"""Rows whose program is here and was asked for; steerway and the floor always."""
	wanted = set(bench.args.peers.split(",")) if bench.args.peers else None
	for server in dns_servers.SERVERS:
		if wanted and server.name not in wanted | {report.OURS, report.FLOOR}:
			continue
		if measure.has(server.program.format(build=bench.build)):
			yield server
		else:
			bench.note(f"{server.name} is not installed: left out.")


def started(bench, server, ground, start):
	"""What start() returns; None with a note where the server can't."""
	try:
		return start()
	except (AssertionError, RuntimeError, subprocess.SubprocessError) as e:
		bench.note(f"{server.name} does not serve {ground}: {str(e).splitlines()[0][:300]}")
		return None


def measure_time(bench, present, rows, results):
	"""The servers of one ground run beside each other. Each repeat starts them anew: where one's memory comes to lie makes up to a tenth."""
	for ground in dict.fromkeys(row.back for row in rows):
		picked = [row for row in rows if row.back == ground]
		runs = {row.key: {} for row in picked}
		for turn in measure.turns(bench, bench.args.repeats):
			running = [r for s in present if (r := started(bench, s, ground, lambda s=s: s.start(bench, ground, bench.proxy_side)))]
			for row in picked:
				for r in measure.rotated([r for r in running if row.is_for(r.server)], turn):
					runs[row.key].setdefault(r.name, []).append(measure.timed(bench, r, row, bench.args.seconds))
			for r in running:
				r.stop()
		for row in picked:
			results[row.key]["programs"].update({name: measure.medians(r) for name, r in runs[row.key].items()})
			print(report.detail(results[row.key]), flush=True)


def measure_instructions(bench, present, rows, results):
	if not measure.has("valgrind"):
		return bench.note("valgrind is not installed: no instructions were counted.")
	for server in present:
		for ground in dict.fromkeys(row.back for row in rows if row.back in server.grounds):
			if bench.seconds_left() < 0:
				return bench.note(f"The time was over before instructions of {server.name} in {ground} were counted.")
			started(bench, server, ground, lambda: count(bench, server, ground, rows, results))


def count(bench, server, ground, rows, results):
	"""All rows of a ground with one start of the server, unless it forks."""
	grind = None if server.is_forking else measure.Callgrind(bench, server, ground)
	for row in (row for row in rows if row.back == ground and row.is_for(server)):
		if grind:
			values = measure.counted(bench, grind.running, row, row.counted, grind.begin, grind.end, 120)
		else:
			values = measure.forked_instructions(bench, server, row)
		results[row.key]["programs"].setdefault(server.name, {"errors": 0}).update(values)
		print(f"{row.title}: {server.name} {values['instructions']:.0f} instructions", file=sys.stderr, flush=True)
	if grind:
		grind.running.stop()


def measure_loading(bench, present, loadings, results):
	for loading in loadings:
		for server in present:
			if loading.back not in server.grounds or server.is_floor or bench.seconds_left() < 0:
				continue
			running = started(bench, server, loading.back, lambda: server.start(bench, loading.back, bench.proxy_side))
			if running:
				results[loading.key]["programs"][server.name] = {"errors": 0, "load_s": measure.cpu_seconds(running.pid),
				                                                "mib": measure.resident_bytes(running.pid) / (1 << 20)}
				running.stop()
		results[loading.key]["programs"][report.PARSER] = measure.parsed(bench, dns_loads.GROUNDS[loading.back].zone(bench.lab))
		print(report.detail(results[loading.key]), flush=True)


def measure_switch(bench, switch, results):
	"""The dearest of several publishes that switch all names: the first, which renders them; and one that switches a single name."""
	said = subprocess.run(bench.proxy_side([bench.build / "tests/unit/gslb/test_switch"]), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
	                      check=True, timeout=60).stdout
	*all_names, one = map(float, re.findall(r"([\d.]+) ms", re.search(r"^.*switched 1000 names.*$", said, re.M)[0]))
	results[switch.key]["programs"][report.OURS] = {"errors": 0, "switch_ms": max(all_names), "switch_again_ms": min(all_names), "switch_one_ms": one}
	print(report.detail(results[switch.key]), flush=True)


def is_picked(bench, row):
	return not bench.args.patterns or any(p.lower() in f"dns {row.key} {row.title}".lower() for p in bench.args.patterns)


def run(bench, columns):
	rows, loadings, switches = ([row for row in table if is_picked(bench, row)] for table in (dns_loads.ROWS, dns_loads.LOADINGS, [dns_loads.Switch]))
	loadings, switches = (loadings, switches) if "memory" in columns else ([], [])
	present, results = list(servers(bench)), {row.key: result_of(row) for row in (*rows, *loadings, *switches)}
	if "time" in columns:
		measure_time(bench, present, rows, results)
	if "instructions" in columns:
		measure_instructions(bench, present, rows, results)
	measure_loading(bench, present, loadings, results)
	for switch in switches:
		measure_switch(bench, switch, results)
	return {key: row for key, row in results.items() if row["programs"]}
