#!/bin/sh
# What must not stand in the project or in its history: this machine's paths
# and package hosts, and words about how the work was done.
. "$(dirname "$0")/lib.sh"

hosts=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* /etc/pip.conf ~/.npmrc \
	~/.config/pip/pip.conf 2>/dev/null | grep -oE 'https?://[^/ ]+' |
	sed 's#.*//##; s/.*@//; s/:.*//; s/[.]/[.]/g' | sort -u | paste -sd'|')
# The folder above this tree, unless every machine has one of that name.
top=$(dirname "$PWD")
case $top in
/ | /tmp* | /var* | /home* | /root* | /usr* | /opt | /mnt | /srv | /build) top=/no-such-directory ;;
esac
words="$top/|[.][.]/[s]hared|[b]efore-stop|[.][l]ibrary|\\b[h]elpers?\\b|[s]itting\\b|\\b[i]ssues? #?[1-9]\\b|[s]ession of work|[l]anguage model"
[ -n "$hosts" ] && words="$words|$hosts"
actor='\b[a]gents?\b'
fine='gpg-agent|gpg.s agent|user[-_]?agent|use-agent|GPG_AGENT|dirmngr|agent-program'

if ! git rev-parse --git-dir >/dev/null 2>&1; then
	echo 'skip words: not a git tree'
	exit 0
fi
verdict words_in_files "$(files | grep -v '^tests/vectors/' | xargs -d '\n' grep -nIE "$words" /dev/null | cut -c1-160)"
verdict words_actor "$(files | xargs -d '\n' grep -nIiE "$actor" /dev/null | grep -viE "$fine" | cut -c1-160)"
verdict words_in_commits "$(git log --format='%h %s %b' | grep -nE "$words" | cut -c1-160)"
verdict commits_subject "$(git log --format='%s' | grep -vE '^[a-z0-9][a-z0-9/, +-]*: (--)?[a-z0-9]' )"
# 5431d88 changed a comment alone.
verdict commits_have_bodies "$(git log --format='%h %s%x01%b%x02' | tr '\n' ' ' | tr '\002' '\n' |
	grep -v '^ *5431d88' | awk -F '\001' '$1 ~ / (launcher|privsep|policies)[^:]*: / && $2 !~ /[a-z]/ { print $1 }')"
exit $failed
