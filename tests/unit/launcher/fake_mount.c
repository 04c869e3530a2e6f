/*
 * The namespaces and mounts of fake_sys.h: remembered, never made.
 */
#include "tests/unit/launcher/fake_part.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "launcher/sys.h"
#include "privsep/attr.h"
#include "privsep/limits.h"

static int working_dir = -1;

/* --- namespaces and mounts ------------------------------------------------ */

int
sys_userns(uint32_t inside, uint32_t outside, uint32_t count)
{
	char text[100];
	int r = fake_verb();

	(void)snprintf(text, sizeof(text), "userns(%u->%u+%u)", inside, outside, count);
	fake_note("%s", text);
	if (outside == 0 || outside % PS_RANGE != 0 || count != PS_RANGE)
		fake_bug("a user namespace that maps what it must not", text);
	return r < 0 ? r : fake_thing(text);
}

int
sys_private_mounts(void)
{
	int r = fake_verb();

	fake_note("private-mounts");
	return r;
}

int
sys_idmapped(int dir, const char *path, int userns)
{
	char text[400], full[400];
	int fd, r = fake_verb();

	fake_check(dir, path, false);
	fake_join(dir, path, full);
	(void)snprintf(text, sizeof(text), "idmapped(%.200s)", full);
	if (userns < 0)
		(void)snprintf(text, sizeof(text), "readonly(%.200s)", full);
	fake_note("%s %s", text, userns < 0 ? "" : fake_label(userns));
	fd = r < 0 ? r : openat(dir, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return r < 0 ? r : -errno;
	if (userns < 0) /* to be read from, so what it is of */
		return fake_labelled(fd, text);
	(void)close(fd);
	return fake_thing(text);
}

int
sys_bind(int fd, bool recursive)
{
	char text[400];
	int r = fake_verb();

	(void)snprintf(text, sizeof(text), "bind(%.200s%s)", fake_label(fd),
	    recursive ? " recursive" : "");
	fake_note("%s", text);
	return r < 0 ? r : fake_thing(text);
}

int
sys_restrict(int mount, bool recursive, bool readonly, int userns)
{
	int r = fake_verb();

	fake_note("restrict %s%s%s %s", fake_label(mount), recursive ? " recursive" : "",
	    readonly ? " ro" : "", userns < 0 ? "-" : fake_label(userns));
	return r;
}

int
sys_tmpfs(uint64_t size, mode_t mode, uid_t uid, gid_t gid, bool readonly)
{
	char text[100];
	int r = fake_verb();

	(void)snprintf(text, sizeof(text), "tmpfs(%llu %o %u:%u%s)",
	    (unsigned long long)size, mode, uid, gid, readonly ? " ro" : "");
	fake_note("%s", text);
	if (uid < PS_RANGE || gid < PS_RANGE)
		fake_bug("a volume that host ids own", text);
	return r < 0 ? r : fake_thing(text);
}

int
sys_node(mode_t mode, dev_t device, uid_t uid, gid_t gid)
{
	char text[100];
	int r = fake_verb();

	(void)snprintf(text, sizeof(text), "node(%o %u:%u %u:%u)", mode,
	    major(device), minor(device), uid, gid);
	fake_note("%s", text);
	return r < 0 ? r : fake_thing(text);
}

int
sys_shifted(int dir, int userns)
{
	char text[400];
	int r = fake_verb();

	(void)snprintf(text, sizeof(text), "shifted(%.200s)", fake_label(dir));
	fake_note("%s %s", text, fake_label(userns));
	return r < 0 ? r : fake_labelled(fake_result(openat(dir, ".", O_RDONLY | O_CLOEXEC)),
			       text);
}

int
sys_overlay(const char *lower, const char *upper, const char *work)
{
	char text[400], paths[400], *rest = paths;
	int r = fake_verb();

	/* The kernel takes no longer option. */
	if (strlen(lower) > 255)
		fake_bug("an overlay of too many", lower);
	(void)snprintf(paths, sizeof(paths), "%s%s%s%s%s", lower, upper ? ":" : "",
	    upper ? upper : "", work ? ":" : "", work ? work : "");
	for (const char *path; (path = strsep(&rest, ":")) != NULL;) {
		fake_check(working_dir, path, false);
		if (r == 0 && upper && faccessat(working_dir, path, F_OK, 0) < 0)
			fake_bug("an overlay of what is not there", path);
	}
	if (upper)
		(void)snprintf(text, sizeof(text), "overlay(%.70s,%.70s,%.70s)", lower,
		    upper, work);
	else
		(void)snprintf(text, sizeof(text), "overlay(%.200s)", lower);
	fake_note("%s%s", text, upper ? "" : " read-only");
	return r < 0 ? r : fake_thing(text);
}

int
sys_attach(int mount, int dir, const char *path)
{
	char text[400];
	int r = fake_verb();

	fake_check(dir, path, false);
	fake_join(dir, path, text);
	fake_note("attach %s %s", fake_label(mount), text);
	if (fake.joined != (strncmp(text, "/proc/", 6) == 0))
		fake_bug("attached in another mount namespace", text);
	return r;
}

int
sys_shared(int mount)
{
	int r = fake_verb();

	fake_note("shared %s", fake_label(mount));
	return r;
}

/* The supervisor's namespace, and back; nothing else. */
int
sys_join(int fd)
{
	const char *label = fake_label(fd);
	int r = fake_verb();

	fake_note("join %s", label);
	if (strcmp(label, "stage1") != 0 && strcmp(label, "/proc/self/ns/mnt") != 0)
		fake_bug("joins", label);
	if (r == 0)
		fake.joined = strcmp(label, "stage1") == 0;
	return r;
}

int
sys_detach(int dir, const char *path)
{
	char text[400];
	int r = fake_verb();

	fake_check(dir, path, false);
	fake_join(dir, path, text);
	fake_note("detach %s", text);
	return r;
}

int
sys_chdir(int dir)
{
	int r = fake_verb();

	fake_note("chdir %s", fake_label(dir));
	ps_close_fd(&working_dir);
	working_dir = dup(dir);
	return r;
}

int
sys_end(pid_t pid)
{
	(void)pid;
	fake_note("end");
	return fake_verb();
}

void
sys_sleep(unsigned ms)
{
	fake.slept += ms;
	if (fake.while_asleep)
		fake.while_asleep();
}

int
sys_touch(int fd)
{
	(void)fd;
	fake_note("touch");
	return fake_verb();
}

int
sys_keyring(void)
{
	int r = fake_verb();

	fake_note("keyring");
	return r;
}

void
fake_no_dir(void)
{
	ps_close_fd(&working_dir);
}
