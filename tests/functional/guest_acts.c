/* What the guest does: waits, says and hears, takes, moves things, and ends. */
#define _GNU_SOURCE
#include "guest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void
leave(char **words)
{
	(void)fflush(stdout);
	_exit(atoi(words[0]));
}

static void
die(char **words)
{
	(void)fflush(stdout);
	(void)kill(getpid(), atoi(words[0]));
}

static void
pause_for(char **words)
{
	(void)fflush(stdout);
	(void)usleep((useconds_t)(atof(words[0]) * 1e6));
}

/* Takes megabytes, until it has them or is killed. */
static void
take(char **words)
{
	size_t n = (size_t)atoi(words[0]) << 20;
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	    -1, 0);

	if (p == MAP_FAILED) {
		printf("take=%s\n", strerror(errno));
		return;
	}
	memset(p, 1, n);
	printf("take=ok\n");
}

/* So many MiB to a file, past the page cache: the seconds that it took. */
static void
direct(char **words)
{
	int fd = open(words[0], O_WRONLY | O_CREAT | O_DIRECT | O_CLOEXEC, 0600);
	struct timespec from, to;
	void *p = NULL;

	if (fd < 0 || posix_memalign(&p, 4096, 1 << 20) != 0) {
		printf("direct=%s\n", strerror(errno));
		return;
	}
	memset(p, 1, 1 << 20);
	(void)clock_gettime(CLOCK_MONOTONIC, &from);
	for (int i = 0; i < atoi(words[1]); i++)
		if (write(fd, p, 1 << 20) != 1 << 20)
			printf("direct=%s\n", strerror(errno));
	(void)clock_gettime(CLOCK_MONOTONIC, &to);
	printf("direct=%.2f\n", (double)(to.tv_sec - from.tv_sec) +
	    (double)(to.tv_nsec - from.tv_nsec) / 1e9);
	(void)close(fd);
	free(p);
}

static void
say(char **words)
{
	printf("say=%s\n", words[0]);
}

/* Says it so many times, with a number before. */
static void
many(char **words)
{
	for (int i = 0; i < atoi(words[0]); i++)
		printf("many=%d %s\n", i, words[1]);
}

/* Tells whoever listens on NOTIFY_SOCKET. */
static void
notify(char **words)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	size_t n = path ? strlen(path) : 0;

	if (n == 0 || n >= sizeof(to.sun_path)) {
		printf("notify=no socket\n");
		return;
	}
	memcpy(to.sun_path, path, n);
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	if (sendto(fd, words[0], strlen(words[0]), 0, (struct sockaddr *)&to,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0)
		printf("notify=%s\n", strerror(errno));
	else
		printf("notify=ok\n");
	(void)close(fd);
}

/* One message to a socket of the file system's. */
static void
datagram(char **words)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ssize_t n;

	(void)snprintf(to.sun_path, sizeof(to.sun_path), "%s", words[0]);
	n = sendto(fd, words[1], strlen(words[1]), 0, (struct sockaddr *)&to,
	    sizeof(to));
	printf("datagram=%s\n", n < 0 ? strerror(errno) : "ok");
	(void)close(fd);
}

/* Answers so many connections to the first socket that systemd handed on. */
static void
serve(char **words)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS"),
		   *names = getenv("LISTEN_FDNAMES");

	printf("serve=%s of %s, %s\n", fds ? fds : "none", names ? names : "no one",
	    pid && atoi(pid) == getpid() ? "mine" : "not mine");
	(void)fflush(stdout);
	for (int i = atoi(words[0]); i > 0; i--) {
		int fd = accept4(3, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0 || write(fd, "hello from the pod\n", 19) != 19)
			printf("serve=%s\n", strerror(errno));
		(void)close(fd);
	}
}

/* Reads a line of stdin and says it. */
static void
hear(char **words)
{
	char line[256];

	(void)words;
	printf("hear?\n");
	(void)fflush(stdout);
	if (fgets(line, sizeof(line), stdin) == NULL) {
		printf("hear=end\n");
		return;
	}
	line[strcspn(line, "\n")] = '\0';
	printf("hear=%s\n", line);
}

/* The size of the terminal on stdin, and whether it is ours. */
static void
size(char **words)
{
	struct winsize w = { 0 };
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);

	(void)words;
	(void)ioctl(0, TIOCGWINSZ, &w);
	printf("size=%u %u %s\n", w.ws_row, w.ws_col,
	    fd >= 0 ? "yes" : strerror(errno));
	if (fd >= 0)
		(void)close(fd);
}

static void
ignore(char **words)
{
	static const int numbers[] = { SIGTERM, SIGHUP, SIGINT, SIGQUIT };

	(void)words;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		(void)signal(numbers[i], SIG_IGN);
}

/* Until there is such a file: what a test says when it is ready itself. */
static void
await(char **words)
{
	(void)fflush(stdout);
	while (access(words[0], F_OK) < 0)
		(void)usleep(10000);
}

/* As many processes as it may have, at most so many; then they end. */
static void
forks(char **words)
{
	int most = atoi(words[0]), n = 0;

	(void)fflush(stdout);
	while (n < most) {
		pid_t pid = fork();

		if (pid == 0) {
			(void)sleep(30);
			_exit(0);
		}
		if (pid < 0)
			break;
		n++;
	}
	printf("forks=%d %s\n", n, n < most ? strerrorname_np(errno) : "ok");
	(void)fflush(stdout);
	(void)signal(SIGTERM, SIG_IGN);
	(void)kill(0, SIGTERM);
	while (wait(NULL) > 0)
		;
}

/* For so many seconds, in the background: moves what a root is made of, and
 * lays links in its place. */
static void
juggle(char **words)
{
	static const char *const names[] = { "/etc", "/run", "/tmp", "/proc", "/sys",
		"/dev", "/etc/hosts", "/etc/resolv.conf", "/run/systemd",
		"/run/systemd/journal" };
	static const char *const to[] = { "/proc", "/", "../../../..", "/bin" };
	time_t end = time(NULL) + atoi(words[0]);
	char aside[] = "/juggle";

	(void)fflush(stdout);
	if (fork() != 0)
		return;
	for (unsigned i = 0; time(NULL) < end; i++) {
		const char *name = names[i % (sizeof(names) / sizeof(names[0]))];

		if (rename(name, aside) < 0)
			continue;
		if (symlink(to[i % 4], name) == 0)
			(void)unlink(name);
		(void)mkdir(name, 0755);
		(void)rmdir(name);
		(void)rename(aside, name);
	}
	_exit(0);
}

const struct word guest_acts[] = {
	{ "await", 1, await },
	{ "datagram", 2, datagram },
	{ "die", 1, die },
	{ "direct", 2, direct },
	{ "exit", 1, leave },
	{ "forks", 1, forks },
	{ "hear", 0, hear },
	{ "ignore", 0, ignore },
	{ "juggle", 1, juggle },
	{ "many", 2, many },
	{ "notify", 1, notify },
	{ "say", 1, say },
	{ "serve", 1, serve },
	{ "size", 0, size },
	{ "sleep", 1, pause_for },
	{ "take", 1, take },
	{ NULL, 0, NULL },
};
