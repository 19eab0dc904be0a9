/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_WIRE_LUKS_H
#define COCO_WIRE_LUKS_H

#include "wire/bytes.h"

/*
 * The binary headers of LUKS volumes, big-endian, for reading only.  Layouts: "LUKS2 On-Disk
 * Format Specification" 1.1, section 2.1, and "LUKS1 On-Disk Format Specification" 1.2.3, section
 * 2.3.
 *
 * LUKS2 has two headers, one at offset 0 and one right after it, at hdr_size.  Each is followed
 * by its own JSON area.
 *
 *	  0   6  magic "LUKS" ba be; "SKUL" ba be in the second
 *	  6   2  version, 2
 *	  8   8  hdr_size: bytes of this header, the 4096 here and the JSON area
 *	 16   8  seqid, incremented with each change
 *	 24  48  label
 *	 72  32  name of the checksum's hash
 *	104  64  salt
 *	168  40  UUID, text
 *	208  48  subsystem
 *	256   8  hdr_offset: where this header lies
 *	264 184  padding
 *	448  64  checksum over hdr_size bytes, these 64 taken as zero
 *	512      padding up to 4096
 *
 * LUKS1 has one header, without a checksum:
 *
 *	  0   6  magic			 72  32  hash			132  32  digest's salt
 *	  6   2  version, 1		104   4  payload's offset	164   4  digest's iterations
 *	  8  32  cipher, "aes"		108   4  bytes of the key	168  40  UUID, text
 *	 40  32  mode, "xts-plain64"	112  20  digest of the key	208 384  8 keyslots of 48
 *
 * A keyslot: 0 4 in use: 00ac71f3, not: 0000dead; 4 4 iterations; 8 32 salt; 40 4 offset of the
 * key in sectors; 44 4 stripes.
 */
#define LUKS_MAGIC_LEN 6
#define LUKS1_HEADER_LEN 592
#define LUKS1_KEYSLOTS 8
#define LUKS1_DIGEST_LEN 20
#define LUKS2_BINARY_LEN 4096
#define LUKS2_HEADER_MAX (4 * 1024 * 1024)
/*
 * What cocod-header(8) copies into memory.  LUKS2 begins the data there unless somebody asked for
 * more room, and LUKS1 before.  What is behind it is not copied, and a header that says that
 * keyslots are there is refused by its judge.
 */
#define LUKS_COPY_LEN (16 * 1024 * 1024)
#define LUKS2_CHECKSUM_OFFSET 448
#define LUKS2_CHECKSUM_LEN 64
#define LUKS_NAME_LEN 32
#define LUKS_UUID_LEN 40
#define LUKS_TOKEN_TYPE_MAX 64

/*
 * True if systemd-cryptsetup itself opens a volume by a token of that type, before it asks
 * anybody for a key: with a TPM, a FIDO2 device or a smart card, which are the host's.
 */
bool luks_token_opens(const char *type);

/* True if a header of LUKS2 may have that size in bytes, its JSON area included. */
bool luks2_hdr_size_is_legal(uint64_t size);

struct luks1_header {
	char cipher[LUKS_NAME_LEN];
	char mode[LUKS_NAME_LEN];
	char hash[LUKS_NAME_LEN];
	uint32_t key_len;	/* in bytes */
	uint32_t payload_offset;	/* in sectors; 0 when the header is apart from its data */
	uint8_t digest[LUKS1_DIGEST_LEN];	/* of the volume's key */
	uint32_t digest_iterations;
	struct luks1_keyslot {
		bool active;
		uint32_t iterations, stripes;
	} keyslots[LUKS1_KEYSLOTS];
	char uuid[LUKS_UUID_LEN];
};

struct luks2_header {
	/* in bytes, one of the sizes in the specification: 16 KiB to LUKS2_HEADER_MAX */
	uint32_t hdr_size;
	uint64_t seqid;
	char checksum_name[LUKS_NAME_LEN];
	char uuid[LUKS_UUID_LEN];
	uint8_t checksum[LUKS2_CHECKSUM_LEN];
};

/*
 * The version of the volume whose first @len bytes are at @p: any number, or -EOPNOTSUPP when the
 * bytes do not begin a LUKS volume.
 */
int luks_version(const uint8_t *p, size_t len);

/*
 * Read the header at the start of a volume of version 1.  All text in @ret is printable ASCII and
 * NUL-terminated, and the UUID is a valid UUID.
 *
 * Returns 0; -EOPNOTSUPP when it is not a LUKS1 header; -EBADMSG for less than LUKS1_HEADER_LEN
 * bytes or a malformed text.
 */
int luks1_header_parse(const uint8_t *p, size_t len, struct luks1_header *ret);

/*
 * Read the LUKS2 header that lies at @offset in a volume: 0 for the first, the first one's
 * hdr_size for the second.  The checksum is not verified here, because that needs the JSON area.
 * All text in @ret is printable ASCII and NUL-terminated, and the UUID is a valid UUID.
 *
 * Returns 0; -EOPNOTSUPP when magic or version is not that of a header at @offset; -EBADMSG for
 * less than LUKS2_BINARY_LEN bytes, an illegal hdr_size, an hdr_offset that is not @offset, or a
 * malformed text.
 */
int luks2_header_parse(const uint8_t *p, size_t len, uint64_t offset, struct luks2_header *ret);

#endif
