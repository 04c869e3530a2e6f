/*
 * rkt version: what this is.  Conductor, user rkt; reads nothing.
 */
#include <string.h>
#include <sys/utsname.h>

#include "cli/commands.h"
#include "privsep/paths.h"

static int
run(struct cli *c)
{
	struct utsname u;
	const char *arch;

	if (c->argc > 0)
		return cli_fail("takes no arguments");
	if (uname(&u) < 0)
		return cli_fail("cannot ask the kernel for its name");
	arch = strcmp(u.machine, "x86_64") == 0 ? "amd64" : u.machine;
	(void)printf("rkt Version: %s\nappc Version: 0.8.11\n"
		     "C Compiler: %s\nOS/Arch: linux/%s\n"
		     "Features: -TPM +SDJOURNAL\n",
	    ps_version, __VERSION__, arch);
	return 0;
}

const struct cli_command cli_cmd_version = {
	.name = "version",
	.summary = "print the versions of rkt and of its formats",
	.needs = CLI_ALONE | CLI_NO_DATA,
	.run = run,
};
