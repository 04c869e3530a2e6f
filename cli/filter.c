/*
 * App filters, conductor, user rkt.  Input: an image's or the operator's lists
 * of names.  Whatever comes out here only narrows: the ceiling is appexec's.
 */
#include "cli/filter.h"

#include <errno.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "cli/seccomp_sets.h"
#include "privsep/fds.h"
#include "privsep/log.h"

/* What one list is being added to. */
struct building {
	scmp_filter_ctx ctx;
	uint32_t action; /* of the calls named */
	bool strict;	 /* an unknown name is an error */
};

static void
release(scmp_filter_ctx *ctx)
{
	if (*ctx)
		seccomp_release(*ctx);
}

void
cli_filter_warm(void)
{
	static const uint32_t actions[] = { SCMP_ACT_KILL_PROCESS,
		SCMP_ACT_ERRNO(1) };

	for (size_t i = 0; i < PS_COUNT(actions); i++) {
		scmp_filter_ctx ctx = seccomp_init(actions[i]);

		release(&ctx);
	}
}

int
cli_errno_number(const char *name)
{
	for (int i = 1; i < 134; i++) {
		const char *known = strerrorname_np(i);

		if (known && strcmp(known, name) == 0)
			return i;
	}
	if (strcmp(name, "EAGAIN") == 0 || strcmp(name, "EWOULDBLOCK") == 0)
		return EAGAIN;
	return strcmp(name, "ENOTSUP") == 0 ? ENOTSUP : 0;
}

static const char *
add_call(struct building *b, const char *name, bool named)
{
	int nr = seccomp_syscall_resolve_name(name);
	int r;

	if (nr == __NR_SCMP_ERROR && named && b->strict)
		return cli_format("unknown system call \"%s\"", name);
	if (nr == __NR_SCMP_ERROR && named)
		ps_log("warning: unknown system call \"%s\" in a seccomp "
		       "isolator is ignored", name);
	if (nr < 0)
		return NULL;
	r = seccomp_rule_add(b->ctx, b->action, nr, 0);
	if (r < 0 && r != -EEXIST)
		return cli_format("cannot filter \"%s\": %s", name, strerror(-r));
	return NULL;
}

static const char *
add_words(struct building *b, const char *words)
{
	const char *wrong = NULL;

	while (words && *words != '\0' && wrong == NULL) {
		size_t n = strcspn(words, " ");

		wrong = add_call(b, cli_copy_n(words, n), false);
		words += n + (words[n] == ' ');
	}
	return wrong;
}

static const char *
add_calls(struct building *b, const char *const *calls, size_t n)
{
	const char *wrong = NULL;

	for (size_t i = 0; i < n && wrong == NULL; i++) {
		const struct cli_seccomp_set *set = cli_seccomp_set(calls[i]);

		if (set == NULL && calls[i][0] == '@')
			return cli_format("unknown system call set \"%s\"",
			    calls[i]);
		if (set == NULL)
			wrong = add_call(b, calls[i], true);
		for (size_t k = 0; set && k < PS_COUNT(set->calls) && !wrong; k++)
			wrong = add_words(b, set->calls[k]);
	}
	return wrong;
}

static bool
names_kind(const char *const *calls, size_t n, enum cli_set_kind kind)
{
	for (size_t i = 0; i < n; i++) {
		const struct cli_seccomp_set *set = cli_seccomp_set(calls[i]);

		if (set && set->kind == kind)
			return true;
	}
	return false;
}

static const char *
export(scmp_filter_ctx ctx, struct cli_filter *ret)
{
	_cleanup_fd_ int fd = memfd_create("filter", MFD_CLOEXEC);
	struct stat st;
	uint8_t *code;
	int r = fd < 0 ? -errno : seccomp_export_bpf(ctx, fd);

	if (r == 0 && fstat(fd, &st) < 0)
		r = -errno;
	if (r < 0)
		return cli_format("cannot compile the filter: %s", strerror(-r));
	if (st.st_size > (off_t)CLI_MAX_FILTER)
		return "the seccomp isolator is too long";
	code = cli_alloc((size_t)st.st_size);
	r = ps_pread_full(fd, code, (size_t)st.st_size, 0);
	if (r < 0)
		return cli_format("cannot read the filter: %s", strerror(-r));
	*ret = (struct cli_filter){ .code = code, .size = (size_t)st.st_size };
	return NULL;
}

/* A retain set of all narrows nothing, nor does removing nothing. */
static bool
is_idle(enum ac_set mode, const char *const *calls, size_t n)
{
	return mode == AC_SET_NONE ||
	    (mode == AC_SET_RETAIN && names_kind(calls, n, CLI_SET_ALL)) ||
	    (mode == AC_SET_REMOVE && n == 1 &&
		names_kind(calls, n, CLI_SET_EMPTY));
}

const char *
cli_filter_build(enum ac_set mode, const char *const *calls, size_t n,
    const char *error, bool wide, struct cli_filter *ret)
{
	_cleanup_(release) scmp_filter_ctx ctx = NULL;
	struct cli_filter nothing = { 0 };
	int number = error ? cli_errno_number(error) : 0;
	uint32_t blocked = number ? SCMP_ACT_ERRNO((uint32_t)number) :
				    SCMP_ACT_KILL_PROCESS;
	bool retain = mode == AC_SET_RETAIN;
	struct building b = { .action = retain ? SCMP_ACT_ALLOW : blocked,
		.strict = !retain && wide };
	const char *wrong;

	if (error && number == 0)
		return cli_format("unknown errno \"%s\"", error);
	if (is_idle(mode, calls, n)) {
		*ret = nothing;
		return NULL;
	}
	if (!retain && names_kind(calls, n, CLI_SET_ALL))
		return "removing @appc.io/all leaves an app nothing to run with";
	ctx = seccomp_init(retain ? blocked : SCMP_ACT_ALLOW);
	if (ctx == NULL || seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2) < 0)
		return "libseccomp cannot make a filter";
	b.ctx = ctx;
	wrong = add_calls(&b, calls, n);
	/* Without these nothing can be started at all. */
	if (wrong == NULL && retain)
		wrong = add_words(&b,
		    cli_seccomp_set("@systemd/default-whitelist")->calls[0]);
	return wrong ? wrong : export(ctx, ret);
}

const char *
cli_parse_seccomp(const char *text, enum ac_set *ret_mode,
    const char **ret_error, struct cli_list *ret_calls)
{
	*ret_mode = AC_SET_NONE;
	*ret_error = NULL;
	while (*text != '\0') {
		size_t n = strcspn(text, ",");
		const char *word = cli_copy_n(text, n);

		if (strcmp(word, "mode=retain") == 0)
			*ret_mode = AC_SET_RETAIN;
		else if (strcmp(word, "mode=remove") == 0)
			*ret_mode = AC_SET_REMOVE;
		else if (strncmp(word, "errno=", 6) == 0)
			*ret_error = word + 6;
		else if (n == 0 || strchr(word, '='))
			return cli_format("\"%s\" is neither mode=, errno= nor a "
					  "system call", word);
		else
			cli_list_add(ret_calls, word);
		text += n + (text[n] == ',');
	}
	if (*ret_mode == AC_SET_NONE)
		return "wants mode=retain or mode=remove";
	if (ret_calls->n == 0)
		return "names no system call";
	return NULL;
}
