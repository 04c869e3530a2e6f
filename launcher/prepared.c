/*
 * Prepared pods.  Runs as root.  The files of prepared/<uuid> are root's own;
 * HOSTILE is the plan that says it is theirs.
 */
#include "launcher/prepared.h"

#include <errno.h>
#include <string.h>

#include "launcher/cgroup.h"
#include "launcher/store.h"
#include "launcher/sys.h"
#include "privsep/attr.h"
#include "privsep/name.h"

#define MAX_WORDS 65536u
#define MAX_ARGC 4096

static char words[MAX_WORDS];
static char *list[MAX_ARGC];
static uint8_t old[PS_MAX_PLAN];

int
ln_prepared_note(struct ln_session *s)
{
	size_t at = 0;

	for (int i = 0; i < s->argv.argc; i++) {
		size_t n = strlen(s->argv.argv[i]) + 1;

		if (at + n > sizeof(words) || i >= MAX_ARGC)
			return -E2BIG;
		memcpy(words + at, s->argv.argv[i], n);
		at += n;
	}
	return ln_write_file(s, s->pod, "argv", words, at);
}

static int
read_words(int pod, struct ln_argv *ret)
{
	uint64_t n = 0;
	int argc = 0, r = ln_read_file(pod, "argv", words, sizeof(words), &n);

	if (r < 0 || n == 0 || words[n - 1] != '\0')
		return r < 0 ? r : -EBADMSG;
	for (size_t at = 0; at < n; at += strlen(words + at) + 1) {
		if (argc == MAX_ARGC)
			return -EBADMSG;
		list[argc++] = words + at;
	}
	*ret = (struct ln_argv){ argc, list };
	return 0;
}

int
ln_pod_base(int pod, uint32_t *ret)
{
	char text[32];
	uint64_t base;
	int r = ln_read_words(pod, "private-users-prepared", text, sizeof(text));

	if (r < 0)
		return r;
	text[strcspn(text, ":")] = '\0';
	if (!ps_parse_u64(text, PS_FOREIGN_BASE, &base) || base < PS_RANGE ||
	    base % PS_RANGE != 0 || base == PS_FOREIGN_BASE)
		return -EBADMSG;
	*ret = (uint32_t)base;
	return 0;
}

/* Behind its first record; SIZE_MAX if it is none. */
static size_t
rest_of(const uint8_t *p, uint64_t n)
{
	struct ps_reader r = { .p = p, .size = PS_HEADER, .at = 8 };
	size_t end = n < PS_HEADER ? SIZE_MAX : PS_HEADER + ps_get_u32(&r);

	return end > n ? SIZE_MAX : end;
}

static bool
same_sysctls(const struct ps_msg_PLAN_POD *a, const struct ps_msg_PLAN_POD *b)
{
	for (uint16_t i = 0; i < a->n_sysctls && i < b->n_sysctls; i++)
		if (strcmp(a->sysctls[i], b->sysctls[i]) != 0)
			return false;
	return a->n_sysctls == b->n_sysctls;
}

static bool
same_pod(const struct ps_msg_PLAN_POD *a, const struct ps_msg_PLAN_POD *b)
{
	return strcmp(a->uuid, b->uuid) == 0 && a->apps == b->apps &&
	    a->volumes == b->volumes && a->memory == b->memory &&
	    a->cpu_milli == b->cpu_milli && a->cpu_shares == b->cpu_shares &&
	    a->pids == b->pids && a->mutable == b->mutable &&
	    a->block_bandwidth == b->block_bandwidth &&
	    a->block_iops == b->block_iops && same_sysctls(a, b) && a->n_manifest == b->n_manifest &&
	    memcmp(a->manifest, b->manifest, a->n_manifest) == 0;
}

static int
compare(int pod, const struct ln_plan *plan, const uint8_t *bytes, uint64_t size)
{
	static struct ps_msg_PLAN_POD was;
	uint64_t n = 0;
	int r = ln_read_file(pod, "plan", old, sizeof(old), &n);
	size_t rest = r < 0 ? SIZE_MAX : rest_of(old, n);
	size_t from = rest_of(bytes, size);

	if (rest == SIZE_MAX || ps_decode_PLAN_POD(old + PS_HEADER,
				    rest - PS_HEADER, &was) < 0)
		return r < 0 ? r : -EBADMSG;
	return same_pod(&was, &plan->pod) && from != SIZE_MAX &&
	    n - rest == size - from &&
	    memcmp(old + rest, bytes + from, n - rest) == 0 ? 0 : -EPROTO;
}

int
ln_prepared_open(struct ln_session *s, const struct ln_plan *plan,
    const uint8_t *bytes, uint64_t size, struct ln_argv *ret_made,
    uint32_t *ret_base)
{
	_cleanup_fd_ int pod = ln_pod_lock(s, "prepared", plan->pod.uuid);
	int r;

	if (pod < 0)
		return pod;
	r = compare(pod, plan, bytes, size);
	if (r == 0)
		r = read_words(pod, ret_made);
	if (r == 0)
		r = ln_pod_base(pod, ret_base);
	if (r == 0)
		s->pod = take_fd(pod);
	return r == -ENOENT ? -EBADMSG : r; /* a file of it is gone */
}

int
ln_prepared_renew(struct ln_session *s, const char *uuid, const uint8_t *bytes,
    uint64_t size)
{
	static const char *const half[] = { "cgroup", "ppid" };
	static const char *const trees[] = { "overlay", "stage1" };
	int r = ln_cgroup_remove(uuid, s->pod);

	for (size_t i = 0; r == 0 && i < PS_COUNT(trees); i++) {
		r = ln_remove_tree(s->pod, trees[i]);
		r = r == -ENOENT ? 0 : r;
	}
	for (size_t i = 0; r == 0 && i < PS_COUNT(half); i++) {
		r = sys_unlink(s->pod, half[i], false);
		r = r == -ENOENT ? 0 : r;
	}
	return r < 0 ? r : ln_replace_file(s, s->pod, "plan", bytes, size);
}
