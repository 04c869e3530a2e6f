#pragma once
/*
 * The directories of the data directory, slots of the quarantine, and image
 * records.  Caller: root.
 */
#include "launcher/files.h"
#include "launcher/session.h"
#include "privsep/record.h"

/* Below pods/, in the order in which pods move on. */
#define LN_POD_STATES 6
extern const char *const ln_pod_states[LN_POD_STATES];

/* Open (and make, with rkt's modes) everything below the data directory. */
int ln_store_open(struct ln_session *s, const char *dir);

/* spool.c: a file of the spool, to be copied.  -EPROTO: path is no name of
 * one; -EMEDIUMTYPE: it is no regular file of one name. */
int ln_spool_open(const struct ln_session *s, const char *path, uint8_t kind);
/* What has been there for a day goes. */
void ln_spool_sweep(struct ln_session *s);

/* A new slot of this kind; its pending descriptor is open.  -EMFILE: none
 * left. */
int ln_slot_new(struct ln_session *s, uint8_t kind, uint16_t *ret);
/* From here on no one can write it: fd is read-only, pending is closed. */
int ln_slot_settle(struct ln_slot *slot);
void ln_slot_free(struct ln_slot *slot);
/* A settled slot of this kind, or NULL. */
struct ln_slot *ln_slot_get(struct ln_session *s, uint16_t n, uint8_t kind);
/* Bytes that a slot of this kind may hold at most. */
uint64_t ln_slot_max(const struct ln_session *s, uint8_t kind);

/* "sha512-...", and the path, below the image store, of what an image's directory holds
 * (ln_path). */
const char *ln_image_id(const uint8_t image[PS_DIGEST]);
const char *ln_image_path(const uint8_t image[PS_DIGEST], const char *below);
/* Read image/<id>/record.  text must hold PS_MAX_RECORD + 1 and outlive *ret.
 * -ENOENT: no such image.  -EBADMSG: damaged. */
int ln_record_read(struct ln_session *s, const uint8_t image[PS_DIGEST],
    char *text, struct ps_record *ret);
/* pods/WHERE/UUID, locked: no one runs in it, and no one else takes it away.
 * -EWOULDBLOCK: someone has it. */
int ln_pod_lock(const struct ln_session *s, const char *where,
    const char *uuid);
/* pods/FROM/UUID becomes pods/TO/UUID. */
int ln_pod_move(const struct ln_session *s, const char *from, const char *to,
    const char *uuid);
/* Write a file of root's into dir, 0640 root:rkt, replacing nothing; s NULL:
 * 0600, root's alone. */
int ln_write_file(struct ln_session *s, int dir, const char *name,
    const void *p, size_t n);
/* The same over what there is: whole, old or new, whenever the power fails. */
int ln_replace_file(struct ln_session *s, int dir, const char *name,
    const void *p, size_t n);

/* Take away dir/name and all below it without following anything; it is
 * moved into dir first under another name, so that it is gone at once.
 * Depth costs no descriptors and no stack. */
int ln_remove_tree(int dir, const char *name);
/* Take away a pod's directory, emptied in its place: wherever that ends, the
 * pod is there to be taken away again. */
int ln_remove_pod_tree(int bin, int pod, const char *uuid);
/* Take away what a killed launcher left half made in dir. */
void ln_sweep(int dir);
