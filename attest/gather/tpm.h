/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_GATHER_TPM_H
#define COCO_ATTEST_GATHER_TPM_H

#include "attest/gather/provider.h"

/*
 * Azure's vTPM, through tpm2-tss.  The paravisor keeps the hardware's report over its keys in NV
 * 0x01400001.  One of these keys is the attestation key 0x81000003.  The hardware's report is
 * made at boot; the quote of the attestation key is fresh.
 *
 * This code parses a TPM's answers, and outside Azure a host can put anything in the TPM's place.
 * So cocod only opens the device and passes the descriptor to cocod-worker, which speaks to it.
 */
#define TPM_DEVICE "/dev/tpmrm0"
#define TPM_PCRS_FIXED 16	/* 0 to 15, which cannot be reset while the machine runs */
#define TPM_PCRS_ALL 24		/* what brokers want to see */

/*
 * Open @path: a device, or a UNIX socket that speaks as the device does (swtpm's).  NULL is
 * TPM_DEVICE below @root.
 * Returns the descriptor, which is yours; -ENAMETOOLONG for a socket's path; -ENOENT or another
 * errno of stat(2), open(2), socket(2) or connect(2).
 */
int tpm_open(const char *root, const char *path);

/*
 * Add to @ret the HCL report, a quote over the first @n_pcrs PCRs with @nonce (at most 64 bytes),
 * its signature, and the PCRs.  @fd stays yours.
 *
 * Returns 0; -ENODEV if the TPM has no HCL report or no attestation key, and so is not the TPM of
 * an Azure confidential VM; -EBADMSG if an answer is short or malformed; -EAGAIN if the PCRs
 * changed during each try; -ETIMEDOUT; -ENOTTY if @fd does not speak as a TPM does; -EIO;
 * -ELIBACC if tpm2-tss cannot be loaded; -ENOMEM.
 */
int tpm_gather(int fd, unsigned n_pcrs, const uint8_t *nonce, size_t nonce_len,
	       struct bundle *ret, struct cause *why);

/*
 * Write @data into NV 0x01400002, which is created if need be.  Then wait until the paravisor has
 * a new report in NV 0x01400001, with @data as "user-data" in its runtime data.  @fd stays yours.
 *
 * Returns 0; -ENODEV if the TPM has no HCL report, and then nothing is written; -ETIMEDOUT if the
 * report does not have @data after TPM_USER_DATA_USEC; else as tpm_gather().
 */
#define TPM_USER_DATA_USEC 5000000
int tpm_put_user_data(int fd, const uint8_t data[static REPORT_DATA_LEN], struct cause *why);

extern const struct attest_provider attest_tpm;

#endif
