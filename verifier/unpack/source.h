#pragma once
/*
 * The first half of the pipeline: raw bytes to tar bytes, both hashed.  Two
 * threads, one that reads, hashes and decompresses, one that hashes the tar;
 * the caller is the third, and takes buffers from the ring as VF_READER.
 */
#include <pthread.h>
#include <stdint.h>

#include "verifier/unpack/failure.h"
#include "verifier/unpack/ring.h"

struct vf_source {
	int fd;
	uint64_t max_tar, max_ratio;
	struct vf_ring ring;
	struct vf_failure failure; /* of the filling thread */
	pthread_t filler, hasher;
	uint8_t raw[64], image[64];
	uint64_t raw_size, tar_size;
};

/* fd, max_tar, max_ratio are set.  0 or negative errno. */
int vf_source_start(struct vf_source *s);
/* The reader is done, or (stop) gives up.  0: digests and sizes are there. */
int vf_source_finish(struct vf_source *s, bool stop);
