/*
 * mkpolicy NAME FILE: compile a seccomp policy text to a C header with a BPF
 * array.  Runs at build time only, as whoever builds.  Lines:
 *
 *	default kill | allow | errno ENAME	(first; kill when absent)
 *	allow NAME [aN==VALUE | aN!=VALUE | aN<=VALUE | aN&MASK==VALUE]...
 *	errno ENAME NAME [conditions]
 *	kill NAME [conditions]
 *
 * Each ends in a comment that says who needs it: "# why"; a rule without one
 * is an error, for every allowed call carries its reason.  A call that the
 * machine does not have is an error but for rules marked "?": `allow ?NAME`.
 * Other architectures' calls (i386, x32) kill.
 */
#include <ctype.h>
#include <errno.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *file;
static unsigned line_number;

static void
fail(const char *why, const char *what)
{
	fprintf(stderr, "%s:%u: %s: %s\n", file, line_number, why, what);
	exit(1);
}

static const struct {
	const char *name;
	int value;
} errnos[] = {
	{ "EPERM", EPERM },
	{ "ENOSYS", ENOSYS },
	{ "EACCES", EACCES },
	{ "EINVAL", EINVAL },
	{ "ENOENT", ENOENT },
	{ "EAFNOSUPPORT", EAFNOSUPPORT },
	{ "ENOTTY", ENOTTY },
};

static int
errno_value(const char *name)
{
	for (size_t i = 0; i < sizeof(errnos) / sizeof(errnos[0]); i++)
		if (strcmp(errnos[i].name, name) == 0)
			return errnos[i].value;
	fail("unknown errno", name);
	return 0;
}

static uint64_t
number(char **p)
{
	char *end;
	uint64_t v = strtoull(*p, &end, 0);

	if (end == *p)
		fail("not a number", *p);
	*p = end;
	return v;
}

/* "a1&0x80==0" and the like. */
static struct scmp_arg_cmp
condition(char *s)
{
	struct scmp_arg_cmp c = { 0 };
	char *p = s + 2;

	if (s[0] != 'a' || s[1] < '0' || s[1] > '5')
		fail("not a condition", s);
	c.arg = (unsigned)(s[1] - '0');
	if (*p == '&') {
		p++;
		c.op = SCMP_CMP_MASKED_EQ;
		c.datum_a = number(&p);
		if (strncmp(p, "==", 2) != 0)
			fail("wants aN&MASK==VALUE", s);
		p += 2;
		c.datum_b = number(&p);
	} else {
		c.op = strncmp(p, "==", 2) == 0 ? SCMP_CMP_EQ :
		    strncmp(p, "!=", 2) == 0	? SCMP_CMP_NE :
		    strncmp(p, "<=", 2) == 0	? SCMP_CMP_LE :
						  _SCMP_CMP_MIN;
		if (c.op == _SCMP_CMP_MIN)
			fail("unknown comparison", s);
		p += 2;
		c.datum_a = number(&p);
	}
	if (*p != '\0')
		fail("trailing text", s);
	return c;
}

static uint32_t
action_of(const char *word, char **save)
{
	if (strcmp(word, "allow") == 0)
		return SCMP_ACT_ALLOW;
	if (strcmp(word, "kill") == 0)
		return SCMP_ACT_KILL_PROCESS;
	if (strcmp(word, "errno") == 0) {
		const char *name = strtok_r(NULL, " \t", save);

		return SCMP_ACT_ERRNO((uint32_t)errno_value(name ? name : ""));
	}
	fail("unknown action", word);
	return 0;
}

static void
rule(scmp_filter_ctx ctx, uint32_t action, char **save)
{
	struct scmp_arg_cmp conditions[6];
	char *name = strtok_r(NULL, " \t", save), *word;
	unsigned n = 0;
	int optional = name && name[0] == '?', nr, r;

	if (name == NULL)
		fail("a call is missing", "");
	nr = seccomp_syscall_resolve_name(name + optional);
	while ((word = strtok_r(NULL, " \t", save)) != NULL && n < 6)
		conditions[n++] = condition(word);
	if (nr < 0) {
		/* libseccomp may be older than the kernel: "name=NR" */
		char *eq = strchr(name, '=');

		if (eq)
			nr = (int)strtol(eq + 1, NULL, 10);
	}
	if (nr < 0) {
		if (optional)
			return;
		fail("no such system call", name);
	}
	r = seccomp_rule_add_exact_array(ctx, action, nr, n, conditions);
	if (r < 0)
		fail(strerror(-r), name);
}

static void
emit(scmp_filter_ctx ctx, const char *name)
{
	struct sock_filter *code;
	struct stat st;
	char symbol[64];
	int fd = memfd_create("bpf", 0);

	if (seccomp_export_bpf(ctx, fd) < 0 || fstat(fd, &st) < 0)
		fail("cannot compile", name);
	code = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	snprintf(symbol, sizeof(symbol), "%s", name);
	for (char *p = symbol; *p; p++)
		if (!isalnum((unsigned char)*p))
			*p = '_';
	printf("/* made by mkpolicy from policies/%s.policy */\n#pragma once\n"
	       "#include <linux/filter.h>\n\n"
	       "static const struct sock_filter policy_%s[] = {\n",
	    name, symbol);
	for (size_t i = 0; i < (size_t)st.st_size / sizeof(*code); i++)
		printf("\t{ 0x%04x, %u, %u, 0x%08xu },\n", code[i].code, code[i].jt,
		    code[i].jf, code[i].k);
	printf("};\n");
}

int
main(int argc, char **argv)
{
	scmp_filter_ctx ctx = NULL;
	uint32_t fallback = SCMP_ACT_KILL_PROCESS;
	char text[1024];
	FILE *in;

	if (argc != 3 || !(in = fopen(argv[2], "r"))) {
		fprintf(stderr, "usage: mkpolicy NAME FILE\n");
		return 1;
	}
	file = argv[2];
	while (fgets(text, sizeof(text), in)) {
		char *hash = strchr(text, '#'), *save = NULL, *word;

		line_number++;
		text[strcspn(text, "\n")] = '\0';
		if (hash)
			*hash = '\0';
		word = strtok_r(text, " \t", &save);
		if (word == NULL)
			continue;
		if (strcmp(word, "default") == 0) {
			if (ctx)
				fail("must come first", word);
			word = strtok_r(NULL, " \t", &save);
			fallback = action_of(word ? word : "", &save);
			continue;
		}
		if (hash == NULL || hash[1] == '\0')
			fail("a rule without its reason", word);
		if (ctx == NULL) {
			ctx = seccomp_init(fallback);
			seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH,
			    SCMP_ACT_KILL_PROCESS);
			seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
		}
		rule(ctx, action_of(word, &save), &save);
	}
	if (ctx == NULL)
		fail("empty policy", argv[2]);
	emit(ctx, argv[1]);
	return 0;
}
