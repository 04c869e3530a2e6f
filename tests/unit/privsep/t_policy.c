/* link: privsep/policy.c privsep/kv.c privsep/name.c */
/* Site policy: every key good and bad, twice, unknown; a refused file changes
 * nothing. */
#include "tests/unit/test.h"

#include "privsep/policy.h"

#define H128                                                               \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define FPR "0123456789abcdef0123456789abcdef01234567"

static struct ps_policy policy, before;
static char error[256], text[PS_MAX_POLICY];

static int
apply(const char *s)
{
	ps_policy_default(&policy);
	before = policy;
	error[0] = '\0';
	(void)snprintf(text, sizeof(text), "%s", s);
	return ps_policy_apply(&policy, text, strlen(text), error);
}

static const char *const good[] = {
	"", "# nothing\n",
	"insecure-options none\n", "insecure-options all\n",
	"insecure-options image,tls,ondisk,http,pubkey,capabilities,paths,seccomp\n",
	"insecure-options all-fetch\n", "insecure-options all-run\n",
	"capabilities-image none\n", "capabilities-image default\n",
	"capabilities-image CAP_CHOWN,CAP_KILL\n", "capabilities-operator all\n",
	"seccomp-operator default\n", "seccomp-operator wide\n",
	"net-host yes\n", "net-host no\n",
	"check-tree fetch\n", "check-tree launch\n",
	"max-image-size 1\n", "max-image-size 1125899906842624\n",
	"max-tree-size 5000\n", "max-ratio 100000\n", "max-entries 10000000\n",
	"verifiers 1\n", "verifiers 2\n",
	"id-range 65536 1\n", "id-range 1879048192 4094\n",
	"id-range 2147287040 1\n",
	"best-effort none\n", "best-effort cgroup,seccomp,keyring\n",
	"data-dir /srv/rkt\n",
	"trust-keys-from-https yes\n", "trust-keys-from-https no\n",
	"rollback allow\n", "rollback refuse\n",
	"discovery public\n", "discovery any\n",
	"pids-max 0\n", "pids-max 1\n", "pids-max 4194304\n",
	"volume-root /\n", "volume-root /srv/v\nvolume-root /srv/v\n",
	"pin-digest sha512-" H128 "\n", "deny-digest sha512-" H128 "\n",
	"deny-digest sha512-" H128 "\ndeny-digest sha512-" H128 "\n",
	"deny-key " FPR "\n", "deny-key " FPR "\ndeny-key " FPR "\n",
};

static const char *const bad[] = {
	"insecure-options no\n", "insecure-options \n", "insecure-options\n",
	"insecure-options image,\n", "insecure-options ,image\n",
	"insecure-options image, tls\n", "insecure-options IMAGE\n",
	"capabilities-image CAP_NONE\n", "capabilities-image chown\n",
	"capabilities-image CAP_CHOWN,,CAP_KILL\n", "capabilities-operator 1\n",
	"seccomp-operator none\n", "seccomp-operator WIDE\n",
	"net-host true\n", "net-host 1\n", "check-tree never\n",
	"max-image-size 0\n", "max-image-size -1\n", "max-image-size 1k\n",
	"max-image-size 1125899906842625\n", "max-image-size 01\n",
	"max-tree-size 0\n", "max-ratio 0\n", "max-ratio 100001\n",
	"max-entries 0\n", "max-entries 10000001\n",
	"id-range 0 1\n", "id-range 65536\n", "id-range 65537 1\n",
	"id-range 65536 0\n", "id-range 2147352576 1\n", "id-range 65536 32767\n",
	"id-range 1879048192 4095\n", "id-range 65536  1\n",
	"id-range 4294901760 1\n", "id-range 99999999999999999999 1\n",
	"best-effort all\n", "best-effort landlock\n",
	"data-dir srv\n", "data-dir /srv/../etc\n", "data-dir /srv/\n",
	"pin-digest " H128 "\n", "pin-digest sha512-00\n",
	"pin-digest sha512-" H128 "0\n", "deny-digest sha256-" H128 "\n",
	"deny-key 0123\n", "deny-key " FPR "0\n",
	"deny-key 0123456789ABCDEF0123456789abcdef01234567\n",
	"trust-keys-from-https true\n", "trust-keys-from-https\n",
	"rollback no\n", "rollback Refuse\n", "discovery private\n",
	"discovery none\n", "pids-max -1\n", "pids-max max\n", "pids-max 01\n",
	"pids-max 4194305\n", "pids-max 18446744073709551617\n",
	"volume-root srv\n", "volume-root /srv/\n", "volume-root /srv//v\n",
	"volume-root /srv/../etc\n", "volume-root /srv/.\n", "volume-root \n",
	"volume-root /a,/b/../c\n",
	/* twice, and unknown */
	"rollback allow\nrollback allow\n", "discovery any\ndiscovery any\n",
	"pids-max 1\npids-max 1\n", "volume-roots /srv\n",
	"net-host yes\nnet-host yes\n", "insecure-options none\ninsecure-options all\n",
	"max-ratio 5\n# x\nmax-ratio 5\n", "verifiers 3\n", "verifier 1\n", "net_host yes\n",
	"nethost yes\n", "net-host yes", "net-host yes \n", "\1\n",
};

static void
keys_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < PS_COUNT(good); i++)
		if (apply(good[i]) != 0)
			fail_msg("\"%s\": %s", good[i], error);
}

static void
keys_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < PS_COUNT(bad); i++) {
		if (apply(bad[i]) != -EBADMSG)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_memory_equal(&policy, &before, sizeof(policy));
		if (strncmp(error, "line ", 5) != 0)
			fail_msg("\"%s\": \"%s\" names no line", bad[i], error);
	}
}

/* A bad last line undoes the good ones before it. */
static void
whole_or_nothing(void **state)
{
	(void)state;
	assert_int_equal(apply("insecure-options none\nnet-host no\nx y\n"), -EBADMSG);
	assert_memory_equal(&policy, &before, sizeof(policy));
	assert_string_equal(error, "line 3: unknown key \"x\"");
}

static void
values(void **state)
{
	(void)state;
	assert_int_equal(apply("insecure-options image,http\n"
			       "capabilities-image CAP_CHOWN,CAP_CHECKPOINT_RESTORE\n"
			       "seccomp-operator default\nnet-host no\n"
			       "check-tree launch\nid-range 131072 7\n"
			       "best-effort keyring\ndata-dir /d\n"
			       "deny-digest sha512-" H128 "\ndeny-key " FPR "\n"), 0);
	assert_int_equal(policy.insecure, PS_INSECURE_IMAGE | PS_INSECURE_HTTP);
	assert_true(policy.caps_image == (1ull | 1ull << 40));
	assert_false(policy.seccomp_wide);
	assert_false(policy.net_host);
	assert_true(policy.tree_at_launch);
	assert_int_equal(policy.id_first, 131072);
	assert_int_equal(policy.id_count, 7);
	assert_int_equal(policy.best_effort, PS_PROTECT_KEYRING);
	assert_string_equal(policy.data_dir, "/d");
	assert_int_equal(policy.n_deny, 1);
	assert_int_equal(policy.deny[0][1], 0x23);
	assert_int_equal(policy.n_pin, 0);
	assert_string_equal(policy.deny_key[0], FPR);
}

/* What was added with volumes, roll-back and discovery. */
static void
more_values(void **state)
{
	(void)state;
	assert_int_equal(apply(""), 0);
	assert_true(policy.trust_from_https && !policy.no_rollback);
	assert_false(policy.discovery_private);
	assert_int_equal(policy.pids, 16384);
	assert_false(policy.pids_said);
	assert_int_equal(policy.n_root, 0); /* no path of the host */
	assert_int_equal(apply("trust-keys-from-https no\nrollback refuse\n"
			       "discovery any\npids-max 7\nvolume-root /a\n"
			       "volume-root /b/c\n"), 0);
	assert_false(policy.trust_from_https);
	assert_true(policy.no_rollback && policy.discovery_private);
	assert_int_equal(policy.pids, 7);
	assert_true(policy.pids_said);
	assert_int_equal(policy.n_root, 2);
	assert_string_equal(policy.root[0], "/a");
	assert_string_equal(policy.root[1], "/b/c");
	assert_int_equal(apply("pids-max 0\n"), 0);
	assert_true(policy.pids == 0 && policy.pids_said);
}

/* The second file replaces a key, and adds to a list. */
static void
second_file(void **state)
{
	static char more[] = "net-host yes\ndeny-key " FPR "\n";

	(void)state;
	assert_int_equal(apply("net-host no\nmax-ratio 7\ndeny-key " FPR "\n"), 0);
	assert_int_equal(ps_policy_apply(&policy, more, sizeof(more) - 1, error), 0);
	assert_true(policy.net_host);
	assert_int_equal(policy.max_ratio, 7);
	assert_int_equal(policy.n_deny_key, 2);
}

/* A list has an end; one row more refuses the file. */
static void
list_full(void **state)
{
	static char many[PS_MAX_POLICY];
	size_t at = 0;

	(void)state;
	for (unsigned i = 0; i < PS_MAX_LIST; i++)
		at += (size_t)snprintf(many + at, sizeof(many) - at, "deny-key %s\n", FPR);
	assert_int_equal(apply(many), 0);
	at += (size_t)snprintf(many + at, sizeof(many) - at, "deny-key %s\n", FPR);
	assert_int_equal(apply(many), -EBADMSG);
	for (at = 0; at < sizeof(many) - 200;)
		at += (size_t)snprintf(many + at, sizeof(many) - at,
		    "pin-digest sha512-" H128 "\n");
	assert_int_equal(apply(many), -EBADMSG);
}

static void
defaults(void **state)
{
	uint64_t mask = 0;

	(void)state;
	ps_policy_default(&policy);
	assert_true(ps_parse_caps("CAP_CHOWN,CAP_DAC_OVERRIDE,CAP_FSETID,CAP_FOWNER,"
				  "CAP_MKNOD,CAP_NET_RAW,CAP_SETGID,CAP_SETUID,"
				  "CAP_SETFCAP,CAP_SETPCAP,CAP_NET_BIND_SERVICE,"
				  "CAP_SYS_CHROOT,CAP_KILL,CAP_AUDIT_WRITE", &mask));
	assert_true(mask == PS_CAPS_DEFAULT); /* rkt's fourteen */
	assert_true(policy.caps_image == mask);
	assert_true((policy.id_first + (uint64_t)policy.id_count * PS_RANGE) <=
	    PS_FOREIGN_BASE);
	assert_int_equal(ps_cap_number("CAP_CHOWN", 9), 0);
	assert_int_equal(ps_cap_number("CAP_CHOWN", 8), -1);
	assert_string_equal(ps_cap_name(40), "CAP_CHECKPOINT_RESTORE");
	assert_null(ps_cap_name(41));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_good),
		cmocka_unit_test(keys_bad),
		cmocka_unit_test(whole_or_nothing),
		cmocka_unit_test(values),
		cmocka_unit_test(more_values),
		cmocka_unit_test(second_file),
		cmocka_unit_test(list_full),
		cmocka_unit_test(defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
