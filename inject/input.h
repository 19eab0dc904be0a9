/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_INPUT_H
#define COCO_INJECT_INPUT_H

#include "base/secret.h"
#include "inject/launch/digest.h"
#include "sev/packet.h"
#include "wire/guid.h"
#include "inject/verb.h"

/* The @i-th of the names that people use for GUIDs, or NULL past the last. */
const char *input_well_known(unsigned i);

/*
 * What the verbs are given: secrets, keys, measurements, areas.  All return 0 or a negative
 * errno, whose cause is then in @why; @ret is written on success only.  -ENOMEM and -EIO, for
 * what cannot be read, are not listed again.
 */

/*
 * @path as a secret; "-" is standard input.  Returns 0; -EMSGSIZE over @max bytes; an
 * error of open(2), read(2) or secret_new().
 */
int input_read_secret(const char *path, size_t max, struct secret **ret);

/*
 * @path for reading, closed on exec; "-" is standard input.  Returns the descriptor, or an error
 * of open(2) or fcntl(2).
 */
int input_open(const char *path);

/*
 * Read what --secret says: the GUID, and in @ret_from where the secret is, which points into @spec.
 * Returns 0; -EINVAL for what is not NAME:FILE, or an unknown name.
 */
int input_secret_spec(const char *spec, struct guid *ret, const char **ret_from,
		      struct cause *why);

/*
 * True in @ret if the secrets are a broker's: all of them are "NAME:kbs:///...".  Returns 0;
 * -EINVAL when only some are, or when an option is there for the other way.
 */
int input_is_from_broker(const struct args *a, bool *ret, struct cause *why);

/*
 * The padded secret table of all --secret options, of at most @max bytes.  @ret is yours.
 *
 * Returns 0; -EINVAL for an unknown name, a GUID that is given twice or is all zero; -ENOSPC when
 * the table gets longer than @max bytes.
 */
int input_table(const struct args *a, size_t max, struct secret **ret, struct cause *why);

/*
 * The keys of --tek and --tik; both are yours.  Returns 0; -EBADMSG for a file that has not
 * exactly 16 bytes, or for one key under both names.
 */
int input_keys(const struct args *a, struct secret **ret_tek, struct secret **ret_tik,
	       struct cause *why);

/* The key of --tik; @ret is yours.  As above. */
int input_tik(const struct args *a, struct secret **ret, struct cause *why);

/*
 * The policy of --policy, for a guest that is said to be @tech.  A policy that does not fit @tech
 * or is careless is warned about and taken.  Returns 0; -EINVAL for what is no policy.
 */
int input_policy(const struct args *a, enum tech tech, uint32_t *ret, struct cause *why);

struct measurement {
	uint8_t bytes[SEV_MEASURE_LEN + SEV_NONCE_LEN];	/* the measure, then the nonce */
	size_t len;					/* 48, or 32 when there is no nonce */
};

/*
 * The measurement of --measurement.  Returns 0; -EBADMSG when it is not base64 of 48 or 32 bytes.
 */
int input_measurement(const struct args *a, struct measurement *ret, struct cause *why);

/* Where the packet's plaintext will lie in the guest, as far as it is known. */
struct area {
	bool sized;		/* something told the size */
	bool placed;		/* base is known */
	bool explicit_gpa;	/* the base came from --area, and QEMU is told it */
	uint64_t base, size;	/* bytes */
};

/*
 * The area of --firmware, --area or --area-size; none of them gives one that is neither sized
 * nor placed.  When the firmware is @measured, --area may be given besides and counts alone.
 *
 * Returns 0; -EINVAL when more than one is given or a number is none; -ENOSPC for an area of no
 * bytes; an error of input_area_of_image().
 */
int input_area(const struct args *a, bool measured, struct area *ret, struct cause *why);

/*
 * The area of the firmware @image, which was read from @path.  Returns 0; -EBADMSG when the
 * firmware's table is broken; -EOPNOTSUPP when it has no area.
 */
int input_area_of_image(const char *path, const uint8_t *image, size_t len, struct area *ret,
			struct cause *why);

/*
 * That @len bytes fit into @area and, without --huge-pages, stay in one page of 4 KiB.
 * Returns 0; -ENOSPC when not.
 */
int input_check_size(const struct args *a, const struct area *area, size_t len, struct cause *why);

/* How long a table may be to fit into @area (input_check_size()): PACKET_MAX_LEN at most. */
size_t input_room(const struct args *a, const struct area *area);

/*
 * A packet with @table for the launch that was measured as @measure, under a fresh IV.  @ret is
 * yours, for packet_done().  Returns 0; -EIO when OpenSSL refuses.
 */
int input_packet(const struct secret *tek, const struct secret *tik,
		 const uint8_t measure[static SEV_MEASURE_LEN], const struct secret *table,
		 struct packet *ret, struct cause *why);

#endif
