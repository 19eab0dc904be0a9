/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_WIRE_SNP_REPORT_H
#define COCO_WIRE_SNP_REPORT_H

#include "wire/bytes.h"

/*
 * The attestation report of SEV-SNP: AMD, "SEV Secure Nested Paging Firmware ABI Specification"
 * (56860), ATTESTATION_REPORT.  Little-endian.  Bytes 0 to 0x29f are signed; what follows is
 * the signature.
 */
#define SNP_REPORT_LEN 0x4a0
#define SNP_SIGNED_LEN 0x2a0
#define SNP_VERSION_MIN 2
#define SNP_VERSION_MAX 5
#define SNP_VERSION_LATER 255	/* up to here: versions that AMD may make later */

#define SNP_CHIP_ID_LEN 64
#define SNP_MEASUREMENT_LEN 48
#define SNP_REPORT_DATA_LEN 64

/* POLICY, of the guest. */
#define SNP_POLICY_SMT (1ull << 16)
#define SNP_POLICY_ONE (1ull << 17)	/* must be set */
#define SNP_POLICY_MIGRATE_MA (1ull << 18)
#define SNP_POLICY_DEBUG (1ull << 19)
#define SNP_POLICY_SINGLE_SOCKET (1ull << 20)

/* PLATFORM_INFO. */
#define SNP_PLATFORM_ALIAS_CHECK_COMPLETE (1ull << 5)

enum snp_signing_key {
	SNP_KEY_VCEK = 0,
	SNP_KEY_VLEK = 1,
	SNP_KEY_NONE = 7,
};

struct snp_report {
	uint32_t version, guest_svn;
	uint64_t policy;
	uint32_t vmpl, signature_algo;
	uint64_t current_tcb, platform_info;
	bool author_key_en, mask_chip_key;
	/* enum snp_signing_key, or a number without a meaning yet */
	unsigned signing_key;
	uint64_t reported_tcb, committed_tcb, launch_tcb;
	uint8_t family, model, stepping;	/* zero in version 2, which does not have them */
	uint32_t current_version, committed_version;	/* major << 16 | minor << 8 | build */
	uint64_t launch_mit_vector, current_mit_vector;	/* zero before version 5 */
	/* Pointers into the report's bytes. */
	const uint8_t *family_id, *image_id;		/* 16 */
	const uint8_t *report_data, *chip_id;		/* 64 */
	const uint8_t *measurement, *id_key_digest, *author_key_digest;	/* 48 */
	const uint8_t *host_data, *report_id, *report_id_ma;	/* 32 */
	const uint8_t *signed_part;			/* SNP_SIGNED_LEN */
	const uint8_t *signature;			/* to the end */
};

/*
 * Read the report that begins at @p; bytes after SNP_REPORT_LEN are ignored.  @ret points into
 * the report.  Nothing is judged here.  Returns 0; -EBADMSG for less than SNP_REPORT_LEN bytes.
 */
int snp_report_open(const uint8_t *p, size_t len, struct snp_report *ret);

/* A range of the report. */
struct snp_range {
	uint16_t offset, len;
};

/*
 * Returns true, with the range in @ret, when the first reserved byte that is not zero lies in
 * that range.  What is reserved depends on the report's version.  The reserved bits of the flags
 * at 0x48 count too.  POLICY and PLATFORM_INFO do not: older readers must accept their new bits.
 */
bool snp_report_reserved(const uint8_t *p, const struct snp_report *r, struct snp_range *ret);

/*
 * Read R and S of the signature, big-endian.  -EBADMSG when a byte past their 384 bits, or past S
 * to the end, is not zero: those bytes are not signed, and must not be a place to write to.
 */
int snp_report_signature(const struct snp_report *r, uint8_t ret_r[static 48],
			 uint8_t ret_s[static 48]);

/* ---- products and their TCB versions ---- */

enum snp_product {
	SNP_MILAN,
	SNP_GENOA,	/* Bergamo and Siena too */
	SNP_TURIN,
	_SNP_PRODUCT_MAX,
};

const char *snp_product_name(enum snp_product product);	/* as in certificates: "Milan" */

/* Parse "Milan": the whole name, in that case.  Returns 0 or -ENOENT. */
int snp_product_by_name(const char *name, size_t len, enum snp_product *ret);

/*
 * Find the product by CPUID's family and model, base and extended added up.  Returns 0, or
 * -ENOENT for other CPUs.
 */
int snp_product_by_cpuid(unsigned family, unsigned model, enum snp_product *ret);

/*
 * AMD's name for the product of a CPU, also for products of which only the name is known; NULL
 * for other CPUs.
 */
const char *snp_cpu_name(unsigned family, unsigned model);

/* The number of bytes of CHIP_ID that the product uses; the rest is zero. */
size_t snp_chip_id_len(enum snp_product product);

enum snp_tcb_component {
	SNP_TCB_FMC,	/* Turin only; 0 elsewhere */
	SNP_TCB_BOOTLOADER,
	SNP_TCB_TEE,
	SNP_TCB_SNP,
	SNP_TCB_MICROCODE,
	_SNP_TCB_MAX,
};

struct snp_tcb {
	uint8_t svn[_SNP_TCB_MAX];
};

/* Decode a TCB_VERSION, whose bytes mean something else in each product. */
struct snp_tcb snp_tcb_decode(enum snp_product product, uint64_t tcb);

/*
 * The bytes of a TCB_VERSION that mean something in @product, one bit each; other bytes are
 * reserved.
 */
uint8_t snp_tcb_bytes(enum snp_product product);
const char *snp_tcb_component_name(enum snp_tcb_component c);	/* "bootloader" */

/* True if the product has that component. */
bool snp_tcb_has(enum snp_product product, enum snp_tcb_component c);

/* True if each component of @a is at most that of @b.  There is no other order. */
bool snp_tcb_le(const struct snp_tcb *a, const struct snp_tcb *b);

/* ---- the certificate table of an extended report ---- */

/*
 * AMD and Linux, Guest-Hypervisor Communication Block (56421), "SNP Extended Guest Request":
 * 24-byte entries {GUID, u32 offset, u32 length}, the last all zero, then the data.  Offsets are
 * from the table's beginning.  The bytes of the GUIDs lie in the order of their text, unlike
 * EFI's.
 */
#define SNP_TABLE_ENTRIES_MAX 64

enum snp_table_kind {
	SNP_TABLE_VCEK,
	SNP_TABLE_VLEK,
	SNP_TABLE_ASK,	/* or ASVK */
	SNP_TABLE_ARK,
	SNP_TABLE_CRL,
	SNP_TABLE_EXTRA,	/* u32 8, u32 CPUID 1 EAX */
	_SNP_TABLE_MAX,
};

/* A NULL pointer: the table does not have the piece. */
struct snp_table {
	struct bytes piece[_SNP_TABLE_MAX];
	unsigned n_unknown;	/* entries with other GUIDs */
};

/*
 * Read the whole table.  Returns 0; -EBADMSG for a list without an end, an entry that is outside
 * the table, over the list or empty, or a known GUID twice; -EMSGSIZE for more than
 * SNP_TABLE_ENTRIES_MAX entries.
 */
int snp_table_parse(const uint8_t *p, size_t len, struct snp_table *ret);
const char *snp_table_kind_name(enum snp_table_kind kind);	/* "VCEK" */

#endif
