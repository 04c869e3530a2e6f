#pragma once
/*
 * image/<id>/record: what the launcher knows of a committed image.  Written
 * by the launcher alone; read by the launcher and, without trust, by the
 * conductor.  Form: kv.h, each key once but signer and label.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "privsep/limits.h"

#define PS_MAX_RECORD 65536u
#define PS_MAX_SIGNERS 8u
#define PS_MAX_LABELS 32u

struct ps_record {
	uint8_t image[PS_DIGEST]; /* image id: SHA-512 of the tar */
	uint8_t raw[PS_DIGEST];	  /* SHA-512 of the bytes that were signed */
	uint8_t tree[PS_DIGEST];
	const char *name;	  /* AC identifier */
	const char *origin;	  /* URL or path */
	uint16_t n_label;
	const char *label[PS_MAX_LABELS]; /* name=value */
	uint16_t n_signer;		  /* 0: admitted unsigned */
	const char *signer[PS_MAX_SIGNERS];
	uint64_t signed_at, imported_at; /* seconds since the epoch */
	uint64_t raw_size, tar_size, tree_size; /* bytes */
	uint64_t entries; /* this, whitelist and implicit: at most UINT32_MAX */
	/* What follows may be missing in a record. */
	uint16_t n_dependency;
	const char *dependency[PS_MAX_LAYERS]; /* "NAME" or "NAME ID" */
	uint64_t whitelist; /* paths of pathWhitelist: its tree is rendered */
	uint64_t implicit;  /* directories without an entry of their own */
	uint16_t n_etag;    /* 0 or 1 */
	const char *etag[1];
	uint64_t max_age;   /* seconds from imported_at */
};

/* text[0..n) is split in place and must outlive *ret.  0 or -EBADMSG. */
int ps_record_parse(char *text, size_t n, struct ps_record *ret);
/* Length written, or -EMSGSIZE.  Pure. */
int ps_record_format(const struct ps_record *r, char *ret, size_t size);
