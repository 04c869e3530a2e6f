# Sourced by every lint: from the top of the tree, with O the build folder.
# A lint prints "ok NAME" or "not ok NAME: why", one line a rule.
set -u
export LC_ALL=C
O=${O:-build}
for word in "$@"; do
	case $word in
	O=*) O=${word#O=} ;;
	esac
done
cd "$(dirname "$0")/../.." || exit 111
here=tests/lint
[ -f "$O/lint/programs" ] || { echo "not ok lint: build first"; exit 111; }
failed=0

# verdict NAME [TEXT]: fails when there is text, and says its first lines.
verdict() {
	if [ -z "${2:-}" ]; then
		echo "ok $1"
	else
		failed=1
		printf '%s\n' "$2" | head -n "${LINES_MAX:-12}" | sed "s|^|not ok $1: |;2,\$s|^not ok [^:]*:|#|"
	fi
}

# Files of the project that a reader would see, kept or about to be.
files() {
	if git rev-parse --git-dir >/dev/null 2>&1; then
		git ls-files -co --exclude-standard -- "$@"
	else
		find ./* -type f ! -path "./${O#./}/*" | sed 's|^\./||' |
			awk -v list="$*" 'BEGIN { n = split(list, p, " ")
				for (i = 1; i <= n; i++) {
					gsub(/\./, "\\.", p[i])
					gsub(/\*/, ".*", p[i])
				} }
			n == 0 { print; next }
			{ for (i = 1; i <= n; i++)
				if ($0 ~ "^" p[i] "$") { print; next } }'
	fi | sort -u | while read -r f; do [ -f "$f" ] && echo "$f"; done
}

# The product's own C: everything but what only tests run.
product() {
	files '*.c' '*.h' '*.def' | grep -vE '^(tests|fuzz)/'
}

# Sources of a program, as the Makefile links it.
sources() {
	sed -n "s/^$1 //p" "$O/lint/programs" | tr ' ' '\n' | sort -u
}

# Lines of code of the files on stdin, summed.
code() {
	xargs -r awk -f $here/code.awk | awk '{ n += $1 } END { print n + 0 }'
}

object() {
	sed "s|^|$O/obj/|; s|\.c\$|.o|"
}
