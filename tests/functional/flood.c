/*
 * An app that takes too much: "shm N" fills /dev/shm with N MiB, "log N" prints
 * N MiB of lines.  Says what came of it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int
fill(const char *path, int mib)
{
	static char block[1 << 20];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	(void)memset(block, 1, sizeof(block));
	for (int i = 0; i < mib; i++)
		if (write(fd, block, sizeof(block)) != (ssize_t)sizeof(block))
			return i;
	return mib;
}

static void
print(int mib)
{
	char line[1024];

	(void)memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	/* No two alike: the journal would keep one. */
	for (int i = 0; i < mib * 1024; i++) {
		line[snprintf(line, sizeof(line), "%d", i)] = ' ';
		(void)fwrite(line, 1, sizeof(line), stdout);
	}
}

int
main(int argc, char **argv)
{
	if (argc != 3)
		return 99;
	if (strcmp(argv[1], "shm") == 0)
		(void)printf("shm=%d\n", fill("/dev/shm/x", atoi(argv[2])));
	else
		print(atoi(argv[2]));
	return 0;
}
