/*
 * The ring between decompressing and reading.  Content is hostile, lengths
 * are ours.
 */
#include "verifier/unpack/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int
vf_ring_init(struct vf_ring *r)
{
	memset(r, 0, sizeof(*r));
	for (size_t i = 0; i < VF_RING_BUFFERS; i++) {
		r->buffers[i] = malloc(VF_RING_BYTES);
		if (!r->buffers[i]) {
			vf_ring_free(r);
			return -ENOMEM;
		}
	}
	(void)pthread_mutex_init(&r->lock, NULL);
	(void)pthread_cond_init(&r->moved, NULL);
	return 0;
}

void
vf_ring_free(struct vf_ring *r)
{
	for (size_t i = 0; i < VF_RING_BUFFERS; i++)
		free(r->buffers[i]);
	memset(r->buffers, 0, sizeof(r->buffers));
}

static bool
is_full(const struct vf_ring *r)
{
	for (size_t i = 0; i < VF_CONSUMERS; i++)
		if (r->filled - r->freed[i] == VF_RING_BUFFERS)
			return true;
	return false;
}

uint8_t *
vf_ring_buffer(struct vf_ring *r)
{
	uint8_t *p = NULL;

	(void)pthread_mutex_lock(&r->lock);
	while (!r->stopped && is_full(r))
		(void)pthread_cond_wait(&r->moved, &r->lock);
	if (!r->stopped)
		p = r->buffers[r->filled % VF_RING_BUFFERS];
	(void)pthread_mutex_unlock(&r->lock);
	return p;
}

void
vf_ring_put(struct vf_ring *r, size_t n)
{
	(void)pthread_mutex_lock(&r->lock);
	r->lengths[r->filled % VF_RING_BUFFERS] = n;
	r->filled++;
	(void)pthread_cond_broadcast(&r->moved);
	(void)pthread_mutex_unlock(&r->lock);
}

void
vf_ring_end(struct vf_ring *r, int error)
{
	(void)pthread_mutex_lock(&r->lock);
	r->ended = true;
	r->error = error;
	(void)pthread_cond_broadcast(&r->moved);
	(void)pthread_mutex_unlock(&r->lock);
}

int
vf_ring_get(struct vf_ring *r, unsigned consumer, const uint8_t **ret,
    size_t *ret_n)
{
	int result;

	(void)pthread_mutex_lock(&r->lock);
	if (r->holds[consumer]) {
		r->holds[consumer] = false;
		r->freed[consumer]++;
		(void)pthread_cond_broadcast(&r->moved);
	}
	while (!r->stopped && !r->ended && r->freed[consumer] == r->filled)
		(void)pthread_cond_wait(&r->moved, &r->lock);
	result = r->stopped ? -ECANCELED : r->error;
	if (result == 0 && r->freed[consumer] < r->filled) {
		size_t i = r->freed[consumer] % VF_RING_BUFFERS;

		*ret = r->buffers[i];
		*ret_n = r->lengths[i];
		r->holds[consumer] = true;
		result = 1;
	}
	(void)pthread_mutex_unlock(&r->lock);
	return result;
}

void
vf_ring_stop(struct vf_ring *r)
{
	(void)pthread_mutex_lock(&r->lock);
	r->stopped = true;
	(void)pthread_cond_broadcast(&r->moved);
	(void)pthread_mutex_unlock(&r->lock);
}
