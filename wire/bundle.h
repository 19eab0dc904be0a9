/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_WIRE_BUNDLE_H
#define COCO_WIRE_BUNDLE_H

#include "wire/bytes.h"

/*
 * A pack of evidence: what a guest has to show, and what the evidence is judged by.  cocod hands
 * it to cocod-worker in a sealed memfd.
 *
 *	0  8  magic "coco-ev1"
 *	8  x  items, up to the end of the pack, without padding; each:
 *		0  4  kind
 *		4  4  length of the data in bytes
 *		8  x  data
 *
 * Little-endian.  Kinds may stand in any order.  Only kinds that repeat may be there more than
 * once.  BUNDLE_OWN is set in the kind of what the verifier had itself, in its configuration or
 * cache; all else came from the sender of the evidence.  cocod-evidence(5) has the same items by
 * name, as JSON; there everything is the sender's.
 */
#define BUNDLE_OWN 0x80000000u
#define BUNDLE_MAGIC "coco-ev1"
#define BUNDLE_MAGIC_LEN 8
#define BUNDLE_ITEMS_MAX 128
#define BUNDLE_ITEM_MAX (1024 * 1024)		/* bytes; an event log is the largest by far */
#define BUNDLE_PACK_MAX (4 * 1024 * 1024)	/* bytes, of a whole pack */
#define BUNDLE_NONCE_MAX 64

enum bundle_kind {
	/* text: the verifier that judges it, "snp", "tdx", "azure", "tdreport" */
	BUNDLE_TYPE = 1,
	BUNDLE_PROVIDER,	/* text: who gave it, "configfs-tsm:sev_guest" */
	BUNDLE_NOTE,		/* text, repeats: what is missing and why */
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
	/* Intel's collateral; this and the next five repeat, the newest that verifies counts */
	BUNDLE_TCB_INFO,
	BUNDLE_QE_IDENTITY,
	BUNDLE_TCB_CHAIN,
	BUNDLE_QE_CHAIN,
	BUNDLE_ROOT_CRL,
	BUNDLE_PCK_CRL,
	BUNDLE_POLICY,	/* text: attest.conf; never in a bundle */
	BUNDLE_TRUST,		/* text: a trust file; never in a bundle */
	/* text: the initrd's attest.conf, which must accept too; never in a bundle */
	BUNDLE_KEPT_POLICY,
	BUNDLE_KEPT_TRUST,	/* text: its trust file, for that policy; never in a bundle */
	/* text: what was verified before (attest/newest.h); never in a bundle */
	BUNDLE_NEWEST,
	/* what cocod measured into RTMR3: events without a header, which continue the event log */
	BUNDLE_RUNTIME_LOG,
	_BUNDLE_MAX,
};

/* The name of a kind in a bundle, "report", "cert-table", ...; NULL for an unknown number. */
const char *bundle_kind_name(unsigned kind);

/* Returns 0, or -EOPNOTSUPP for an unknown name. */
int bundle_kind_parse(const char *name, enum bundle_kind *ret);

/* True if a bundle may have more than one item of the kind; if the item is text. */
bool bundle_kind_repeats(unsigned kind);
bool bundle_kind_is_text(unsigned kind);

/* True if evidence is judged by the item, so that the sender may never bring it along. */
bool bundle_kind_is_rule(unsigned kind);

/*
 * True if a file @name in a folder of collateral is one of its kinds, with the kind in @ret: the
 * name begins with the kind's, followed by '-' or '.': "crl.der", "crl-milan.der", not "crlf".
 */
bool bundle_kind_of_file(const char *name, enum bundle_kind *ret);

struct bundle_entry {
	enum bundle_kind kind;
	bool own;
	struct bytes data;
};

/*
 * Move the cursor past the magic.  Returns 0; -EBADMSG when @pack is not a pack; -EMSGSIZE over
 * BUNDLE_PACK_MAX.
 */
int bundle_begin(struct bytes *pack);

/*
 * Read the next item of a pack, after bundle_begin().  @ret points into the pack.
 *
 * Returns 1 with an item; 0 at the end; -EBADMSG when the item is cut off; -EOPNOTSUPP for an
 * unknown kind; -EMSGSIZE over BUNDLE_ITEM_MAX.  The caller checks that no kind repeats that must
 * not.
 */
int bundle_next(struct bytes *pack, struct bundle_entry *ret);

/* Write the 8 bytes before an item's data. */
void bundle_item_header(uint8_t ret[static 8], enum bundle_kind kind, bool own, size_t len);

#endif
