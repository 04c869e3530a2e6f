#!/bin/sh
# Size ceilings: lines of code, blank and comment lines not counted.
. "$(dirname "$0")/lib.sh"

ceiling() {
	if [ "$2" -le "$3" ]; then
		echo "ok budget_$1 # $2 of $3"
	else
		failed=1
		echo "not ok budget_$1: $2, ceiling $3"
	fi
}

launcher=$(files 'launcher/*.c' 'launcher/*.h' | code)
privsep=$(sources rkt | grep '^privsep/' | code)
stage1=$(files 'stage1/nspawn/*.c' 'stage1/nspawn/*.h' 'stage1/common/*' |
	grep -E '\.[ch]$' | code)
ceiling launcher "$launcher" 2600
ceiling privsep_in_launcher "$privsep" 900
ceiling stage1_nspawn "$stage1" 900
ceiling host_root $((launcher + privsep + stage1)) 3500
ceiling launcher_hears "$(grep -hE '^MSG\([A-Z_0-9]+, [CVU],' privsep/control.def \
	privsep/verify.def privsep/unpack.def | wc -l)" 20

product | xargs awk -f $here/code.awk >"$O/lint/sizes"
verdict budget_source_file "$(awk '$2 ~ /\.c$/ && $1 > 600 { print $2 ": " $1 " lines" }' "$O/lint/sizes")"
verdict budget_header "$(awk '$2 ~ /\.h$/ && $1 > 120 { print $2 ": " $1 " lines" }' "$O/lint/sizes")"
verdict budget_file_with_comments "$(product | grep '\.[ch]$' | xargs wc -l |
	awk '$2 != "total" && $1 > 750 { print $2 ": " $1 }')"

product | grep '\.c$' | xargs awk '
	/^[a-z_A-Z].*\(/ { name = $0 }
	/^\{/ { open = FNR; file = FILENAME }
	/^\}/ {
		if (open && file == FILENAME)
			print FNR - open - 1, FILENAME ":" open, name
		open = 0
	}' | sort -n >"$O/lint/functions"
verdict budget_function "$(awk '$1 > 70 { print $2 ": " $1 " lines" }' "$O/lint/functions")"
awk '{ n[NR] = $1 } END { printf "# %d functions: median %d, 95th percentile %d, longest %d\n",
	NR, n[int((NR + 1) / 2)], n[int(NR * 0.95)], n[NR] }' "$O/lint/functions"
exit $failed
