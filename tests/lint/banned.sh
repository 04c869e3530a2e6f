#!/bin/sh
# Calls that no program of ours makes, and calls that root does not make.
. "$(dirname "$0")/lib.sh"

calls() {
	xargs awk -v strip=1 -f $here/code.awk |
		grep -E "(^|[^A-Za-z0-9_])($1)[ ]*\(" | cat
}

everywhere='strcpy|sprintf|vsprintf|strcat|atoi|atol|strtok|getenv|secure_getenv|system|popen|gets|alloca|signal|mktemp|tmpnam'
verdict banned_calls "$(product | grep '\.[ch]$' | calls "$everywhere")"
verdict banned_malloc_in_launcher "$(files 'launcher/*.[ch]' |
	calls 'malloc|calloc|realloc|reallocarray|strdup|strndup|asprintf|vasprintf|getline')"
root=$(for p in rkt stage1-nspawn stage1-enter; do sources $p; done | sort -u)
verdict banned_stdio_in_root "$(echo "$root" | calls 'fopen|fdopen|freopen|scandir|fgets|fscanf|sscanf')"
verdict banned_threads_and_nss_in_root "$(echo "$root" |
	calls 'pthread_create|dlopen|getpwnam|getpwuid|getgrnam|getgrgid|gethostbyname|getaddrinfo|initgroups|syslog|setlocale')"
verdict banned_goto_back "$(product | grep '\.c$' | xargs awk '
	FNR == 1 { split("", seen) }
	/^[a-z_]+:/ { seen[$1] = FNR }
	/^\}/ { split("", seen) }
	/goto [a-z_]+;/ { l = $0; sub(/.*goto /, "", l); sub(/;.*/, ":", l)
		if (l in seen) print FILENAME ":" FNR ": " $0 }')"
exit $failed
