#!/bin/sh
# run.sh SUITE...: runs suites by name and counts.  Programs have been built.
# Logs are $O/log/<suite>.log; the last line is "N passed, N failed, N skipped"
# over all of them.  A test is a C program or a shell script that speaks TAP,
# or a pytest file; one that ends badly without a "not ok" is a failure too.
set -u
cd "$(dirname "$0")/.." || exit 2
O=${O:-build}
case $O in /*) ;; *) O=$PWD/$O ;; esac
export O RKT_BUILD="$O" CMOCKA_MESSAGE_OUTPUT=TAP
export UBSAN_OPTIONS=print_stacktrace=1
PYTHON=${PYTHON:-/usr/bin/python3}
mkdir -p "$O/log"
passed=0 failed=0 skipped=0

# count FILE CODE NAME: TAP lines of FILE into the totals.
count() {
	set -- "$1" "$2" "$3" $(awk '
		/^ *ok/ && /# *[Ss][Kk][Ii][Pp]/ { s++; next }
		/^not ok/ && /# *[Ss][Kk][Ii][Pp]/ { s++; next }
		/^skip/ { s++; next }
		/^ok/ { p++ }
		/^not ok/ { f++ }
		END { print p + 0, f + 0, s + 0 }' "$1")
	p=$4 f=$5 s=$6
	if [ "$f" -eq 0 ] && [ "$2" -eq 77 ]; then
		s=$((s + 1))
		echo "skip $3"
	elif [ "$f" -eq 0 ] && [ "$2" -ne 0 ]; then
		f=1
		echo "not ok $3: ended with code $2"
	elif [ $((p + f + s)) -eq 0 ]; then
		p=1
		echo "ok $3"
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

# say_bad FILE: what went wrong, on the terminal.
say_bad() {
	grep -E '^(not ok|skip|ok .*# *[Ss][Kk][Ii][Pp]|# )|ERROR|runtime error|\[   LINE' "$1" |
		grep -v '^# *$' | head -40
}

one() {
	to=$1 test=$2
	shift 2
	out=$O/log/.out
	{ echo "== $test"; timeout "${TEST_TIMEOUT:-900}" "$@"; } >"$out" 2>&1 </dev/null
	code=$?
	count "$out" "$code" "$test" >"$out.count"
	{ cat "$out"; cat "$out.count"; } >>"$to"
	if grep -q '^not ok\|^skip\|# SKIP' "$out" "$out.count"; then
		printf '%s:\n' "$test"
		say_bad "$out"
		grep '^not ok\|^skip' "$out.count"
	fi
	rm -f "$out" "$out.count"
}

# pytests LOG DIR: counted from the JUnit file, which cannot lie by a colour.
pytests() {
	xml=$O/log/.junit.xml
	rm -f "$xml"
	"$PYTHON" -m pytest -q -rfEs -p no:cacheprovider --junitxml="$xml" "$2" \
		>>"$1" 2>&1 </dev/null
	code=$?
	[ "$code" -eq 5 ] && return # no tests there
	if [ ! -s "$xml" ]; then
		failed=$((failed + 1))
		echo "not ok $2: pytest ended with code $code"
		return
	fi
	set -- "$1" "$2" $("$PYTHON" - "$xml" <<'PY'
import sys
import xml.etree.ElementTree as tree

s = list(tree.parse(sys.argv[1]).getroot().iter("testsuite"))
n = {k: sum(int(x.get(k, 0)) for x in s)
     for k in ("tests", "failures", "errors", "skipped")}
bad = n["failures"] + n["errors"]
print(n["tests"] - bad - n["skipped"], bad, n["skipped"])
PY
)
	passed=$((passed + $3)) failed=$((failed + $4)) skipped=$((skipped + $5))
	[ "$4" -eq 0 ] && [ "$5" -eq 0 ] && return
	printf '%s:\n' "$2"
	grep -E '^(FAILED|ERROR|SKIPPED|E  )' "$1" | tail -60
}

c_tests() {
	for source in tests/$2/t_*.c; do
		[ -e "$source" ] || continue
		program=$O/test/${source#tests/}
		one "$1" "${source%.c}" "${program%.c}"
	done
}

# A directory: its C programs, its scripts, its pytest files.
directory() {
	c_tests "$1" "$2"
	for script in tests/$2/*.sh; do
		case $script in
		*/lib*.sh | */mutants.sh | *\**) continue ;;
		esac
		one "$1" "$script" sh "$script"
	done
	set -- "$1" "$2" tests/$2/test_*.py
	[ -e "$3" ] && pytests "$1" "tests/$2"
}

suite() {
	log=$O/log/$1.log
	: >"$log"
	case $1 in
	unit-c) for d in tests/unit/*/; do
			d=${d%/}
			c_tests "$log" "${d#tests/}"
		done ;;
	unit) for d in tests/unit/*/; do
			d=${d%/}
			directory "$log" "${d#tests/}"
		done ;;
	fuzz-replay) for f in fuzz/fuzz_*.c; do
			n=$(basename "$f" .c)
			one "$log" "$n" "$O/fuzz/replay/$n" "fuzz/corpus/${n#fuzz_}"
		done ;;
	mutants) one "$log" mutants sh tests/hostile/mutants.sh ;;
	*) directory "$log" "$1" ;;
	esac
}

for which; do
	before="$passed $failed $skipped"
	started=$(date +%s)
	suite "$which"
	set -- $before
	printf '%-12s %d passed, %d failed, %d skipped (%d s)\n' "$which" \
		$((passed - $1)) $((failed - $2)) $((skipped - $3)) \
		$(($(date +%s) - started))
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
