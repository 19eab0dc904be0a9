/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_GATHER_PROVIDER_H
#define COCO_ATTEST_GATHER_PROVIDER_H

#include "attest/bundle.h"
#include "base/cause.h"

/*
 * Who can be asked for this guest's evidence.  They ask and copy; none looks further into what
 * comes back than at its size, since cocod's side asks and cocod-worker's side parses.
 */

#define REPORT_DATA_LEN 64

struct attest_request {
	const char *root;		/* before every path; "" on a machine, a folder in tests */
	uint8_t nonce[REPORT_DATA_LEN];	/* as the report has it: zeros after nonce_len bytes */
	size_t nonce_len;
	int privlevel;			/* VMPL to ask for, -1: the lowest number that may be asked for */
	const char *service;		/* NULL, or "svsm" */
	const char *service_guid;	/* NULL, or one service of it */
	uint64_t retry_usec;		/* first pause before asking a provider again that is busy; doubles; 0: PROVIDER_RETRY_USEC */
	/* For Azure's vTPM alone, to be put into its report: zeros behind what was given.  Others do not look at it. */
	bool has_user_data;
	uint8_t user_data[REPORT_DATA_LEN];
	const char *tpm;		/* NULL: the machine's; else a device, or a socket that speaks as one */
};

#define PROVIDER_RETRY_USEC 100000
#define PROVIDER_TRIES 8

struct attest_provider {
	const char *name;

	/*
	 * Whether it is there.  Returns 1; 0 with why not in @why; a negative errno, with why,
	 * when it is there and does not work.
	 */
	int (*probe)(const struct attest_request *q, struct cause *why);

	/*
	 * Add evidence over q->nonce to @ret.  On error @ret may have part of it and is to be
	 * thrown away, and @why has the cause.
	 * Returns 0; -EAGAIN when it stayed busy; -EBADMSG for a blob that is short or empty;
	 * -ENOTTY for another device in its place; -EOPNOTSUPP for a provider whose evidence
	 * nothing here can verify; another errno of the provider itself.
	 */
	int (*report)(const struct attest_request *q, struct bundle *ret, struct cause *why);
};

extern const struct attest_provider attest_configfs_tsm;
extern const struct attest_provider attest_sev_guest;
extern const struct attest_provider attest_tdx_guest;

/*
 * Add what does not depend on a provider: event log, measurement registers, VMPL.  What is
 * absent is noted; so is what cannot be read, since a verifier that needs it will say so.
 * Returns 0, -ENOMEM or -EMSGSIZE.
 */
int surroundings_add(const char *root, struct bundle *ret);

/*
 * Those of the kernel, ended by NULL: all that cocod asks itself.  Azure's vTPM is in
 * attest/gather/tpm.h.
 */
extern const struct attest_provider *const attest_kernel_providers[];

/*
 * Ask the first of @providers (ended by NULL) that is there, and add the surroundings.  @why
 * has the cause of an error; with -ENODEV, why each of them is not there.
 */
int attest_gather(const struct attest_provider *const *providers, const struct attest_request *q,
		  struct bundle *ret, struct cause *why);

/*
 * For those who are asked through a device: open it, the descriptor is yours; or only look whether
 * it is there, as probe() says.  Errors are those of open(2).
 */
int provider_open_device(const struct attest_request *q, const char *path, struct cause *why);
int provider_probe_device(const struct attest_request *q, const char *path, struct cause *why);

/* Pause before try @n (from 1).  True when there is another try. */
bool provider_pause(const struct attest_request *q, unsigned n);

#endif
