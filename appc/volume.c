/*
 * Volumes, mounts and ports of a pod manifest.  Runs in the conductor, never
 * as root.  Input: what an operator wrote, or what lies in a pod directory,
 * which is taken to be as hostile as an image.
 */
#include <errno.h>
#include <string.h>

#include "appc/json.h"
#include "appc/pod.h"
#include "privsep/attr.h"
#include "privsep/limits.h"

#define AT(type, member) offsetof(struct type, member)
#define END_ROW { NULL, NULL, 0, 0 }

static bool
is_kind(const char *s, size_t n)
{
	(void)n;
	return strcmp(s, "host") == 0 || strcmp(s, "empty") == 0 ||
	    strcmp(s, "tmpfs") == 0;
}

static int
get_kind(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_class want = { 8, is_kind,
		"host, empty or tmpfs" };

	return ac_text(in, v, &want, out);
}

static int
get_read_only(struct ac_in *in, json_t *v, void *out)
{
	struct ac_volume *volume = out;

	volume->has_read_only = true;
	return ac_get_bool(in, v, &volume->read_only);
}

static bool
is_mode(const char *s, size_t n)
{
	return n > 0 && n < 6 && strspn(s, "01234567") == n;
}

/* "0755" */
static int
get_mode(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_class want = { 5, is_mode,
		"octal digits, as \"0755\"" };
	const char *text;
	uint32_t mode = 0;
	int r = ac_text(in, v, &want, &text);

	if (r < 0)
		return r;
	for (; *text != '\0'; text++)
		mode = mode * 8 + (uint32_t)(*text - '0');
	if (mode > 07777)
		return ac_fail(in, "beyond 7777");
	*(uint32_t *)out = mode;
	return 0;
}

static int
get_id(struct ac_in *in, json_t *v, void *out)
{
	int64_t id;
	int r = ac_integer(in, v, 0, PS_RANGE - 1, &id);

	if (r == 0)
		*(uint32_t *)out = (uint32_t)id;
	return r;
}

static bool
is_idmap(const char *s, size_t n)
{
	(void)n;
	return strcmp(s, "host") == 0 || strcmp(s, "pod") == 0;
}

static int
get_idmap(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_class want = { 4, is_idmap, "host or pod" };
	const char *text;
	int r = ac_text(in, v, &want, &text);

	if (r == 0)
		*(bool *)out = strcmp(text, "pod") == 0;
	return r;
}

static int
get_size(struct ac_in *in, json_t *v, void *out)
{
	int64_t n;
	int r = ac_integer(in, v, 4096, INT64_C(1) << 50, &n);

	if (r == 0)
		*(uint64_t *)out = (uint64_t)n;
	return r;
}

static int
get_volume(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_field fields[] = {
		{ "name", ac_get_acname, AT(ac_volume, name), AC_REQUIRED },
		{ "kind", get_kind, AT(ac_volume, kind), AC_REQUIRED },
		{ "source", ac_get_source, AT(ac_volume, source), 0 },
		{ "readOnly", get_read_only, 0, 0 },
		{ "recursive", ac_get_bool, AT(ac_volume, recursive), 0 },
		{ "idmap", get_idmap, AT(ac_volume, idmap_pod), 0 },
		{ "mode", get_mode, AT(ac_volume, mode), 0 },
		{ "uid", get_id, AT(ac_volume, uid), 0 },
		{ "gid", get_id, AT(ac_volume, gid), 0 },
		{ "size", get_size, AT(ac_volume, size), 0 },
		END_ROW,
	};
	static const char *const own[] = { "mode", "uid", "gid", "size" };
	static const char *const hosts[] = { "source", "recursive", "idmap" };
	struct ac_volume *volume = out;
	bool host;
	int r;

	volume->recursive = true;
	volume->mode = 0755;
	r = ac_object(in, v, fields, out);
	if (r < 0)
		return r;
	host = strcmp(volume->kind, "host") == 0;
	if (host && !volume->source)
		return ac_fail(in, "a host volume has a source");
	for (size_t i = 0; host && i < PS_COUNT(own); i++)
		if (json_object_get(v, own[i]))
			return ac_fail(in, "mode, uid, gid and size are not a "
					   "host volume's");
	for (size_t i = 0; !host && i < PS_COUNT(hosts); i++)
		if (json_object_get(v, hosts[i]))
			return ac_fail(in, "source, recursive and idmap are a "
					   "host volume's");
	if (volume->size > 0 && strcmp(volume->kind, "tmpfs") != 0)
		return ac_fail(in, "a size is a tmpfs volume's");
	volume->recursive = volume->recursive && host;
	return 0;
}

int
ac_get_volumes(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_items what = { AC_MAX_VOLUMES,
		sizeof(struct ac_volume), get_volume };
	struct ac_pod *pod = out;
	int r = ac_array(in, v, &what, &pod->volumes, &pod->n_volumes);

	for (size_t i = 0; r == 0 && i < pod->n_volumes; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(pod->volumes[i].name,
				pod->volumes[k].name) == 0)
				return ac_fail(in, "a name stands there twice");
	return r;
}

static int
get_mount(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_field fields[] = {
		{ "volume", ac_get_acname, AT(ac_mount, volume), AC_REQUIRED },
		{ "path", ac_get_path, AT(ac_mount, path), AC_REQUIRED },
		END_ROW,
	};
	json_t *own = json_object_get(v, "appVolume");
	struct ac_mount *m = out;
	int r = ac_object(in, v, fields, out);
	size_t at;

	if (r < 0 || own == NULL || json_is_null(own))
		return r;
	at = ac_enter(in, "appVolume", 0);
	/* It is called as the mount says, whether it says so again or not. */
	if (json_is_object(own) && !json_object_get(own, "name") &&
	    json_object_set_new(own, "name", json_string(m->volume)) < 0)
		return -ENOMEM;
	m->own = ac_alloc(in->arena, sizeof(*m->own));
	r = m->own ? get_volume(in, own, m->own) : -ENOMEM;
	if (r == 0 && strcmp(m->own->name, m->volume) != 0)
		return ac_fail(in, "is not called as the mount's volume");
	if (r == 0)
		ac_leave(in, at);
	return r;
}

int
ac_get_mounts(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_items what = { AC_MAX_MOUNTS,
		sizeof(struct ac_mount), get_mount };
	struct ac_pod_app *app = out;

	return ac_array(in, v, &what, &app->mounts, &app->n_mounts);
}

static int
get_host_port(struct ac_in *in, json_t *v, void *out)
{
	int64_t n;
	int r = ac_integer(in, v, 1, 65535, &n);

	if (r == 0)
		*(uint16_t *)out = (uint16_t)n;
	return r;
}

static bool
is_ip(const char *s, size_t n)
{
	return n > 0 && strspn(s, "0123456789abcdefABCDEF.:") == n;
}

static int
get_ip(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_class want = { 45, is_ip, "an IP address" };

	return ac_text(in, v, &want, out);
}

static int
get_pod_port(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_field fields[] = {
		{ "name", ac_get_acname, AT(ac_pod_port, name), AC_REQUIRED },
		{ "hostPort", get_host_port, AT(ac_pod_port, host_port),
		    AC_REQUIRED },
		{ "hostIP", get_ip, AT(ac_pod_port, host_ip), 0 },
		END_ROW,
	};

	return ac_object(in, v, fields, out);
}

int
ac_get_pod_ports(struct ac_in *in, json_t *v, void *out)
{
	static const struct ac_items what = { 256, sizeof(struct ac_pod_port),
		get_pod_port };
	struct ac_pod *pod = out;

	return ac_array(in, v, &what, &pod->ports, &pod->n_ports);
}
