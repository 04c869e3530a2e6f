/* link: @cli @appc @privsep */
/*
 * The stand-in for the launcher, before a conductor that was broken into: it
 * opens what the command line names, and does what there is to do without
 * root; anything else ends it.
 */
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/alone.h"

static char top[] = "/tmp/t_alone.XXXXXX";
static struct cli c;
static struct ps_frame frame;
static char image[128], equals[160];
static char *words[] = { "rkt", "fetch", image, equals, "--", NULL };

#define SAY(NAME, ...)                                                  \
	assert_int_equal(PS_SEND(&c.control, NAME,                      \
	    (&(struct ps_msg_##NAME){ __VA_ARGS__ }), NULL, 0), 0)

static void
put(const char *name, const char *text)
{
	FILE *f = fopen(cli_format("%s/%s", top, name), "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void
begin(void)
{
	c = (struct cli){ .data = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.system = -1, .local = -1, .user = -1, .uid = geteuid(),
		.words = words };
	assert_int_equal(cli_alone_start(&c), 0);
	assert_true(c.alone && !c.launched);
}

/* Its exit code, once the conductor has gone. */
static int
end(void)
{
	int status = -1;

	ps_frame_close(&frame);
	ps_close_fd(&c.control.fd);
	ps_close_fd(&c.data);
	assert_true(wait(&status) > 0);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static uint16_t
hear(void)
{
	int r;

	ps_frame_close(&frame);
	r = ps_recv(&c.control, &frame, 10000);
	assert_true(r == 0 || r == -EPIPE);
	return r == 0 ? frame.type : 0;
}

static const char *
refusal(void)
{
	static struct ps_msg_REFUSED m;

	assert_int_equal(hear(), PS_REFUSED);
	assert_int_equal(ps_decode_REFUSED(frame.payload, frame.length, &m), 0);
	return m.text;
}

/* It answered nothing, and has ended badly. */
static void
gone(const char *what)
{
	uint16_t type = hear();

	if (type != 0)
		fail_msg("%s was answered with type %u", what, type);
	assert_int_equal(end(), 120);
}

static void
named_files(void **state)
{
	(void)state;
	begin();
	SAY(GET_FILE, .path = image, .kind = PS_SLOT_IMAGE);
	assert_int_equal(hear(), PS_SLOT);
	assert_int_equal(frame.nfds, 0);
	SAY(GET_FILE, .path = cli_format("%s.asc", image),
	    .kind = PS_SLOT_SIGNATURE);
	assert_non_null(strstr(refusal(), "cannot open"));
	SAY(GET_FILE, .path = strchr(equals, '=') + 1, .kind = PS_SLOT_SIGNATURE);
	assert_int_equal(hear(), PS_SLOT);
	SAY(GET_FILE, .path = top, .kind = PS_SLOT_IMAGE);
	gone("a directory that is not named");
}

static void
other_files(void **state)
{
	const struct {
		const char *path;
		uint8_t kind;
	} rows[] = { { "/etc/passwd", PS_SLOT_IMAGE }, { "", PS_SLOT_IMAGE },
		{ cli_format("%s/secret", top), PS_SLOT_IMAGE },
		{ cli_format("%s.as", image), PS_SLOT_IMAGE },
		{ cli_format("%s.asc.asc", image), PS_SLOT_SIGNATURE },
		{ ".asc", PS_SLOT_SIGNATURE }, { "=", PS_SLOT_IMAGE },
		{ image, PS_SLOT_TEXT }, { image, PS_SLOT_KEY }, { image, 0 },
		{ image, 99 } };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		begin();
		SAY(GET_FILE, .path = rows[i].path, .kind = rows[i].kind);
		gone(rows[i].path);
	}
}

static void
odd_files(void **state)
{
	(void)state;
	begin();
	assert_int_equal(unlink(image), 0);
	assert_int_equal(mkfifo(image, 0600), 0);
	SAY(GET_FILE, .path = image, .kind = PS_SLOT_IMAGE);
	assert_non_null(strstr(refusal(), "not a regular file"));
	assert_int_equal(unlink(image), 0);
	put("image.aci", "bytes");
	assert_int_equal(truncate(cli_format("%s/sig", top), PS_MAX_SIGNATURE + 1),
	    0);
	SAY(GET_FILE, .path = strchr(equals, '=') + 1, .kind = PS_SLOT_SIGNATURE);
	assert_non_null(strstr(refusal(), "too large"));
	assert_int_equal(truncate(cli_format("%s/sig", top), 1), 0);
	assert_int_equal(end(), 0);
}

/* Slots that are not there, or not of that kind; never without a signature. */
static void
admit(void **state)
{
	static const uint16_t rows[][2] = { { 0, PS_NO_SLOT }, { 1, 0 }, { 0, 0 },
		{ 0, 2 }, { 64, 1 }, { PS_NO_SLOT, 1 }, { 1, 1 } };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		begin();
		SAY(GET_FILE, .path = image, .kind = PS_SLOT_IMAGE);
		assert_int_equal(hear(), PS_SLOT);
		SAY(GET_FILE, .path = strchr(equals, '=') + 1,
		    .kind = PS_SLOT_SIGNATURE);
		assert_int_equal(hear(), PS_SLOT);
		SAY(ADMIT_IMAGE, .image = rows[i][0], .signature = rows[i][1],
		    .name = "a.com/b", .insecure = PS_INSECURE_ALL);
		gone("ADMIT_IMAGE");
	}
}

static void
out_of_turn(void **state)
{
	static const uint8_t kinds[64] = { [0 ... 63] = PS_SLOT_IMAGE };

	(void)state;
	begin();
	SAY(REAP_FETCHER, .end_ = 0);
	gone("REAP_FETCHER");
	begin();
	SAY(CHECK_IMAGE, .image = { 1 }, .remove = 1);
	gone("CHECK_IMAGE");
	begin();
	SAY(START_FETCHER, .count = 17, .n_kinds = 17, .kinds = kinds);
	gone("17 slots");
	begin();
	SAY(START_FETCHER, .count = 1, .n_kinds = 2, .kinds = kinds);
	gone("one slot of two kinds");
	begin();
	SAY(START_FETCHER, .count = 1, .n_kinds = 1,
	    .kinds = (const uint8_t[]){ PS_SLOT_TEXT });
	gone("a text");
}

/* What needs root is refused in rkt's words, and the session goes on. */
static void
needs_root(void **state)
{
	(void)state;
	begin();
	SAY(HELLO, .dir = "/etc");
	assert_non_null(strstr(refusal(), "unprivileged user"));
	SAY(REVIEW_KEYS, .slot = 0);
	assert_non_null(strstr(refusal(), "unprivileged user"));
	SAY(TRUST_KEY, .slot = 0, .prefix = "a.com", .fingerprint = "ab");
	assert_non_null(strstr(refusal(), "unprivileged user"));
	SAY(GET_FILE, .kind = PS_SLOT_OUTPUT, .path = image);
	assert_non_null(strstr(refusal(), "unprivileged user"));
	SAY(CHECK_IMAGE, .image = { 1 });
	assert_non_null(strstr(refusal(), "cannot open the image"));
	assert_int_equal(end(), 0);
}

static void
no_unsigned(void **state)
{
	(void)state;
	c = (struct cli){ .data = -1, .words = words,
		.g = { .insecure = PS_INSECURE_IMAGE | PS_INSECURE_TLS } };
	assert_int_equal(cli_alone_start(&c), CLI_FAILED);
	assert_false(c.alone);
}

static void
no_spool(void **state)
{
	(void)state;
	assert_int_equal(rmdir(cli_format("%s/spool", top)), 0);
	begin();
	SAY(GET_FILE, .path = image, .kind = PS_SLOT_IMAGE);
	assert_non_null(strstr(refusal(), "any command of root's makes it"));
	SAY(START_FETCHER, .count = 1, .n_kinds = 1,
	    .kinds = (const uint8_t[]){ PS_SLOT_IMAGE });
	assert_non_null(strstr(refusal(), "any command of root's makes it"));
	assert_int_equal(end(), 0);
	/* Another's directory in its place is followed by no link. */
	assert_int_equal(symlink("/tmp", cli_format("%s/spool", top)), 0);
	begin();
	SAY(GET_FILE, .path = image, .kind = PS_SLOT_IMAGE);
	assert_non_null(strstr(refusal(), "cannot use the spool"));
	assert_int_equal(end(), 0);
	assert_int_equal(unlink(cli_format("%s/spool", top)), 0);
	assert_int_equal(mkdir(cli_format("%s/spool", top), 0700), 0);
}

static int
set_up(void **state)
{
	(void)state;
	if (mkdtemp(top) == NULL ||
	    mkdir(cli_format("%s/spool", top), 0700) < 0)
		return -1;
	(void)snprintf(image, sizeof(image), "%s/image.aci", top);
	(void)snprintf(equals, sizeof(equals), "--signature=%s/sig", top);
	put("image.aci", "bytes");
	put("sig", "s");
	put("secret", "not named");
	return 0;
}

static int
tear_down(void **state)
{
	static const char *const names[] = { "image.aci", "sig", "secret" };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(names); i++)
		(void)unlink(cli_format("%s/%s", top, names[i]));
	/* A link, where a test stopped half way. */
	if (rmdir(cli_format("%s/spool", top)) < 0)
		(void)unlink(cli_format("%s/spool", top));
	return rmdir(top);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(named_files),
		cmocka_unit_test(other_files),
		cmocka_unit_test(odd_files),
		cmocka_unit_test(admit),
		cmocka_unit_test(out_of_turn),
		cmocka_unit_test(needs_root),
		cmocka_unit_test(no_unsigned),
		cmocka_unit_test(no_spool),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
