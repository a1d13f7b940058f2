# SPDX-License-Identifier: BSD-2-Clause
"""What must not grow: cost per request with connections, servers, routes and workers; and latency at half load beside the peers.

Connections: ten requests under way at a time, whatever the number of connections that they go round. Servers: connections to all of them are kept, and
requests go round. Routes: hosts of their own, asked for in a scattered order. The base of each family is its smallest member, and 1.10 of it the bound.
Two workers: without two CPUs for them alone the rate can't be measured; what CPU time a request takes with two workers on both CPUs against
one on one bounds it: 2 / ratio is the best that the rate can become.
"""
import os

import loads
import measure
import peers
import report

FLAT = 1.10      # cost may grow by a tenth
SPEEDUP = 1.85   # two workers at least so many times one
HALF = 0.5       # load of the latency row, as a share of the best peer's rate
PEER_CONNECTIONS = 9000  # haproxy wants two descriptors each, whatever is used; 20,000 are the usual limit
COUNTS = {"connections": (10, 100, 1000, 10000), "servers": (1, 100, 10000), "routes": (1, 100, 10000)}


def server_list(n):
	return ", ".join(f'{{{{ name: o{i}, address: "{{origin}}", site: one }}}}' for i in range(n))


def route_list(n):
	return ", ".join(f"{{{{ host: h{i}.test, path: /13, pool: app }}}}" for i in range(n)) + ", {{ pool: app }}"


def member(family, n):
	"""(row, what fills steerway's configuration in) of one point of a family."""
	options = {"connections": ["-c", str(n), "-f", "10", "-w", str(2 * n)], "servers": ["-c", "64", "-w", str(3 * n + 2000)],
	           "routes": ["-c", "64", "-V", str(n), "-H", "h%.test" if n > 1 else "h0.test"]}[family]
	values = {"servers": {"servers": server_list(n)}, "routes": {"routes": route_list(n)}}.get(family, {})
	return loads.Row(f"{family}-{n}", f"{n} {family}", None, options=options), values


def points(bench, family):
	"""(program, number) of a family: steerway with all numbers; where the number is the load's alone, peers with the first and the last, for what of the
	growth is the kernel's."""
	numbers = COUNTS[family]
	for peer in bench.peers():
		if peer.name == report.OURS:
			yield from ((peer, n) for n in numbers)
		elif family == "connections":
			yield from ((peer, n) for n in (numbers[0], min(numbers[-1], PEER_CONNECTIONS)))


def run_family(bench, family, results):
	"""All points beside each other, in turns: what is compared is measured in the same moments."""
	running, first = {}, {}
	for peer, n in points(bench, family):
		row, values = member(family, n)
		running[f"{peer.name}, {n}"] = row, peer.start(bench, "h1", bench.proxy_side, **values)
		first.setdefault(peer.name, f"{peer.name}, {n}")
	done, worst = interleave(bench, family, running), {}
	for name, m in done.items():
		program = name.split(",")[0]
		m["growth"] = m["cpu_us"] / done[first[program]]["cpu_us"]
		worst[program] = max(worst.get(program, 0), m["growth"])
	results[family] = {"title": f"{family}: CPU us a request", "target": None, "base": family, "programs": done}
	ours, peers_grow = worst.pop(report.OURS), ", ".join(f"{n} {g:.2f}" for n, g in worst.items())
	bench.note(f"{family}: steerway's cost grows to at most {ours:.2f} of that at {COUNTS[family][0]}; bound {FLAT:.2f}: {'met' if ours <= FLAT else 'missed'}"
	           f"{f' (peers: {peers_grow})' if peers_grow else ''}.")
	for _, r in running.values():
		r.stop()


def interleave(bench, title, running):
	done = measure.interleaved(bench, running, bench.args.repeats, lambda pair: measure.timed(bench, pair[1], pair[0], bench.args.seconds))
	print(report.detail({"title": title, "programs": done}), flush=True)
	return done


def run_workers(bench, steerway, results):
	"""One worker on its CPU; two on both, beside the load."""
	row = loads.Row("workers", "workers", None, options=["-c", "8"])
	both = loads.Row("workers", "workers", None, options=["-c", "16"])
	running = {"1 worker": (row, steerway.start(bench, "h1", bench.proxy_side)),
	           "2 workers": (both, steerway.start(bench, "h1", lambda command: command, workers=2))}
	done = interleave(bench, "workers", running)
	results["workers"] = {"title": "workers: CPU us a request", "target": None, "base": "workers", "programs": done}
	grown = done["2 workers"]["cpu_us"] / done["1 worker"]["cpu_us"]
	bench.note(f"workers: a request costs {grown:.2f} times as much with two workers, so that two CPUs of their own could give at most {2 / grown:.2f} times "
	           f"the rate of one (target {SPEEDUP}); on this machine's {os.cpu_count()} CPUs, shared with the load, the rate was "
	           f"{done['2 workers']['rate'] / done['1 worker']['rate']:.2f} times.")
	for _, r in running.values():
		r.stop()


def run_half_load(bench, results):
	"""The same paced rate for all: half of what the best peer did a moment before."""
	row = next(r for r in loads.ROWS if r.key == "h1")
	running = {r.name: (row, r) for p in bench.peers() if (r := p.start(bench, "h1", bench.proxy_side))}
	full = interleave(bench, "full load", running)
	rate = HALF * max(m["rate"] for n, m in full.items() if n != report.OURS)
	paced = loads.Row("half", "half", None, options=[*row.options, "-r", f"{rate:.0f}"])
	done = interleave(bench, "half load", {n: (paced, r) for n, (_, r) in running.items()})
	results["half"] = {"title": f"h1 keep-alive at {rate:.0f} requests/s (half load)", "target": None, "base": "half", "programs": done}
	best = min(m["p99_us"] for n, m in done.items() if n != report.OURS)
	ours = done[report.OURS]["p99_us"]
	bench.note(f"p99 at half load: {ours:.0f} us, the best peer's {best:.0f} us: {'met' if ours <= best else 'missed'}.")
	for _, r in running.values():
		r.stop()


def run(bench):
	"""The families, workers and latency that the patterns pick; all when there are none."""
	steerway, results = next(p for p in peers.PEERS if p.name == report.OURS), {}
	parts = {family: lambda family=family: run_family(bench, family, results) for family in COUNTS}
	parts |= {"workers": lambda: run_workers(bench, steerway, results), "half": lambda: run_half_load(bench, results)}
	for name, part in parts.items():
		if (not bench.args.patterns or any(p.lower() in name for p in bench.args.patterns)) and bench.seconds_left() > 0:
			part()
	return results
