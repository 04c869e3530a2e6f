/* link: @launcher @privsep */
/* The permit table: every message type in every state; what is not a row ends
 * the session before root does anything (R8). */
#include "tests/unit/launcher/world.h"
#include "tests/unit/privsep/gen.h"

#include <fcntl.h>

static char *const argv[] = { "rkt", "list", NULL };
static const enum ln_state states[] = { LN_START, LN_READY, LN_FETCHING };

/* What the table says, said again. */
static bool
legal(uint16_t type, enum ln_state state)
{
	switch (type) {
	case PS_HELLO:
		return state == LN_START;
	case PS_REAP_FETCHER:
		return state == LN_FETCHING;
	case PS_GET_FILE:
	case PS_START_FETCHER:
	case PS_ADMIT_IMAGE:
	case PS_REVIEW_KEYS:
	case PS_TRUST_KEY:
	case PS_START_POD:
	case PS_ENTER_POD:
	case PS_EXPORT_APP:
	case PS_EXTRACT_IMAGE:
	case PS_CHECK_IMAGE:
	case PS_END_POD:
		return state == LN_READY;
	default:
		return false;
	}
}

static void
begin(enum ln_state state)
{
	if (state == LN_START) {
		world_begin_mute(argv);
		return;
	}
	world_begin(argv);
	world.s.state = state;
}

/* A generated message of this kind, with extra bytes, or cut by -extra. */
static void
say(const struct gen_row *row, int extra)
{
	const struct ps_info *info = ps_info(row->type);
	struct ps_writer w = ps_writer_begin();
	int fds[PS_MAX_FDS];

	gen_seed = 99;
	assert_int_equal(row->make(&w), 0);
	if (extra > 0)
		ps_put_u8(&w, 0);
	else if (extra < 0)
		w.at--;
	for (size_t i = 0; i < info->least_fds; i++)
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(ps_send_raw(&world.conductor, row->type, &w, fds,
	    info->least_fds), 0);
	for (size_t i = 0; i < info->least_fds; i++)
		(void)close(fds[i]);
}

static void
every_type_in_every_state(void **state)
{
	(void)state;
	for (size_t t = 0; t < PS_COUNT(gen_rows); t++)
		for (size_t i = 0; i < PS_COUNT(states); i++) {
			if (legal(gen_rows[t].type, states[i]))
				continue;
			begin(states[i]);
			say(&gen_rows[t], 0);
			if (world_serve() != -EPROTO || fake.at != 0)
				fail_msg("%s in state %d", gen_rows[t].name, states[i]);
			if (world_hear(NULL) != 0)
				fail_msg("%s in state %d was answered",
				    gen_rows[t].name, states[i]);
			world_end();
		}
}

static void
a_byte_more_or_less(void **state)
{
	(void)state;
	for (size_t t = 0; t < PS_COUNT(gen_rows); t++)
		for (size_t i = 0; i < PS_COUNT(states); i++)
			for (int extra = -1; extra <= 1; extra += 2) {
				struct ps_writer w = ps_writer_begin();

				if (!legal(gen_rows[t].type, states[i]) ||
				    (extra < 0 && gen_rows[t].make(&w) == 0 &&
					w.at == PS_HEADER))
					continue;
				begin(states[i]);
				say(&gen_rows[t], extra);
				if (world_serve() != -EPROTO || fake.at != 0)
					fail_msg("%s with %d bytes", gen_rows[t].name,
					    extra);
				world_end();
			}
}

static void
hello_once(void **state)
{
	(void)state;
	world_begin(argv);
	SAY(HELLO, .dir = "");
	assert_int_equal(world_serve(), -EPROTO);
	world_end();
	/* also when the first was refused */
	world_begin_mute(argv);
	fake.fail_at = 1;
	fake.fail_error = EIO;
	SAY(HELLO, .dir = "");
	SAY(HELLO, .dir = "");
	assert_int_equal(world_serve(), -EPROTO);
	world_refused(PS_REFUSED_SYSTEM);
	world_end();
}

/* Every sequence of three requests: at most what the model says is heard. */
static void
sequences(void **state)
{
	static const uint16_t types[] = { PS_HELLO, PS_START_FETCHER, PS_REAP_FETCHER,
		PS_CHECK_IMAGE, PS_END_POD };

	(void)state;
	for (unsigned n = 0; n < 125; n++) {
		enum ln_state model = LN_START;
		bool broken = false;
		unsigned answers = 0;

		world_begin_mute(argv);
		for (unsigned i = 0, code = n; i < 3; i++, code /= 5) {
			uint16_t type = types[code % 5];

			if (type == PS_HELLO)
				SAY(HELLO, .dir = "");
			else if (type == PS_START_FETCHER)
				SAY(START_FETCHER, .count = 1, .n_kinds = 1,
				    .kinds = (const uint8_t[]){ PS_SLOT_KEY });
			else if (type == PS_REAP_FETCHER)
				SAY(REAP_FETCHER, .end_ = 0);
			else if (type == PS_CHECK_IMAGE)
				SAY(CHECK_IMAGE, .image = { 1 }, .remove = 1);
			else
				SAY(END_POD, .uuid = UUID, .how = PS_END_MARK);
			broken = broken || !legal(type, model);
			answers += !broken;
			model = type == PS_HELLO || type == PS_REAP_FETCHER ? LN_READY
			    : type == PS_START_FETCHER		  ? LN_FETCHING
								  : model;
		}
		assert_int_equal(world_serve(), broken ? -EPROTO : 0);
		while (world_hear(NULL) != 0)
			answers--;
		assert_int_equal(answers, 0);
		world_end();
	}
}

/* The conductor's end is the session's end, and no error. */
static void
conductor_ends(void **state)
{
	(void)state;
	world_begin(argv);
	ps_close_fd(&world.conductor.fd);
	assert_int_equal(ln_serve(&world.s), 0);
	world_end();
}

/* What is told the person is one printable line, whatever it quotes. */
static void
refusals_are_printable(void **state)
{
	struct ps_frame *f;
	struct ps_msg_REFUSED m;
	char text[3000];

	(void)state;
	world_begin(argv);
	assert_int_equal(ln_refuse(&world.s, 1, "%s", "a\x1b]0;x\xff\n"), 1);
	assert_int_equal(world_hear(&f), PS_REFUSED);
	assert_int_equal(ps_decode_REFUSED(f->payload, f->length, &m), 0);
	assert_string_equal(m.text, "a?]0;x??");
	memset(text, 'a', sizeof(text));
	memcpy(text + 1022, "\xe2\x82\xac", 4);
	assert_int_equal(ln_refuse(&world.s, 1, "%s", text), 1);
	assert_int_equal(world_hear(&f), PS_REFUSED);
	world_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_in_every_state),
		cmocka_unit_test(a_byte_more_or_less),
		cmocka_unit_test(hello_once),
		cmocka_unit_test(sequences),
		cmocka_unit_test(conductor_ends),
		cmocka_unit_test(refusals_are_printable),
	};

	return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
