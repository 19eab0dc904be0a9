/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_WIRE_TCG_LOG_H
#define COCO_WIRE_TCG_LOG_H

#include "wire/bytes.h"

/*
 * A measurement log in the crypto agile format, as firmware keeps it for a TPM and, as CCEL, for
 * a TD's registers.  Layout: TCG PC Client Platform Firmware Profile, "Event Logging"; UEFI 2.10,
 * "Confidential Computing".
 *
 *	first:	u32 index, u32 3, SHA-1, u32 length, "Spec ID Event03\0", u32 class, u8 minor,
 *		major, errata, size of uintn, u32 n, n times { u16 algorithm, u16 its length },
 *		u8 length, vendor information
 *	others:	u32 index, u32 type, u32 n, n times { u16 algorithm, digest }, u32 length, data
 *
 * The log itself is not authenticated.  Only what its digests hash to is, and the data not even
 * then.  No allocation, no I/O.  Results point into the caller's bytes.
 */

#define TCG_LOG_MAX (16 * 1024 * 1024)
#define TCG_LOG_ALGS 8

enum {
	TCG_ALG_SHA1 = 0x0004,
	TCG_ALG_SHA256 = 0x000b,
	TCG_ALG_SHA384 = 0x000c,
	TCG_ALG_SHA512 = 0x000d,
	TCG_ALG_SM3 = 0x0012,
};

enum {
	TCG_EV_NO_ACTION = 3,		/* never extends a register */
	TCG_EV_SEPARATOR = 4,
};

struct tcg_log {
	struct bytes rest;		/* events that were not read yet */
	unsigned n_algs;
	struct {
		uint16_t id, len;
	} algs[TCG_LOG_ALGS];
	unsigned n_events;		/* read so far, without the header */
};

struct tcg_event {
	uint32_t index;
	uint32_t type;
	struct bytes data;
	/* in the order of the log's algorithms, NULL for an algorithm that this event lacks */
	const uint8_t *digests[TCG_LOG_ALGS];
};

/*
 * Read the header of a log.
 *
 * Returns 0; -EBADMSG when the log ends inside its header; -EPROTO when the first event does not
 * describe such a log, or contradicts itself: no algorithm, one twice, or a well-known one with
 * another length; -EMSGSIZE over TCG_LOG_MAX or TCG_LOG_ALGS.  @ret is written on success only.
 */
int tcg_log_open(const uint8_t *data, size_t len, struct tcg_log *ret);

/*
 * Read the next event.  A log ends with its last byte, at an event with the index and type
 * FFFFFFFF, or where only zeros are left.
 *
 * Returns 1 with an event, 0 at the end; -EBADMSG for an event that runs past the log, has no
 * digest, has a digest of an algorithm that the header does not name, or has two of the same
 * algorithm.  After an error @log and @ret have not changed.
 */
int tcg_log_next(struct tcg_log *log, struct tcg_event *ret);

/*
 * Go on with events that continue @log, and have its algorithms and no header.  What is left of
 * the log itself is not read any more.  Returns 0; -EMSGSIZE over TCG_LOG_MAX.
 */
int tcg_log_continue(struct tcg_log *log, const uint8_t *data, size_t len);

/* The @event's digest of the algorithm @alg, which has the length of that algorithm, or NULL. */
const uint8_t *tcg_event_digest(const struct tcg_log *log, const struct tcg_event *event,
				uint16_t alg);

/* The name of an event type, "EV_SEPARATOR"; NULL for a type that is not in the specifications. */
const char *tcg_event_type(uint32_t type);

#endif
