#!/bin/sh
# Installs what the build and the tests need from Debian's packages.  Only as
# root on a Debian-family machine, and only what is missing.  The command line
# may name more: the peers that `make bench` compares with.
set -eu
packages='
gcc make pkg-config libc6-dev linux-libc-dev git
libseccomp-dev libcap-ng-dev libkeyutils-dev libgpgme-dev libarchive-dev
libjansson-dev libcurl4-openssl-dev libxml2-dev libssl-dev libisal-dev
liblzma-dev libzstd-dev libbz2-dev libcmocka-dev
clang libclang-rt-14-dev
systemd systemd-container gnupg sqv openssl
python3 python3-pytest strace binutils
zstd xz-utils bzip2 libarchive-tools acl attr iproute2 e2fsprogs util-linux procps mandoc
hyperfine qemu-system-x86 mmdebstrap redis-tools'
command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] || exit 0
missing=
for p in $packages "$@"; do
	dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null |
		grep -qx installed || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $missing >/dev/null
