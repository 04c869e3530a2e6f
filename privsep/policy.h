#pragma once
/*
 * Site policy: PREFIX/lib/rkt/policy, then /etc/rkt/policy, "key value" lines.
 * A key in the second file replaces what the first said of it.  An unknown
 * key, a key twice in one file (but the list keys), or a value out of its
 * bounds refuses the whole file, and nothing starts.  Pure.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "privsep/limits.h"

#define PS_MAX_POLICY 65536u /* bytes of one file */
#define PS_MAX_LIST 128u     /* rows of one list key */

/* Protections: required (the default) or best-effort. */
enum {
	PS_PROTECT_CGROUP = 1,	/* a limit whose controller is missing */
	PS_PROTECT_SECCOMP = 2,
	PS_PROTECT_KEYRING = 4
};

struct ps_policy {
	uint32_t insecure;	 /* allowed PS_INSECURE_* */
	uint64_t caps_image;	 /* what an image may ask: bit n, capability n */
	uint64_t caps_operator;	 /* what --caps-retain may ask */
	bool seccomp_wide;	 /* --seccomp may use the wide ceiling */
	bool net_host;		 /* --net=host */
	bool tree_at_launch;	 /* check-tree launch: digest worker at run */
	uint64_t max_image, max_tree; /* bytes */
	uint64_t max_ratio, max_entries;
	uint64_t verifiers;	 /* 1, or 2: both must agree */
	uint32_t id_first, id_count; /* ranges of 65536 start here; how many */
	uint32_t best_effort;	 /* PS_PROTECT_* */
	bool trust_from_https;	 /* --trust-keys-from-https may be used */
	bool no_rollback;	 /* an older signed version of a name is refused */
	bool discovery_private;	 /* discovery may lead to private addresses */
	uint64_t pids;		 /* most processes of a pod, 0 no limit */
	bool pids_said;		 /* by a file, so it is required */
	uint16_t n_root;	 /* host paths below which a pod manifest's volumes lie */
	const char *root[PS_MAX_LIST];
	const char *data_dir;	 /* NULL: built-in default */
	uint16_t n_pin, n_deny, n_deny_key;
	uint8_t pin[PS_MAX_LIST][PS_DIGEST];	/* image ids; any: only those run */
	uint8_t deny[PS_MAX_LIST][PS_DIGEST];
	const char *deny_key[PS_MAX_LIST]; /* primary fingerprints */
};

/* What holds without any file: rkt's defaults. */
void ps_policy_default(struct ps_policy *ret);

/* Applies text[0..n) to *policy; text is split in place and must outlive it.
 * 0, or -EBADMSG with "line N: ..." in error.  On failure *policy is
 * untouched. */
int ps_policy_apply(struct ps_policy *policy, char *text, size_t n,
    char error[256]);

/* "none", "all", "any" or a comma list of rkt's words -> bits; false: which
 * word is wrong is left in *ret_word (length *ret_n). */
bool ps_parse_insecure(const char *list, uint32_t *ret, const char **ret_word,
    size_t *ret_n);

/* "default", "none", "all" or comma list of CAP_* -> mask. */
bool ps_parse_caps(const char *list, uint64_t *ret);
/* One name, "CAP_CHOWN"; -1 unknown. */
int ps_cap_number(const char *name, size_t n);
/* Name of capability n, NULL behind the last. */
const char *ps_cap_name(unsigned n);

#define PS_CAPS_DEFAULT 0xa80425fbull /* rkt's 14, reference: man rkt-policy */
