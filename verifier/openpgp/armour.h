#pragma once
/*
 * ASCII armour (RFC 9580, 6.2), decoded strictly so that gpg never sees any.
 * Trust: the input is whatever a stranger published.  Pure: no allocation, no
 * I/O; fuzzed by fuzz/fuzz_armour.c.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum vf_block { VF_SIGNATURE, VF_PUBLIC_KEY };

/* The first byte of every binary packet has bit 7 set; no armour has. */
bool vf_is_binary(const uint8_t *in, size_t n);

/*
 * One block of that kind and nothing else but blank lines around it.  out
 * holds at least n bytes.  0, or -EBADMSG with *ret_n untouched.
 */
int vf_dearmour(const uint8_t *in, size_t n, enum vf_block kind, uint8_t *out,
    size_t *ret_n);
