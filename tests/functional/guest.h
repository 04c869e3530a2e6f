#pragma once
/* The guest's acts, by what they do: a table a file, ended by a NULL name. */
struct word {
	const char *name;
	int words; /* that follow, and are the act's */
	void (*act)(char **words);
};

extern const struct word guest_facts[], guest_try[], guest_acts[];
extern int guest_argc;
extern char **guest_argv;
