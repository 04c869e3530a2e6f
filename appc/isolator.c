/*
 * Isolator values.  Input: hostile JSON.  A table says which are known; the
 * rest is kept by name.  A known isolator with a bad value refuses the image:
 * guessing would run the app with less confinement than was asked for.
 */
#include "appc/isolator.h"

#include <cap-ng.h>
#include <errno.h>
#include <string.h>

#include "appc/json.h"
#include "privsep/attr.h"
#include "privsep/name.h"

#define MAX_SET 512u
#define MAX_ISOLATORS 64u
#define MAX_SYSCTLS 64u
#define MAX_SYSCTL 511u /* of NAME=VALUE */

int
ac_capability(const char *name)
{
	static const char class[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

	if (strncmp(name, "CAP_", 4) != 0 || name[4] == '\0' ||
	    strspn(name, class) != strlen(name))
		return -1;
	return capng_name_to_capability(name + 4);
}

static int
get_quantity(struct ac_in *in, json_t *v, uint64_t scale, uint64_t *ret)
{
	uint64_t n;
	int r;

	if (json_is_integer(v) && json_integer_value(v) >= 0) {
		n = (uint64_t)json_integer_value(v);
		if (__builtin_mul_overflow(n, scale, &n))
			return ac_fail(in, "out of range");
	} else if (json_is_string(v)) {
		r = ac_quantity(json_string_value(v), scale, &n);
		if (r < 0)
			return ac_fail(in, r == -ERANGE ? "out of range" :
							  "not a quantity");
	} else {
		return ac_fail(in, "must be a quantity");
	}
	*ret = n;
	return 0;
}

/* {"request": Q, "limit": Q} into a pair of numbers. */
static int
get_resource(struct ac_in *in, json_t *v, uint64_t scale, uint64_t *request,
    uint64_t *limit)
{
	json_t *q = json_object_get(v, "request");
	int r = 0;

	if (!json_is_object(v))
		return ac_fail(in, "must be an object");
	if (q && !json_is_null(q))
		r = get_quantity(in, q, scale, request);
	q = json_object_get(v, "limit");
	if (r == 0 && q && !json_is_null(q)) {
		r = get_quantity(in, q, scale, limit);
		if (r == 0 && *limit == 0)
			return ac_fail(in, "a limit of nothing");
	}
	return r;
}

static int
get_memory(struct ac_in *in, json_t *v, void *out)
{
	struct ac_isolators *i = out;

	return get_resource(in, v, 1, &i->memory_request, &i->memory_limit);
}

static int
get_cpu(struct ac_in *in, json_t *v, void *out)
{
	struct ac_isolators *i = out;

	return get_resource(in, v, 1000, &i->cpu_request, &i->cpu_limit);
}

/* "default": true says that it is for every disk; there is no other way. */
static int
get_block(struct ac_in *in, json_t *v, uint64_t *request, uint64_t *limit)
{
	int r = get_resource(in, v, 1, request, limit);

	if (r == 0 && !json_is_true(json_object_get(v, "default")))
		return ac_fail(in, "must say \"default\": true");
	return r;
}

static int
get_bandwidth(struct ac_in *in, json_t *v, void *out)
{
	struct ac_isolators *i = out;

	return get_block(in, v, &i->bandwidth_request, &i->bandwidth_limit);
}

static int
get_iops(struct ac_in *in, json_t *v, void *out)
{
	struct ac_isolators *i = out;

	return get_block(in, v, &i->iops_request, &i->iops_limit);
}

/* net/ipv4/x is net.ipv4.x; no part of a name is empty, or ".". */
static int
get_sysctl(struct ac_in *in, struct ac_pair *p)
{
	size_t n = strlen(p->name);
	char *name = ac_alloc(in->arena, n + 1);
	bool slashes = strchr(p->name, '/') != NULL;

	if (!name)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (slashes && p->name[i] == '.')
			return ac_fail(in, "a name has both dots and slashes");
		name[i] = p->name[i] == '/' ? '.' : p->name[i];
	}
	if (!ps_is_acid(name, n) || strchr(name, '~'))
		return ac_fail(in, "a name is not one of a sysctl");
	if (p->value[0] == '\0' || !ps_is_print(p->value, strlen(p->value)) ||
	    n + 1 + strlen(p->value) > MAX_SYSCTL)
		return ac_fail(in, "a value is empty, not printable or too long");
	p->name = name;
	return 0;
}

static int
get_sysctls(struct ac_in *in, json_t *v, void *out)
{
	struct ac_pairs *all = &((struct ac_isolators *)out)->sysctls;
	int r = ac_get_map(in, v, all);

	if (r == 0 && all->n > MAX_SYSCTLS)
		return ac_fail(in, "too many items");
	for (size_t i = 0; r == 0 && i < all->n; i++) {
		r = get_sysctl(in, &all->v[i]);
		for (size_t k = 0; r == 0 && k < i; k++)
			if (strcmp(all->v[i].name, all->v[k].name) == 0)
				r = ac_fail(in, "a name stands there twice");
	}
	return r;
}

static int
get_cpu_shares(struct ac_in *in, json_t *v, void *out)
{
	struct ac_isolators *i = out;
	int64_t n;
	int r = ac_integer(in, v, 2, 262144, &n);

	if (r == 0)
		i->cpu_shares = (uint32_t)n;
	return r;
}

static int
get_oom(struct ac_in *in, json_t *v, void *out)
{
	struct ac_isolators *i = out;
	int64_t n;
	int r = ac_integer(in, v, -1000, 1000, &n);

	if (r == 0) {
		i->oom_score_adj = (int32_t)n;
		i->has_oom = true;
	}
	return r;
}

static int
get_no_new_privs(struct ac_in *in, json_t *v, void *out)
{
	struct ac_isolators *i = out;

	i->has_no_new_privs = true;
	return ac_get_bool(in, v, &i->no_new_privs);
}

static bool
is_capability(const char *s, size_t n)
{
	(void)n;
	return ac_capability(s) >= 0;
}

static int
get_capability(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_class want = { 64, is_capability,
		"a capability, as CAP_KILL" };

	return ac_text(in, v, &want, out);
}

static bool
is_syscall(const char *s, size_t n)
{
	static const char class[] =
	    "abcdefghijklmnopqrstuvwxyz0123456789_.-/@";

	return n > 0 && strspn(s, class) == n;
}

static int
get_syscall(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_class want = { 64, is_syscall,
		"a system call, or a set of them" };

	return ac_text(in, v, &want, out);
}

/* {"set": [...]}, not empty. */
static int
get_set(struct ac_in *in, json_t *v, ac_get *get, struct ac_strs *ret)
{
	const struct ac_items what = { MAX_SET, sizeof(char *), get };
	json_t *set = json_object_get(v, "set");
	size_t at;
	int r;

	if (!json_is_object(v))
		return ac_fail(in, "must be an object");
	at = ac_enter(in, "set", 0);
	if (json_array_size(set) == 0)
		return ac_fail(in, "must not be empty");
	r = ac_array(in, set, &what, &ret->v, &ret->n);
	if (r == 0)
		ac_leave(in, at);
	return r;
}

static int
get_caps(struct ac_in *in, json_t *v, struct ac_isolators *i, enum ac_set set)
{
	struct ac_strs names;
	int r;

	if (i->caps_set != AC_SET_NONE)
		return ac_fail(in, "retain and remove sets exclude each other");
	r = get_set(in, v, get_capability, &names);
	for (size_t k = 0; r == 0 && k < names.n; k++)
		i->caps |= UINT64_C(1) << (unsigned)ac_capability(names.v[k]);
	i->caps_set = set;
	return r;
}

static int
get_caps_retain(struct ac_in *in, json_t *v, void *out)
{
	return get_caps(in, v, out, AC_SET_RETAIN);
}

static int
get_caps_remove(struct ac_in *in, json_t *v, void *out)
{
	return get_caps(in, v, out, AC_SET_REMOVE);
}

static bool
is_errno(const char *s, size_t n)
{
	return n > 1 && s[0] == 'E' &&
	    strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == n;
}

static int
get_seccomp(struct ac_in *in, json_t *v, struct ac_isolators *i,
    enum ac_set set)
{
	static const struct ac_class want = { 32, is_errno,
		"an error, as EPERM" };
	json_t *e = json_object_get(v, "errno");
	int r;

	if (i->seccomp_set != AC_SET_NONE)
		return ac_fail(in, "only one seccomp isolator is allowed");
	i->seccomp_set = set;
	r = get_set(in, v, get_syscall, &i->seccomp);
	if (r < 0 || !e || json_is_null(e) ||
	    (json_is_string(e) && json_string_length(e) == 0))
		return r;
	return ac_text(in, e, &want, &i->seccomp_errno);
}

static int
get_seccomp_retain(struct ac_in *in, json_t *v, void *out)
{
	return get_seccomp(in, v, out, AC_SET_RETAIN);
}

static int
get_seccomp_remove(struct ac_in *in, json_t *v, void *out)
{
	return get_seccomp(in, v, out, AC_SET_REMOVE);
}

static const struct {
	const char *name;
	ac_get *get;
} known[] = {
	{ "resource/memory", get_memory },
	{ "resource/cpu", get_cpu },
	{ "resource/block-bandwidth", get_bandwidth },
	{ "resource/block-iops", get_iops },
	{ "os/unix/sysctl", get_sysctls },
	{ "os/linux/cpu-shares", get_cpu_shares },
	{ "os/linux/oom-score-adj", get_oom },
	{ "os/linux/capabilities-retain-set", get_caps_retain },
	{ "os/linux/capabilities-remove-set", get_caps_remove },
	{ "os/linux/no-new-privileges", get_no_new_privs },
	{ "os/linux/seccomp-retain-set", get_seccomp_retain },
	{ "os/linux/seccomp-remove-set", get_seccomp_remove },
};

struct named {
	const char *name;
	json_t *value;
};

static int
get_raw(struct ac_in *in, json_t *v, void *out)
{
	(void)in;
	*(json_t **)out = v;
	return 0;
}

static int
get_named(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_field fields[] = {
		{ "name", ac_get_acid, offsetof(struct named, name),
		    AC_REQUIRED },
		{ "value", get_raw, offsetof(struct named, value), 0 },
		{ NULL, NULL, 0, 0 },
	};

	return ac_object(in, v, fields, out);
}

static int
get_one(struct ac_in *in, const struct named *one, struct ac_isolators *out)
{
	size_t at = ac_enter(in, one->name, 0);

	for (size_t k = 0; k < PS_COUNT(known); k++) {
		int r;

		if (strcmp(one->name, known[k].name) != 0)
			continue;
		r = one->value ? known[k].get(in, one->value, out) :
				 ac_fail(in, "has no value");
		ac_leave(in, at);
		return r;
	}
	out->unsupported.v[out->unsupported.n++] = one->name;
	ac_leave(in, at);
	return 0;
}

int
ac_get_isolators(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_items what = { MAX_ISOLATORS,
		sizeof(struct named), get_named };
	struct ac_isolators *i = out;
	struct named *list;
	size_t n;
	int r = ac_array(in, v, &what, &list, &n);

	if (r < 0)
		return r;
	i->unsupported.v = ac_alloc(in->arena, n * sizeof(char *));
	if (!i->unsupported.v)
		return -ENOMEM;
	for (size_t k = 0; k < n; k++) {
		for (size_t j = 0; j < k; j++)
			if (strcmp(list[j].name, list[k].name) == 0)
				return ac_fail(in, "a name stands there twice");
		r = get_one(in, &list[k], i);
		if (r < 0)
			return r;
	}
	return 0;
}
