#!/bin/sh
# run.sh SECONDS TARGET...: each target that long over its corpus.  Findings
# are $O/fuzz/found/<target>-crash-*; a line for each says how fast it was.
set -u
seconds=$1
shift
mkdir -p "$O/fuzz/found" "$O/log"
bad=0
for target; do
	corpus=$O/fuzz/corpus/$target
	log=$O/log/$target.log
	mkdir -p "$corpus" "fuzz/corpus/${target#fuzz_}"
	if "$O/fuzz/$target" -max_total_time="$seconds" -timeout=10 \
	    -rss_limit_mb=2048 -print_final_stats=1 \
	    -artifact_prefix="$O/fuzz/found/$target-" \
	    "$corpus" "fuzz/corpus/${target#fuzz_}" >"$log" 2>&1; then
		word=ok
	else
		word='not ok'
		bad=1
	fi
	awk -v t="$target" -v w="$word" '
		/average_exec_per_sec/ { e = $2 }
		/number_of_executed_units/ { n = $2 }
		/ cov: / { for (i = 1; i < NF; i++) {
			if ($i == "cov:") c = $(i + 1)
			if ($i == "corp:") k = $(i + 1) } }
		END { printf "%s %-16s %8d runs %7d/s, cov %d, corpus %s\n",
			w, t, n, e, c, k }' "$log"
	[ "$word" = ok ] || tail -40 "$log"
done
exit $bad
