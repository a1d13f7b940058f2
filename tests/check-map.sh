#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# src/README.md is true: every file and function that it names exists, every source file stands in it, its floors are those of
# check-layers.sh. A function is written `name()`, a file with a slash or as `name.h`; any other `word` has to occur in the tree.
set -eu
cd "$(dirname "$0")/.."
map=src/README.md
bad=0
fault() {
	echo "$map: $*"
	bad=1
}

# Terms between backticks, one a line; fenced code there is none.
terms=$(grep -o '`[^`]*`' "$map" | tr -d '`' | sort -u)
[ "$(echo "$terms" | wc -l)" -gt 100 ] || fault "the terms could not be read"
functions=$(grep -rhoE '\b[a-z_0-9]+\(' src include --include='*.[ch]' | sort -u)
IFS='
'
for term in $terms; do
	case "$term" in
	like_this\(\)) ;;
	*\(\)) echo "$functions" | grep -qxF "${term%)}" || fault "no such function: $term" ;;
	make\ *) word=${term#make }; word=${word%% *}
		grep -qE "^[a-z -]*\b$word\b[a-z -]*:" Makefile || fault "no such target: $term" ;;
	*/) [ -d "$term" ] || fault "no such folder: $term" ;;
	*/*.*) [ -e "$term" ] || fault "no such file: $term" ;;
	*.h) [ -e "include/steerway/$term" ] || [ -e "include/steerway/tables/$term" ] || fault "no such header: $term" ;;
	.c | perf* | strace*) ;;
	worker-N | steerway\ *) ;;
	*) grep -rqF -- "$term" src/*/ include tests/check-layers.sh Makefile || [ -e "$term" ] || fault "occurs nowhere: $term" ;;
	esac
done
unset IFS

for file in src/*/*.c; do
	grep -qF "\`$file\`" "$map" || fault "$file is not on it; give it a line in its room"
done

# "base 0 http 1 ..." of the allow table, against the rows of Floors.
table=$(sed -n 's/.*split("\(base 0[^"]*\)", row.*/\1/p' tests/check-layers.sh | xargs -n 2 | sort)
rows=$(sed -n 's/^| \([0-9]\) | `\([a-z]*\)` |.*/\2 \1/p' "$map" | sort)
[ -n "$table" ] && [ "$table" = "$rows" ] || fault "its floors differ from those of tests/check-layers.sh"
exit "$bad"
