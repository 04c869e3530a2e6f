/*
 * REVIEW_KEYS: what is in this key file?  Runs as root; reads no key.
 * HOSTILE: the request and the worker's lines, which are only handed on.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "launcher/session.h"
#include "launcher/store.h"
#include "launcher/sys.h"
#include "launcher/workers.h"
#include "privsep/attr.h"
#include "privsep/fds.h"

int
ln_review_keys(struct ln_session *s, struct ps_frame *f)
{
	static struct ps_msg_KEYLIST list;
	static struct ps_msg_KEYS answer;
	struct ps_msg_REVIEW_KEYS m;
	_cleanup_fd_ int key = -1;
	struct ln_slot *slot;
	uint64_t size;
	int r;

	if (ps_decode_REVIEW_KEYS(f->payload, f->length, &m) < 0)
		return -EPROTO;
	slot = ln_slot_get(s, m.slot, PS_SLOT_KEY);
	if (f->nfds != (slot == NULL) || (f->nfds > 0 &&
	    ps_check_sealed(f->fds[0], PS_MAX_KEY, &size) < 0))
		return -EPROTO;
	key = sys_reopen(slot ? slot->fd : f->fds[0], O_RDONLY);
	if (key < 0)
		return ln_refuse_error(s, key, "cannot open the key");
	r = ln_worker_review(s, key, &list);
	if (r != 0)
		return r;
	answer.n_lines = list.n_lines;
	memcpy(answer.lines, list.lines, sizeof(answer.lines));
	return PS_SEND(&s->control, KEYS, &answer, NULL, 0);
}
