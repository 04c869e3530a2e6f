#!/bin/sh
# link.sh TARGET SOURCE OBJDIR GENDIR: what a test or fuzz target links, as a
# fragment for make.  The source says it near its top, in lines like
#
#	/* link: privsep/name.c @launcher -lcrypto */
#
# where @room is the set SET_room in the environment and !file leaves one out
# (a test that includes it, to reach what is static in it).  Without such a line a
# test links its own room and privsep.
set -eu
target=$1 source=$2 objdir=$3 gendir=$4

words=$(sed -n '1,30s|^/\* link: ||p' "$source" | sed 's| *\*/$||' | tr '\n' ' ')
if [ -z "$words" ]; then
	room=$(basename "$(dirname "$source")")
	words="@$room @privsep"
fi

files=$source libs= without=
for word in $words; do
	case $word in
	@*) files="$files $(eval "printf '%s' \"\${SET_${word#@}-}\"")"
	    libs="$libs $(eval "printf '%s' \"\${LIBS_${word#@}-}\"")" ;;
	-*) libs="$libs $word" ;;
	!*) without="$without ${word#!}" ;;
	*) files="$files $word" ;;
	esac
done

objects=
for file in $(printf '%s\n' $files | awk '!seen[$0]++'); do
	case " $without " in *" $file "*) continue ;; esac
	object=$objdir/${file%.c}.o
	objects="$objects $object"
	for header in $(sed -n 's|^#include "\(policies/.*\.h\)"|\1|p' "$file" \
	    2>/dev/null); do
		echo "$object: | $gendir/$header"
	done
done
echo "$target:$objects"
echo "$target: LINK_LIBS = $libs"
