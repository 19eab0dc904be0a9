/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_NEEDS_H
#define COCO_ATTEST_NEEDS_H

#include "attest/evidence.h"
#include "wire/bundle.h"
#include "wire/snp-report.h"

/*
 * What evidence is judged by and does not bring along: which files of AMD's key distribution
 * service (KDS) or Intel's provisioning certification service (PCS), under which names they are
 * kept, and whether a file is the one that was wanted.  No I/O.
 *
 * Names begin with what cocod takes a file for (agent/collateral.h).  What passes need_check()
 * is what it is called, and no more; who signed it attest/need-verify.h looks at.
 *
 * Sources: AMD, "VCEK Certificate and KDS Interface Specification" (57230); Intel, "API
 * documentation: provisioning certification service", version 4, and its caching service, which
 * has the same paths and Intel's root CRL as one of them.
 */
enum need_server {
	NEED_KDS,	/* https://kdsintf.amd.com */
	NEED_PCS,	/* https://api.trustedservices.intel.com */
	NEED_PCS_ROOT,	/* https://certificates.trustedservices.intel.com; on a mirror of the PCS another path */
	_NEED_SERVER_MAX,
};

#define NEED_NAME_LEN 192
#define NEEDS_MAX 6

struct need {
	const struct need_kind *kind;
	char name[NEED_NAME_LEN];	/* of the file in the cache */
	char chain[64];			/* and of the one that comes as a header; "" for none */
	char path[320];			/* on the server, from its '/' on */
};

struct needs {
	unsigned n;
	struct need list[NEEDS_MAX];
	const char *vek;		/* of SNP: NULL, or why the VEK is not in the list: "in the evidence", "VLEK" ...; constant */
	bool vek_there;			/* it is in the evidence */
	/* What files are checked against. */
	bool snp, vlek;
	enum snp_product product;
	struct snp_tcb tcb;
	uint8_t hwid[SNP_CHIP_ID_LEN];
	uint8_t fmspc[6];
	bool processor_ca;
	uint32_t evaluation;		/* the tcbEvaluationDataNumber that TCB info and QE identity must have; 0 for any */
};

#define NEEDS_PROBLEM_LEN 256

/*
 * Find out from @e.  @product, NULL or a name, helps where a report does not say of which it is.
 *
 * Returns 0; -ENODATA when there is no report or quote of SNP or TDX in it; -EBADMSG when it is
 * malformed; -ENOENT when the product cannot be told; -EINVAL when @product is none, or not the
 * report's; -EOPNOTSUPP for a product or a key that is not known.  Then the reason is in
 * @problem, for people.
 */
int needs_find(const struct evidence *e, const char *product, struct needs *ret,
	       char problem[static NEEDS_PROBLEM_LEN]);

/*
 * Ask for Intel's TCB info and QE identity of other TCB evaluation data than the service gives by
 * itself: @update is "early" or "standard", or NULL for those of number @evaluation, which is what
 * they are then checked for.  Needs without such files stay as they are.
 */
void needs_ask_evaluation(struct needs *n, const char *update, uint32_t evaluation);

/* True if it is a file that Intel has of several TCB evaluation data numbers. */
bool need_is_evaluated(const struct need *need);

const char *need_what(const struct need *need);			/* "VCEK", "TCB info" */
bool need_is_vcek(const struct need *need);
enum need_server need_server(const struct need *need);
const char *need_header(const struct need *need);		/* the header that has the chain; NULL for none */
enum bundle_kind need_bundle_kind(const struct need *need);
enum bundle_kind need_chain_kind(const struct need *need);	/* when it has one */
size_t need_max(const struct need *need);			/* bytes */

struct need_finding {
	const char *problem;	/* why it is not the one: constant, or @text */
	int64_t until;		/* seconds since 1970 to which it is good, when it is the one */
	char text[128];
};

/*
 * Whether @data is that file, and good at @now (0: whenever).  @f is always written.
 * Returns 0; -EBADMSG when it is malformed; -EKEYREJECTED when it is of something else;
 * -EKEYEXPIRED when it is not yet good, or no more; -ENOMEM.
 */
int need_check(const struct needs *n, const struct need *need, struct bytes data, int64_t now,
	       struct need_finding *f);
int need_check_chain(struct bytes pem, int64_t now, struct need_finding *f);

/*
 * A chain as it comes in a header, URL-encoded, decoded into @ret, as long as the header at
 * most.  -EBADMSG when an escape is none, or the text is no PEM.  Blanks may be "%20" or as
 * they are; a '+' is itself, as it is of Base64.
 */
int need_decode_chain(const char *header, char *ret);

/*
 * Some mirrors write DER as hexadecimal digits: decodes them in place, @len becomes that of the
 * DER.  Anything else stays as it is.
 */
void need_unhex(uint8_t *data, size_t *len);

/* Whether @name is one that a file may have had that was wanted of other evidence. */
bool need_is_name(const char *name);

#endif
