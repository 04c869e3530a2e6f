#!/bin/sh
# The link table: what each program may load beside libc (readelf -d NEEDED).
. "$(dirname "$0")/lib.sh"

while read -r program libraries; do
	elf=$O/$program
	if [ ! -f "$elf" ]; then
		verdict "needed_$program" "$elf was not built"
		continue
	fi
	bad=$(readelf -d "$elf" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
		sed 's/\.so.*//' | while read -r lib; do
		case " libc ld-linux-x86-64 ld-linux-aarch64 $libraries " in
		*" $lib "*) ;;
		*) echo "$program loads $lib" ;;
		esac
	done)
	verdict "needed_$program" "$bad"
done <<'TABLE'
rkt libkeyutils
conductor libjansson libseccomp libcap-ng
fetcher libcurl libxml2
verify libgpgme libcrypto
second libcrypto
unpack libarchive libjansson libcap-ng libcrypto libisal libz libbz2 liblzma libzstd
stage1-nspawn
stage1-enter
appexec
rkt-build libarchive libjansson libcap-ng
TABLE

# A program that is not in the table has no link line that anyone agreed to.
verdict needed_table "$(sed 's/ .*//' "$O/lint/programs" | while read -r p; do
	sed -n "/^done <<'TABLE'/,/^TABLE/p" $here/needed.sh | grep -qE "^$p( |\$)" || echo "$p"
done)"

# G1: the launcher's whole closure, not only its first row.
closure=$(ldd "$O/rkt" | awk '{ print $1 }' | sed 's|.*/||; s/\.so.*//' |
	grep -vxE 'linux-vdso|linux-gate|libc|libkeyutils|ld-linux-.*')
verdict G1_launcher_closure "$closure"
exit $failed
