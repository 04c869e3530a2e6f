/* link: privsep/volume.c privsep/name.c */
/* --volume: what it takes and refuses. */
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

#include "privsep/limits.h"
#include "privsep/volume.h"

static struct ps_volume
good(const char *text)
{
	struct ps_volume v;
	const char *wrong = NULL;

	memset(&v, 0xff, sizeof(v));
	if (ps_volume_parse(text, &v, &wrong) != 0)
		fail_msg("%s: %s", text, wrong);
	assert_null(wrong);
	return v;
}

static void
volume_host(void **state)
{
	struct ps_volume v = good("data,kind=host,source=/srv/x");

	(void)state;
	assert_string_equal(v.name, "data");
	assert_int_equal(v.kind, PS_VOLUME_HOST);
	assert_string_equal(v.source, "/srv/x");
	assert_int_equal(v.recursive, 1);
	assert_int_equal(v.idmap, PS_IDMAP_HOST);
	assert_int_equal(v.readonly + v.has_readonly, 0);
	v = good("d-1,readOnly=false,idmap=pod,source=//srv///x/,kind=host,"
		 "recursive=false");
	assert_string_equal(v.source, "/srv/x");
	assert_int_equal(v.readonly, 0);
	assert_int_equal(v.has_readonly, 1);
	assert_int_equal(v.idmap, PS_IDMAP_POD);
	assert_int_equal(v.recursive, 0);
	assert_string_equal(good("a,kind=host,source=///").source, "/");
	assert_string_equal(good("a,kind=host,source=/a=b c").source, "/a=b c");
}

static void
volume_own(void **state)
{
	struct ps_volume v = good("e,kind=empty");

	(void)state;
	assert_int_equal(v.kind, PS_VOLUME_EMPTY);
	assert_string_equal(v.source, "");
	assert_int_equal(v.mode, 0755);
	assert_int_equal(v.uid + v.gid + v.recursive, 0);
	v = good("t,kind=tmpfs,size=64Mi,mode=01777,uid=5,gid=65535,readOnly=1");
	assert_int_equal(v.kind, PS_VOLUME_TMPFS);
	assert_int_equal(v.size, 64 << 20);
	assert_int_equal(v.mode, 01777);
	assert_int_equal(v.uid, 5);
	assert_int_equal(v.gid, 65535);
	assert_int_equal(v.readonly, 1);
	assert_int_equal(good("t,kind=tmpfs").size, 0);
}

static void
volume_refused(void **state)
{
	static const char *const bad[] = { "", ",", "a", "A,kind=empty",
		"a/b,kind=empty", "a.b,kind=empty", "..,kind=empty", "a,",
		"a,kind=", "a,kind=bind", "a,kind=host", "a,kind=host,source=",
		"a,kind=host,source=x", "a,kind=host,source=/x/../y",
		"a,kind=host,source=/./x", "a,kind=host,source=/x\n",
		"a,kind=host,source=/x,source=/y", "a,kind=host,source=/x,",
		"a,kind=host,source=/x,y", "a,source=/x",
		"a,kind=empty,kind=host,source=/x", "a,kind=empty,source=/x",
		"a,kind=host,source=/x,mode=0755", "a,kind=host,source=/x,uid=0",
		"a,kind=host,source=/x,size=1Mi", "a,kind=empty,size=1Mi",
		"a,kind=empty,recursive=true", "a,kind=tmpfs,idmap=pod",
		"a,kind=empty,mode=", "a,kind=empty,mode=8",
		"a,kind=empty,mode=10000", "a,kind=empty,mode=0755 ",
		"a,kind=empty,uid=65536", "a,kind=empty,uid=-1",
		"a,kind=empty,gid=01", "a,kind=empty,readOnly=yes",
		"a,kind=empty,readonly=true", "a,kind=empty,propagation=shared",
		"a,kind=tmpfs,size=0", "a,kind=tmpfs,size=4095",
		"a,kind=tmpfs,size=1e9", "a,kind=tmpfs,size=1Mb",
		"a,kind=tmpfs,size=18446744073709551615Ti",
		"a,kind=tmpfs,size=99999999999999999999999999",
		"a,kind=host,source=/x,idmap=all", "a,=x", " a,kind=empty" };
	struct ps_volume v = { .kind = 77 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *wrong = NULL;

		if (ps_volume_parse(bad[i], &v, &wrong) != -EINVAL)
			fail_msg("taken: %s", bad[i]);
		assert_non_null(wrong);
		assert_int_equal(v.kind, 77);
	}
}

/* At each bound, and one behind it. */
static void
volume_long(void **state)
{
	static char text[9000];
	const char *wrong;
	struct ps_volume v;

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	memcpy(text + 255, ",kind=empty", 12);
	assert_int_equal(ps_volume_parse(text, &v, &wrong), 0);
	text[255] = 'a';
	memcpy(text + 256, ",kind=empty", 12);
	assert_int_equal(ps_volume_parse(text, &v, &wrong), -EINVAL);
	memset(text, 'a', sizeof(text) - 1);
	memcpy(text, "v,kind=host,source=/", 20);
	text[19 + 4095] = '\0';
	assert_int_equal(ps_volume_parse(text, &v, &wrong), 0);
	assert_int_equal(strlen(v.source), 4095);
	text[19 + 4095] = 'a';
	text[20 + 4095] = '\0';
	assert_int_equal(ps_volume_parse(text, &v, &wrong), -EINVAL);
	text[20 + 4095] = 'a';
	assert_int_equal(ps_volume_parse(text, &v, &wrong), -EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(volume_host),
		cmocka_unit_test(volume_own), cmocka_unit_test(volume_refused),
		cmocka_unit_test(volume_long) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
