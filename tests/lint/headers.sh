#!/bin/sh
# Every header compiles alone.
. "$(dirname "$0")/lib.sh"

compile=$(cat "$O/lint/compile")
bad=$(files '*.h' | grep -vE '^(tests|fuzz)/' | while read -r h; do
	printf '#include "%s"\n' "$h" |
		$compile -fsyntax-only -x c - 2>&1 | head -n 1 | sed "s|^|$h: |"
done)
verdict headers_self_contained "$bad"
exit $failed
