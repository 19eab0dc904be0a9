/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_GATHER_PROVIDER_H
#define COCO_ATTEST_GATHER_PROVIDER_H

#include "attest/bundle.h"
#include "base/cause.h"

/*
 * The providers of this guest's evidence.  They ask and copy.  They look only at the size of what
 * comes back: cocod asks, and cocod-worker parses.
 */

#define REPORT_DATA_LEN 64

struct attest_request {
	const char *root;		/* goes before every path: "", or a folder in tests */
	uint8_t nonce[REPORT_DATA_LEN];	/* zeros after nonce_len bytes */
	size_t nonce_len;
	int privlevel;			/* VMPL to ask for; -1: the lowest that the guest may */
	const char *service;		/* NULL, or "svsm" */
	const char *service_guid;	/* NULL, or one service of @service */
	/* The first pause before a busy provider is asked again; 0 is PROVIDER_RETRY_USEC. */
	uint64_t retry_usec;
	/* To be put into the report of Azure's vTPM, padded with zeros.  Others ignore it. */
	bool has_user_data;
	uint8_t user_data[REPORT_DATA_LEN];
	const char *tpm;		/* NULL is the machine's; else a device or a socket */
};

#define PROVIDER_RETRY_USEC 100000
#define PROVIDER_TRIES 8

struct attest_provider {
	const char *name;

	/*
	 * Look whether the provider is there.  Returns 1 if it is; 0 if it is not; a negative
	 * errno if it is there but does not work.  @why has the cause of 0 and of an errno.
	 */
	int (*probe)(const struct attest_request *q, struct cause *why);

	/*
	 * Add evidence over q->nonce to @ret.  On error @ret may have a part of the evidence and
	 * is to be thrown away; @why has the cause.
	 * Returns 0; -EAGAIN if the provider stayed busy; -EBADMSG if a blob is short or empty;
	 * -ENOTTY if another device is in its place; -EOPNOTSUPP if nothing here can verify the
	 * provider's evidence; another errno of the provider itself.
	 */
	int (*report)(const struct attest_request *q, struct bundle *ret, struct cause *why);
};

extern const struct attest_provider attest_configfs_tsm;
extern const struct attest_provider attest_sev_guest;
extern const struct attest_provider attest_tdx_guest;

/*
 * Add what does not come from a provider: event log, measurement registers, VMPL.  Whatever is
 * absent or cannot be read is only noted: a verifier that needs it will say so.
 * Returns 0, -ENOMEM or -EMSGSIZE.
 */
int surroundings_add(const char *root, struct bundle *ret);

/*
 * The kernel's providers, ended by NULL.  cocod itself asks only these.  The provider of Azure's
 * vTPM is in attest/gather/tpm.h.
 */
extern const struct attest_provider *const attest_kernel_providers[];

/*
 * Ask the first of @providers (ended by NULL) that is there, and add the surroundings.
 * Returns 0; -ENODEV if none is there, and then @why tells the reason of each; another errno of
 * the provider, with the cause in @why.
 */
int attest_gather(const struct attest_provider *const *providers, const struct attest_request *q,
		  struct bundle *ret, struct cause *why);

/*
 * For providers that are devices: open the device (the descriptor is yours), or only look whether
 * it is there, with the results of probe().  Errors are those of open(2).
 */
int provider_open_device(const struct attest_request *q, const char *path, struct cause *why);
int provider_probe_device(const struct attest_request *q, const char *path, struct cause *why);

/* Pause after try @n (from 1), longer each time.  False if there is no further try. */
bool provider_pause(const struct attest_request *q, unsigned n);

#endif
