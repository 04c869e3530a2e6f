/* link: @cli @appc @privsep */
/* One command line, two readers: the conductor's parser and the launcher's,
 * which has none.  Each image, and which words are whose, is the same to both,
 * or the launcher says no. */
#include "launcher/argv.c"

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/run.h"
#include "tests/unit/test.h"

#define MAX_WORDS 16

static bool
is_bare(const char *name)
{
	for (size_t i = 0; i < PS_COUNT(bare_flags); i++)
		if (strcmp(bare_flags[i] + 2, name) == 0)
			return true;
	return false;
}

/* A flag that the one thinks has a value and the other not would move a word
 * from an image to another. */
static void
flags_without_value(void **state)
{
	const struct cli_flag *const tables[] = { cli_global_flags,
		cli_run_pod_flags, cli_prepare_pod_flags, cli_run_app_flags,
		cli_cmd_export.flags };
	bool found[PS_COUNT(bare_flags)] = { false };
	unsigned n = 0;

	(void)state;
	for (size_t t = 0; t < PS_COUNT(tables); t++)
		for (const struct cli_flag *f = tables[t]; f->name; f++) {
			if (f->set == cli_set_unsupported ||
			    strncmp(f->name, "stage1-", 7) == 0)
				continue; /* the conductor goes no further */
			n++;
			if ((f->bare != NULL) != is_bare(f->name))
				fail_msg("--%s: launcher/argv.c and the flag's "
				    "row differ", f->name);
			for (size_t i = 0; i < PS_COUNT(bare_flags); i++)
				found[i] |= strcmp(bare_flags[i] + 2, f->name) == 0;
		}
	for (size_t i = 0; i < PS_COUNT(bare_flags); i++)
		if (!found[i])
			fail_msg("%s is no flag of run, prepare or export", bare_flags[i]);
	assert_in_range(n, 50, 200);
}

static const char *const words[] = { "a", "b.example/c", "-", "", "--", "---",
	"--net", "--net=host", "--dir", "/x", "--debug", "--interactive=false",
	"--volume", "v,kind=empty", "--name", "n", "--memory", "1G", "--memory=2G",
	"--readonly-rootfs", "--exec", "--user", "5", "--mount",
	"volume=v,target=/t", "--caps-retain=CAP_KILL", "--help", "-h",
	"--insecure-options=image", "--set-env", "A=b" };

static const char *
in_one(char *const *line)
{
	static char text[1000];

	text[0] = '\0';
	for (; *line; line++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    " '%s'", *line);
	return text;
}

static bool
same_images(struct ln_argv a, const struct cli_run_pod *p)
{
	struct ln_argv app;
	unsigned n = 0;

	for (; ln_argv_app(a, n, &app); n++)
		if (n >= p->n_apps || app.argv[0] != p->apps[n].image)
			break;
	return n == p->n_apps && !ln_argv_app(a, n, &app);
}

/* "-", and a flag behind "---", are images to the conductor, which finds none
 * of that name. */
static bool
has_odd_image(const struct cli_run_pod *p)
{
	for (unsigned i = 0; i < p->n_apps; i++)
		if (p->apps[i].image[0] == '-')
			return true;
	return false;
}

/* The words of each app are its own to both. */
static void
compare_words(struct ln_argv a, const struct cli_run_pod *p, char *const *line)
{
	struct ln_argv app;

	for (unsigned i = 0; i < p->n_apps; i++) {
		const struct cli_run_app *said = &p->apps[i];

		assert_true(ln_argv_app(a, i, &app));
		if (said->readonly_rootfs && !ln_argv_flag(app, "--readonly-rootfs"))
			fail_msg("app %u lost --readonly-rootfs: %s", i, in_one(line));
		if (said->memory && !ln_argv_option(app, "--memory", said->memory))
			fail_msg("app %u lost --memory: %s", i, in_one(line));
		if (said->user && !ln_argv_option(app, "--user", said->user))
			fail_msg("app %u lost --user: %s", i, in_one(line));
	}
}

static void
lines(void **state)
{
	uint64_t seed = 11;
	unsigned parsed = 0, several = 0;

	(void)state;
	for (unsigned n = 0; n < 50000; n++) {
		char *line[MAX_WORDS + 3] = { "rkt", "run" }, *copy[MAX_WORDS + 3];
		size_t count = 2 + test_random(&seed) % MAX_WORDS;
		struct cli_run_pod p = { .policy = CLI_PULL_NEW };
		struct cli_globals g = { 0 };
		struct ln_argv a = { (int)count, line };

		for (size_t i = 2; i < count; i++)
			line[i] = (char *)(uintptr_t)
			    words[test_random(&seed) % PS_COUNT(words)];
		memcpy(copy, line, sizeof(line));
		if (cli_run_parse(&p, cli_run_pod_flags, &g, copy + 2) || g.help)
			continue;
		parsed++;
		several += p.n_apps > 1;
		if (same_images(a, &p) == has_odd_image(&p))
			fail_msg("other images: %s", in_one(line));
		if (!has_odd_image(&p))
			compare_words(a, &p, line);
	}
	assert_in_range(parsed, 1000, 199999);
	assert_in_range(several, 200, 199999);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags_without_value),
		cmocka_unit_test(lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
