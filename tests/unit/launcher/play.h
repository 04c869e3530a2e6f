#pragma once
/*
 * A whole session out of bytes: a compromised conductor and compromised
 * workers against the permit table, over fake_sys.  The oracle is guarantee
 * G4: what becomes an image had a verdict and was unpacked to the same digest,
 * what starts has a record that is still trusted, no path is outside, nothing
 * stays open.  A breach aborts.
 */
#include <stddef.h>
#include <stdint.h>

/* What came of it, so that tests see that all outcomes are met. */
struct play_result {
	bool ended_badly, committed, started;
	unsigned answers;
};

void play(const uint8_t *data, size_t size, struct play_result *ret);
