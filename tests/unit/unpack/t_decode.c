/* link: @unpack @appc @privsep */
/*
 * The decompressors: what goes in comes out, whatever the pieces; a cut, a
 * changed bit, or a byte behind the end is refused.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/unpack/make_packed.h"
#include "privsep/attr.h"
#include "verifier/unpack/decode.h"

#define SIZE 200000u

static uint8_t text[SIZE], out[3 * SIZE];

static int
set_up(void **state)
{
	uint32_t x = 1;

	(void)state;
	for (size_t i = 0; i < SIZE; i++) {
		x = x * 1664525 + 1013904223;
		text[i] = (i / 1000) % 3 == 0 ? (uint8_t)(x >> 24) :
						(uint8_t)(i / 7000);
	}
	memcpy(text + 257, "ustar", 5);
	return 0;
}

/* Decodes in pieces; *ret_n bytes in out. */
static int
decode(const uint8_t *p, size_t n, size_t in, size_t room, size_t *ret_n)
{
	struct vf_decoder *d = NULL;
	struct vf_io io = { 0 };
	size_t at = 0, got = 0;
	int r = vf_decoder_new(p, n, &d);

	while (r == 0) {
		if (io.n_in == 0 && !io.last) {
			io.n_in = n - at < in ? n - at : in;
			io.in = p + at;
			at += io.n_in;
			io.last = at == n;
		}
		if (io.n_out == 0) {
			io.n_out = sizeof(out) - got < room ? sizeof(out) - got : room;
			io.out = out + got;
			if (io.n_out == 0) {
				r = -ENOSPC;
				break;
			}
		}
		r = vf_decode(d, &io);
		got = (size_t)(io.out - out);
	}
	vf_decoder_free(d);
	*ret_n = got;
	return r;
}

static const struct {
	size_t in, room;
} pieces[] = {
	{ SIZE, sizeof(out) }, { 1, sizeof(out) }, { 1, 1000 }, { 7, 13 },
	{ 4096, 1 }, { 1000, 4096 }, { SIZE, 777 },
};

static void
check_whole(const struct packed *o, const char *name, size_t copies)
{
	for (size_t k = 0; k < PS_COUNT(pieces); k++) {
		size_t n;
		int r = decode(o->p, o->n, pieces[k].in, pieces[k].room, &n);

		if (r != 1 || n != copies * SIZE)
			fail_msg("%s %zu/%zu: %d, %zu bytes", name, pieces[k].in,
			    pieces[k].room, r, n);
		for (size_t i = 0; i < copies; i++)
			assert_memory_equal(out + i * SIZE, text, SIZE);
	}
}

static void
round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < PS_COUNT(packers); i++) {
		struct packed o = { 0 };

		packers[i].pack(&o, text, SIZE);
		check_whole(&o, packers[i].name, 1);
		packers[i].pack(&o, text, 0);
		packers[i].pack(&o, text, SIZE);
		check_whole(&o, packers[i].name, 2);
		free(o.p);
	}
}

static void
plain(void **state)
{
	struct packed o = { 0 };

	(void)state;
	pack_raw(&o, text, SIZE);
	check_whole(&o, "tar", 1);
	free(o.p);
}

static void
cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < PS_COUNT(packers); i++) {
		struct packed o = { 0 };
		size_t n;

		packers[i].pack(&o, text, 5000);
		for (size_t end = 6; end < o.n; end++) {
			int r = decode(o.p, end, 512, 700, &n);

			if (r >= 0)
				fail_msg("%s cut at %zu of %zu: %d",
				    packers[i].name, end, o.n, r);
		}
		free(o.p);
	}
}

static void
behind(void **state)
{
	static const char *const tails[] = { "x", "\0", "\0\0\0\0", "\x1f",
		"BZ", "PK\3\4" };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(packers); i++)
		for (size_t k = 0; k < PS_COUNT(tails); k++)
			for (size_t in = 1; in < 9000; in = in * 8 + 1) {
				struct packed o = { 0 };
				size_t n;
				int r;

				packers[i].pack(&o, text, 5000);
				pack_raw(&o, tails[k], k == 2 ? 4 : k == 1 ? 1 : strlen(tails[k]));
				r = decode(o.p, o.n, in, 700, &n);
				if (r >= 0)
					fail_msg("%s tail %zu in %zu: %d",
					    packers[i].name, k, in, r);
				free(o.p);
			}
}

/* One changed byte: an error, or (headers hold names and times) the same
 * bytes; never other bytes. */
static void
changed(void **state)
{
	(void)state;
	for (size_t i = 0; i < PS_COUNT(packers) - 1; i++) {
		struct packed o = { 0 };

		packers[i].pack(&o, text, 3000);
		for (size_t at = 0; at < o.n; at++) {
			size_t n;
			int r;

			o.p[at] ^= 0x10;
			r = decode(o.p, o.n, 512, 700, &n);
			o.p[at] ^= 0x10;
			if (r == 1 && (n != 3000 || memcmp(out, text, n) != 0))
				fail_msg("%s byte %zu: other bytes", packers[i].name, at);
		}
		free(o.p);
	}
}

static void
unknown(void **state)
{
	static const char *const heads[] = { "PK\3\4", "Rar!", "7z\xbc\xaf", "!<arch>\n",
		"{\"acKind\":", "\x1f\x9d", "LZIP", "\x04\x22\x4d\x18", "BZ", "" };
	uint8_t block[1024] = { 0 };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(heads); i++) {
		struct vf_decoder *d = NULL;

		memset(block, 0, sizeof(block));
		memcpy(block, heads[i], strlen(heads[i]));
		assert_int_equal(vf_decoder_new(block, sizeof(block), &d),
		    -EPROTONOSUPPORT);
		assert_int_equal(vf_decoder_new(block, strlen(heads[i]), &d),
		    -EPROTONOSUPPORT);
		assert_null(d);
	}
}

/* A dictionary of 64 MiB is more than the bound. */
static void
memory(void **state)
{
	struct packed o = { 0 };
	size_t room = 10000, at = 0, n;

	(void)state;
	(void)lzma_easy_buffer_encode(9, LZMA_CHECK_CRC64, NULL, text, 5000,
	    packed_room(&o, room), &at, room);
	/* liblzma shrinks it to the input; say 64 MiB again (block header). */
	o.n = at;
	if (decode(o.p, o.n, 512, 700, &n) == 1) {
		lzma_options_lzma opt;
		lzma_filter filters[] = { { LZMA_FILTER_LZMA2, &opt },
			{ LZMA_VLI_UNKNOWN, NULL } };

		at = 0;
		(void)lzma_lzma_preset(&opt, 0);
		opt.dict_size = 64u << 20;
		assert_int_equal(lzma_stream_buffer_encode(filters,
		    LZMA_CHECK_CRC64, NULL, text, 5000, o.p, &at, room), LZMA_OK);
		o.n = at;
	}
	assert_int_equal(decode(o.p, o.n, 512, 700, &n), -EFBIG);
	free(o.p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip), cmocka_unit_test(plain),
		cmocka_unit_test(cut), cmocka_unit_test(behind),
		cmocka_unit_test(changed), cmocka_unit_test(unknown),
		cmocka_unit_test(memory),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
