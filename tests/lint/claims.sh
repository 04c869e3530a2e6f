#!/bin/sh
# Every test that a document names exists: a claim is only as good as it.
# Names stand in backquotes: test_x (pytest), t_file.x (a function of a unit
# test), sandbox_worker_x (the matrix), fuzz_x, and the rules of these lints.
# A '*' at the end stands for at least one.
. "$(dirname "$0")/lib.sh"

documents='README.md SECURITY.md docs/ARCHITECTURE.md docs/differences-from-rkt.md
	docs/advisories.md'

rules() {
	grep -ohE "verdict \"?[A-Za-z0-9_]+|^ceiling [a-z0-9_]+" $here/*.sh |
		sed 's/^verdict "\{0,1\}//; s/^ceiling /budget_/'
	sed 's/ .*//' "$O/lint/programs" | sed 's/^/needed_/; p; s/^needed_/hardening_/'
	for p in verify second unpack fetcher conductor enter; do
		printf 'policy_%s\npolicy_%s_never\n' $p $p
	done
}

acts() {
	for worker in control verify second unpack fetcher conductor render enter; do
		{
			sed -n 's/^[ 	]*{ *"\([a-z0-9_]*\)", [a-z0-9_]*, [a-z]*},*$/\1/p' \
				tests/sandbox/acts.c
			sed -n 's/.*verdict("\([a-z_]*\)".*/\1/p' tests/sandbox/inspect.c
			echo does_its_job
		} | sed "s/^/sandbox_${worker}_/"
	done
}

known=$(
	grep -rohE 'def test_[A-Za-z0-9_]+' tests --include='*.py' | sed 's/def //'
	for t in tests/unit/*/t_*.c; do
		grep -oE '^[a-z0-9A-Z_]+\(void \*\*' "$t" |
			sed "s|(.*||; s|^|$(basename "$t" .c).|"
	done
	for f in fuzz/fuzz_*.c; do basename "$f" .c; done
	rules
	acts
)

bad=$(for d in $documents; do
	[ -f "$d" ] || { echo "$d is missing"; continue; }
	grep -oE '`[A-Za-z0-9_.]+\*?`' "$d" | tr -d '`' | sort -u |
		grep -E '^(test_|t_[a-z_]+\.|sandbox_|fuzz_[a-z]|G[0-9]+_|budget_|policy_[a-z]|needed_|hardening_|rooms_|imports_|banned_|headers_|words_|commits_|comments_|protocol_|claims_)' |
		while read -r name; do
			case $name in
			*.c | *.h | *.sh | *.py) continue ;;
			*\*) echo "$known" | grep -q "^${name%\*}" ;;
			*) echo "$known" | grep -qxF "$name" ;;
			esac || echo "$d names $name, which is no test"
		done
done)
verdict claims_name_tests "$bad"

# Each guarantee of the table in SECURITY.md has a test, or says that it has none.
verdict claims_every_guarantee "$(for g in 1 2 3 4 5 6 7 8 9 10; do
	grep -E "^\| G$g " SECURITY.md 2>/dev/null |
		grep -qE '`(test_|t_|sandbox_|fuzz_|G[0-9]+_|budget_|needed_)|not yet' || echo "G$g"
done)"

# What is said not to be here is not.
verdict claims_not_here_yet "$(sed -n '/^\* Commands: /,/[.]$/p' docs/differences-from-rkt.md |
	tr -d '\n' | sed 's/^[*] Commands: //; s/[.]$//' | tr ',' '\n' |
	sed 's/^ *//; s/[- ][ ]*/_/g' | while read -r c; do
	grep -q "cli_cmd_$c,$" cli/commands.c && echo "$c is in cli/commands.c"
done)"

# The README's table of the trusted computing base, a tenth and a call either way.
verdict claims_tcb_table "$(sh $here/tcb.sh O="$O" | awk -F '\t' '
	NR == FNR { if (NF == 5) { gsub(/ /, "", $1); lines[$1] = $3; calls[$1] = $4 } next }
	function far(is, says) { return is < says * 0.9 - 1 || is > says * 1.1 + 1 }
	/^\| `/ {
		split($0, c, " *[|] *")
		name = c[2]; gsub(/`/, "", name); gsub(/,/, "", c[4])
		if (!(name in lines))
			next
		seen[name] = 1
		if (far(lines[name], c[4]))
			print name ": README says " c[4] " lines, it has " lines[name] + 0
		if (c[5] != "-" && far(calls[name], c[5]))
			print name ": README says " c[5] " calls, it has " calls[name] + 0
	}
	END { for (n in lines) if (!(n in seen) && n != "program") print n " is not in README" }
' - README.md)"
exit $failed
