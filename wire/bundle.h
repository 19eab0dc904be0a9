/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_WIRE_BUNDLE_H
#define COCO_WIRE_BUNDLE_H

#include "wire/bytes.h"

/*
 * A pack of evidence: what a guest has to show, and what it is judged by, as cocod hands it to
 * cocod-worker in a sealed memfd.
 *
 *	0  8  magic "coco-ev1"
 *	8  x  items: 0 4 kind, 4 4 length of the data in bytes, 8 x data; no padding; to the end of the pack
 *
 * Little-endian.  Kinds may stand in any order; those that repeat may repeat, of the others the
 * second is an error.  BUNDLE_OWN is set in the kind of what the verifier had itself, in its
 * configuration or cache; all else came from whoever sent the evidence.  cocod-evidence(5) has
 * the same items by name, as JSON; there everything is the sender's.
 */
#define BUNDLE_OWN 0x80000000u
#define BUNDLE_MAGIC "coco-ev1"
#define BUNDLE_MAGIC_LEN 8
#define BUNDLE_ITEMS_MAX 128
#define BUNDLE_ITEM_MAX (1024 * 1024)		/* bytes; an event log is the largest by far */
#define BUNDLE_PACK_MAX (4 * 1024 * 1024)	/* bytes, of a whole pack */
#define BUNDLE_NONCE_MAX 64

enum bundle_kind {
	BUNDLE_TYPE = 1,	/* text: what judges it, "snp", "tdx", "azure", "tdreport" */
	BUNDLE_PROVIDER,	/* text: who gave it, "configfs-tsm:sev_guest" */
	BUNDLE_NOTE,		/* text, repeats: what is not there and why */
	BUNDLE_NONCE,		/* what was asked for, at most BUNDLE_NONCE_MAX bytes */
	BUNDLE_REPORT,	/* SNP report */
	BUNDLE_CERT_TABLE,	/* of the SNP extended report */
	BUNDLE_QUOTE,		/* TDX */
	BUNDLE_TDREPORT,	/* TDX, local: nobody else can verify it */
	BUNDLE_SERVICE_MANIFEST,	/* SVSM */
	BUNDLE_EVENT_LOG,	/* CCEL */
	BUNDLE_REGISTERS,	/* text: a line "NAME HEX" for each TDX measurement register */
	BUNDLE_VMPL,		/* text: as the kernel has it */
	BUNDLE_HCL,		/* Azure's report out of the vTPM */
	BUNDLE_TPM_ATTEST,	/* TPMS_ATTEST */
	BUNDLE_TPM_SIGNATURE,	/* RSA, big-endian */
	BUNDLE_TPM_PCRS,	/* text: {"INDEX":"HEX",...}, the SHA-256 PCRs of the quote */
	BUNDLE_CERT,		/* repeats, PEM or DER: any of a chain */
	BUNDLE_CRL,		/* repeats, PEM or DER: AMD's */
	BUNDLE_TCB_INFO,	/* Intel's collateral; this and the next five repeat, the newest that verifies counts */
	BUNDLE_QE_IDENTITY,
	BUNDLE_TCB_CHAIN,
	BUNDLE_QE_CHAIN,
	BUNDLE_ROOT_CRL,
	BUNDLE_PCK_CRL,
	BUNDLE_POLICY,	/* text: attest.conf; never in a bundle */
	BUNDLE_TRUST,		/* text: a trust file; never in a bundle */
	BUNDLE_KEPT_POLICY,	/* text: the initrd's attest.conf, which must accept as well; never in a bundle */
	BUNDLE_KEPT_TRUST,	/* text: its trust file, for that policy; never in a bundle */
	BUNDLE_NEWEST,		/* text: what was verified before (attest/newest.h); never in a bundle */
	_BUNDLE_MAX,
};

/* What a bundle calls it, "report", "cert-table", ...; NULL for a number that is none. */
const char *bundle_kind_name(unsigned kind);

/* Returns 0, or -EOPNOTSUPP for a name that is none. */
int bundle_kind_parse(const char *name, enum bundle_kind *ret);

/* True if there may be more than one of it; if it is text. */
bool bundle_kind_repeats(unsigned kind);
bool bundle_kind_is_text(unsigned kind);

/* Whether it is what evidence is judged by, and so never the sender's to bring along. */
bool bundle_kind_is_rule(unsigned kind);

struct bundle_entry {
	enum bundle_kind kind;
	bool own;
	struct bytes data;
};

/*
 * The cursor past the magic.  Returns 0; -EBADMSG when it is no pack; -EMSGSIZE over
 * BUNDLE_PACK_MAX.
 */
int bundle_begin(struct bytes *pack);

/*
 * The next item of a pack after bundle_begin().  @ret points into it.
 * Returns 1 with an item; 0 at the end; -EBADMSG when it is cut off; -EOPNOTSUPP for a kind
 * that is none; -EMSGSIZE over BUNDLE_ITEM_MAX.  That one does not repeat is the caller's to
 * see.
 */
int bundle_next(struct bytes *pack, struct bundle_entry *ret);

/* The 8 bytes before an item's data. */
void bundle_item_header(uint8_t ret[static 8], enum bundle_kind kind, bool own, size_t len);

#endif
