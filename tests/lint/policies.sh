#!/bin/sh
# System calls that each policy allows, against its ceiling; every rule has
# its reason; what no worker may ever be given is in none.
. "$(dirname "$0")/lib.sh"

never='ptrace process_vm_readv process_vm_writev mount umount2 pivot_root
move_mount open_tree fsopen fsconfig fsmount mount_setattr chroot unshare setns
io_uring_setup io_uring_enter bpf keyctl add_key request_key perf_event_open
userfaultfd open_by_handle_at init_module finit_module delete_module kexec_load
reboot swapon setuid setresuid mknod mknodat personality iopl ioperm
modify_ldt'

rules() {
	sed 's/#.*//' "policies/$1.policy" |
		awk '$1 == "allow" { sub(/^\?/, "", $2); print }'
}

while read -r name aim ceiling; do
	if [ ! -f "policies/$name.policy" ]; then
		verdict "policy_$name" "policies/$name.policy is missing"
		continue
	fi
	n=$(rules "$name" | awk '{ print $2 }' | sort -u | wc -l)
	why=
	[ "$n" -le "$ceiling" ] || why="$n calls allowed, ceiling $ceiling"
	grep -qE '^default +(allow|errno)' "policies/$name.policy" &&
		why="$why does not kill by default"
	verdict "policy_$name" "$why"
	echo "# $name: $n calls allowed, aim $aim, ceiling $ceiling"
	# unpack makes FIFOs, by that call with that type alone.
	verdict "policy_${name}_never" "$(rules "$name" |
		grep -vxE 'allow mknodat a2&0xf000==0x1000[ 	]*' |
		awk -v never="$never" 'BEGIN { split(never, v, /[ \n]+/)
				for (i in v) bad[v[i]] = 1 }
			$2 in bad { print $2 }')"
done <<'TABLE'
verify 35 80
second 35 60
unpack 45 50
fetcher 50 60
conductor 60 70
enter 15 20
TABLE
verdict policy_reasons "$(for p in policies/*.policy; do
	sed '/^[ 	]*#/d; /^[ 	]*$/d; /^default /d' "$p" |
		grep -vE '# *[^ ]' | sed "s|^|$p: |"
done)"
exit $failed
