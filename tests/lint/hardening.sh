#!/bin/sh
# Every program that is installed: position independent, all relocations
# read-only, no executable stack, canaries, checked string functions.
. "$(dirname "$0")/lib.sh"

for program in $(sed 's/ .*//' "$O/lint/programs"); do
	elf=$O/$program why=
	[ -f "$elf" ] || { verdict "hardening_$program" "not built"; continue; }
	readelf -hW "$elf" | grep -q 'Type:.*DYN' || why="$why not-PIE"
	dynamic=$(readelf -dW "$elf")
	segments=$(readelf -lW "$elf")
	names=$(nm -D "$elf" 2>/dev/null; nm "$elf" 2>/dev/null)
	echo "$dynamic" | grep -qE 'BIND_NOW|FLAGS_1.*NOW' || why="$why not-bound-now"
	echo "$dynamic" | grep -qE 'RPATH|RUNPATH|TEXTREL' && why="$why rpath-or-textrel"
	echo "$segments" | grep -q GNU_RELRO || why="$why no-relro"
	echo "$segments" | grep -E 'GNU_STACK' | grep -q 'RW ' || why="$why executable-stack"
	echo "$segments" | grep -qE 'LOAD.* RWE ' && why="$why writable-code"
	echo "$names" | grep -q __stack_chk_fail || why="$why no-canary"
	echo "$names" | grep -qE '__[a-z]+_chk(@|$)' || why="$why not-fortified"
	readelf -nW "$elf" 2>/dev/null | grep -q 'Build ID' || why="$why no-build-id"
	[ -u "$elf" ] || [ -g "$elf" ] && why="$why set-id"
	verdict "hardening_$program" "$why"
done
verdict hardening_launcher_no_dlopen "$(nm -D "$O/rkt" | grep -E ' U (dlopen|dlsym|dlmopen)')"
exit $failed
