/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_VERB_H
#define COCO_INJECT_VERB_H

#include "base/cause.h"
#include "base/log.h"
#include "inject/args.h"

/* What the program ends with; documented in coco-inject(1). */
enum status {
	STATUS_GOOD = 0,
	STATUS_CHECK = 1,	/* a check failed: nothing may be trusted or injected */
	STATUS_MALFORMED = 2,	/* an input is not what it should be */
	STATUS_UNDECIDED = 3,	/* the peer went away, was too slow, or broke the protocol */
	STATUS_USAGE = 64,
	STATUS_IO = 74,		/* reading or writing failed, or there was no (locked) memory */
};

/*
 * Only verbs and main() print, give up and know a status.  What is below them returns a negative
 * errno, with the cause in a struct cause (base/cause.h):
 *
 *	-EINVAL				an option is wrong, missing or in another's way
 *	-EBADMSG, -EMSGSIZE		an input is not what it should be, or larger than it may be
 *	-EKEYREJECTED			a check failed
 *	-ENOSPC				the secrets do not fit
 *	-EOPNOTSUPP			the firmware or the guest has no support for it
 *	-EPERM				the host refuses, or it is not the time for it
 *	-ENODATA			undecided: an answer or a certificate is missing
 *	-ENOMEM, -EIO, all others	memory could not be had, or a file or a library has failed
 */

/* Log why, once, and give up.  The value is @status. */
#define give_up(status, ...) (log_error(__VA_ARGS__), (status))

/* Log @why if @r is negative.  Returns the status for @r, which is STATUS_GOOD if it is not. */
enum status give_up_if(int r, const struct cause *why);

/*
 * Print @o in one line to standard output.  Returns STATUS_GOOD; STATUS_IO without memory, which
 * an @o of NULL means too.
 */
struct json_object;
enum status output_json(struct json_object *o);

extern const struct verb verb_doctor;
extern const struct verb verb_chain_show;
extern const struct verb verb_chain_verify;
extern const struct verb verb_session;
extern const struct verb verb_id_block;
extern const struct verb verb_plan;
extern const struct verb verb_measure;
extern const struct verb verb_table;
extern const struct verb verb_packet;
extern const struct verb verb_inject;
extern const struct verb verb_relay;

#endif
