#!/bin/sh
# The first block of every source says what runs here, as whom, and what is
# hostile; a header says it below its #pragma once.
. "$(dirname "$0")/lib.sh"

words='root|user|hostile|trust|[Pp]ure|caller|build time|privilege|whoever|nothing else'
bad=$(files '*.c' '*.h' | grep -vE '^tests/|^fuzz/' | while read -r f; do
	awk -v words="$words" '
		/^#pragma once$/ && FNR == 1 { next }
		!started && !/^\/\*/ { exit }
		{ started = 1; text = text " " $0 }
		/\*\// { done = 1; exit }
		END { exit !(done && length(text) > 60) }' "$f" || echo "$f"
done)
verdict comments_first_block "$bad"
verdict comments_trust_said "$(files '*.c' | grep -vE '^(tests|fuzz)/' | while read -r f; do
	awk -v words="$words" '{ text = text " " $0 } /\*\// { exit }
		END { exit !(tolower(text) ~ tolower(words)) }' "$f" || echo "$f"
done)"
verdict comments_pragma_once "$(files '*.h' | grep -vE '^(tests|fuzz)/' | while read -r f; do
	[ "$(head -n 1 "$f")" = '#pragma once' ] || echo "$f"
done)"
exit $failed
