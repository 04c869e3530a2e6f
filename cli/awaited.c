/*
 * What prepared pods wait with: images that are used, though no process holds
 * them.  Conductor, user rkt; the plans are the launcher's own files.
 */
#include <string.h>

#include "cli/files.h"
#include "cli/plan.h"
#include "cli/pods.h"
#include "cli/remove.h"

#define PREPARED_PLACE (1u << 2) /* of cli_places */

struct search {
	const uint8_t *image;
	char uuid[37];
};

static bool
is_in(const struct ps_msg_PLAN_APP *app, const uint8_t *image)
{
	if (memcmp(app->image, image, PS_DIGEST) == 0)
		return true;
	for (uint32_t at = 0; at + PS_DIGEST <= app->n_layers; at += PS_DIGEST)
		if (memcmp(app->layers + at, image, PS_DIGEST) == 0)
			return true;
	return false;
}

/* The app records of a plan, wherever they stand. */
static bool
plan_uses(const uint8_t *text, size_t n, const uint8_t *image)
{
	static struct ps_msg_PLAN_APP app;
	struct ps_reader r = { .p = text, .size = n };
	const uint8_t *head;

	while (r.at < n && (head = ps_get_bytes(&r, PS_HEADER)) != NULL) {
		struct ps_reader h = { .p = head, .size = PS_HEADER, .at = 8 };
		uint32_t size = ps_get_u32(&h);
		const uint8_t *body = ps_get_bytes(&r, size);
		struct ps_header header;

		if (body == NULL ||
		    ps_get_header(head, PS_HEADER + size, &header) < 0)
			return false;
		if (header.type == PS_PLAN_APP &&
		    ps_decode_PLAN_APP(body, size, &app) == 0 &&
		    is_in(&app, image))
			return true;
	}
	return false;
}

static int
look(const struct cli_pod *pod, void *arg)
{
	struct search *s = arg;
	void *mark = cli_mark();
	char *text;
	size_t n;

	if (pod->dir >= 0 &&
	    cli_read_below(pod->dir, "plan", PS_MAX_PLAN, &text, &n) == 0 &&
	    plan_uses((const uint8_t *)text, n, s->image))
		memcpy(s->uuid, pod->uuid, sizeof(s->uuid));
	cli_release(mark);
	return s->uuid[0] != '\0';
}

const char *
cli_awaited(struct cli *c, const uint8_t image[PS_DIGEST])
{
	struct search s = { .image = image };

	(void)cli_each_pod(c, PREPARED_PLACE, look, &s);
	return s.uuid[0] != '\0' ? cli_copy(s.uuid) : NULL;
}
