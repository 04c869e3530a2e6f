/* link: stage1/appexec/user.c stage1/appexec/sys.c privsep/fds.c privsep/name.c
 */
/* Who the app is: numbers, names, and tables that an image wrote. */
#include "tests/unit/test.h"

#include "stage1/appexec/appexec.h"

const char *s1_why = "";

static void
numbers(void **state)
{
	static const struct {
		const char *text;
		int want;
		uint32_t id;
	} rows[] = {{"0", 0, 0}, {"1", 0, 1}, {"65534", 0, 65534},
	    {"65535", -EINVAL, 0}, {"65536", -EINVAL, 0},
	    {"2147483648", -EINVAL, 0}, {"4294967295", -EINVAL, 0},
	    {"4294967296", -EINVAL, 0}, {"18446744073709551616", -EINVAL, 0},
	    {"-1", -EINVAL, 0}, {"+1", -EINVAL, 0}, {"0x0", -EINVAL, 0},
	    {"00", -EINVAL, 0}, {"01", -EINVAL, 0}, {" 1", -EINVAL, 0},
	    {"1 ", -EINVAL, 0}, {"1:", -EINVAL, 0}, {":1", -EINVAL, 0},
	    {"", -EINVAL, 0}, {"\xef\xbc\x91", -EINVAL, 0},
	    {"root", -ENOENT, 0}, {"a:b", -EINVAL, 0}, {"a\n", -EINVAL, 0},
	    {"_x-1.y", -ENOENT, 0}, {"-x", -EINVAL, 0}};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		uint32_t id = 77;

		assert_int_equal(s1_parse_id(rows[i].text, &id), rows[i].want);
		assert_int_equal(id, rows[i].want == 0 ? rows[i].id : 77);
	}
}

static int
find(const char *text, const char *name, uint32_t *id)
{
	return s1_find_id(text, strlen(text), name, id);
}

static void
tables(void **state)
{
	uint32_t id = 0;

	(void)state;
	assert_int_equal(find("root:x:0:0\nweb:x:33:9:::", "web", &id), 0);
	assert_int_equal(id, 33);
	assert_int_equal(find("web2:x:1:\nweb:x:2", "web", &id), 0);
	assert_int_equal(id, 2);
	assert_int_equal(find("web:x:5\nweb:x:6\n", "web", &id), 0);
	assert_int_equal(id, 5);
	assert_int_equal(find("web::7:", "web", &id), 0);
	assert_int_equal(id, 7);
	assert_int_equal(find("", "web", &id), -ENOENT);
	assert_int_equal(find("web", "web", &id), -ENOENT);
	assert_int_equal(find("web:", "web", &id), -ERANGE);
	assert_int_equal(find("web:x", "web", &id), -ERANGE);
	assert_int_equal(find("web:x:", "web", &id), -ERANGE);
	assert_int_equal(find("web:x:\n", "web", &id), -ERANGE);
	assert_int_equal(find("web:x:65535:", "web", &id), -ERANGE);
	assert_int_equal(find("web:x:-1:", "web", &id), -ERANGE);
	assert_int_equal(find("web:x:4294967296:", "web", &id), -ERANGE);
	assert_int_equal(find("web:x:1x:", "web", &id), -ERANGE);
	assert_int_equal(
	    find("x\nweb:x:0000000000000001:", "web", &id), -ERANGE);
	assert_int_equal(id, 7);
}

/* A table at the very end of a buffer: nothing behind it is read. */
static void
exact(void **state)
{
	static const char text[] = "a:x:1\nweb:x:2";
	uint32_t id;

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		char *p = malloc(n ? n : 1);

		memcpy(p, text, n);
		(void)s1_find_id(p, n, "web", &id);
		free(p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers),
	    cmocka_unit_test(tables),
	    cmocka_unit_test(exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
