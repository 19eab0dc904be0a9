/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_NEEDS_H
#define COCO_ATTEST_NEEDS_H

#include "attest/evidence.h"
#include "attest/need.h"

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
/*
 * Find out from @e, by those verifiers of attest_verifiers[] that need something.  @product, NULL
 * or a name, helps where a report does not say of which product it is.
 *
 * Returns 0; -ENODATA when no verifier finds its report or quote in it; -EBADMSG when that is
 * malformed; -ENOENT when the product cannot be told; -EINVAL when @product is unknown, or not the
 * report's, or when the evidence is of two verifiers; -EOPNOTSUPP for a product or a key that is
 * not known.  Then the reason is in @problem, for people.
 */
int needs_find(const struct evidence *e, const char *product, struct needs *ret,
	       char problem[static NEEDS_PROBLEM_LEN]);

/* The same, which decodes no certificate again that @ctx has verified; NULL: it knows none. */
struct verifier;
int needs_find_with(struct verifier *ctx, const struct evidence *e, const char *product,
		    struct needs *ret, char problem[static NEEDS_PROBLEM_LEN]);

/*
 * Ask for Intel's TCB info and QE identity of other TCB evaluation data than the service gives by
 * itself: @update is "early" or "standard", or NULL for those of number @evaluation, which is what
 * they are then checked for.  Needs without such files stay as they are.
 */
void needs_ask_evaluation(struct needs *n, const char *update, uint32_t evaluation);

/* True if it is a file that Intel has of several TCB evaluation data numbers. */
bool need_is_evaluated(const struct need *need);

const char *need_what(const struct need *need);			/* "VCEK", "TCB info" */
bool need_is_device(const struct need *need); /* the device's own certificate, such as a VCEK */
enum need_server need_server(const struct need *need);
const char *need_header(const struct need *need); /* the header that has the chain; NULL for none */
enum bundle_kind need_bundle_kind(const struct need *need);
enum bundle_kind need_chain_kind(const struct need *need);	/* when it has one */
size_t need_max(const struct need *need);			/* bytes */

/*
 * Whether @data is that file, and good at @now (0: whenever).  @f is always written.
 * Returns 0; -EBADMSG when it is malformed; -EKEYREJECTED when it is of something else;
 * -EKEYEXPIRED when it is not yet good, or no more; -ENOMEM.
 */
int need_check(const struct needs *n, const struct need *need, struct bytes data, int64_t now,
	       struct need_finding *f);
int need_check_chain(const struct needs *n, struct bytes pem, int64_t now, struct need_finding *f);

/*
 * A chain as it comes in a header, URL-encoded, decoded into @ret, as long as the header at
 * most.  -EBADMSG when an escape is malformed, or the text is not PEM.  Blanks may be "%20" or as
 * they are; a '+' is itself, as it is of Base64.
 */
int need_decode_chain(const char *header, char *ret);

/*
 * Some mirrors write DER as hexadecimal digits: decodes them in place, @len becomes that of the
 * DER.  Anything else stays as it is.
 */
void need_unhex(uint8_t *data, size_t *len);

/*
 * The sort of machine that needs are of: what all machines of one sort need is the same, but for
 * the certificate of a device itself.  Intel's are named by CA and FMSPC, AMD's by key and product.
 * @ret is "" for a vendor without such names.
 */
void needs_machine(const struct needs *n, char ret[static NEEDS_MACHINE_LEN]);

/*
 * What machines of the sort @machine need, without the certificate of a device.  Returns 0, or
 * -EINVAL for a text that needs_machine() does not write.
 */
int needs_of_machine(const char *machine, struct needs *ret);

/*
 * Files of @n may be verified by a chain that evidence has, and that comes without evidence as a
 * header of a file.  Returns that file and its header; NULL if no chain is needed.
 */
const struct need *needs_ca(const struct needs *n, const char **ret_header);

/* Whether @name is that of the certificate of a device. */
bool need_is_device_name(const char *name);

/* Whether @name is one that a file may have had that was wanted of other evidence. */
bool need_is_name(const char *name);

#endif
