/*
 * REVIEW_KEYS: what is in this key file?  Runs as root; reads no key.
 * HOSTILE: the request and the worker's lines, which are only handed on.
 */
#include <errno.h>
#include <string.h>

#include "launcher/session.h"
#include "launcher/store.h"
#include "launcher/workers.h"
#include "privsep/attr.h"

int
ln_review_keys(struct ln_session *s, struct ps_frame *f)
{
	static struct ps_msg_KEYLIST list;
	static struct ps_msg_KEYS answer;
	struct ps_msg_REVIEW_KEYS m;
	struct ln_slot *slot;
	int r;

	if (ps_decode_REVIEW_KEYS(f->payload, f->length, &m) < 0)
		return -EPROTO;
	slot = ln_slot_get(s, m.slot, PS_SLOT_KEY);
	if (!slot)
		return -EPROTO;
	r = ln_worker_review(s, slot, &list);
	if (slot->stored)
		ln_slot_free(slot);
	if (r != 0)
		return r;
	answer.n_lines = list.n_lines;
	memcpy(answer.lines, list.lines, sizeof(answer.lines));
	return PS_SEND(&s->control, KEYS, &answer, NULL, 0);
}
