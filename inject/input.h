/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_INPUT_H
#define COCO_INJECT_INPUT_H

#include "base/secret.h"
#include "inject/launch/digest.h"
#include "inject/sev/packet.h"
#include "inject/verb.h"

/*
 * What the verbs are given: secrets, keys, measurements, areas.  All return STATUS_GOOD, or say
 * what is wrong and return the program's exit status; @ret is written on success only.
 */

/*
 * @path as a secret; "-" is standard input.  Quiet.  Returns 0; -EMSGSIZE over @max bytes; an
 * error of open(2), read(2) or secret_new().
 */
int input_read_secret(const char *path, size_t max, struct secret **ret);

/*
 * An option that is a number of at most @max.  Returns STATUS_GOOD, also when it is not given
 * and @ret stays; STATUS_USAGE.
 */
enum status input_number(const struct args *a, enum arg arg, uint64_t max, uint64_t *ret);

/* @path for reading, closed on exec; "-" is standard input.  Quiet.  Returns the descriptor, or an error of open(2) or fcntl(2). */
int input_open(const char *path);

/*
 * The padded secret table of all --secret options, of at most @max bytes.  @ret is yours.
 *
 * STATUS_USAGE for an unknown name, a GUID that is given twice or is all zero; STATUS_CHECK
 * when the table gets longer than
 * @max bytes; STATUS_IO when a file cannot be read.
 */
enum status input_table(const struct args *a, size_t max, struct secret **ret);

/*
 * The keys of --tek and --tik; both are yours.  STATUS_MALFORMED for a file that has not
 * exactly 16 bytes; STATUS_IO.
 */
enum status input_keys(const struct args *a, struct secret **ret_tek, struct secret **ret_tik);

/* The key of @arg, which is ARG_TEK or ARG_TIK; @ret is yours.  As above. */
enum status input_key(const struct args *a, enum arg arg, struct secret **ret);

/*
 * The policy of --policy, for a guest that is said to be @tech.  STATUS_USAGE for none; only
 * says so when it does not fit @tech or is careless.
 */
enum status input_policy(const struct args *a, enum tech tech, uint32_t *ret);

struct measurement {
	uint8_t bytes[SEV_MEASURE_LEN + SEV_NONCE_LEN];	/* the measure, then the nonce */
	size_t len;					/* 48, or 32 when there is no nonce */
};

/* The measurement of --measurement.  STATUS_MALFORMED when it is no base64 of 48 or 32 bytes. */
enum status input_measurement(const struct args *a, struct measurement *ret);

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
 * STATUS_USAGE when more than one is given or a number is none; STATUS_MALFORMED when the
 * firmware's table is broken; STATUS_CHECK when the firmware has no area; STATUS_IO.
 */
enum status input_area(const struct args *a, bool measured, struct area *ret);

/* The area of the firmware @image, which was read from @path.  As above. */
enum status input_area_of_image(const char *path, const uint8_t *image, size_t len, struct area *ret);

/*
 * Whether @len bytes fit into @area and, without --huge-pages, stay in one page of 4 KiB.
 * STATUS_CHECK when not.
 */
enum status input_check_size(const struct args *a, const struct area *area, size_t len);

/*
 * A packet with @table for the launch that was measured as @measure, under a fresh IV.  @ret is
 * yours, for packet_done().  STATUS_IO when OpenSSL refuses.
 */
enum status input_packet(const struct secret *tek, const struct secret *tik,
			 const uint8_t measure[static SEV_MEASURE_LEN], const struct secret *table,
			 struct packet *ret);

#endif
