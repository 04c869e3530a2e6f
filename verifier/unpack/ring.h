#pragma once
/*
 * A bounded ring of buffers: one thread fills, two threads read every byte.
 * A buffer is filled again when both have let go of it.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VF_RING_BUFFERS 8u
#define VF_RING_BYTES 1048576u /* of one buffer */

enum { VF_HASHER = 0, VF_READER = 1, VF_CONSUMERS = 2 };

struct vf_ring {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	uint8_t *buffers[VF_RING_BUFFERS];
	size_t lengths[VF_RING_BUFFERS];
	uint64_t filled;	       /* buffers, ever */
	uint64_t freed[VF_CONSUMERS];  /* buffers that it has let go of */
	bool holds[VF_CONSUMERS];      /* it has buffer freed[i] in hand */
	bool ended, stopped;
	int error; /* how the filler ended, or 0 */
};

int vf_ring_init(struct vf_ring *r);
void vf_ring_free(struct vf_ring *r);

/* A buffer to fill; NULL when the readers have stopped. */
uint8_t *vf_ring_buffer(struct vf_ring *r);
/* It holds n bytes now. */
void vf_ring_put(struct vf_ring *r, size_t n);
/* No more come; error 0 or a negative errno that the readers get. */
void vf_ring_end(struct vf_ring *r, int error);

/* The next buffer, until the next call.  1, 0 at the end, or the error. */
int vf_ring_get(struct vf_ring *r, unsigned consumer, const uint8_t **ret,
    size_t *ret_n);
/* Nobody reads on: wakes and ends the filler. */
void vf_ring_stop(struct vf_ring *r);
