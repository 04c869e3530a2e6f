#!/bin/sh
# Who includes whom: a room includes itself and privsep/, an unprivileged one
# appc/ too; privsep/ and appc/ stand below.  Rooms talk by messages.  Read
# from what the compiler wrote down (cc -MM), not from what the text says.
. "$(dirname "$0")/lib.sh"

# room: rooms whose headers it may see
table='privsep: privsep
appc: appc
cli: cli privsep appc
fetcher: fetcher privsep appc
verifier: verifier privsep appc
builder: builder privsep appc
launcher: launcher privsep
stage1: stage1 privsep'
# appc/ may use these three of privsep/: pure, and without the wall.
pure='privsep/name.h privsep/attr.h privsep/limits.h'

edges=$(files '*.c' | grep -vE '^(tests|fuzz|docs|policies)/' |
	while read -r c; do
		d=$O/obj/${c%.c}.d
		[ -f "$d" ] || { echo "$c has-no-object"; continue; }
		sed 's/\\$//; s/^[^ ]*://' "$d" | tr -s ' \n' '\n\n' |
			grep -E '^[a-z0-9]+/.*\.(h|def)$' | sed "s|^|$c |"
	done | sort -u)

bad=$(printf '%s\n' "$edges" | awk -v table="$table" -v pure="$pure" '
	BEGIN {
		rows = split(table, row, "\n")
		for (i = 1; i <= rows; i++) {
			split(row[i], part, ": ")
			k = split(part[2], may, " ")
			for (j = 1; j <= k; j++)
				allowed[part[1], may[j]] = 1
		}
		k = split(pure, p, " ")
		for (i = 1; i <= k; i++)
			is_pure[p[i]] = 1
	}
	NF < 2 { next }
	{
		split($1, c, "/")
		split($2, h, "/")
		if ($2 == "has-no-object")
			print $1 ": not compiled into any program"
		else if (c[1] == "appc" && ($2 in is_pure))
			next
		else if (!((c[1], h[1]) in allowed))
			print $1 " includes " $2
	}')
verdict rooms_includes "$bad"

# Nothing includes tests/ or fuzz/; headers never name another room's.
verdict rooms_tests_stay_out "$(product | xargs grep -nE '#include "(tests|fuzz)/' /dev/null)"
verdict rooms_headers "$(product | grep '\.h$' | while read -r h; do
	room=${h%%/*}
	grep -oE '^#include "[a-z0-9]+/[^"]*' "$h" | sed 's/.*"//' | while read -r i; do
		case $room:$i in
		"$room:$room/"* | *:privsep/* | *:appc/*) ;;
		*) echo "$h includes $i" ;;
		esac
	done
done)"
# Sources that no program links are dead, and no one guards them.
verdict rooms_every_source_is_linked "$(files '*.c' |
	grep -vE '^(tests|fuzz|docs|policies)/' | while read -r c; do
	grep -qE "[ ]$c( |\$)" "$O/lint/programs" || echo "$c"
done)"
exit $failed
