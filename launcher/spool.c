/*
 * The spool: images that members of group rkt have fetched, and that root may
 * need.  Runs as root.  HOSTILE: every name and every file there, at every
 * moment.  A file is opened here for one thing alone: to be copied into the
 * quarantine, and judged as if the network had sent it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "launcher/session.h"
#include "launcher/store.h"
#include "launcher/sys.h"
#include "privsep/attr.h"
#include "privsep/name.h"

#define SPOOL_AGE (24ull * 60 * 60) /* seconds that an entry is kept */
#define SPOOL_LOOKS 65536	    /* entries of one sweep */

static const char below[] = "spool/";

/* NAME.aci or NAME.asc behind "spool/", NAME 32 hex digits; else NULL. */
static const char *
name_of(const char *path, uint8_t kind)
{
	const char *name = path + sizeof(below) - 1;
	const char *suffix = kind == PS_SLOT_IMAGE ? ".aci"
	    : kind == PS_SLOT_SIGNATURE		   ? ".asc"
						   : NULL;

	if (!suffix || strncmp(path, below, sizeof(below) - 1) != 0 ||
	    strlen(name) != 32 + 4 || !ps_is_hex(name, 32) ||
	    strcmp(name + 32, suffix) != 0)
		return NULL;
	return name;
}

int
ln_spool_open(const struct ln_session *s, const char *path, uint8_t kind)
{
	const char *name = name_of(path, kind);

	return !name ? -EPROTO
		     : ln_open_single(s->spool, name, O_RDONLY);
}

/* The time of its last change: no one but the kernel can set that. */
static bool
is_old(const struct ln_session *s, const char *name)
{
	_cleanup_fd_ int fd =
	    sys_open(s->spool, name, O_PATH | O_NOFOLLOW, 0, SYS_BENEATH);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 &&
	    (uint64_t)st.st_ctim.tv_sec + SPOOL_AGE < sys_now();
}

void
ln_spool_sweep(struct ln_session *s)
{
	_cleanup_list_ DIR *list = NULL;
	const char *name;

	(void)ln_list(s->spool, ".", &list);
	for (unsigned i = 0; i < SPOOL_LOOKS && (name = ln_next(list)); i++)
		/* A directory is no entry; what is in it stays its maker's. */
		if (is_old(s, name) && sys_unlink(s->spool, name, false) == -EISDIR)
			(void)sys_unlink(s->spool, name, true);
}
