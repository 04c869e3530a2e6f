/*
 * The app of test_export.py: root of its pod, it leaves behind one of each kind
 * of thing that may stand in a file system, and takes away what its image had.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

static int
check(int r, const char *what)
{
	if (r < 0)
		(void)printf("failed=%s: %s\n", what, strerror(errno));
	return r;
}

static void
put(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	(void)check(fd, path);
	(void)check((int)write(fd, text, strlen(text)), path);
	(void)check(fchmod(fd, mode), path);
	(void)close(fd);
}

int
main(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "/d/socket" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)umask(0);
	put("/changed", "by the app", 0640);
	(void)check(chown("/changed", 1000, 1001), "chown");
	(void)check(unlink("/gone"), "unlink");
	(void)check(unlink("/old/inside"), "unlink");
	(void)check(rmdir("/old"), "rmdir");
	(void)check(mkdir("/old", 0711), "mkdir");
	put("/old/new", "opaque", 0644);
	(void)check(mkdir("/d", 01770), "mkdir");
	put("/d/setuid", "s", 04755);
	put("/d/one", "two names", 0600);
	(void)check(link("/d/one", "/d/two"), "link");
	(void)check(symlink("/etc/shadow", "/d/link"), "symlink");
	(void)check(lchown("/d/link", 7, 8), "lchown");
	(void)check(mkfifo("/d/fifo", 0622), "mkfifo");
	put("/d/bad\xff", "no name for a person", 0644);
	put("/d/\xc3\xa4", "a good one", 0644);
	(void)setxattr("/d/one", "user.mark", "m", 1, 0);
	(void)check(bind(fd, (struct sockaddr *)&un, sizeof(un)), "bind");
	(void)printf("scribbled=yes\n");
	return 0;
}
