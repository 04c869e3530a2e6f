#pragma once
/*
 * The door behind the conductor, and its talk with the launcher.  Each request
 * has one answer; a refusal is logged here, in the launcher's words.
 */
#include "cli/cli.h"

/* Directories: from the launcher, or by path.  0 or CLI_FAILED (said). */
int cli_session_open(struct cli *c);
/* Landlock and seccomp: from here on only those directories can be read. */
int cli_session_close_door(struct cli *c);

/* Waits for the one answer; its payload is valid until the next call.
 * 0; -ECANCELED: refused, said, c->refused is set.  Does not return if the
 * launcher is gone or talks nonsense. */
int cli_answer(struct cli *c, uint16_t want, struct ps_frame **ret);
int cli_unsent(int error);
int cli_understood(int error);

#define CLI_ASK(c, NAME, m, fd, nfds, ANSWER, ret)                         \
	__extension__({                                                    \
		struct ps_frame *f_ = NULL;                                \
		int a_ = PS_SEND(&(c)->control, NAME, (m), (fd), (nfds));  \
		a_ = a_ < 0 ? cli_unsent(a_) :                             \
			      cli_answer((c), PS_##ANSWER, &f_);           \
		a_ == 0 && f_ ? cli_understood(ps_decode_##ANSWER(          \
				    f_->payload, f_->length, (ret))) :     \
				a_;                                        \
	})

/* Takes the one descriptor of the last answer. */
int cli_answer_fd(void);

/* The whole file that the operator named for rkt to read (--uuid-file and the
 * like), as root reads it: by the launcher, so in run(); without one as the
 * caller reads it, so in prepare().  0 or CLI_FAILED (said). */
int cli_read_named(struct cli *c, const char *path, size_t max, char **ret,
    size_t *ret_n);
