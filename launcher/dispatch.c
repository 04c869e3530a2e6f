/*
 * The permit table: what the conductor may say, and when.  Runs as root.
 * HOSTILE: every frame.  What is not a row ends the session.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "launcher/session.h"
#include "privsep/attr.h"
#include "privsep/name.h"

static const struct row {
	uint16_t type;
	unsigned states;
	bool once;
	int (*handle)(struct ln_session *s, struct ps_frame *f);
} rows[] = {
	{ PS_HELLO, LN_START, true, ln_hello },
	{ PS_GET_FILE, LN_READY, false, ln_get_file },
	{ PS_START_FETCHER, LN_READY, false, ln_start_fetcher },
	{ PS_REAP_FETCHER, LN_FETCHING, false, ln_reap_fetcher },
	{ PS_ADMIT_IMAGE, LN_READY, false, ln_admit_image },
	{ PS_REVIEW_KEYS, LN_READY, false, ln_review_keys },
	{ PS_TRUST_KEY, LN_READY, false, ln_trust_key },
	{ PS_START_POD, LN_READY, false, ln_start_pod },
	{ PS_ENTER_POD, LN_READY, true, ln_enter_pod },
	{ PS_EXPORT_APP, LN_READY, true, ln_export_app },
	{ PS_EXTRACT_IMAGE, LN_READY, false, ln_extract_image },
	{ PS_CHECK_IMAGE, LN_READY, false, ln_check_image },
	{ PS_END_POD, LN_READY, false, ln_end_pod },
};

int
ln_refuse(struct ln_session *s, uint32_t code, const char *format, ...)
{
	char text[1024];
	va_list ap;
	int r;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	ln_make_print(text); /* a cut UTF-8 sequence, or worse */
	r = PS_SEND(&s->control, REFUSED,
	    (&(struct ps_msg_REFUSED){ .code = code, .text = text }), NULL, 0);
	return r < 0 ? r : 1;
}

int
ln_refuse_error(struct ln_session *s, int r, const char *what)
{
	return r >= 0 ? r
	    : ln_refuse(s, PS_REFUSED_SYSTEM, "%s: %s", what, strerror(-r));
}

int
ln_done(struct ln_session *s)
{
	return PS_SEND(&s->control, DONE, (&(struct ps_msg_DONE){ 0 }), NULL, 0);
}

int
ln_starting(struct ln_session *s, const char *uuid,
    void (*become)(struct ln_session *s))
{
	(void)snprintf(s->uuid, sizeof(s->uuid), "%s", uuid);
	s->become = become;
	s->state = LN_ENDED;
	return PS_SEND(&s->control, STARTING,
	    (&(struct ps_msg_STARTING){ .uuid = s->uuid }), NULL, 0);
}

static const struct row *
find_row(uint16_t type)
{
	for (size_t i = 0; i < PS_COUNT(rows); i++)
		if (rows[i].type == type)
			return &rows[i];
	return NULL;
}

int
ln_serve(struct ln_session *s)
{
	static struct ps_frame frame;
	unsigned seen = 0;

	while (s->state != LN_ENDED) {
		const struct row *row;
		int r = ps_recv(&s->control, &frame, -1);

		if (r == -EPIPE)
			return 0; /* the conductor has ended */
		if (r < 0)
			return r;
		row = find_row(frame.type);
		if (row == NULL || (row->states & s->state) == 0 ||
		    (row->once && (seen & 1u << (row - rows)) != 0))
			r = -EPROTO;
		else
			r = row->handle(s, &frame);
		if (row)
			seen |= 1u << (row - rows);
		ps_frame_close(&frame);
		if (r < 0)
			return r;
	}
	return 0;
}
