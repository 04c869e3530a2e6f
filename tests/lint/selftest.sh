#!/bin/sh
# Can each lint fail?  A copy of the tree is spoiled in one way for each rule,
# and the rule must say so.
. "$(dirname "$0")/lib.sh"

case $O in /*) ;; *) O=$PWD/$O ;; esac
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/tree" "$tmp/o"
files | tar -cf - -T - | tar -xf - -C "$tmp/tree"
for d in lint obj gen; do
	[ -d "$O/$d" ] && cp -a "$O/$d" "$tmp/o/$d"
done
for p in $(sed 's/ .*//' "$O/lint/programs") protocol; do
	[ -f "$O/$p" ] && cp -p "$O/$p" "$tmp/o/$p"
done
cd "$tmp/tree" || exit 111
git init -q . && git add -A &&
	git -c user.name=x -c user.email=x -c commit.gpgsign=false \
		commit -qm 'Launcher changes' || exit 111

# Of the sources: one bad file, in the launcher, that is linked nowhere.
{
	echo '#include "cli/cli.h"'
	echo 'int'
	echo 'bad(void)'
	echo '{'
	echo '	strcpy(a, b); malloc(1); getaddrinfo();'
	for i in 1 2 3 4 5 6 7 8 9 10; do printf '\tx();\n%.0s' 1 2 3 4 5 6 7 8; done
	echo '}'
} >launcher/id.c
for i in $(seq 4000); do echo 'int x;'; done >launcher/extra.c
for i in $(seq 130); do echo 'int x;'; done >cli/extra.h
for i in $(seq 900); do echo 'int x;'; done >privsep/kv.c
for i in $(seq 1000); do echo 'int x;'; done >stage1/nspawn/facts.c
for i in 1 2 3; do echo "MSG(EXTRA$i, C, 0, 0)"; done >>privsep/control.def
echo 'FILE *f = fopen("/x", "r");' >>privsep/log.c
printf 'void\nf(void)\n{\nagain:\n\tgoto again;\n}\n' >>cli/table.c
echo 'struct unknown f(wrong_t);' >>cli/table.h
echo '#include "tests/unit/test.h"' >>cli/table.h
echo '#include "fetcher/url.h"' >>cli/table.h
echo "/* see ../sha""red, and iss""ue 3 */ a""gent" >>cli/table.h
printf 'default allow\nallow ptrace # no\nallow read\n' >policies/unpack.policy
for i in $(seq 70); do echo "allow call$i # x"; done >>policies/fetcher.policy
echo x >>docs/PROTOCOL.md
echo '`test_that_is_not_there` `fuzz_that_is_not_there`' >>SECURITY.md
sed -i '/^| G5 /d' SECURITY.md
sed -i 's/^[*] Commands: /&run, /' docs/differences-from-rkt.md
sed -i '/^appexec$/d' tests/lint/needed.sh
sed -i 's/^| `verify` | rkt-verify | [0-9]*/| `verify` | rkt-verify | 99/' README.md
echo 'unknown_name	# x' >>tests/lint/imports.allow
echo 'name_without_reason' >>tests/lint/imports.allow
# Of what was built: a program without any protection, and a new import.
sed -i 's|$| launcher/id.h fetcher/url.h|' "$tmp/o/obj/launcher/id.d"
printf 'int f(void); int main(void) { return f(); }\n' >bad.c
gcc -fPIE -o "$tmp/o/obj/launcher/id.o" -c bad.c
printf 'int main(void) { return 0; }\n' >bad.c
for p in $(sed 's/ .*//' "$O/lint/programs"); do
	gcc -no-pie -z execstack -Wl,--no-as-needed -lm -o "$tmp/o/$p" bad.c
done
rm bad.c

out=$(for lint in tests/lint/*.sh; do
	case $lint in
	*/lib.sh | */tcb.sh | */selftest.sh) ;;
	*) O="$tmp/o" sh "$lint" 2>/dev/null ;;
	esac
done)
for rule in rooms_includes rooms_tests_stay_out rooms_headers \
	rooms_every_source_is_linked needed_rkt needed_verify \
	G1_launcher_closure G1_launcher_imports imports_none_stale \
	imports_have_reasons budget_launcher budget_privsep_in_launcher \
	budget_stage1_nspawn budget_host_root budget_launcher_hears \
	budget_source_file budget_header budget_file_with_comments \
	budget_function banned_calls banned_malloc_in_launcher \
	banned_stdio_in_root banned_threads_and_nss_in_root banned_goto_back \
	comments_first_block comments_trust_said comments_pragma_once \
	hardening_rkt hardening_verify headers_self_contained policy_unpack \
	policy_unpack_never policy_fetcher policy_reasons words_in_files \
	words_actor commits_subject protocol_is_fresh claims_name_tests \
	claims_every_guarantee claims_tcb_table claims_not_here_yet needed_table; do
	why="spoiled, and the rule does not see it"
	echo "$out" | grep -q "^not ok $rule:" && why=
	verdict "selftest_$rule" "$why"
done
exit $failed
