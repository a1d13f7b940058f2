#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A room includes only rooms of a lower floor, never a sibling (src/README.md). Reads every include of src/ and include/.
set -eu
cd "$(dirname "$0")/.."
grep -rnE '^[[:space:]]*#[[:space:]]*include "' src include --include='*.[ch]' | awk '
BEGIN {
	# The allow table: room and floor.
	split("base 0 http 1 dns 1 metric 1 cfg 1 io 2 fleet 3 health 4 proxy 4 gslb 4 admin 5 main 6 steerctl 6", row, " ")
	for (i = 1; i in row; i += 2) floor[row[i]] = row[i + 1]
	# Tables are data of the room that reads them.
	split("metrics metric config cfg variables cfg http_fields http http_methods http http_faults http http_statuses http ends proxy commands admin dns_rcodes dns dns_types dns dns_edes dns", t, " ")
	for (i = 1; i in t; i += 2) table[t[i]] = t[i + 1]
}
function room_of(path, parts, n) {
	n = split(path, parts, "/")
	if (parts[1] == "include") { sub(/^include\//, "", path); n = split(path, parts, "/") }
	if (parts[1] == "src") return parts[2]
	if (parts[1] == "steerway" && parts[2] == "tables") { sub(/\.h$/, "", parts[3]); return table[parts[3]] }
	if (parts[1] == "steerway") { sub(/\.h$/, "", parts[2]); return parts[2] }
	return ""
}
{
	split($0, at, ":")
	from = room_of(at[1]); target = $0; sub(/^[^"]*"/, "", target); sub(/".*/, "", target)
	if (target == "config.h") next
	to = (target ~ /\//) ? room_of((target ~ /^steerway\// ? "" : "src/") target) : from
	if (!(from in floor)) { print at[1] ":" at[2] ": room unknown to the allow table: " from; bad = 1; next }
	if (!(to in floor)) { print at[1] ":" at[2] ": includes a header of no room: " target; bad = 1; next }
	if (from != to && floor[to] >= floor[from]) { print at[1] ":" at[2] ": " from " (floor " floor[from] ") includes " to " (floor " floor[to] ")"; bad = 1 }
	if (from != to && target !~ /^steerway\//) { print at[1] ":" at[2] ": private header of another room: " target; bad = 1 }
	seen++
}
END { if (!seen) { print "read no include at all"; bad = 1 } exit bad }'
