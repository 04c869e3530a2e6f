/*
 * Pods whose apps come and go.  Conductor, user rkt.  HOSTILE: nothing but
 * what the files of a pod's directory say, which are root's.
 */
#include "cli/app.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/mem.h"

int
cli_in_full(const struct cli *c)
{
	const struct cli_command *command = c->command;
	char *const *word = c->words;

	while (*word && strcmp(*word, command->parent) != 0)
		word++;
	while (*word && strcmp(*word, command->name) != 0)
		word++;
	return *word ? 0 : cli_fail("write \"rkt %s\" in full",
			       cli_full_name(command));
}

static bool
is_mutable(const struct ac_pod *m)
{
	const char *said =
	    ac_find(&m->annotations, "coreos.com/rkt/stage1/mutable");

	return said && strcmp(said, "true") == 0;
}

static uint64_t since;

/* Asked before it is read: what is written in between has another time. */
static void
note_since(const struct cli_pod *pod)
{
	struct stat st;

	since = fstatat(pod->dir, "pod", &st, AT_SYMLINK_NOFOLLOW) < 0 ? 0 :
	    (uint64_t)st.st_mtim.tv_sec * 1000000000 +
		(uint64_t)st.st_mtim.tv_nsec;
}

uint64_t
cli_manifest_since(void)
{
	return since;
}

int
cli_find_mutable(struct cli *c, const char *uuid, struct cli_pod *pod,
    struct ac_pod **ret)
{
	int r = cli_find_pod(c, uuid, pod);

	if (r != 0)
		return r;
	note_since(pod);
	if (pod->state != CLI_RUNNING || pod->orphan)
		r = cli_fail("pod \"%s\" is not running", pod->uuid);
	else if (cli_pod_parse(pod, ret) < 0)
		r = cli_fail("cannot read the manifest of pod \"%s\"", pod->uuid);
	else if (!is_mutable(*ret)) {
		r = cli_fail("pod \"%s\" has the apps that it began with: only "
			     "those of rkt app sandbox change", pod->uuid);
		ac_pod_free(*ret);
	}
	if (r != 0)
		ps_close_fd(&pod->dir);
	return r;
}

size_t
cli_app_index(const struct ac_pod *m, const char *name)
{
	size_t i = 0;

	while (i < m->n_apps && strcmp(m->apps[i].name, name) != 0)
		i++;
	return i;
}
