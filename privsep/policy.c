/*
 * The site policy reader: one table, a row a key.  Runs in root over
 * root-owned files, and in the conductor for `policy lint`.
 */
#include "privsep/policy.h"

#include <errno.h>
#include <stddef.h>
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
	{ "all", PS_INSECURE_ALL }, { 0 }
};

static const struct word protection_words[] = {
	{ "none", 0 },
	{ "cgroup", PS_PROTECT_CGROUP },
	{ "seccomp", PS_PROTECT_SECCOMP },
	{ "keyring", PS_PROTECT_KEYRING }, { 0 }
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

/* Bits of a comma list of these words; false: one is unknown, and then it is
 * left in *ret_word. */
static bool
parse_words(const struct word *words, const char *list, uint32_t *ret,
    const char **ret_word, size_t *ret_n)
{
	uint32_t bits = 0;

	for (;; list++) {
		const struct word *w = words;
		size_t n = strcspn(list, ",");

		while (w->text && (strlen(w->text) != n ||
		    memcmp(w->text, list, n) != 0))
			w++;
		if (!w->text) {
			*ret_word = list;
			*ret_n = n;
			return false;
		}
		bits |= w->bits;
		list += n;
		if (*list == '\0')
			break;
	}
	*ret = bits;
	return true;
}

bool
ps_parse_insecure(const char *list, uint32_t *ret, const char **ret_word,
    size_t *ret_n)
{
	return parse_words(insecure_words, list, ret, ret_word, ret_n);
}

bool
ps_parse_caps(const char *list, uint64_t *ret)
{
	uint64_t caps = 0;

	if (strcmp(list, "default") == 0)
		caps = PS_CAPS_DEFAULT;
	else if (strcmp(list, "all") == 0)
		caps = (1ull << PS_COUNT(cap_names)) - 1;
	else if (strcmp(list, "none") != 0)
		for (size_t n;; list += n + 1) {
			int number;

			n = strcspn(list, ",");
			number = ps_cap_number(list, n);
			if (number < 0)
				return false;
			caps |= 1ull << number;
			if (list[n] == '\0')
				break;
		}
	*ret = caps;
	return true;
}

/* --- values: each sets its field or says no ------------------------------ */

struct row {
	const char *key, *form;
	bool (*set)(struct ps_policy *p, const struct row *row, const char *v);
	size_t at;		  /* its member */
	size_t count_at;	  /* of a list: that of how many */
	const char *words[2];	  /* choose */
	const struct word *known; /* set_words */
	uint64_t least, most;	  /* set_number */
};

static void *
member(struct ps_policy *p, size_t at)
{
	return (char *)p + at;
}

/* v is one of two words: yes is the second. */
static bool
choose(struct ps_policy *p, const struct row *row, const char *v)
{
	bool yes = strcmp(v, row->words[1]) == 0;

	*(bool *)member(p, row->at) = yes;
	return yes || strcmp(v, row->words[0]) == 0;
}

static bool
set_number(struct ps_policy *p, const struct row *row, const char *v)
{
	uint64_t *to = member(p, row->at);

	return ps_parse_u64(v, row->most, to) && *to >= row->least;
}

static bool
set_pids(struct ps_policy *p, const struct row *row, const char *v)
{
	p->pids_said = true;
	return set_number(p, row, v);
}

static bool
set_caps(struct ps_policy *p, const struct row *row, const char *v)
{
	return ps_parse_caps(v, member(p, row->at));
}

static bool
set_words(struct ps_policy *p, const struct row *row, const char *v)
{
	const char *word;
	size_t n;

	return parse_words(row->known, v, member(p, row->at), &word, &n);
}

/* "FIRST COUNT": FIRST a multiple of 65536, COUNT ranges, none of it host
 * root's, the foreign range's, or behind 2^31 (devpts reads ids as int). */
static bool
set_id_range(struct ps_policy *p, const struct row *row, const char *v)
{
	char first[16];
	const char *space = strchr(v, ' ');
	uint64_t a, n;

	(void)row;
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
set_data_dir(struct ps_policy *p, const struct row *row, const char *v)
{
	*(const char **)member(p, row->at) = v;
	return ps_is_abspath(v, strlen(v)) && strlen(v) <= 1023;
}

static bool
add_digest(struct ps_policy *p, const struct row *row, const char *v)
{
	uint8_t(*list)[PS_DIGEST] = member(p, row->at);
	uint16_t *n = member(p, row->count_at);

	return *n < PS_MAX_LIST && ps_parse_image_id(v, list[(*n)++]);
}

static bool
add_text(struct ps_policy *p, const struct row *row, const char *v)
{
	const char **list = member(p, row->at);
	uint16_t *n = member(p, row->count_at);

	if (*n >= PS_MAX_LIST)
		return false;
	list[(*n)++] = v;
	return true;
}

static bool
add_root(struct ps_policy *p, const struct row *row, const char *v)
{
	return ps_is_abspath(v, strlen(v)) && add_text(p, row, v);
}

static bool
add_key(struct ps_policy *p, const struct row *row, const char *v)
{
	size_t n = strlen(v);

	return (n == 40 || n == 64) && ps_is_hex(v, n) && add_text(p, row, v);
}

#define AT(field) .at = offsetof(struct ps_policy, field)
#define COUNT(field) .count_at = offsetof(struct ps_policy, field)
#define ID "sha512-... (128 hex digits)"

static const struct row rows[] = {
	{ "insecure-options", "none, all, or image,tls,...", set_words,
	    AT(insecure), .known = insecure_words },
	{ "capabilities-image", "none, default, all, or CAP_A,CAP_B", set_caps,
	    AT(caps_image) },
	{ "capabilities-operator", "none, default, all, or CAP_A,CAP_B", set_caps,
	    AT(caps_operator) },
	{ "seccomp-operator", "default or wide", choose, AT(seccomp_wide),
	    .words = { "default", "wide" } },
	{ "net-host", "yes or no", choose, AT(net_host), .words = { "no", "yes" } },
	{ "check-tree", "fetch or launch", choose, AT(tree_at_launch),
	    .words = { "fetch", "launch" } },
	{ "max-image-size", "bytes", set_number, AT(max_image), .least = 1,
	    .most = 1ull << 50 },
	{ "max-tree-size", "bytes", set_number, AT(max_tree), .least = 1,
	    .most = 1ull << 50 },
	{ "max-ratio", "1 to 100000", set_number, AT(max_ratio), .least = 1,
	    .most = 100000 },
	{ "max-entries", "1 to 10000000", set_number, AT(max_entries), .least = 1,
	    .most = 10000000 },
	{ "verifiers", "1 or 2", set_number, AT(verifiers), .least = 1, .most = 2 },
	{ "id-range", "FIRST COUNT, multiples of 65536 below 2147352576",
	    set_id_range, AT(id_first) },
	{ "best-effort", "none, or cgroup,seccomp,keyring", set_words,
	    AT(best_effort), .known = protection_words },
	{ "trust-keys-from-https", "yes or no", choose, AT(trust_from_https),
	    .words = { "no", "yes" } },
	{ "rollback", "allow or refuse", choose, AT(no_rollback),
	    .words = { "allow", "refuse" } },
	{ "discovery", "public or any", choose, AT(discovery_private),
	    .words = { "public", "any" } },
	{ "pids-max", "0 (no limit) to 4194304", set_pids, AT(pids),
	    .most = 4194304 },
	{ "volume-root", "absolute path", add_root, AT(root), COUNT(n_root) },
	{ "data-dir", "absolute path", set_data_dir, AT(data_dir) },
	{ "pin-digest", ID, add_digest, AT(pin), COUNT(n_pin) },
	{ "deny-digest", ID, add_digest, AT(deny), COUNT(n_deny) },
	{ "deny-key", "40 or 64 lower case hex digits", add_key, AT(deny_key),
	    COUNT(n_deny_key) },
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
		if ((seen & 1u << i) != 0 && rows[i].count_at == 0) {
			(void)snprintf(error, 256, "line %u: \"%s\" stands twice",
			    kv.line, key);
			return -EBADMSG;
		}
		seen |= 1u << i;
		if (!rows[i].set(&p, &rows[i], value)) {
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
