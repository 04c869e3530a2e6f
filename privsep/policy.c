/*
 * The site policy reader: one table, a row a key.  Runs in root over
 * root-owned files, and in the conductor for `policy lint`.
 */
#include "privsep/policy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "privsep/attr.h"
#include "privsep/kv.h"
#include "privsep/name.h"

static const struct word {
	const char *text;
	uint32_t bits;
} insecure_words[] = {
	{ "none", 0 },
	{ "image", PS_INSECURE_IMAGE },
	{ "tls", PS_INSECURE_TLS },
	{ "ondisk", PS_INSECURE_ONDISK },
	{ "http", PS_INSECURE_HTTP },
	{ "pubkey", PS_INSECURE_PUBKEY },
	{ "capabilities", PS_INSECURE_CAPABILITIES },
	{ "paths", PS_INSECURE_PATHS },
	{ "seccomp", PS_INSECURE_SECCOMP },
	{ "all-fetch", PS_INSECURE_IMAGE | PS_INSECURE_TLS |
		PS_INSECURE_PUBKEY | PS_INSECURE_HTTP },
	{ "all-run", PS_INSECURE_CAPABILITIES | PS_INSECURE_PATHS |
		PS_INSECURE_SECCOMP },
	{ "all", PS_INSECURE_ALL },
};

static const struct word protection_words[] = {
	{ "none", 0 },
	{ "cgroup", PS_PROTECT_CGROUP },
	{ "seccomp", PS_PROTECT_SECCOMP },
	{ "keyring", PS_PROTECT_KEYRING },
};

static const char *const cap_names[] = { "CAP_CHOWN", "CAP_DAC_OVERRIDE",
	"CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL",
	"CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN",
	"CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE",
	"CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT",
	"CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE",
	"CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE",
	"CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_SETFCAP",
	"CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM",
	"CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF",
	"CAP_CHECKPOINT_RESTORE" };

const char *
ps_cap_name(unsigned n)
{
	return n < PS_COUNT(cap_names) ? cap_names[n] : NULL;
}

int
ps_cap_number(const char *name, size_t n)
{
	for (size_t i = 0; i < PS_COUNT(cap_names); i++)
		if (strlen(cap_names[i]) == n && memcmp(cap_names[i], name, n) == 0)
			return (int)i;
	return -1;
}

/* Calls take(word, length) for each comma-separated word; false if one is
 * refused, and then it is left in *ret_word. */
static bool
each_word(const char *list, bool (*take)(const char *, size_t, void *), void *to,
    const char **ret_word, size_t *ret_n)
{
	for (;;) {
		size_t n = strcspn(list, ",");

		if (!take(list, n, to)) {
			*ret_word = list;
			*ret_n = n;
			return false;
		}
		if (list[n] == '\0')
			return true;
		list += n + 1;
	}
}

static const struct word *
find_word(const struct word *words, size_t count, const char *s, size_t n)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(words[i].text) == n && memcmp(words[i].text, s, n) == 0)
			return &words[i];
	return NULL;
}

static bool
take_insecure(const char *s, size_t n, void *to)
{
	const struct word *w =
	    find_word(insecure_words, PS_COUNT(insecure_words), s, n);

	if (w)
		*(uint32_t *)to |= w->bits;
	return w != NULL;
}

bool
ps_parse_insecure(const char *list, uint32_t *ret, const char **ret_word,
    size_t *ret_n)
{
	uint32_t bits = 0;

	if (!each_word(list, take_insecure, &bits, ret_word, ret_n))
		return false;
	*ret = bits;
	return true;
}

static bool
take_protection(const char *s, size_t n, void *to)
{
	const struct word *w =
	    find_word(protection_words, PS_COUNT(protection_words), s, n);

	if (w)
		*(uint32_t *)to |= w->bits;
	return w != NULL;
}

static bool
take_cap(const char *s, size_t n, void *to)
{
	int number = ps_cap_number(s, n);

	if (number >= 0)
		*(uint64_t *)to |= 1ull << number;
	return number >= 0;
}

bool
ps_parse_caps(const char *list, uint64_t *ret)
{
	uint64_t caps = 0;
	const char *word;
	size_t n;

	if (strcmp(list, "none") == 0)
		caps = 0;
	else if (strcmp(list, "default") == 0)
		caps = PS_CAPS_DEFAULT;
	else if (strcmp(list, "all") == 0)
		caps = (1ull << PS_COUNT(cap_names)) - 1;
	else if (!each_word(list, take_cap, &caps, &word, &n))
		return false;
	*ret = caps;
	return true;
}

/* --- values: each sets its field or says no ------------------------------ */

static bool
set_insecure(struct ps_policy *p, const char *v)
{
	const char *word;
	size_t n;

	return ps_parse_insecure(v, &p->insecure, &word, &n);
}

static bool
set_caps_image(struct ps_policy *p, const char *v)
{
	return ps_parse_caps(v, &p->caps_image);
}

static bool
set_caps_operator(struct ps_policy *p, const char *v)
{
	return ps_parse_caps(v, &p->caps_operator);
}

/* v is one of two words: yes is the second. */
static bool
choose(const char *v, const char *no, const char *yes, bool *ret)
{
	if (strcmp(v, no) != 0 && strcmp(v, yes) != 0)
		return false;
	*ret = strcmp(v, yes) == 0;
	return true;
}

static bool
set_seccomp(struct ps_policy *p, const char *v)
{
	return choose(v, "default", "wide", &p->seccomp_wide);
}

static bool
set_net_host(struct ps_policy *p, const char *v)
{
	return choose(v, "no", "yes", &p->net_host);
}

static bool
set_check_tree(struct ps_policy *p, const char *v)
{
	return choose(v, "fetch", "launch", &p->tree_at_launch);
}

static bool
set_max_image(struct ps_policy *p, const char *v)
{
	return ps_parse_u64(v, 1ull << 50, &p->max_image) && p->max_image > 0;
}

static bool
set_max_tree(struct ps_policy *p, const char *v)
{
	return ps_parse_u64(v, 1ull << 50, &p->max_tree) && p->max_tree > 0;
}

static bool
set_max_ratio(struct ps_policy *p, const char *v)
{
	return ps_parse_u64(v, 100000, &p->max_ratio) && p->max_ratio > 0;
}

static bool
set_max_entries(struct ps_policy *p, const char *v)
{
	uint64_t n;

	if (!ps_parse_u64(v, 10000000, &n) || n == 0)
		return false;
	p->max_entries = (uint32_t)n;
	return true;
}

static bool
set_verifiers(struct ps_policy *p, const char *v)
{
	bool two = false;

	if (!choose(v, "1", "2", &two))
		return false;
	p->verifiers = two ? 2 : 1;
	return true;
}

/* "FIRST COUNT": FIRST a multiple of 65536, COUNT ranges, none of it host
 * root's, the foreign range's, or behind 2^31 (devpts reads ids as int). */
static bool
set_id_range(struct ps_policy *p, const char *v)
{
	char first[16];
	const char *space = strchr(v, ' ');
	uint64_t a, n;

	if (!space || (size_t)(space - v) >= sizeof(first))
		return false;
	memcpy(first, v, (size_t)(space - v));
	first[space - v] = '\0';
	if (!ps_parse_u64(first, PS_FOREIGN_BASE - PS_RANGE, &a) ||
	    !ps_parse_u64(space + 1, 32766, &n))
		return false;
	if (a < PS_RANGE || a % PS_RANGE != 0 || n == 0 ||
	    a + n * PS_RANGE > PS_FOREIGN_BASE)
		return false;
	p->id_first = (uint32_t)a;
	p->id_count = (uint32_t)n;
	return true;
}

static bool
set_best_effort(struct ps_policy *p, const char *v)
{
	const char *word;
	size_t n;

	p->best_effort = 0;
	return each_word(v, take_protection, &p->best_effort, &word, &n);
}

static bool
set_data_dir(struct ps_policy *p, const char *v)
{
	p->data_dir = v;
	return ps_is_abspath(v, strlen(v)) && strlen(v) <= 1023;
}

static bool
set_trust_from_https(struct ps_policy *p, const char *v)
{
	return choose(v, "no", "yes", &p->trust_from_https);
}

static bool
set_rollback(struct ps_policy *p, const char *v)
{
	return choose(v, "allow", "refuse", &p->no_rollback);
}

static bool
set_discovery(struct ps_policy *p, const char *v)
{
	return choose(v, "public", "any", &p->discovery_private);
}

static bool
set_pids(struct ps_policy *p, const char *v)
{
	p->pids_said = true;
	return ps_parse_u64(v, 4194304, &p->pids);
}

static bool
add_root(struct ps_policy *p, const char *v)
{
	if (p->n_root >= PS_MAX_LIST || !ps_is_abspath(v, strlen(v)))
		return false;
	p->root[p->n_root++] = v;
	return true;
}

static bool
add_digest(uint8_t list[][PS_DIGEST], uint16_t *n, const char *v)
{
	return *n < PS_MAX_LIST && ps_parse_image_id(v, list[(*n)++]);
}

static bool
add_pin(struct ps_policy *p, const char *v)
{
	p->pinned = true;
	return add_digest(p->pin, &p->n_pin, v);
}

static bool
add_deny(struct ps_policy *p, const char *v)
{
	return add_digest(p->deny, &p->n_deny, v);
}

static bool
add_deny_key(struct ps_policy *p, const char *v)
{
	size_t n = strlen(v);

	if ((n != 40 && n != 64) || !ps_is_hex(v, n) ||
	    p->n_deny_key >= PS_MAX_LIST)
		return false;
	p->deny_key[p->n_deny_key++] = v;
	return true;
}

static const struct row {
	const char *key;
	bool list;
	bool (*set)(struct ps_policy *p, const char *v);
	const char *form;
} rows[] = {
	{ "insecure-options", false, set_insecure, "none, all, or image,tls,..." },
	{ "capabilities-image", false, set_caps_image, "none, default, all, or CAP_A,CAP_B" },
	{ "capabilities-operator", false, set_caps_operator, "none, default, all, or CAP_A,CAP_B" },
	{ "seccomp-operator", false, set_seccomp, "default or wide" },
	{ "net-host", false, set_net_host, "yes or no" },
	{ "check-tree", false, set_check_tree, "fetch or launch" },
	{ "max-image-size", false, set_max_image, "bytes" },
	{ "max-tree-size", false, set_max_tree, "bytes" },
	{ "max-ratio", false, set_max_ratio, "1 to 100000" },
	{ "max-entries", false, set_max_entries, "1 to 10000000" },
	{ "verifiers", false, set_verifiers, "1 or 2" },
	{ "id-range", false, set_id_range, "FIRST COUNT, multiples of 65536 below 2147352576" },
	{ "best-effort", false, set_best_effort, "none, or cgroup,seccomp,keyring" },
	{ "trust-keys-from-https", false, set_trust_from_https, "yes or no" },
	{ "rollback", false, set_rollback, "allow or refuse" },
	{ "discovery", false, set_discovery, "public or any" },
	{ "pids-max", false, set_pids, "0 (no limit) to 4194304" },
	{ "volume-root", true, add_root, "absolute path" },
	{ "data-dir", false, set_data_dir, "absolute path" },
	{ "pin-digest", true, add_pin, "sha512-... (128 hex digits)" },
	{ "deny-digest", true, add_deny, "sha512-... (128 hex digits)" },
	{ "deny-key", true, add_deny_key, "40 or 64 lower case hex digits" },
};

void
ps_policy_default(struct ps_policy *ret)
{
	*ret = (struct ps_policy){ .insecure = PS_INSECURE_ALL,
		.caps_image = PS_CAPS_DEFAULT,
		.caps_operator = (1ull << PS_COUNT(cap_names)) - 1,
		.seccomp_wide = true,
		.net_host = true,
		.trust_from_https = true,
		.pids = 16384,
		.max_image = 8ull << 30,
		.max_tree = 64ull << 30,
		.max_ratio = 1000,
		.max_entries = 1000000,
		.verifiers = 1,
		.id_first = 0x70000000u,
		.id_count = (PS_FOREIGN_BASE - 0x70000000u) / PS_RANGE };
}

int
ps_policy_apply(struct ps_policy *policy, char *text, size_t n, char error[256])
{
	static struct ps_policy p; /* 17 KiB: not on the stack */
	const char *key, *value;
	unsigned seen = 0;
	struct ps_kv kv;
	int r;

	p = *policy;
	ps_kv_begin(&kv, text, n);
	while ((r = ps_kv_next(&kv, &key, &value)) > 0) {
		size_t i = 0;

		while (i < PS_COUNT(rows) && strcmp(rows[i].key, key) != 0)
			i++;
		if (i == PS_COUNT(rows)) {
			(void)snprintf(error, 256, "line %u: unknown key \"%s\"",
			    kv.line, key);
			return -EBADMSG;
		}
		if ((seen & 1u << i) != 0 && !rows[i].list) {
			(void)snprintf(error, 256, "line %u: \"%s\" stands twice",
			    kv.line, key);
			return -EBADMSG;
		}
		seen |= 1u << i;
		if (!rows[i].set(&p, value)) {
			(void)snprintf(error, 256, "line %u: %s wants %s",
			    kv.line, key, rows[i].form);
			return -EBADMSG;
		}
	}
	if (r < 0) {
		(void)snprintf(error, 256, "line %u: not \"key value\"", kv.line);
		return r;
	}
	*policy = p;
	return 0;
}
