# SPDX-License-Identifier: BSD-2-Clause
"""What was measured, as a Markdown table, an SVG plot, and JSON.

`results`: by row's key a dict with `title`, `target`, `base` and `programs`: by name the medians ("cpu_us" or "bytes", and the other columns). The measure
of a row is CPU microseconds a request, or bytes; its ratio is steerway's to the best peer's of row `base`.
"""
import json
import re
from html import escape

OURS = "steerway"
COLORS = {"steerway": "#0b6e4f", "haproxy": "#4a7fb5", "nginx": "#8fbf5a", "h2o": "#c98a3a", "nghttpx": "#a25d9b", "knot": "#4a7fb5", "gdnsd": "#c98a3a"}
OTHER_COLOR = "#888888"
DETAILS = [("cpu_us", "CPU us", 1), ("growth", "of the first", 2), ("syscalls", "syscalls", 2), ("instructions", "instructions", 0), ("rate", "requests/s", 0), ("p50_us", "p50 us", 0),
           ("p99_us", "p99 us", 0), ("p999_us", "p99.9 us", 0), ("mean_us", "mean us", 0), ("bytes", "bytes", 0), ("errors", "errors", 0)]


def value_of(measured):
	return measured.get("cpu_us", measured.get("bytes"))


def best_peer(results, key):
	"""(value, name) of the best peer of a row, without errors."""
	peers = [(value_of(m), n) for n, m in results.get(key, {"programs": {}})["programs"].items()
	         if n != OURS and not m["errors"] and value_of(m) is not None]
	return min(peers, default=None)


def ratio(results, key):
	ours, best = results[key]["programs"].get(OURS), best_peer(results, results[key]["base"])
	return value_of(ours) / best[0] if ours and best and value_of(ours) is not None else None


def verdict(results, key):
	"""`met`, `missed`, or `-` where there is no target or nothing to compare."""
	r, target = ratio(results, key), results[key]["target"]
	if results[key]["programs"].get(OURS, {}).get("errors"):
		return "errors"
	return "-" if r is None or target is None else "met" if r <= target else "missed"


def programs_of(results):
	names = []
	for row in results.values():
		names += [n for n in row["programs"] if n not in names]
	return names


def number(value, digits=1):
	return "-" if value is None else f"{value:.{digits if abs(value) < 100 else 0}f}"


def summary(results):
	"""The issue's table: a row a load, a column a program. Loads that steerway runs alone, in several forms, are no rows of it."""
	results = {key: row for key, row in results.items() if row["target"] is not None or OURS in row["programs"]}
	if not results:
		return ""
	names = programs_of(results)
	lines = [f"| load | {' | '.join(names)} | ratio to the best peer | at most | |", f"|---|{'--:|' * len(names)}--:|--:|---|"]
	for key, row in results.items():
		cells = [number(value_of(m)) + (" (errors)" if m["errors"] else "") if (m := row["programs"].get(n)) else "-" for n in names]
		r, best = ratio(results, key), best_peer(results, row["base"])
		shown = "-" if r is None else f"{r:.2f} of {best[1]}"
		lines.append(f"| {row['title']} | {' | '.join(cells)} | {shown} | {'-' if row['target'] is None else format(row['target'], '.2f')} "
		             f"| {verdict(results, key)} |")
	return "\n".join(lines)


def detail(row):
	"""All columns of one load that were measured."""
	columns = [c for c in DETAILS if any(c[0] in m for m in row["programs"].values())]
	lines = [f"\n**{row['title']}**\n", f"| program | {' | '.join(c[1] for c in columns)} |", f"|---|{'--:|' * len(columns)}"]
	for name, m in row["programs"].items():
		lines.append(f"| {name} | {' | '.join(number(m.get(key), digits) for key, _, digits in columns)} |")
	return "\n".join(lines)


def calls(results):
	"""System calls by name, where they were counted."""
	lines = ["\n**System calls a request**\n", "| load | program | calls |", "|---|---|---|"]
	for row in results.values():
		for name, m in row["programs"].items():
			if m.get("by_name"):
				lines.append(f"| {row['title']} | {name} | {', '.join(f'{n} {c:.2f}' for n, c in m['by_name'].items())} |")
	return "\n".join(lines) if len(lines) > 3 else ""


def markdown(about, results, notes):
	head = (f"# steerway beside its peers\n\n{about['cpu']}, {about['cpus']} CPUs, Linux {about['kernel']}; {about['versions']}. One worker each; "
	        f"medians of {about['repeats']} interleaved runs of {about['seconds']} s. CPU microseconds of the program's processes per request "
	        f"(bytes a connection in the rows that say so); less is better.\n")
	body = "".join(detail(row) + "\n" for row in results.values())
	return "\n".join([head, summary(results), *(f"\n{n}" for n in notes), body, calls(results)]).rstrip() + "\n"


# ---- the plot ----

BAR, GAP, LEFT, WIDTH, SCALE_END = 11, 14, 230, 900, 3.0


def bars(results, key, y):
	"""Bars of one load, as multiples of the best peer's figure; the target is a line across them."""
	row, best = results[key], best_peer(results, results[key]["base"])
	unit = (WIDTH - LEFT - 60) / SCALE_END
	programs = [(n, m) for n, m in row["programs"].items() if value_of(m) is not None]
	out = [f'<text x="{LEFT - 8}" y="{y + BAR * len(row["programs"]) / 2 + 4}" text-anchor="end">{escape(row["title"])}</text>']
	for i, (name, m) in enumerate(programs):
		share = value_of(m) / best[0]
		top, length = y + i * BAR, max(1.0, min(share, SCALE_END) * unit)
		out.append(f'<rect x="{LEFT}" y="{top}" width="{length:.1f}" height="{BAR - 2}" fill="{COLORS.get(name, OTHER_COLOR)}">'
		           f'<title>{escape(name)}: {number(value_of(m))} ({share:.2f})</title></rect>')
		out.append(f'<text x="{LEFT + length + 4:.1f}" y="{top + BAR - 3}" class="n">{number(value_of(m))}</text>')
	if row["target"] is not None:
		x, bottom = LEFT + row["target"] * unit, y + BAR * len(row["programs"])
		out.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y - 3}" y2="{bottom + 1}" stroke="#c0392b" stroke-width="1.5"/>')
	return out


def svg(about, results):
	shown = [k for k in results if results[k]["programs"] and best_peer(results, results[k]["base"])]
	out, y = [], 66
	for key in shown:
		out += bars(results, key, y)
		y += BAR * len(results[key]["programs"]) + GAP
	legend = "".join(f'<rect x="{LEFT + i * 90}" y="36" width="10" height="10" fill="{COLORS.get(n, OTHER_COLOR)}"/>'
	                 f'<text x="{LEFT + 14 + i * 90}" y="45">{escape(n)}</text>' for i, n in enumerate(programs_of(results)))
	one = LEFT + (WIDTH - LEFT - 60) / SCALE_END
	return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y + 10}" font-family="sans-serif" font-size="11">\n'
	        f'<style>.n{{font-size:9px;fill:#555}}</style>\n<rect width="100%" height="100%" fill="#fff"/>\n'
	        f'<text x="10" y="20" font-size="14">CPU microseconds a request (or bytes a connection), as multiples of the best peer; red: the target</text>\n{legend}\n'
	        f'<line x1="{one:.1f}" x2="{one:.1f}" y1="56" y2="{y}" stroke="#bbb" stroke-dasharray="3 3"/>\n' + "\n".join(out) + "\n</svg>\n")


def write(folder, name, about, results, notes):
	"""NAME.json, NAME.md and NAME.svg; returns their common path."""
	folder.mkdir(parents=True, exist_ok=True)
	(folder / f"{name}.json").write_text(json.dumps({"about": about, "results": results, "notes": notes}, indent=1) + "\n")
	(folder / f"{name}.md").write_text(markdown(about, results, notes))
	(folder / f"{name}.svg").write_text(svg(about, results))
	return folder / name


def plain_version(text):
	found = re.search(r"\d+\.\d+(\.\d+)?", text)
	return found[0] if found else "?"
