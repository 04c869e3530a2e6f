#!/bin/sh
# The trusted computing base, by program: its own lines of code (headers and
# .def files included), what it loads, how many system calls it may make.
. "$(dirname "$0")/lib.sh"

own() {
	list=$(sources "$1")
	headers=$(echo "$list" | object | sed 's/\.o$/.d/' | xargs cat 2>/dev/null |
		tr -s ' \\' '\n\n' | grep -E '^[a-z0-9]+/.*\.(h|def)$' | sort -u)
	printf '%s\n%s\n' "$list" "$headers" | code
}

libraries() {
	readelf -d "$O/$1" 2>/dev/null |
		sed -n 's/.*(NEEDED).*\[lib\(.*\)\.so.*\]/\1/p' | sort | paste -sd' '
}

allowed() {
	[ -f "policies/$1.policy" ] || { echo -; return; }
	sed 's/#.*//' "policies/$1.policy" |
		awk '$1 == "allow" { sub(/^\?/, "", $2); print $2 }' | sort -u | wc -l
}

printf '%-14s\t%-24s\t%6s\t%8s\t%s\n' program user lines syscalls libraries
while IFS='|' read -r program user policy; do
	libs=$(libraries "$program")
	printf '%-14s\t%-24s\t%6s\t%8s\t%s\n' "$program" "$user" "$(own "$program")" \
		"$(allowed "$policy")" "${libs:-none (static)}"
done <<'TABLE'
rkt|root|-
stage1-nspawn|root|-
stage1-enter|root, then the pod's root id|enter
conductor|rkt|conductor
fetcher|rkt-fetch|fetcher
verify|rkt-verify|verify
second|rkt-second|second
unpack|root of its own userns|unpack
appexec|root of the pod|app-default
rkt-build|who calls it|-
TABLE
launcher=$(files 'launcher/*.c' 'launcher/*.h' | code)
privsep=$(sources rkt | grep '^privsep/' | code)
# As in budgets.sh.
stage1=$(files 'stage1/nspawn/*.[ch]' stage1/common/contract.h \
	'stage1/common/unit.[ch]' stage1/enter/main.c \
	stage1/enter/knock.c stage1/enter/record.c stage1/enter/enter.h | code)
printf '\nours as root on the host: launcher %s + privsep %s + stage1 %s = %s lines\n' \
	"$launcher" "$privsep" "$stage1" $((launcher + privsep + stage1))
