/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_SERVE_RECORD_IO_H
#define COCO_BROKER_SERVE_RECORD_IO_H

#include "base/json.h"
#include "broker/core/record.h"
#include "broker/serve/service.h"

/*
 * Read the signed record (core/record-mac.h) at @key.  @ret is the text without its code, yours
 * (store_value_done()); its revision is 0 if there is none.
 *
 * Returns 0; -EBADMSG when nobody of ours wrote it there: that is never an absent record, for
 * otherwise the claim of a secret would be free; -ENOMEM; an error of store_get().
 */
int record_get(struct service *s, const char *key, struct store_value *ret, struct cause *why);

/*
 * Read the record of the secret @path, which is sealed and needs no code.  @ret is for
 * secret_record_done(); @ret_revision is 0 if there is none, and @ret is not set then.
 *
 * Returns 0; -EBADMSG with its revision when it is damaged, or that of another secret, which
 * somebody put in its place; -ENOMEM; an error of store_get().
 */
int secret_get(struct service *s, const char *path, struct secret_record *ret,
	       uint64_t *ret_revision, struct cause *why);

/*
 * The beginning of a line of the audit log: what happened to which secret (NULL: none), by whom
 * (NULL: a guest).  Without @what it is an object of an answer.  NULL without memory; line_text()
 * and line_number() then fail too.
 */
struct json_object *line_new(const char *what, const char *path, const char *who);
_warn_unused_ int line_text(struct json_object *line, const char *name, const char *text);
_warn_unused_ int line_number(struct json_object *line, const char *name, uint64_t n);
_warn_unused_ int line_hex(struct json_object *line, const char *name, const uint8_t *data,
			   size_t len);

/* Tell the watchers of a refusal.  One that they miss is not missed by anybody else. */
void denial_tell(struct service *s, const struct denial *d);

#endif
