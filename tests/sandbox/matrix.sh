#!/bin/sh
# The sandbox matrix (matrix.c): every worker's real sandbox, one forbidden act
# a run.  Needs root.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
O=${O:-build}
for word; do
	case $word in O=*) O=${word#O=} ;; esac
done
case $O in /*) ;; *) O=$top/$O ;; esac
if [ "$(id -u)" != 0 ]; then
	echo 'skip sandbox: needs root'
	exit 0
fi
(unset MAKEFLAGS MFLAGS; make -s --no-print-directory O="$O" sandbox-bins >&2)
dir=$(mktemp -d)
trap 'rm -rf "$dir" /var/tmp/rkt-sandbox-*' EXIT
chmod 0755 "$dir"
mkdir "$dir/work" "$dir/image" "$dir/image/rootfs"
echo hello >"$dir/image/rootfs/file"
printf '%s' '{"acKind":"ImageManifest","acVersion":"0.8.11","name":"example.test/probe"}' \
	>"$dir/image/manifest"
tar -C "$dir/image" --owner=0 --group=0 -cf "$dir/probe.aci" manifest rootfs
"$O/sandbox/matrix" "$dir/work" "$top/tests/vectors/openpgp" "$dir/probe.aci"
