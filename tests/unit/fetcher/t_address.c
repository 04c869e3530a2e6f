/* Kinds of addresses, with those that look like something else. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fetcher/address.h"
#include "privsep/attr.h"

static const struct {
	const char *host;
	enum ft_space space;
} rows[] = {
    {"8.8.8.8", FT_PUBLIC},
    {"1.0.0.0", FT_PUBLIC},
    {"203.0.113.5", FT_PUBLIC},
    {"9.255.255.255", FT_PUBLIC},
    {"11.0.0.0", FT_PUBLIC},
    {"172.15.255.255", FT_PUBLIC},
    {"172.32.0.0", FT_PUBLIC},
    {"192.167.255.255", FT_PUBLIC},
    {"192.169.0.0", FT_PUBLIC},
    {"100.63.255.255", FT_PUBLIC},
    {"100.128.0.0", FT_PUBLIC},
    {"223.255.255.255", FT_PUBLIC},
    {"10.0.0.0", FT_PRIVATE},
    {"10.255.255.255", FT_PRIVATE},
    {"172.16.0.1", FT_PRIVATE},
    {"172.31.255.255", FT_PRIVATE},
    {"192.168.0.1", FT_PRIVATE},
    {"100.64.0.1", FT_PRIVATE},
    {"100.127.255.255", FT_PRIVATE},
    {"127.0.0.1", FT_LOOPBACK},
    {"127.255.255.254", FT_LOOPBACK},
    {"127.1", FT_LOOPBACK},
    {"0x7f000001", FT_LOOPBACK},
    {"2130706433", FT_LOOPBACK},
    {"0177.0.0.1", FT_LOOPBACK},
    {"0.0.0.0", FT_NEVER},
    {"0.1.2.3", FT_NEVER},
    {"169.254.169.254", FT_NEVER},
    {"2852039166", FT_NEVER},
    {"100.100.100.200", FT_NEVER},
    {"168.63.129.16", FT_NEVER},
    {"192.0.0.192", FT_NEVER},
    {"224.0.0.1", FT_NEVER},
    {"239.255.255.255", FT_NEVER},
    {"240.0.0.1", FT_NEVER},
    {"255.255.255.255", FT_NEVER},
    {"[2001:db8::1]", FT_PUBLIC},
    {"[2600::1]", FT_PUBLIC},
    {"[fe00::1]", FT_PUBLIC},
    {"[fc00::1]", FT_PRIVATE},
    {"[fdff::1]", FT_PRIVATE},
    {"[fec0::1]", FT_PRIVATE},
    {"[64:ff9b:1::1]", FT_PRIVATE},
    {"[::1]", FT_LOOPBACK},
    {"[::]", FT_NEVER},
    {"[fe80::1]", FT_NEVER},
    {"[febf::1]", FT_NEVER},
    {"[ff02::1]", FT_NEVER},
    {"[fd00:ec2::254]", FT_NEVER},
    {"[2001:0:1::1]", FT_NEVER},
    {"[::ffff:127.0.0.1]", FT_LOOPBACK},
    {"[::ffff:10.0.0.1]", FT_PRIVATE},
    {"[::ffff:169.254.169.254]", FT_NEVER},
    {"[::ffff:8.8.8.8]", FT_PUBLIC},
    {"[::10.0.0.1]", FT_PRIVATE},
    {"[::127.0.0.1]", FT_LOOPBACK},
    {"[64:ff9b::127.0.0.1]", FT_LOOPBACK},
    {"[64:ff9b::8.8.8.8]", FT_PUBLIC},
    {"[2002:7f00:1::]", FT_LOOPBACK},
    {"[2002:a9fe:a9fe::1]", FT_NEVER},
    {"[2002:808:808::1]", FT_PUBLIC},
    {"[::ffff:0:192.168.0.1]", FT_PRIVATE},
};

static void
literals(void **state)
{
	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		enum ft_space space = FT_PUBLIC;

		if (!ft_space_literal(rows[i].host, &space) ||
		    space != rows[i].space)
			fail_msg("%s: %s", rows[i].host, ft_space_name(space));
	}
}

static void
names(void **state)
{
	static const char *const not[] = {"example.com", "10.example.com", "a",
	    "", "[]", "[", "[example]", "[::1", "1.2.3.4.5", "256.1.1.1",
	    "127.0.0.1.nip.io"};
	enum ft_space space;

	(void)state;
	for (size_t i = 0; i < PS_COUNT(not); i++)
		if (ft_space_literal(not[i], &space))
			fail_msg("%s", not[i]);
}

static void
sockets(void **state)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct sockaddr other = {.sa_family = AF_UNIX};

	(void)state;
	in.sin_addr.s_addr = htonl(0x0a000001);
	assert_int_equal(
	    ft_space_of((const struct sockaddr *)&in), FT_PRIVATE);
	in6.sin6_addr.s6_addr[15] = 1;
	assert_int_equal(
	    ft_space_of((const struct sockaddr *)&in6), FT_LOOPBACK);
	assert_int_equal(ft_space_of(&other), FT_NEVER);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(literals),
	    cmocka_unit_test(names),
	    cmocka_unit_test(sockets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
