#!/bin/sh
# Manual pages say what the program says: a page a command, and in it the flags
# of its table, all and no others; every key of site policy; the sections that
# each page has.
. "$(dirname "$0")/lib.sh"

# The conductor does not run as root.
at=$(mktemp -d /tmp/rkt-man.XXXXXX)
trap 'rm -rf "$at"' EXIT
chmod 0755 "$at"
cp "$O/conductor" "$at/conductor"
conductor() {
	if [ "$(id -u)" -eq 0 ]; then
		setpriv --reuid 65534 --regid 65534 --clear-groups "$at/conductor" "$@"
	else
		"$at/conductor" "$@"
	fi
}

# Flags that --help prints under a title that is (or is not) "Global flags".
said() {
	conductor $1 --help | awk -v global="$2" '
		/^[A-Z].*:$/ { on = ($0 == "Global flags:") == global }
		on && /^ +--/ { sub(/^ +--/, ""); sub(/[[=\t].*/, ""); print }' |
		sort -u
}
written() {
	sed -n 's/^\.It Fl -\([a-z0-9-]*\).*/\1/p' "$1" | sort -u
}
differences() {
	diff "$at/said" "$at/written" | sed -n "s|^< |$1: not written: --|p
		s|^> |$1: not a flag: --|p"
}

conductor help | awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 }
	on { sub(/^ +/, ""); sub(/\t.*/, ""); print }' >"$at/commands"
bad=$(while read -r command; do
	page=docs/man/rkt-$(echo "$command" | tr ' ' '-').1
	if [ ! -f "$page" ]; then
		echo "$page is missing"
		continue
	fi
	said "$command" 0 >"$at/said"
	written "$page" >"$at/written"
	differences "$page"
done <"$at/commands")
said version 1 >"$at/said"
written docs/man/rkt.1 >"$at/written"
verdict man_flags "$bad$(differences docs/man/rkt.1)"

verdict man_commands "$(for page in docs/man/rkt-*.1; do
	name=$(basename "$page" .1)
	[ "$name" = rkt-build ] && continue # a program of its own
	tr ' ' '-' <"$at/commands" | grep -qx -- "${name#rkt-}" ||
		echo "$page: no such command"
done
[ "$(wc -l <"$at/commands")" -gt 10 ] || echo 'help names no commands')"

sed -n '/^static const struct row/,/^};/s/^	{ "\([a-z-]*\)".*/\1/p' \
	privsep/policy.c | sort >"$at/said"
sed -n 's/^\.It Ic \([a-z-]*\) .*/\1/p' docs/man/rkt-policy.5 | sort >"$at/written"
verdict man_policy_keys "$(differences docs/man/rkt-policy.5)"

verdict man_sections "$(for page in docs/man/*; do
	for section in NAME DESCRIPTION 'EXIT STATUS' SECURITY; do
		grep -qx "\.Sh $section" "$page" || echo "$page: no $section"
	done
done)"
verdict man_references "$(grep -ho '\.Xr rkt[a-z-]* [1-8]' docs/man/* | sort -u |
	while read -r _ name section; do
		[ -f "docs/man/$name.$section" ] || echo "$name($section)"
	done)"
exit $failed
