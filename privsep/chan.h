#pragma once
/*
 * One end of an edge: a SOCK_SEQPACKET pair.  One datagram is one message of
 * at most PS_MAX_MSG bytes.  Whatever is wrong with a received message (short,
 * long, truncated, unknown type, wrong sender, serial out of order, more or
 * fewer descriptors than its row allows) is -EPROTO: the caller ends the peer.
 * No allocation.  Every received descriptor is close-on-exec, and those of a
 * refused message are closed.
 */
#include <stddef.h>
#include <stdint.h>

#include "privsep/proto.h"

struct ps_chan {
	int fd;
	char peer;	   /* the peer's letter: only its messages are heard */
	uint32_t sent, heard; /* serials; both directions count from 1 */
};

/* A received message.  64 KiB: keep it static.  The caller owns fds[0..nfds)
 * and takes what it keeps by take_fd(); ps_frame_close() closes the rest. */
struct ps_frame {
	uint8_t bytes[PS_MAX_MSG];
	const uint8_t *payload;
	size_t length; /* of the payload */
	uint16_t type;
	size_t nfds;
	int fds[PS_MAX_FDS];
};

/* timeout: milliseconds, -1 for ever.  0 a message; -EPIPE the peer is gone;
 * -ETIMEDOUT; -EPROTO; or another negative errno. */
int ps_recv(struct ps_chan *c, struct ps_frame *ret, int timeout);
void ps_frame_close(struct ps_frame *f);

/* w holds header space and payload (see PS_SEND).  0 or negative errno;
 * -EPIPE the peer is gone; -ETIMEDOUT it did not read for 10 seconds. */
int ps_send_raw(struct ps_chan *c, uint16_t type, struct ps_writer *w,
    const int *fds, size_t nfds);

/* PS_SEND(&chan, REFUSED, (&(struct ps_msg_REFUSED){ .code = 1, .text = t }),
 * fds, nfds): encode and send.  The descriptors stay the caller's. */
#define PS_SEND(c, NAME, m, fds, nfds)                                       \
	__extension__({                                                      \
		struct ps_writer w_ = ps_writer_begin();                     \
		int r_ = ps_encode_##NAME(&w_, (m));                         \
		r_ == 0 ? ps_send_raw((c), PS_##NAME, &w_, (fds), (nfds)) : r_; \
	})

/* The one message buffer of the program, positioned behind the header. */
struct ps_writer ps_writer_begin(void);
