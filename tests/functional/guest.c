/*
 * The app of the functional tests: a static program that tells what it is,
 * or tries what it should not.  Its arguments are acts, one after another,
 * each followed by its own words:
 *
 *	guest facts , read /etc/x , try mount , exit 7
 *
 * Prints "key=value" lines, for a test to compare.
 */
#include "guest.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

int guest_argc;
char **guest_argv;

static const struct word *const tables[] = { guest_facts, guest_try,
	guest_acts };

static const struct word *
find(const char *name)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct word *w = tables[i]; w->name; w++)
			if (strcmp(w->name, name) == 0)
				return w;
	return NULL;
}

int
main(int argc, char **argv)
{
	guest_argc = argc;
	guest_argv = argv;
	for (int i = 1; i < argc; i++) {
		const struct word *w = find(argv[i]);

		if (w && argc - i - 1 < w->words)
			return 99;
		if (w) {
			w->act(argv + i + 1);
			i += w->words;
		}
		(void)fflush(stdout);
	}
	return fflush(stdout) == 0 ? 0 : 98;
}
