/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_NEED_H
#define COCO_ATTEST_NEED_H

#include "wire/bundle.h"

struct need_kind;
struct need_vendor;

/* What attest/needs.h finds, for those who ask and for the vendors behind attest/need-vendor.h. */

enum need_server {
	NEED_KDS,	/* https://kdsintf.amd.com */
	NEED_PCS,	/* https://api.trustedservices.intel.com */
	NEED_PCS_ROOT,	/* https://certificates.trustedservices.intel.com; a mirror: another path */
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

/*
 * A certificate that no service is asked for: what it is called, where it is or why nobody can be
 * asked for it, and whether it is in the evidence.  @what is NULL when there is none such.
 */
struct need_none {
	const char *what, *why;		/* constant */
	bool is_there;
};

#define NEEDS_NOTES_LEN 96

struct needs {
	unsigned n;
	struct need list[NEEDS_MAX];
	struct need_none none;
	const struct need_vendor *vendor;
	uint32_t evaluation;	/* tcbEvaluationDataNumber of TCB info and QE identity; 0: any */
	uint8_t notes[NEEDS_NOTES_LEN];	/* the vendor's: what files are checked against */
};

#define NEEDS_PROBLEM_LEN 256

/* The name of a sort of machine: "tdx-platform-90c06f000000", "snp-vcek-Milan". */
#define NEEDS_MACHINE_LEN 48

struct need_finding {
	const char *problem;	/* why it is not the one: constant, or @text */
	int64_t until;		/* seconds since 1970 to which it is good, when it is the one */
	char text[192];
};

#endif
