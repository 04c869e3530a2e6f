#!/bin/sh
# quickstart.sh: from nothing to a signed image in a pod, and two refusals.
#
# `make quickstart` calls it with PREFIX, where rkt is installed.  Everything
# happens in a directory of its own and in a network and a mount namespace of
# its own (there example.test is this machine); of the host nothing is changed
# but PREFIX/etc/rkt and PREFIX/var/lib/rkt, and both are put back at the end.
# Where it fails or is interrupted it also uninstalls (RKT_BUILD: make's O=).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${PREFIX:?where rkt is installed}"
case $PREFIX in /*) ;; *) PREFIX=$PWD/$PREFIX ;; esac
case $PREFIX in
/ | /usr | /usr/local)
	echo "quickstart: wants a prefix of its own, not $PREFIX" >&2
	exit 1 ;;
esac
PYTHON=${PYTHON:-python3}
[ "$(id -u)" = 0 ] || { echo "quickstart: must run as root" >&2; exit 1; }
[ -x "$PREFIX/bin/rkt" ] || { echo "quickstart: no $PREFIX/bin/rkt" >&2; exit 1; }

if [ "${RKT_QUICKSTART-}" != inside ]; then
	echo "# a network and a mount namespace of the demo's own"
	export PREFIX PYTHON RKT_QUICKSTART=inside
	exec unshare --net --mount --propagation private sh "$here/quickstart.sh"
fi

work=$(mktemp -d /tmp/rkt-quickstart.XXXXXX)
conf=$PREFIX/etc/rkt
data=$PREFIX/var/lib/rkt
server=
PATH=$PREFIX/bin:$PATH
GNUPGHOME=$work/gnupg
export PATH GNUPGHOME
unset RKT_QUICKSTART

show() {
	printf '\n\033[1m$ %s\033[0m\n' "$*"
}
[ -t 1 ] || show() {
	printf '\n$ %s\n' "$*"
}

# Prints a command, then runs it.
run() {
	show "$@"
	"$@"
}

# Prints a command that must be refused with rkt's code, then runs it.
refused() {
	show "$@"
	code=0
	"$@" || code=$?
	[ $code = 254 ] || fail "exit code $code where 254 was due: $*"
	echo "(refused, exit code 254: as it must be)"
}

fail() {
	echo "quickstart: $*" >&2
	exit 1
}

# Pods and images of the demo, keys, the server, the directory: in any case.
cleanup() {
	code=$?
	trap '' EXIT HUP INT TERM
	if [ -d "$data" ]; then
		rkt gc --grace-period=0s >/dev/null 2>&1 || :
		rkt gc --grace-period=0s >/dev/null 2>&1 || :
		for id in "$data"/image/sha512-*; do
			[ -e "$id" ] || continue
			rkt image rm "${id##*/}" >/dev/null 2>&1 || :
		done
		rm -rf "$data"
	fi
	rm -rf "$conf/ca.d/demo.pem" "$conf/trustedkeys/prefix.d/example.test" \
		"$conf/trustedkeys/prefix.d/other.test"
	[ -z "$server" ] || { kill "$server"; wait "$server" || :; } 2>/dev/null
	gpgconf --kill all >/dev/null 2>&1 || :
	rm -rf "$work"
	[ $code = 0 ] || [ -z "${RKT_BUILD-}" ] ||
		make -s -C "$here/../.." O="$RKT_BUILD" PREFIX="$PREFIX" uninstall
	exit $code
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# --- a publisher ------------------------------------------------------------

new_key() {
	run gpg --batch --quiet --passphrase '' --quick-generate-key "$1" \
		ed25519 sign never
}

echo "# a throw-away certificate authority, and a certificate for example.test"
mkdir -p "$work/tls" "$work/www/aci" "$GNUPGHOME" "$conf/ca.d"
chmod 0700 "$GNUPGHOME"
run openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	-subj "/CN=rkt quickstart" -days 2 \
	-keyout "$work/tls/ca.key" -out "$work/tls/ca.pem" 2>/dev/null
run openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	-subj "/CN=example.test" -addext "subjectAltName=DNS:example.test" \
	-keyout "$work/tls/server.key" -out "$work/tls/server.csr" 2>/dev/null
run openssl x509 -req -in "$work/tls/server.csr" -CA "$work/tls/ca.pem" \
	-CAkey "$work/tls/ca.key" -CAcreateserial -days 2 \
	-copy_extensions copyall -out "$work/tls/server.pem" 2>/dev/null
run cp "$work/tls/ca.pem" "$conf/ca.d/demo.pem"

echo "# a publisher's key, and one of somebody else"
new_key "Publisher <publisher@example.test>"
new_key "Somebody Else <else@other.test>"
run gpg --armor --output "$work/www/pubkeys.asc" \
	--export publisher@example.test
run gpg --armor --output "$work/else.asc" --export else@other.test

echo "# an image: one static program, packed by rkt-build and signed"
aci=$work/www/aci/hello-1.0-linux-amd64.aci
mkdir -p "$work/build"
cd "$work/build"
run gcc -static -Os -Wall -Wextra -o hello "$here/hello.c"
run rkt-build begin
run rkt-build set-name example.test/hello
run rkt-build label add version 1.0
run rkt-build copy hello /bin/hello
run rkt-build set-exec -- /bin/hello
run rkt-build cat-manifest --pretty-print
run rkt-build write "$aci"
run rkt-build end
run rkt-build sign "$aci" --key publisher@example.test
cd "$here"

# --- its web server ---------------------------------------------------------

printf '127.0.0.1 localhost example.test\n' >"$work/hosts"
run mount --bind "$work/hosts" /etc/hosts
mkfifo "$work/leash" "$work/ready"
show "$PYTHON tests/quickstart/serve.py  # https://example.test, in the background"
"$PYTHON" "$here/serve.py" "$work" <"$work/leash" >"$work/ready" &
server=$!
exec 9>"$work/leash"
read -r word <"$work/ready" && [ "$word" = ready ] || fail "no web server"

# --- rkt --------------------------------------------------------------------

run rkt trust --skip-fingerprint-review --prefix=example.test \
	"$work/www/pubkeys.asc"
run rkt fetch example.test/hello:1.0
show rkt run example.test/hello:1.0
code=0
rkt run example.test/hello:1.0 >"$work/output" || code=$?
cat "$work/output"
[ $code = 0 ] || fail "rkt run ended with $code"
grep -q 'hello from rkt-' "$work/output" || fail "the app did not say hello"
grep -q 'Seccomp:.2' "$work/output" || fail "the app has no seccomp filter"
run rkt list
run rkt image list

cp "$aci" "$work/good.aci"
cp "$aci.asc" "$work/good.asc"
echo
echo "# the same image with one byte changed"
show "one byte of $aci is changed"
"$PYTHON" - "$aci" <<-'END'
	import sys
	with open(sys.argv[1], "r+b") as f:
	    f.seek(1000)
	    byte = f.read(1)[0]
	    f.seek(1000)
	    f.write(bytes([byte ^ 1]))
END
refused rkt fetch example.test/hello:1.0

echo
echo "# the same image, signed by a key that is trusted for another prefix"
cp "$work/good.aci" "$aci"
rm "$aci.asc"
run gpg --batch --quiet --local-user else@other.test --armor --detach-sign \
	--output "$aci.asc" "$aci"
run rkt trust --skip-fingerprint-review --prefix=other.test "$work/else.asc"
refused rkt fetch example.test/hello:1.0

echo
echo "# and the good one again; then everything is taken away"
cp "$work/good.asc" "$aci.asc"
run rkt fetch example.test/hello:1.0
run rkt gc --grace-period=0s
run rkt image rm example.test/hello:1.0
echo
echo "quickstart: every step gave what it should"
