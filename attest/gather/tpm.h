/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_GATHER_TPM_H
#define COCO_ATTEST_GATHER_TPM_H

#include "attest/gather/provider.h"

/*
 * Azure's vTPM, through tpm2-tss.  The paravisor keeps in NV 0x01400001 a report of the
 * hardware over its keys, one of which is the attestation key 0x81000003; that key's quote is
 * what is fresh.
 *
 * A TPM's answers are parsed here, and outside Azure a host may have put anything in its place.
 * So cocod opens the device and does not speak to it: cocod-worker does, which gets the
 * descriptor.
 */
#define TPM_DEVICE "/dev/tpmrm0"
#define TPM_PCRS_QUOTED 16	/* 0 to 15: those that only grow until the machine is reset */

/*
 * Open @path (NULL: TPM_DEVICE below @root): a device, or a UNIX socket that speaks as one
 * does, as swtpm's.
 * Returns the descriptor, yours; -ENOENT, or another errno of open(2) or connect(2); -ENAMETOOLONG.
 */
int tpm_open(const char *root, const char *path);

/*
 * Add to @ret the HCL report, a quote over PCRs 0 to 15 with @nonce (at most 64 bytes), its
 * signature, and the PCRs.  @fd stays yours.
 *
 * Returns 0; -ENODEV when the TPM has no HCL report or attestation key: it is no Azure
 * confidential VM; -EBADMSG when one is short or not of its kind; -EAGAIN when the PCRs changed
 * each time; -ETIMEDOUT; -ENOTTY when it does not speak as a TPM; -EIO; -ENOMEM.
 */
int tpm_gather(int fd, const uint8_t *nonce, size_t nonce_len, struct bundle *ret,
	       struct cause *why);

/*
 * Put @data into NV 0x01400002 (which is made when it is not there), and wait until the paravisor
 * has a new report in NV 0x01400001 whose runtime data have it as "user-data".  @fd stays yours.
 *
 * Returns 0; -ENODEV when the TPM has no HCL report, and then nothing is written; -ETIMEDOUT when
 * the report stays without it for TPM_USER_DATA_USEC; else as tpm_gather().
 */
#define TPM_USER_DATA_USEC 5000000
int tpm_put_user_data(int fd, const uint8_t data[static REPORT_DATA_LEN], struct cause *why);

extern const struct attest_provider attest_tpm;

#endif
