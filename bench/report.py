# SPDX-License-Identifier: BSD-2-Clause
"""What was measured, as a Markdown table, an SVG plot, and JSON.

`results`: by row's key a dict with `title`, `target`, `base` and `programs`: by name the medians ("cpu_us" or "bytes", and the other columns). The measure
of a row is CPU microseconds a request, or bytes; its ratio is steerway's to the best peer's of row `base`. Rows of DNS have `bounds` instead of a
target: several figures, each with its own bound (dns_loads.Bound).
"""
import json
import re
from html import escape

OURS, FLOOR, PARSER = "steerway", "floor", "ldns alone"  # the last two are no peers: they do not answer what anyone asks
COLORS = {"steerway": "#0b6e4f", "haproxy": "#4a7fb5", "nginx": "#8fbf5a", "h2o": "#c98a3a", "nghttpx": "#a25d9b", "knot": "#4a7fb5", "gdnsd": "#c98a3a",
          "nsd": "#8fbf5a", "pdns": "#a25d9b", FLOOR: "#cccccc"}
OTHER_COLOR = "#888888"
DETAILS = [("cpu_us", "CPU us", 2), ("busy", "of its CPU", 2), ("growth", "of the first", 2), ("syscalls", "syscalls", 2), ("instructions", "instructions", 0), ("rate", "requests/s", 0), ("p50_us", "p50 us", 0),
           ("p99_us", "p99 us", 0), ("p999_us", "p99.9 us", 0), ("mean_us", "mean us", 0), ("bytes", "bytes", 0), ("load_s", "CPU s to load", 2), ("mib", "MiB", 1), ("switch_ms", "ms at first", 2),
           ("switch_again_ms", "ms again", 2), ("switch_one_ms", "ms of one name", 3), ("errors", "errors", 0)]

FIGURES = {key: (title, digits) for key, title, digits in DETAILS}
BOUNDED = ("cpu_us", "instructions", "rate", "p99_us", "mib", "load_s")  # figures with a table of their own
PLOTTED = ("cpu_us", "instructions", "mib")


def value_of(measured):
	return measured.get("cpu_us", measured.get("bytes"))


def best_peer(results, key):
	"""(value, name) of the best peer of a row, without errors."""
	return best_of(results.get(key, {"programs": {}}), value_of)


def best_of(row, value):
	peers = [(value(m), n) for n, m in row["programs"].items() if n not in (OURS, FLOOR, PARSER) and not m["errors"] and value(m) is not None]
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
	"""The tables of all rows: those with a target, then one of each figure that has bounds, then the bounds."""
	bounded = [row for row in results.values() if "bounds" in row]
	tables = [shares({key: row for key, row in results.items() if "bounds" not in row}), *(figures(bounded, column) for column in BOUNDED), bounds(bounded)]
	return "\n\n".join(t for t in tables if t)


def shares(results):
	"""A row a load, a column a program. Loads that steerway runs alone, in several forms, are no rows of it."""
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


def figures(rows, column):
	"""One figure of all rows with bounds that have it, a column a program."""
	rows = [row for row in rows if any(column in m for m in row["programs"].values())]
	names = programs_of(dict(enumerate(rows)))
	title, digits = FIGURES[column]
	lines = [f"| {title} | {' | '.join(names)} |", f"|---|{'--:|' * len(names)}"]
	for row in rows:
		cells = [number(m.get(column), digits) + (" (errors)" if m["errors"] else "") if (m := row["programs"].get(n)) else "-" for n in names]
		lines.append(f"| {row['title']} | {' | '.join(cells)} |")
	return "\n".join(lines) if rows else ""


def limit_of(row, bound):
	"""(the most that steerway's figure may be, how that is said); None where what it is measured against is missing."""
	title, digits = FIGURES[bound["column"]]
	if not bound["of"]:
		return bound["bound"], number(bound["bound"], digits)
	def value(m):
		return m.get(bound["column"])
	if bound["of"] == "best":
		found = best_of(row, value)
	else:
		m = row["programs"].get(bound["of"])
		found = (value(m), bound["of"]) if m and not m["errors"] and value(m) is not None else None
	return found and (found[0] * bound["bound"], f"{bound['bound']:.2f} of {found[1]}'s {number(found[0], digits)}")


def bounds(rows):
	lines = ["| load | figure | steerway | at most | |", "|---|---|--:|--:|---|"]
	for row in rows:
		ours = row["programs"].get(OURS, {})
		for bound in row["bounds"]:
			value, limit = ours.get(bound["column"]), limit_of(row, bound)
			if value is not None and limit:
				title, digits = FIGURES[bound["column"]]
				said = "errors" if ours["errors"] else "met" if value <= limit[0] else "missed"
				lines.append(f"| {row['title']} | {title} | {number(value, digits)} | {limit[1]} | {said} |")
	return "\n".join(lines) if len(lines) > 2 else ""


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

BAR, GAP, LEFT, WIDTH, SCALE_END = 11, 14, 250, 920, 3.0


def plotted(results):
	"""(title, [(program, value)], the best peer's value, target's value) of each group of bars."""
	for key, row in results.items():
		if "bounds" not in row:
			best = best_peer(results, row["base"])
			yield row["title"], [(n, value_of(m)) for n, m in row["programs"].items()], best and best[0], row["target"] and best and row["target"] * best[0]
			continue
		for column in PLOTTED:
			best = best_of(row, lambda m, column=column: m.get(column))
			limits = [limit[0] for b in row["bounds"] if b["column"] == column and (limit := limit_of(row, b))]
			yield (f"{row['title']}, {FIGURES[column][0]}", [(n, m.get(column)) for n, m in row["programs"].items()], best and best[0],
			       min(limits, default=None))


def bars(title, programs, best, target, y):
	"""Bars of one load, as multiples of the best peer's figure; the target is a line across them."""
	unit = (WIDTH - LEFT - 60) / SCALE_END
	out = [f'<text x="{LEFT - 8}" y="{y + BAR * len(programs) / 2 + 4}" text-anchor="end">{escape(title)}</text>']
	for i, (name, value) in enumerate(programs):
		share = value / best
		top, length = y + i * BAR, max(1.0, min(share, SCALE_END) * unit)
		out.append(f'<rect x="{LEFT}" y="{top}" width="{length:.1f}" height="{BAR - 2}" fill="{COLORS.get(name, OTHER_COLOR)}">'
		           f'<title>{escape(name)}: {number(value)} ({share:.2f})</title></rect>')
		out.append(f'<text x="{LEFT + length + 4:.1f}" y="{top + BAR - 3}" class="n">{number(value)}</text>')
	if target is not None:
		x, bottom = LEFT + target / best * unit, y + BAR * len(programs)
		out.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y - 3}" y2="{bottom + 1}" stroke="#c0392b" stroke-width="1.5"/>')
	return out


def svg(about, results):
	out, y = [], 66
	for title, programs, best, target in plotted(results):
		programs = [(n, v) for n, v in programs if v is not None]
		if programs and best:
			out += bars(title, programs, best, target, y)
			y += BAR * len(programs) + GAP
	legend = "".join(f'<rect x="{LEFT + i * 90}" y="36" width="10" height="10" fill="{COLORS.get(n, OTHER_COLOR)}"/>'
	                 f'<text x="{LEFT + 14 + i * 90}" y="45">{escape(n)}</text>' for i, n in enumerate(programs_of(results)))
	one = LEFT + (WIDTH - LEFT - 60) / SCALE_END
	measures = "CPU microseconds a request (or bytes a connection)" if not all("bounds" in row for row in results.values()) else "CPU microseconds and instructions a query, MiB"
	return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y + 10}" font-family="sans-serif" font-size="11">\n'
	        f'<style>.n{{font-size:9px;fill:#555}}</style>\n<rect width="100%" height="100%" fill="#fff"/>\n'
	        f'<text x="10" y="20" font-size="14">{measures}, as multiples of the best peer; red: the target</text>\n{legend}\n'
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
