#!/bin/sh
# docs/PROTOCOL.md is what the .def files say today.
. "$(dirname "$0")/lib.sh"

(unset MAKEFLAGS MFLAGS; make -s --no-print-directory O="$O" "$O/protocol")
verdict protocol_is_fresh "$("$O/protocol" 2>&1 | diff - docs/PROTOCOL.md 2>&1 | head -n 8)"
exit $failed
