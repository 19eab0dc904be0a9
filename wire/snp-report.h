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
#define SNP_VERSION_LATER 255	/* up to there: one that AMD may come to make */

#define SNP_CHIP_ID_LEN 64
#define SNP_MEASUREMENT_LEN 48
#define SNP_REPORT_DATA_LEN 64

/* POLICY, the guest's. */
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
	unsigned signing_key;		/* enum snp_signing_key, or a number that has no meaning yet */
	uint64_t reported_tcb, committed_tcb, launch_tcb;
	uint8_t family, model, stepping;	/* zero in version 2, which does not say */
	uint32_t current_version, committed_version;	/* major << 16 | minor << 8 | build */
	uint64_t launch_mit_vector, current_mit_vector;	/* zero before version 5 */
	/* Into the report's bytes. */
	const uint8_t *family_id, *image_id;		/* 16 */
	const uint8_t *report_data, *chip_id;		/* 64 */
	const uint8_t *measurement, *id_key_digest, *author_key_digest;	/* 48 */
	const uint8_t *host_data, *report_id, *report_id_ma;	/* 32 */
	const uint8_t *signed_part;			/* SNP_SIGNED_LEN */
	const uint8_t *signature;			/* to the end */
};

/*
 * Read the report that begins at @p, at least SNP_REPORT_LEN bytes; what follows is not looked
 * at.  @ret points into it.  Reads only, judges nothing.  0; -EBADMSG when it is shorter.
 */
int snp_report_open(const uint8_t *p, size_t len, struct snp_report *ret);

/* A range of the report. */
struct snp_range {
	uint16_t offset, len;
};

/*
 * The first reserved byte that is not zero, for the report's version: true with the range it
 * lies in.  The reserved bits of the flags at 0x48 are part of it; POLICY and PLATFORM_INFO are
 * not, whose new bits older readers must let pass.
 */
bool snp_report_reserved(const uint8_t *p, const struct snp_report *r, struct snp_range *ret);

/*
 * R and S of the signature, big-endian.  -EBADMSG when a byte past their 384 bits, or past S to
 * the end, is not zero: those bytes are not signed, and must not be a place to write to.
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

/* "Milan", whole and in that case.  0 or -ENOENT. */
int snp_product_by_name(const char *name, size_t len, enum snp_product *ret);

/*
 * By CPUID's family and model, base and extended added up.  0, or -ENOENT for one that is none
 * of these.
 */
int snp_product_by_cpuid(unsigned family, unsigned model, enum snp_product *ret);

/* What AMD calls the product of a CPU, those that nothing is known of but their name as well; NULL for others. */
const char *snp_cpu_name(unsigned family, unsigned model);

/* Bytes of CHIP_ID that the product uses; the rest is zero. */
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

/* A TCB_VERSION, whose bytes mean something else in each product. */
struct snp_tcb snp_tcb_decode(enum snp_product product, uint64_t tcb);

/* The bytes of a TCB_VERSION, a bit each, that mean something in @product; the others are reserved. */
uint8_t snp_tcb_bytes(enum snp_product product);
const char *snp_tcb_component_name(enum snp_tcb_component c);	/* "bootloader" */

/* Whether the product has that component. */
bool snp_tcb_has(enum snp_product product, enum snp_tcb_component c);

/* Whether each component of @a is at most that of @b: the only order there is. */
bool snp_tcb_le(const struct snp_tcb *a, const struct snp_tcb *b);

/* ---- the certificate table of an extended report ---- */

/*
 * AMD and Linux, Guest-Hypervisor Communication Block (56421), "SNP Extended Guest Request":
 * 24-byte entries {GUID, u32 offset, u32 length}, the last all zero, then the data; offsets are
 * from the table's beginning.  The GUIDs' bytes lie in the order of their text, unlike EFI's.
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

/* A NULL pointer: not in the table. */
struct snp_table {
	struct bytes piece[_SNP_TABLE_MAX];
	unsigned n_unknown;	/* entries with other GUIDs */
};

/*
 * Read all of it.  0; -EBADMSG for a list without an end, an entry outside the table or over
 * the list, an empty one, or a known GUID twice; -EMSGSIZE for more than SNP_TABLE_ENTRIES_MAX
 * entries.
 */
int snp_table_parse(const uint8_t *p, size_t len, struct snp_table *ret);
const char *snp_table_kind_name(enum snp_table_kind kind);	/* "VCEK" */

#endif
