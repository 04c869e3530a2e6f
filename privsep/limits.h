#pragma once
/*
 * Numbers that more than one room must agree on.  Bytes unless said.
 */
#include <stdint.h>

#define PS_MAX_MSG 65536u	/* header and payload of one message */
#define PS_MAX_PLAN 1048576u	/* a whole plan */
#define PS_MAX_FDS 4u		/* descriptors in one message */
#define PS_MAX_SIGNATURE 65536u /* security: pre-parser's bound */
#define PS_MAX_KEY 262144u	/* one key file */
#define PS_MAX_MANIFEST 1048576u
#define PS_MAX_APPS 32u
#define PS_MAX_VOLUMES 128u /* of a pod */
#define PS_MAX_LAYERS 32u   /* images below an app's own */
#define PS_FETCH_SLOTS 16u	/* slots of one fetcher */
#define PS_MAX_SLOTS 64u	/* slots of one launcher */
#define PS_NO_SLOT 0xffffu
#define PS_PLAN_VERSION 3u
#define PS_DIGEST 64u /* SHA-512 */

/* Descriptors that every worker is born with.  0 is /dev/null, 1 and 2 are
 * a pipe to the launcher, which says what comes out of it. */
#define PS_CHAN_FD 3
#define PS_SLOT_FD 4 /* fetcher: slot i is PS_SLOT_FD + i */

/* The foreign id range: trees at rest (systemd's UIDS-GIDS.md). */
#define PS_FOREIGN_BASE 2147352576u
#define PS_RANGE 65536u

/* What a slot may hold.  TEXT is an operator's file for the conductor. */
enum {
	PS_SLOT_IMAGE = 1,
	PS_SLOT_SIGNATURE = 2,
	PS_SLOT_KEY = 3,
	PS_SLOT_TEXT = 4,
	PS_SLOT_OUTPUT = 5 /* written, not read: no slot */
};

enum { PS_DISCOVER_IMAGE = 1, PS_DISCOVER_KEYS = 2 };

enum { PS_NET_NONE = 0, PS_NET_HOST = 1 };
enum { PS_FLAVOR_NSPAWN = 1 };
enum { PS_SECCOMP_DEFAULT = 0, PS_SECCOMP_WIDE = 1, PS_SECCOMP_NONE = 2 };

enum {
	PS_START_RUN = 0,
	PS_START_PREPARE = 1,
	PS_START_PREPARED = 2,
	PS_START_ADD = 3 /* an app, to a mutable pod that runs */
};
enum { PS_END_STOP = 0, PS_END_KILL = 1, PS_END_MARK = 2, PS_END_DELETE = 3 };
enum {
	PS_ENTER_COMMAND = 0,
	PS_ENTER_ATTACH = 1,
	PS_ENTER_START = 2, /* an app of a mutable pod, as what follows */
	PS_ENTER_STOP = 3,
	PS_ENTER_REMOVE = 4
};
/* What an app's 0, 1 and 2 are. */
enum {
	PS_STDIO_DEFAULT = 0, /* /dev/null to read; the log to write */
	PS_STDIO_STREAM = 1,  /* a pipe to the pod's mux */
	PS_STDIO_TTY = 2,     /* a terminal whose master the mux has */
	PS_STDIO_NULL = 3
};
enum { PS_VOLUME_HOST = 1, PS_VOLUME_EMPTY = 2, PS_VOLUME_TMPFS = 3 };
/* Owners that the pod sees in a host volume: HOST as they are on the host (0
 * to 65535), POD as the pod's own range stores them. */
enum { PS_IDMAP_HOST = 0, PS_IDMAP_POD = 1 };
#define PS_MOUNT_READONLY 1u
#define PS_SOCKET_UDP 0x10000u

/* --insecure-options, rkt's bits. */
#define PS_INSECURE_IMAGE 1u
#define PS_INSECURE_TLS 2u
#define PS_INSECURE_ONDISK 4u
#define PS_INSECURE_HTTP 8u
#define PS_INSECURE_PUBKEY 16u
#define PS_INSECURE_CAPABILITIES 32u
#define PS_INSECURE_PATHS 64u
#define PS_INSECURE_SECCOMP 128u
#define PS_INSECURE_ALL 255u

/* REFUSED codes. */
enum {
	PS_REFUSED_POLICY = 1,	   /* site policy says no */
	PS_REFUSED_TRUST = 2,	   /* signature, key or name binding */
	PS_REFUSED_IMAGE = 3,	   /* archive or manifest is bad */
	PS_REFUSED_SYSTEM = 4,	   /* the machine failed (disk full, ...) */
	PS_REFUSED_NOTFOUND = 5,   /* no such image, pod, slot */
	PS_REFUSED_BUSY = 6,	   /* in use */
	PS_REFUSED_PROTECTION = 7, /* a required protection cannot be applied */
	PS_REFUSED_PLAN = 8,	   /* the plan is not provable */
	PS_REFUSED_SIGNATURE = 9   /* it is not good, whoever is trusted */
};

/* FETCH_FAILED codes. */
enum {
	PS_FETCH_URL = 1,
	PS_FETCH_TLS = 2,
	PS_FETCH_HTTP = 3,	/* status says no; status is set */
	PS_FETCH_NETWORK = 4,
	PS_FETCH_SIZE = 5,
	PS_FETCH_INSECURE = 6,	/* would need plain http */
	PS_FETCH_DISCOVERY = 7,
	PS_FETCH_DISK = 8,
	PS_FETCH_REDIRECT = 9
};

/* VERIFY_FAILED codes. */
enum {
	PS_VERIFY_FORMAT = 1,	 /* not exactly one detached signature */
	PS_VERIFY_NO_KEY = 2,	 /* signer is not trusted for that name */
	PS_VERIFY_BAD = 3,	 /* signature does not match */
	PS_VERIFY_EXPIRED = 4,	 /* key or signature */
	PS_VERIFY_REVOKED = 5,
	PS_VERIFY_ALGORITHM = 6, /* weak digest or key */
	PS_VERIFY_TIME = 7,
	PS_VERIFY_SYSTEM = 8
};

/* UNPACK_FAILED codes. */
enum {
	PS_UNPACK_FORMAT = 1,	/* not a tar, damaged compression */
	PS_UNPACK_LIMIT = 2,	/* too large, too many, ratio */
	PS_UNPACK_MEMBER = 3,	/* a hostile member */
	PS_UNPACK_MANIFEST = 4,
	PS_UNPACK_SYSTEM = 5
};
