#!/bin/sh
# The launcher's second system call table: every name that its objects take
# from a library stands in imports.allow with its reason, and nothing more.
. "$(dirname "$0")/lib.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
sources rkt | object | xargs nm -g >"$tmp/names" 2>/dev/null
awk 'NF == 3 && $2 != "U" { print $3 }' "$tmp/names" | sort -u >"$tmp/defined"
awk 'NF == 2 && $1 == "U" { print $2 }' "$tmp/names" | sort -u |
	grep -vxF _GLOBAL_OFFSET_TABLE_ | comm -23 - "$tmp/defined" >"$tmp/used"
sed 's/#.*//; s/[ 	]*$//; /^$/d' $here/imports.allow | sort -u >"$tmp/allowed"

verdict G1_launcher_imports "$(comm -23 "$tmp/used" "$tmp/allowed" | tr '\n' ' ')"
verdict imports_none_stale "$(comm -13 "$tmp/used" "$tmp/allowed" | tr '\n' ' ')"
verdict imports_have_reasons \
	"$(grep -nvE '^#|^[A-Za-z_0-9]+[ 	]+# .+' $here/imports.allow)"
exit $failed
