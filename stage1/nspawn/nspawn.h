#pragma once
/*
 * The entry of the nspawn flavor.  Host root.  The plan is proved, the facts
 * are the launcher's; what is checked here again is what a unit file and an
 * argument vector can be made to say.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "privsep/proto.h"
#include "stage1/common/unit.h"

#define S1_MAX_PROPERTIES 520 /* four of each of 128 disks, and some */

struct s1_facts {
	uint64_t base, machined, keep_unit, cgroup2; /* 0 or 1 but base */
	uint64_t held, sockets; /* descriptors: images, then sockets */
	uint64_t caps; /* that an app may have which comes later */
	/* For the scope that systemd makes, ready for nspawn. */
	const char *property[S1_MAX_PROPERTIES + 1];
};

/* text[0..n) is split in place; *ret points into it.  0 or -EBADMSG. */
int s1_parse_facts(char *text, size_t n, struct s1_facts *ret);

/* socket.c.  0 or negative errno: what is no TCP or UDP socket that waits at a
 * port of its own. */
int s1_read_socket(int fd, struct s1_socket *ret);
/* Pure.  Gives u the sockets that its app asks for, in its order.  0, or the
 * port for which there is none; nothing is missing where n is 0. */
uint32_t s1_claim_sockets(
    struct s1_unit *u, struct s1_socket *sockets, size_t n);

/* What the arguments depend on: sums over all apps. */
struct s1_pod {
	const struct ps_msg_PLAN_POD *plan;
	const struct s1_facts *facts;
	uint64_t caps; /* union over apps */
	int32_t oom;   /* lowest asked for, at most 0 */
};

/* argv.c, pure.  nspawn's argument vector, NULL at the end; texts live in
 * storage of argv.c.  0 or negative errno. */
#define S1_MAX_ARGS (40 + S1_MAX_PROPERTIES)
int s1_format_args(const struct s1_pod *pod, const char *ret[S1_MAX_ARGS]);

/* write.c.  Files below root, owned by base.  s1_write_pod: what all apps
 * share, and the journal's directory, which group gid may read. */
int s1_write_pod(
    int root, uint32_t base, const struct ps_msg_PLAN_POD *p, uint32_t gid);
int s1_write_app(int root, uint32_t base, const struct s1_unit *u);
