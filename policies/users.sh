#!/bin/sh
# users.sh add|remove PREFIX: the service users.  systemd-sysusers where it is
# there, else useradd.  `remove` takes away only what this installation added.
set -eu
action=$1 state=$2/lib/rkt/.users-added
here=$(cd "$(dirname "$0")" && pwd)
users='rkt rkt-fetch rkt-verify rkt-second'

add() {
	missing=
	for u in $users; do
		getent passwd "$u" >/dev/null || missing="$missing $u"
	done
	[ -n "$missing" ] || return 0
	echo "adding service users:$missing"
	if command -v systemd-sysusers >/dev/null; then
		systemd-sysusers "$here/sysusers.conf"
	else
		for u in $missing; do
			useradd --system --user-group --no-create-home \
				--home-dir / --shell /usr/sbin/nologin "$u"
		done
	fi
	echo "$missing" >>"$state"
}

remove() {
	[ -f "$state" ] || return 0
	for u in $(cat "$state"); do
		echo "removing service user: $u"
		userdel "$u" 2>/dev/null || :
		groupdel "$u" 2>/dev/null || :
	done
	rm -f "$state"
}

case $action in
add | remove) $action ;;
*) echo "usage: users.sh add|remove PREFIX" >&2; exit 100 ;;
esac
