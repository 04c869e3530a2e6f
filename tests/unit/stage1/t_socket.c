/* link: stage1/nspawn/socket.c */
/* The caller's sockets: what they are by their own word, and whose. */
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "stage1/nspawn/nspawn.h"

static int
open_inet(int type, bool six, bool wait)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
	    .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(six ? AF_INET6 : AF_INET, type, 0);

	assert_true(fd >= 0);
	if (six)
		assert_int_equal(
		    bind(fd, (struct sockaddr *)&in6, sizeof(in6)), 0);
	else
		assert_int_equal(
		    bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	if (wait)
		assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void
reads(void **state)
{
	struct s1_socket s;
	char want[64];
	int fd;

	(void)state;
	fd = open_inet(SOCK_STREAM, false, true);
	assert_int_equal(s1_read_socket(fd, &s), 0);
	assert_true(s.port > 0 && s.port < 65536);
	(void)snprintf(want, sizeof(want), "127.0.0.1:%u", s.port);
	assert_string_equal(s.address, want);
	close(fd);
	fd = open_inet(SOCK_DGRAM, false, false);
	assert_int_equal(s1_read_socket(fd, &s), 0);
	assert_true((s.port & PS_SOCKET_UDP) != 0);
	(void)snprintf(want, sizeof(want), "127.0.0.1:%u", s.port & 0xffff);
	assert_string_equal(s.address, want);
	close(fd);
}

static void
reads_six(void **state)
{
	struct s1_socket s;
	char want[64];
	int fd;

	(void)state;
	if (access("/proc/net/if_inet6", F_OK) < 0)
		skip();
	fd = open_inet(SOCK_STREAM, true, true);
	assert_int_equal(s1_read_socket(fd, &s), 0);
	(void)snprintf(want, sizeof(want), "[::1]:%u", s.port);
	assert_string_equal(s.address, want);
	close(fd);
}

static void
refuses(void **state)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct s1_socket s = {.port = 7};
	int fd;

	(void)state;
	fd = open("/dev/null", O_RDONLY);
	assert_int_equal(s1_read_socket(fd, &s), -ENOTSOCK);
	close(fd);
	assert_int_equal(s1_read_socket(fd, &s), -EBADF);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(
	    bind(fd, (struct sockaddr *)&un, sizeof(sa_family_t)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(s1_read_socket(fd, &s), -EAFNOSUPPORT);
	close(fd);
	fd = open_inet(SOCK_STREAM, false, false);
	assert_int_equal(s1_read_socket(fd, &s), -EPROTOTYPE);
	close(fd);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(s1_read_socket(fd, &s), -EDESTADDRREQ);
	close(fd);
	assert_int_equal(s.port, 7);
}

static void
claims(void **state)
{
	struct s1_socket s[] = {{.port = 443}, {.port = 80},
	    {.port = 80 | PS_SOCKET_UDP}, {.port = 80}};
	struct ps_msg_PLAN_APP one = {.n_socket_ports = 2,
	    .socket_ports = {80, 443}};
	struct ps_msg_PLAN_APP two = {.n_socket_ports = 1,
	    .socket_ports = {80 | PS_SOCKET_UDP}};
	struct ps_msg_PLAN_APP none = {.n_socket_ports = 0};
	struct s1_unit u = {.app = &none};

	(void)state;
	assert_int_equal(s1_claim_sockets(&u, s, 4), 0);
	assert_int_equal(u.n_sockets, 0);
	u.app = &one;
	assert_int_equal(s1_claim_sockets(&u, s, 4), 0);
	assert_int_equal(u.n_sockets, 3);
	assert_ptr_equal(u.sockets[0], &s[1]);
	assert_ptr_equal(u.sockets[1], &s[3]);
	assert_ptr_equal(u.sockets[2], &s[0]);
	assert_false(s[2].claimed);
	/* They are one app's alone. */
	assert_int_equal(s1_claim_sockets(&u, s, 4), 80);
	u.app = &two;
	assert_int_equal(s1_claim_sockets(&u, s, 4), 0);
	assert_int_equal(u.n_sockets, 1);
	/* Not started by systemd: the app opens its port itself. */
	assert_int_equal(s1_claim_sockets(&u, s, 0), 0);
	assert_int_equal(u.n_sockets, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads),
	    cmocka_unit_test(reads_six),
	    cmocka_unit_test(refuses),
	    cmocka_unit_test(claims),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
