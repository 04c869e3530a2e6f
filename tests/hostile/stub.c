/*
 * A compromised worker.  Started by the real launcher in a real worker's
 * place, with all that the launcher took from it, it gives its descriptors
 * (3 and up) to the driver, and then does what the driver says in one byte:
 * exit with that code, or 'K' die by a signal, 'S' stay silent, 'W' write to
 * stderr what no one should see on his terminal, more of it than a pipe takes.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MOST 64

static void
shout(void)
{
	static const char text[] = "plain words\nstub: its own name\n"
	    "\033]0;title\007\033[2J\033[8mhidden\nrkt: trusted\r\n\233[2Jc1\n"
	    "\302\233[2Jc1 in utf-8\nnul\0behind\n\n";

	for (int i = 0; i < 2000; i++)
		if (write(2, text, sizeof(text) - 1) < 0)
			break;
}

int
main(int argc, char **argv)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = STUB_SOCKET };
	char control[CMSG_SPACE(sizeof(int) * MOST)] = { 0 };
	struct iovec iov = { .iov_base = argv[0], .iov_len = strlen(argv[0]) + 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control };
	struct cmsghdr *c = (struct cmsghdr *)control;
	int fds[MOST], n = 0, s;
	char order;

	(void)argc;
	for (int fd = 3; fd < 3 + MOST; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			fds[n++] = fd;
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	if (s < 0 || connect(s, (struct sockaddr *)&to, sizeof(to)) < 0) {
		perror("stub: " STUB_SOCKET);
		return 99;
	}
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)n);
	memcpy(CMSG_DATA(c), fds, sizeof(int) * (size_t)n);
	msg.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)n);
	if (sendmsg(s, &msg, 0) < 0)
		return 98;
	for (int i = 0; i < n; i++)
		close(fds[i]);
	if (read(s, &order, 1) != 1)
		return 97;
	if (order == 'K')
		raise(SIGKILL);
	if (order == 'W')
		shout();
	while (order == 'S')
		pause();
	return order;
}
