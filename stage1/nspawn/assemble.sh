#!/bin/sh
# Assembles the stage1 tree of the nspawn flavor from the machine's own
# packages: systemd, journald, systemctl and the libraries they name, the units
# that start apps and nothing else.  Runs at install time as root; every input
# is the machine's own.  No shell and no other tool of the machine goes in.
#
#	assemble.sh DEST APPEXEC
#
# The same inputs give the same tree (names, modes, owners, times, bytes).
set -eu
umask 022
LC_ALL=C
export LC_ALL

dest=${1:?usage: assemble.sh DEST APPEXEC}
appexec=${2:?usage: assemble.sh DEST APPEXEC}
case $dest in /*) ;; *) dest=$PWD/$dest ;; esac
here=$(dirname "$0")
[ -f "$appexec" ] || { echo "assemble: no $appexec" >&2; exit 1; }
new=$dest.new
rm -rf "$new"
mkdir -p "$new"

# One program or library, with its links resolved, at the path it is named by.
put() {
	[ -e "$new$1" ] && return 0
	mkdir -p "$new$(dirname "$1")"
	cp -L --no-preserve=all "$1" "$new$1"
	chmod "$2" "$new$1"
}

# A program and all that it names, recursively (ldd walks for us).
put_program() {
	put "$1" 0755
	# The lines of ldd: "lib => /path (addr)" and "/ld.so (addr)".
	ldd "$1" | sed -n 's/^[^/]*\(\/[^ ]*\) (0x.*$/\1/p' | sort -u |
	while read -r lib; do
		put "$lib" 0755
	done
}

# Merged /usr, as the machine's programs expect it.
for d in bin sbin lib lib64; do
	mkdir -p "$new/usr/$d"
	ln -s "usr/$d" "$new/$d"
done
for d in dev proc sys run tmp etc/systemd/system var/log/journal var/tmp \
	usr/lib/rkt opt/stage2 rkt/plan rkt/status rkt/volumes rkt/cgroup root; do
	mkdir -p "$new/$d"
done
chmod 01777 "$new/tmp" "$new/var/tmp"
chmod 0700 "$new/rkt/plan" "$new/rkt/volumes" "$new/rkt/cgroup" \
	"$new/opt/stage2" "$new/root"
# The conductor reads exit codes there, as user rkt, through the pod directory.
chmod 0711 "$new/rkt"
chmod 0755 "$new/rkt/status"

for p in systemd systemd-journald systemd-shutdown; do
	put_program "/usr/lib/systemd/$p"
done
# appexec asks for apps that come and go by it.  It names no library that
# systemd does not.
put_program /usr/bin/systemctl
mkdir -p "$new/usr/sbin"
ln -s ../lib/systemd/systemd "$new/usr/sbin/init"
cp --no-preserve=all "$appexec" "$new/usr/lib/rkt/appexec"
chmod 0755 "$new/usr/lib/rkt/appexec"

# Units: ours alone.  What systemd would ask for and is not here does not
# exist; there is nothing to mask, and no name that an app could not have but
# the few of units/.
for f in "$here"/units/*; do
	cp --no-preserve=all "$f" "$new/etc/systemd/system/"
done
mkdir -p "$new/etc/systemd/system/default.target.wants"
# Sockets that were handed over go to the units that are loaded when pid 1
# begins: so what it begins with knows the apps.
mkdir -p "$new/etc/systemd/system/init.scope.d"
printf '[Unit]\nBefore=default.target\n' \
	>"$new/etc/systemd/system/init.scope.d/apps.conf"
cp --no-preserve=all "$here/journald.conf" "$here/system.conf" \
	"$new/etc/systemd/"

cat >"$new/usr/lib/os-release" <<'EOF'
NAME="rkt stage1"
ID=rkt-stage1
PRETTY_NAME="rkt stage1 (nspawn)"
EOF
ln -s ../usr/lib/os-release "$new/etc/os-release"
echo 'root:x:0:0:root:/root:/nonexistent' >"$new/etc/passwd"
printf 'root:x:0:\ntty:x:5:\n' >"$new/etc/group"
echo 'passwd: files
group: files' >"$new/etc/nsswitch.conf"
echo Y >"$new/etc/printk-time" # journald: time before each line
: >"$new/etc/machine-id"
ldconfig -r "$new" 2>/dev/null || :
rm -rf "$new/var/cache"

# Same bytes, same times.
chown -R -h 0:0 "$new"
find "$new" -exec touch -h -d @0 {} +
rm -rf "$dest"
mv "$new" "$dest"
