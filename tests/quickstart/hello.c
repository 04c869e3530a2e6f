/*
 * The app of the quickstart: says hello, and what it is from inside its pod.
 * Links nothing, so that it is the whole image.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Prints the lines of path that begin with one of words (all, without). */
static void
show(const char *title, const char *path, const char *const *words)
{
	char line[512];
	FILE *f = fopen(path, "r");

	if (f == NULL) {
		printf("%s: cannot be read\n", title);
		return;
	}
	while (fgets(line, sizeof(line), f) != NULL) {
		int wanted = words == NULL;

		for (const char *const *w = words; w && *w; w++)
			wanted |= strncmp(line, *w, strlen(*w)) == 0;
		line[strcspn(line, "\n")] = '\0';
		if (wanted)
			printf("%s: %s\n", title, line);
	}
	(void)fclose(f);
}

int
main(void)
{
	static const char *const words[] = { "CapEff", "CapBnd", "NoNewPrivs",
		"Seccomp:", "Seccomp_filters", NULL };
	char host[65] = "";

	(void)gethostname(host, sizeof(host) - 1);
	printf("hello from %s\n", host);
	printf("uid: %u\n", (unsigned)getuid());
	show("uid_map", "/proc/self/uid_map", NULL);
	show("status", "/proc/self/status", words);
	show("cgroup", "/proc/self/cgroup", NULL);
	return fflush(stdout) == 0 ? 0 : 1;
}
