/* link: builder/manifest.c @appc privsep/name.c */
/* Edits of a manifest, and what is refused when they are done. */
#include "appc/image.h"
#include "builder/manifest.h"
#include "tests/unit/test.h"

static char error[AC_ERROR];

static json_t *
pair(const char *name, const char *value)
{
	return json_pack("{s:s, s:s}", "name", name, "value", value);
}

/* The text of that part of m. */
static void
check(const json_t *m, const char *key, const char *expected)
{
	_cleanup_free_ char *text = json_dumps(json_object_get(m, key),
	    JSON_COMPACT | JSON_ENCODE_ANY);

	assert_string_equal(text, expected);
}

static void
fresh(void **state)
{
	_cleanup_free_ char *text = NULL;
	json_t *m = bd_manifest_new(), *again;

	(void)state;
	assert_int_equal(bd_manifest_text(m, &text, error), 0);
	assert_int_equal(bd_manifest_parse(text, strlen(text), &again, error),
	    0);
	assert_true(json_equal(m, again));
	assert_non_null(strstr(text, "\"acbuild-unnamed\""));
	json_decref(m);
	json_decref(again);
}

static void
put_and_drop(void **state)
{
	json_t *m = json_object();

	(void)state;
	assert_int_equal(bd_put(m, "l", "name", pair("a", "1")), 0);
	assert_int_equal(bd_put(m, "l", "name", pair("b", "2")), 0);
	assert_int_equal(bd_put(m, "l", "name", pair("a", "3")), 0);
	check(m, "l", "[{\"name\":\"a\",\"value\":\"3\"},"
		      "{\"name\":\"b\",\"value\":\"2\"}]");
	assert_int_equal(bd_drop(m, "l", "name", "c"), -ENOENT);
	assert_int_equal(bd_drop(m, "l", "value", "3"), 0);
	assert_int_equal(bd_drop(m, "l", "name", "a"), -ENOENT);
	assert_int_equal(bd_drop(m, "l", "name", "b"), 0);
	assert_null(json_object_get(m, "l"));
	assert_int_equal(bd_drop(m, "l", "name", "b"), -ENOENT);
	assert_int_equal(bd_drop(NULL, "l", "name", "b"), -ENOENT);
	assert_int_equal(bd_put(m, "p", "name",
	    json_pack("{s:s, s:i}", "name", "http", "port", 80)), 0);
	assert_int_equal(bd_drop(m, "p", "port", "8"), -ENOENT);
	assert_int_equal(bd_drop(m, "p", "port", "80"), 0);
	json_decref(m);
}

static void
app(void **state)
{
	static const char *const argv[] = { "/bin/sh", "-c", "" };
	json_t *m = bd_manifest_new();
	_cleanup_free_ char *text = NULL;

	(void)state;
	assert_int_equal(bd_set_words(bd_app(m), "exec", argv, 3), 0);
	assert_int_equal(bd_set_text(bd_app(m), "user", "7"), 0);
	check(m, "app", "{\"exec\":[\"/bin/sh\",\"-c\",\"\"],\"user\":\"7\","
			"\"group\":\"0\"}");
	assert_int_equal(bd_manifest_text(m, &text, error), 0);
	json_decref(m);
}

/* What no rkt would read is never stored. */
static void
refused(void **state)
{
	static const struct {
		const char *key, *value, *says;
	} rows[] = {
		{ "workingDirectory", "rel", "app.workingDirectory" },
		{ "user", "", "app.user" },
		{ "exec", "x", "app.exec" },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		json_t *m = bd_manifest_new();
		char *text = NULL;

		assert_int_equal(bd_set_text(bd_app(m), rows[i].key,
		    rows[i].value), 0);
		assert_int_equal(bd_manifest_text(m, &text, error), -EINVAL);
		assert_null(text);
		assert_non_null(strstr(error, rows[i].says));
		json_decref(m);
	}
}

static void
hostile(void **state)
{
	static const char *const texts[] = { "", "{", "[]", "{}",
		"{\"acKind\":\"PodManifest\",\"acVersion\":\"0.8.11\","
		"\"name\":\"a\"}",
		"{\"acKind\":\"ImageManifest\",\"acVersion\":\"0.8.11\","
		"\"name\":\"a\",\"name\":\"b\"}" };

	(void)state;
	for (size_t i = 0; i < PS_COUNT(texts); i++) {
		json_t *m = NULL;

		assert_int_equal(bd_manifest_parse(texts[i], strlen(texts[i]),
		    &m, error), -EINVAL);
		assert_null(m);
		assert_true(error[0] != '\0');
	}
}

static void
notes(void **state)
{
	static const char *const v[] = { "a \"b\"", "c\\d", "e\nf" };
	static const char *const odd[] = { "\x01" };
	json_t *m = bd_manifest_new();

	(void)state;
	assert_int_equal(bd_put(m, "annotations", "name",
	    pair("coreos.com/acbuild/command-7", "x")), 0);
	assert_int_equal(bd_note(m, "set-exec", v, 3), 0);
	check(json_array_get(json_object_get(m, "annotations"), 1), "name",
	    "\"coreos.com/acbuild/command-8\"");
	assert_string_equal(json_string_value(json_object_get(json_array_get(
	    json_object_get(m, "annotations"), 1), "value")),
	    "acbuild set-exec \"a \\\"b\\\"\" \"c\\\\d\" \"e\\nf\"");
	/* What is not text is not noted, and no history is without end. */
	assert_int_equal(bd_note(m, "set-exec", odd, 1), 0);
	assert_int_equal(json_array_size(json_object_get(m, "annotations")),
	    2);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(bd_note(m, "end", NULL, 0), 0);
	assert_true(json_array_size(json_object_get(m, "annotations")) <= 512);
	json_decref(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fresh),
		cmocka_unit_test(put_and_drop),
		cmocka_unit_test(app),
		cmocka_unit_test(refused),
		cmocka_unit_test(hostile),
		cmocka_unit_test(notes),
	};

	return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
