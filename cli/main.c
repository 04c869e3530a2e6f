/*
 * The conductor.  Runs as user rkt, started by the launcher with the caller's
 * whole command line; or as an unprivileged caller, alone.  It reads what the
 * operator wrote, what workers say in typed messages, and manifests of
 * verified images; the last two may be hostile.  It never has a privilege, a
 * network, or a file open for writing that the caller did not name.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "appc/image.h"
#include "cli/cli.h"
#include "cli/session.h"
#include "privsep/log.h"
#include "privsep/name.h"

#define MAX_DIR 1023u /* bytes, as control.def */

/* Flags and words behind the command, in any order; "--" ends the flags. */
static const char *
parse_command(struct cli *c, const struct cli_flagset *sets, size_t n,
    char **argv, int at)
{
	char **words = argv + at;
	int count = 0;

	while (argv[at]) {
		const char *wrong = cli_parse_flags(sets, n, argv, &at);

		if (wrong)
			return wrong;
		if (argv[at] && strcmp(argv[at], "--") == 0) {
			while (argv[++at])
				words[count++] = argv[at];
			break;
		}
		if (argv[at])
			words[count++] = argv[at++];
	}
	words[count] = NULL;
	c->argv = words;
	c->argc = count;
	return NULL;
}

static bool
is_dir(const char *path)
{
	return strlen(path) <= MAX_DIR && ps_is_path(path, strlen(path));
}

/* The launcher opens a directory only by the very words of its command line. */
static const char *
check_globals(const struct cli_globals *g)
{
	const struct {
		const char *flag, *dir;
	} dirs[] = { { "dir", g->dir }, { "system-config", g->system_config },
		{ "local-config", g->local_config },
		{ "user-config", g->user_config } };

	for (size_t i = 0; i < PS_COUNT(dirs); i++)
		if (dirs[i].dir && *dirs[i].dir != '/')
			return cli_format("--%s: \"%s\" is not an absolute path",
			    dirs[i].flag, dirs[i].dir);
		else if (dirs[i].dir && !is_dir(dirs[i].dir))
			return cli_format("--%s: a path of %zu bytes is too long, "
					  "or not printable", dirs[i].flag,
			    strlen(dirs[i].dir));
	return NULL;
}

/* The whole command line.  -1 to go on, else the exit code. */
static int
parse(struct cli *c, int argc, char **argv)
{
	struct cli_flagset sets[2] = { { .flags = cli_global_flags,
		.options = &c->g } };
	const char *wrong, *name, *parent = NULL;
	int at = argc > 0 ? 1 : 0;

	wrong = cli_find_command(argv, &at, sets, &c->command, &parent);
	if (wrong)
		return cli_fail("%s", wrong);
	if (c->command == NULL) {
		FILE *out = c->g.help ? stdout : stderr;

		if (!c->g.help)
			(void)fputs("missing command\n", stderr);
		if (parent)
			cli_print_parent_usage(parent, out);
		else
			cli_print_usage(out);
		return cli_finish(c->g.help ? 0 : CLI_MISSING);
	}
	name = cli_full_name(c->command);
	cli_say_as(name);
	sets[1] = (struct cli_flagset){ .flags = c->command->flags,
		.options = c->command->options };
	c->argv = argv + at;
	c->argc = argc - at;
	if ((c->command->needs & CLI_OWN_ARGS) == 0)
		wrong = parse_command(c, sets, 2, argv, at);
	if (wrong)
		return cli_fail("%s (see rkt %s --help)", wrong, name);
	return -1;
}

static bool
is_edge(int fd)
{
	socklen_t n = sizeof(int);
	int type = 0;

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 &&
	    type == SOCK_SEQPACKET && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

static void
start(struct cli *c)
{
	size_t seed = 0;

	cli_say_as("rkt");
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			_exit(CLI_FAILED);
	c->launched = is_edge(PS_CHAN_FD);
	c->control = (struct ps_chan){ .fd = PS_CHAN_FD, .peer = 'L' };
	c->uid = geteuid();
	if (getuid() == 0 || geteuid() == 0)
		ps_die(CLI_FAILED, "the conductor does not run as root");
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		ps_die(CLI_FAILED, "no random numbers");
	ac_seed(seed);
}

int
main(int argc, char **argv)
{
	static struct cli c = { .data = -1, .system = -1, .local = -1,
		.user = -1 };
	const char *wrong;
	int r;

	start(&c);
	c.words = cli_alloc(((size_t)argc + 1) * sizeof(*c.words));
	memcpy(c.words, argv, (size_t)argc * sizeof(*c.words));
	r = parse(&c, argc, argv);
	if (r >= 0)
		return r;
	ps_log_debug(c.g.debug);
	if (c.command->prepare && !c.g.help) {
		r = c.command->prepare(&c);
		if (r != 0)
			return r;
	}
	ps_log_debug(c.g.debug);
	if (c.g.help) {
		cli_print_help(c.command, stdout);
		return cli_finish(0);
	}
	wrong = check_globals(&c.g);
	if (wrong)
		return cli_fail("%s", wrong);
	r = cli_session_open(&c);
	if (r == 0)
		r = cli_session_close_door(&c);
	if (r == 0)
		r = c.command->run(&c);
	return cli_finish(r);
}
