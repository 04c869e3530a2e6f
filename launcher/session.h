#pragma once
/*
 * What one run of rkt holds.  Caller: root.  One process, one command, no
 * threads; everything here dies with it.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "launcher/argv.h"
#include "privsep/chan.h"
#include "privsep/policy.h"

#define LN_MAX_SOCKETS 32

#define LN_MAX_HELD 128 /* images and renderings that one pod may use */

enum ln_state {
	LN_START = 1,	 /* nothing but HELLO */
	LN_READY = 2,
	LN_FETCHING = 4, /* a fetcher may be writing */
	LN_ENDED = 8
};

/* A quarantine file.  fd is what the launcher may hand on: -1 while a
 * fetcher can still write it. */
struct ln_slot {
	int fd;
	int pending; /* read-write, until the fetcher has exited 0 */
	uint8_t kind; /* PS_SLOT_*, 0 free */
	bool spooled; /* of a member of group rkt: never without a signature */
	uint64_t size;
};

struct ln_user {
	uid_t uid;
	gid_t gid;
};

struct ln_session {
	struct ln_argv argv; /* what the operator said */
	char *const *env;
	enum ln_state state;
	struct ps_policy policy;
	struct ln_user rkt, fetch, verify, second; /* second: verifiers 2 */
	struct ps_chan control;
	int conductor; /* pidfds */
	int fetcher;
	pid_t conductor_pid;
	int words[2]; /* the workers' stderr: a pipe, once there was one */
	/* Directories; -1 until HELLO, trust -1 when absent. */
	int data, image, pods, ids, quarantine, spool;
	int system_config, local_config, user_config, system_trust, local_trust;
	char local_name[1024]; /* the path of local_config */
	struct ln_slot slots[PS_MAX_SLOTS];
	uint16_t fetch_first, fetch_count;
	/* What this process becomes when the conductor has ended well. */
	void (*become)(struct ln_session *s);
	int pod, facts, plan;
	int held[LN_MAX_HELD]; /* images of the pod, flock shared: stage1 keeps
				  them, so that no one removes them */
	size_t n_held;
	int sockets[LN_MAX_SOCKETS]; /* the caller's, of socket activation */
	size_t n_socket;
	char uuid[37];
	int put_dir; /* where the command's output was made, and as what */
	char put_name[256];
	bool put_made;
};

/* An answer that is no: code is PS_REFUSED_*; text is one line.  1, or a
 * negative errno: the conductor cannot be told.  So all that may refuse returns
 * 0 when it is done, 1 when REFUSED was sent, and what is negative otherwise.
 * Of handlers that is: the conductor broke the protocol, the session ends. */
int ln_refuse(struct ln_session *s, uint32_t code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* r, unless it is a negative errno of the machine's: then REFUSED for that. */
int ln_refuse_error(struct ln_session *s, int r, const char *what);
/* What is no printable UTF-8 as a whole becomes ASCII with '?' in it. */
void ln_make_print(char *text);
/* It is done, and there is no more to say. */
int ln_done(struct ln_session *s);
/* STARTING: the pod is as it shall be; when the conductor has ended, this
 * process becomes what is to run, if any.  The last answer. */
int ln_starting(struct ln_session *s, const char *uuid,
    void (*become)(struct ln_session *s));

/* dispatch.c: hear the conductor until it is done.  0, or negative errno. */
int ln_serve(struct ln_session *s);

/* Handlers: one file each, named in dispatch.c's table. */
int ln_hello(struct ln_session *s, struct ps_frame *f);
int ln_get_file(struct ln_session *s, struct ps_frame *f);
int ln_start_fetcher(struct ln_session *s, struct ps_frame *f);
int ln_reap_fetcher(struct ln_session *s, struct ps_frame *f);
int ln_admit_image(struct ln_session *s, struct ps_frame *f);
int ln_review_keys(struct ln_session *s, struct ps_frame *f);
int ln_trust_key(struct ln_session *s, struct ps_frame *f);
int ln_start_pod(struct ln_session *s, struct ps_frame *f);
int ln_enter_pod(struct ln_session *s, struct ps_frame *f);
int ln_export_app(struct ln_session *s, struct ps_frame *f);
int ln_extract_image(struct ln_session *s, struct ps_frame *f);
int ln_check_image(struct ln_session *s, struct ps_frame *f);
int ln_end_pod(struct ln_session *s, struct ps_frame *f);

/* put.c: the file for a command's output, at a path that stands in argv.
 * -EPROTO: it does not.  *ret: a descriptor to write, the caller's. */
int ln_put_file(struct ln_session *s, const char *path);
int ln_put_open(struct ln_session *s, const char *path, int *ret);
/* The command failed: a file that was made for its output goes. */
void ln_put_undo(struct ln_session *s);
