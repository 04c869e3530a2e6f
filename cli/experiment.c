/*
 * Experiments, by the caller's environment.  Conductor, user rkt; the words
 * are the operator's.
 */
#include "cli/experiment.h"

#include <string.h>

#include "cli/cli.h"

const char *
cli_experiment_off(const char *name)
{
	const char *key = cli_format("RKT_EXPERIMENT_%s=", name);
	size_t n = strlen(key);
	bool on = false;

	for (char **e = environ; *e; e++)
		if (strncmp(*e, key, n) == 0 &&
		    cli_set_bool(&on, *e + n) != NULL)
			return cli_format("%.*s: \"%s\" is not true or false",
			    (int)n - 1, key, *e + n);
	if (on)
		return NULL;
	return cli_format("this is an experiment that is not enabled: set "
			  "%strue", key);
}

int
cli_experiment(const char *name)
{
	const char *wrong = cli_experiment_off(name);

	return wrong ? cli_fail("%s", wrong) : 0;
}
