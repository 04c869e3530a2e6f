#!/bin/sh
# mutants.sh [NAME...]: takes the launcher's checks away, one at a time, in a
# copy of the tree, and demands that the tests which mutants.list names fail.
# TAP: "ok" a mutant that was caught, "not ok" one that lives.  As root the
# hostile tests are asked too, against a private prefix; MUTANTS_HOSTILE=0
# leaves them out.
set -u
cd "$(dirname "$0")/../.." || exit 2

# A launcher without its checks, run by root, is what it sounds like: the
# machine's own directories cannot be written while it lives.
if [ "$(id -u)" -eq 0 ] && [ "${MUTANTS_SHUT-}" != yes ]; then
	mkdir -p "${O:-$PWD/build}"
	MUTANTS_SHUT=yes exec unshare --mount --propagation private sh -euc '
		for d in /boot /etc /home /opt /root /srv /usr "$PWD"; do
			[ -d "$d" ] || continue
			mount --bind "$d" "$d"
			mount -o remount,ro,bind "$d"
		done
		cd "$PWD"
		mount --bind "$1" "$1"
		mount -o remount,rw,bind "$1"
		shift
		exec sh tests/hostile/mutants.sh "$@"' sh "${O:-$PWD/build}" "$@"
fi
O=${O:-build}
case $O in /*) ;; *) O=$PWD/$O ;; esac
list=$PWD/tests/hostile/mutants.list
top=$O/mutants
src=$top/src
out=$top/o
prefix=$top/prefix
only=" $* "
good=0 bad=0
hostile=${MUTANTS_HOSTILE:-$([ "$(id -u)" -eq 0 ] && echo 1 || echo 0)}

mkdir -p "$top"
if [ -w /dev/shm ]; then # what an aborted test leaves
	TMPDIR=$(mktemp -d /dev/shm/rkt-mutants.XXXXXX)
	export TMPDIR
	trap 'rm -rf "$TMPDIR"' EXIT
	trap 'exit 1' INT TERM
fi
# What an earlier run mutated is newer than its source.
rm -rf "$src" "$out/san" "$out/test" "$out/obj" "$out/rkt"
mkdir "$src"
git ls-files -z -co --exclude-standard 2>/dev/null |
	tar -c --null --ignore-failed-read -T - 2>/dev/null | tar -x -C "$src" ||
	exit 2
cd "$src" || exit 2
unset MAKEFLAGS MAKEOVERRIDES CMOCKA_MESSAGE_OUTPUT

build() { make -s -C "$src" O="$out" PREFIX="$prefix" WERROR= "$@" >"$top/make.log" 2>&1; }

# The text in $2 of file $1 by $3, if it stands there exactly once.
replace() {
	MUTANT_FROM=$2 MUTANT_TO=$3 awk '
		BEGIN { from = ENVIRON["MUTANT_FROM"]; to = ENVIRON["MUTANT_TO"] }
		{
			at = index($0, from)
			if (at) {
				n++
				$0 = substr($0, 1, at - 1) to \
				    substr($0, at + length(from))
			}
			print
		}
		END { exit n != 1 }' "$1" >"$top/mutated" && cat "$top/mutated" >"$1"
}

say() {
	if [ "$1" = ok ]; then good=$((good + 1)); else bad=$((bad + 1)); fi
	echo "$1 $((good + bad)) - $2"
}

unit_kills() {
	for t in $unit; do
		build "$out/test/unit/$t" || { cat "$top/make.log"; return 1; }
		timeout 120 "$out/test/unit/$t" >"$top/test.log" 2>&1 && return 1
	done
	return 0
}

ask_hostile() {
	build "$out/rkt" || return 1
	install -m 0755 "$out/rkt" "$prefix/bin/rkt"
	env -u TMPDIR RKT_PREFIX="$prefix" RKT_BUILD="$out" timeout 300 "${PYTHON:-/usr/bin/python3}" -m pytest -q -x \
	    -p no:cacheprovider -k "$expr" tests/hostile >"$top/test.log" 2>&1
}

hostile_kills() {
	! ask_hostile && grep -q '^FAILED' "$top/test.log"
}

mutate() {
	case $only in "  " | *" $name "*) ;; *) return ;; esac
	cp "$file" "$top/kept"
	if ! replace "$file" "$from" "$to"; then
		say 'not ok' "$name: the check is not where it was ($file)"
	elif unit_kills; then
		say ok "$name ($unit)"
		if [ "$hostile" -eq 1 ] && [ "$expr" != - ]; then
			if hostile_kills; then
				say ok "$name (hostile: $expr)"
			else
				say 'not ok' "$name lives (hostile: $expr)"
			fi
		fi
	else
		say 'not ok' "$name lives ($unit)"
	fi
	cat "$top/kept" >"$file"
}

# Without a mutation everything passes, or nothing here means anything.
check_whole() {
	for unit in $(sed -n 's/^unit //p' "$list" | tr ' ' '\n' | sort -u); do
		if ! build "$out/test/unit/$unit" ||
		    ! timeout 120 "$out/test/unit/$unit" >"$top/test.log" 2>&1; then
			say 'not ok' "$unit fails without any mutation"
			tail -n 20 "$top/make.log" "$top/test.log"
			exit 1
		fi
	done
	[ "$hostile" -eq 1 ] || return
	if ! build install; then
		say 'not ok' "the prefix cannot be installed"
		tail -n 20 "$top/make.log"
		hostile=0
		return
	fi
	expr=$(sed -n 's/^hostile \([^-]\)/\1/p' "$list" | sort -u |
		sed -n 'H;${x;s/\n/ or /g;s/^ or //;p;}')
	if ask_hostile; then return; fi
	say 'not ok' "hostile tests fail without any mutation"
	tail -n 20 "$top/test.log"
	hostile=0
}

check_whole
while IFS= read -r line; do
	case $line in
	'name '*) name=${line#name } ;;
	'file '*) file=${line#file } ;;
	'from '*) from=${line#from } ;;
	'to '*) to=${line#to } ;;
	'unit '*) unit=${line#unit } ;;
	'hostile '*) expr=${line#hostile }
		mutate </dev/null ;;
	esac
done <"$list"
rm -rf "$src"
echo "1..$((good + bad))"
[ "$bad" -eq 0 ]
