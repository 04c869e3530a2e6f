/*
 * Two short conversations with the pod's own services, over their private
 * sockets: journald (varlink) to be sure that what the app wrote is kept and
 * shown, and pid 1 (D-Bus, as `systemctl exit` does) to stop the apps and to
 * end the pod with a number.  Runs as the pod's root; both peers are the pod's root too.
 */
#include "stage1/appexec/appexec.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "privsep/attr.h"

#define MANAGER "/org/freedesktop/systemd1"
#define INTERFACE "org.freedesktop.systemd1.Manager"

static int
dial(const char *path, int seconds)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct timeval t = {.tv_sec = seconds};
	_cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	memcpy(a.sun_path, path, strlen(path));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)) < 0 ||
	    connect(fd, (const struct sockaddr *)&a, sizeof(a)) < 0)
		return -errno;
	return take_fd(fd);
}

static int
say(int fd, const void *p, size_t n)
{
	ssize_t r = send(fd, p, n, MSG_NOSIGNAL);

	return r < 0 ? -errno : (size_t)r != n ? -EIO : 0;
}

int
s1_sync_journal(void)
{
	static const char ask[] =
	    "{\"method\":\"io.systemd.Journal.Synchronize\"}";
	_cleanup_fd_ int fd =
	    dial("/run/systemd/journal/io.systemd.journal", 5);
	char answer[256];
	int r;

	if (fd < 0)
		return fd;
	r = say(fd, ask, sizeof(ask)); /* its NUL ends it */
	if (r < 0)
		return r;
	return read(fd, answer, sizeof(answer)) > 0 ? 0 : -EPIPE;
}

struct text {
	uint8_t bytes[512];
	size_t n;
};

static void
align(struct text *t, size_t to)
{
	while (t->n % to != 0)
		t->bytes[t->n++] = 0;
}

static void
put_u32(struct text *t, size_t at, uint32_t v)
{
	for (size_t i = 0; i < 4; i++)
		t->bytes[at + i] = (uint8_t)(v >> (8 * i));
}

/* One header field: a struct of a code and a variant that holds a string. */
static void
put_field(struct text *t, uint8_t code, char type, const char *s)
{
	size_t length = strlen(s);

	align(t, 8);
	t->bytes[t->n++] = code;
	t->bytes[t->n++] = 1;
	t->bytes[t->n++] = (uint8_t)type;
	t->bytes[t->n++] = 0;
	if (type == 'g') {
		t->bytes[t->n++] = (uint8_t)length;
	} else {
		align(t, 4);
		put_u32(t, t->n, (uint32_t)length);
		t->n += 4;
	}
	memcpy(t->bytes + t->n, s, length + 1);
	t->n += length + 1;
}

/* A call whose arguments, of that signature, are body[0..n).  All texts are
 * ours, short. */
static int
call(int fd, uint32_t serial, const char *member, const char *signature,
    const struct text *body)
{
	struct text t = {.n = 16};
	size_t fields;

	t.bytes[0] = 'l'; /* little endian, a call, version 1 */
	t.bytes[1] = 1;
	t.bytes[3] = 1;
	put_u32(&t, 4, body ? (uint32_t)body->n : 0);
	put_u32(&t, 8, serial);
	put_field(&t, 1, 'o', MANAGER);
	put_field(&t, 2, 's', INTERFACE);
	put_field(&t, 3, 's', member);
	if (body)
		put_field(&t, 8, 'g', signature);
	fields = t.n - 16;
	put_u32(&t, 12, (uint32_t)fields);
	align(&t, 8);
	if (body) {
		memcpy(t.bytes + t.n, body->bytes, body->n);
		t.n += body->n;
	}
	return say(fd, t.bytes, t.n);
}

static void
put_string(struct text *t, const char *s)
{
	size_t length = strlen(s);

	align(t, 4);
	put_u32(t, t->n, (uint32_t)length);
	memcpy(t->bytes + t->n + 4, s, length + 1);
	t->n += 4 + length + 1;
}

static int
dial_manager(void)
{
	static const char greeting[] = "\0AUTH EXTERNAL 30\r\nBEGIN\r\n";
	_cleanup_fd_ int fd = dial("/run/systemd/private", 5);
	int r;

	if (fd < 0)
		return fd;
	r = say(fd, greeting, sizeof(greeting) - 1);
	return r < 0 ? r : take_fd(fd);
}

/* Until pid 1 hangs up, or kills us: both mean that it has heard. */
static void
hear_out(int fd)
{
	char answer[1024];

	while (read(fd, answer, sizeof(answer)) > 0)
		;
}

int
s1_end_pod(uint8_t code)
{
	const struct text number = {.bytes = {code}, .n = 1};
	_cleanup_fd_ int fd = dial_manager();
	int r = fd;

	if (fd < 0)
		return fd;
	r = call(fd, 1, "SetExitCode", "y", &number);
	if (r == 0)
		r = call(fd, 2, "Exit", NULL, NULL);
	if (r == 0)
		hear_out(fd);
	return r;
}

int
s1_stop_apps(void)
{
	_cleanup_fd_ int fd = dial_manager();
	struct text body = {.n = 0};
	int r = fd;

	if (fd < 0)
		return fd;
	put_string(&body, "exit.target");
	put_string(&body, "replace-irreversibly");
	r = call(fd, 1, "StartUnit", "ss", &body);
	if (r == 0 && shutdown(fd, SHUT_WR) < 0)
		r = -errno;
	if (r == 0)
		hear_out(fd);
	return r;
}
