/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/gather/tpm.h"

#include <stdio.h>
#include <time.h>
#include <tss2/tss2_esys.h>
#include <unistd.h>

#include "attest/gather/fd-tcti.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/library.h"
#include "base/parse.h"
#include "wire/bytes.h"
#include "wire/hcl.h"
#include "wire/jspan.h"

#define NV_HCL 0x01400001u
#define NV_USER_DATA 0x01400002u
#define HANDLE_AK 0x81000003u
#define HCL_MIN (0x4c0 + 20)	/* header, hardware report and data header */
#define HCL_NV_MAX 8192
#define QUOTE_TRIES 5

#define LIBRARY "libtss2-esys.so.0"
#define FUNCTIONS(X)                                                                    \
	X(Esys_Initialize) X(Esys_Finalize) X(Esys_Free) X(Esys_GetCapability)          \
	X(Esys_TR_FromTPMPublic) X(Esys_NV_DefineSpace) X(Esys_NV_ReadPublic)           \
	X(Esys_NV_Read) X(Esys_NV_Write) X(Esys_PCR_Read) X(Esys_Quote)

LIBRARY_NOTE(LIBRARY, "azure", "recommended", "Evidence from the vTPM of an Azure VM");

static struct {
	FUNCTIONS(LIBRARY_MEMBER)
} lib;

/* ---- what is asked ---- */

struct tpm {
	struct fd_tcti tcti;
	ESYS_CONTEXT *esys;
	struct cause *why;
	unsigned n_pcrs;		/* the first, which are quoted */
};

static void esys_freep(void *p)
{
	lib.Esys_Free_(*(void **)p);
}

/* Only here errors of tpm2-tss become an errno. */
static int failed(struct tpm *t, TSS2_RC rc, const char *what)
{
	if (rc == TSS2_TCTI_RC_IO_ERROR && t->tcti.error < 0)
		return cause_set(t->why, t->tcti.error == -EBADMSG ? -ENOTTY : t->tcti.error,
				 "%s: the TPM's answer did not come: %s", what,
				 strerror(-t->tcti.error));
	if (rc == TSS2_TCTI_RC_IO_ERROR)
		return cause_set(t->why, -EIO, "%s: the TPM cannot be reached", what);
	if ((rc & TSS2_RC_LAYER_MASK) != 0)
		return cause_set(t->why, -EBADMSG,
				 "%s: the TPM's answer makes no sense (%#x of tpm2-tss)", what, rc);
	return cause_set(t->why, -EIO, "%s: the TPM answers error %#x", what, rc);
}

/* True if a handle does not exist: TPM_RC_HANDLE, for whichever parameter. */
static bool no_such_handle(TSS2_RC rc)
{
	return (rc & TSS2_RC_LAYER_MASK) == 0 && (rc & 0xbf) == TPM2_RC_HANDLE;
}

static int find_object(struct tpm *t, TPM2_HANDLE handle, const char *what, ESYS_TR *ret)
{
	TSS2_RC rc = lib.Esys_TR_FromTPMPublic_(t->esys, handle, ESYS_TR_NONE, ESYS_TR_NONE,
						ESYS_TR_NONE, ret);

	if (no_such_handle(rc))
		return cause_set(t->why, -ENODEV,
				 "the TPM has no %s (%#x): this is not an Azure confidential VM",
				 what, handle);
	return rc ? failed(t, rc, what) : 0;
}

static int nv_size(struct tpm *t, ESYS_TR nv, uint16_t *ret)
{
	_cleanup_(esys_freep) TPM2B_NV_PUBLIC *public = NULL;
	_cleanup_(esys_freep) TPM2B_NAME *name = NULL;
	TSS2_RC rc = lib.Esys_NV_ReadPublic_(t->esys, nv, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
					     &public, &name);

	if (rc)
		return failed(t, rc, "size of the HCL report");
	if (public->nvPublic.dataSize < HCL_MIN || public->nvPublic.dataSize > HCL_NV_MAX)
		return cause_set(t->why, -EBADMSG,
				 "NV index %#x has %u bytes, which is not an HCL report", NV_HCL,
				 public->nvPublic.dataSize);
	*ret = public->nvPublic.dataSize;
	return 0;
}

static int nv_chunk(struct tpm *t, uint16_t *ret)
{
	_cleanup_(esys_freep) TPMS_CAPABILITY_DATA *cap = NULL;
	TPMI_YES_NO more;
	TSS2_RC rc = lib.Esys_GetCapability_(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
					     TPM2_CAP_TPM_PROPERTIES, TPM2_PT_NV_BUFFER_MAX, 1,
					     &more, &cap);

	if (rc)
		return failed(t, rc, "size of a read");
	if (cap->data.tpmProperties.count < 1 ||
	    cap->data.tpmProperties.tpmProperty[0].property != TPM2_PT_NV_BUFFER_MAX ||
	    cap->data.tpmProperties.tpmProperty[0].value == 0)
		return cause_set(t->why, -EBADMSG,
				 "the TPM does not say how much it reads at once");
	*ret = (uint16_t)MIN(cap->data.tpmProperties.tpmProperty[0].value, 1024u);
	return 0;
}

/* Returns the length of the HCL report, or a negative errno. */
static int read_hcl(struct tpm *t, uint8_t hcl[static HCL_NV_MAX])
{
	uint16_t size = 0, chunk = 0;
	ESYS_TR nv;
	int r;

	r = find_object(t, NV_HCL, "HCL report", &nv);
	if (r >= 0)
		r = nv_size(t, nv, &size);
	if (r >= 0)
		r = nv_chunk(t, &chunk);
	if (r < 0)
		return r;
	for (uint16_t n = 0; n < size;) {
		_cleanup_(esys_freep) TPM2B_MAX_NV_BUFFER *part = NULL;
		uint16_t want = (uint16_t)MIN(chunk, size - n);
		TSS2_RC rc = lib.Esys_NV_Read_(t->esys, ESYS_TR_RH_OWNER, nv, ESYS_TR_PASSWORD,
					       ESYS_TR_NONE, ESYS_TR_NONE, want, n, &part);

		if (rc)
			return failed(t, rc, "HCL report");
		if (part->size != want)
			return cause_set(t->why, -EBADMSG, "the HCL report ends early");
		memcpy(hcl + n, part->buffer, want);
		n = (uint16_t)(n + want);
	}
	return size;
}

static int add_hcl(struct tpm *t, struct bundle *ret)
{
	uint8_t hcl[HCL_NV_MAX];
	int r = read_hcl(t, hcl);

	return r < 0 ? r : bundle_add(ret, BUNDLE_HCL, hcl, (size_t)r);
}

static void select_pcrs(TPML_PCR_SELECTION *s, uint32_t mask)
{
	*s = (TPML_PCR_SELECTION){ .count = 1 };
	s->pcrSelections[0] = (TPMS_PCR_SELECTION){
		.hash = TPM2_ALG_SHA256,
		.sizeofSelect = 3,
		.pcrSelect = { (uint8_t)mask, (uint8_t)(mask >> 8), (uint8_t)(mask >> 16) },
	};
}

struct pcrs {
	uint8_t value[TPM_PCRS_ALL][32];
	uint32_t counter;	/* changes with each extension */
};

/* An answer has at most eight PCRs.  @mask has those that are still to be read. */
static int read_some(struct tpm *t, uint32_t *mask, struct pcrs *ret, bool first)
{
	_cleanup_(esys_freep) TPML_PCR_SELECTION *out = NULL;
	_cleanup_(esys_freep) TPML_DIGEST *values = NULL;
	TPML_PCR_SELECTION in;
	uint32_t counter, n = 0;
	TSS2_RC rc;

	select_pcrs(&in, *mask);
	rc = lib.Esys_PCR_Read_(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &in, &counter,
				&out, &values);
	if (rc)
		return failed(t, rc, "PCRs");
	if (!first && counter != ret->counter)
		return -EAGAIN;
	ret->counter = counter;
	if (values->count == 0 || out->count != 1 || out->pcrSelections[0].hash != TPM2_ALG_SHA256)
		return cause_set(t->why, -EBADMSG, "the TPM has no SHA-256 PCRs");
	for (unsigned i = 0; i < t->n_pcrs; i++) {
		if (!(out->pcrSelections[0].pcrSelect[i / 8] & 1u << i % 8))
			continue;
		if (n >= values->count || values->digests[n].size != 32 || !(*mask & 1u << i))
			return cause_set(t->why, -EBADMSG,
					 "the TPM gave other PCRs than it was asked for");
		memcpy(ret->value[i], values->digests[n++].buffer, 32);
		*mask &= ~(1u << i);
	}
	return n == values->count && n > 0 ?
		       0 :
		       cause_set(t->why, -EBADMSG,
				 "the TPM gave other PCRs than it was asked for");
}

static int read_pcrs(struct tpm *t, struct pcrs *ret)
{
	uint32_t mask = (1u << t->n_pcrs) - 1;
	int r = 0;

	for (bool first = true; r >= 0 && mask; first = false)
		r = read_some(t, &mask, ret, first);
	return r;
}

/* Add the PCRs as JSON, which is how people keep them: {"0":"<hex>","1":...}. */
static int add_pcrs(const struct tpm *t, const struct pcrs *p, struct bundle *ret)
{
	char text[TPM_PCRS_ALL * 80];
	size_t n = 0;

	for (unsigned i = 0; i < t->n_pcrs; i++) {
		n += (size_t)sprintf(text + n, "%s\"%u\":\"", i ? "," : "{", i);
		format_hex(p->value[i], sizeof(p->value[i]), text + n);
		n += 2 * sizeof(p->value[i]);
		text[n++] = '"';
	}
	text[n++] = '}';
	return bundle_add(ret, BUNDLE_TPM_PCRS, text, n);
}

static int quote(struct tpm *t, ESYS_TR ak, const uint8_t *nonce, size_t nonce_len,
		 struct bundle *ret)
{
	_cleanup_(esys_freep) TPM2B_ATTEST *attest = NULL;
	_cleanup_(esys_freep) TPMT_SIGNATURE *signature = NULL;
	TPM2B_DATA data = { .size = (uint16_t)nonce_len };
	TPMT_SIG_SCHEME scheme = { .scheme = TPM2_ALG_NULL };
	TPML_PCR_SELECTION pcrs;
	TSS2_RC rc;
	int r;

	select_pcrs(&pcrs, (1u << t->n_pcrs) - 1);
	memcpy(data.buffer, nonce, nonce_len);
	rc = lib.Esys_Quote_(t->esys, ak, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &data,
			     &scheme, &pcrs, &attest, &signature);
	if (rc)
		return failed(t, rc, "quote");
	if (signature->sigAlg != TPM2_ALG_RSASSA ||
	    signature->signature.rsassa.hash != TPM2_ALG_SHA256)
		return cause_set(t->why, -EBADMSG,
				 "the attestation key does not sign with RSASSA and SHA-256");
	r = bundle_add(ret, BUNDLE_TPM_ATTEST, attest->attestationData, attest->size);
	if (r >= 0)
		r = bundle_add(ret, BUNDLE_TPM_SIGNATURE, signature->signature.rsassa.sig.buffer,
			       signature->signature.rsassa.sig.size);
	return r;
}

/* The PCRs that were read before the quote are the quote's only if nothing was extended. */
static int quote_once(struct tpm *t, ESYS_TR ak, const uint8_t *nonce, size_t nonce_len,
		      struct bundle *ret)
{
	struct pcrs before, after;
	int r;

	r = read_pcrs(t, &before);
	if (r >= 0)
		r = quote(t, ak, nonce, nonce_len, ret);
	if (r >= 0)
		r = read_pcrs(t, &after);
	if (r >= 0 && (before.counter != after.counter ||
		       memcmp(before.value, after.value, t->n_pcrs * sizeof(before.value[0])) != 0))
		r = -EAGAIN;
	return r < 0 ? r : add_pcrs(t, &before, ret);
}

static int move_all(struct bundle *from, struct bundle *to)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < from->n_items; i++)
		r = bundle_add(to, from->items[i].kind, from->items[i].data, from->items[i].len);
	bundle_done(from);
	return r;
}

static int add_quote(struct tpm *t, const uint8_t *nonce, size_t nonce_len, struct bundle *ret)
{
	ESYS_TR ak;
	int r;

	r = find_object(t, HANDLE_AK, "attestation key", &ak);
	if (r < 0)
		return r;
	for (unsigned n = 0; n < QUOTE_TRIES; n++) {
		struct bundle e = { 0 };

		r = quote_once(t, ak, nonce, nonce_len, &e);
		if (r >= 0)
			return move_all(&e, ret);
		bundle_done(&e);
		if (r != -EAGAIN)
			return r;
	}
	return cause_set(t->why, -EAGAIN, "PCRs changed during each of %d quotes", QUOTE_TRIES);
}

static int load(struct cause *why)
{
	static const struct library_function functions[] = { FUNCTIONS(LIBRARY_ROW) { NULL } };
	char error[200];

	if (lib.Esys_Quote_)
		return 0;
	/* failed() reports the errors; tpm2-tss would print them on standard error as well. */
	(void) setenv("TSS2_LOG", "all+none", /* overwrite= */ 0);
	return library_load(LIBRARY, &lib, functions, error, sizeof(error)) < 0 ?
		       cause_set(why, -ELIBACC, "the TPM cannot be asked: %s", error) :
		       0;
}

static int begin(struct tpm *t, int fd, struct cause *why)
{
	TSS2_RC rc;
	int r = load(why);

	if (r < 0)
		return r;
	*t = (struct tpm){ .why = why };
	fd_tcti_init(&t->tcti, fd);
	rc = lib.Esys_Initialize_(&t->esys, (TSS2_TCTI_CONTEXT *)&t->tcti, NULL);
	return rc ? cause_set(why, -ENOMEM, "tpm2-tss cannot be set up (%#x)", rc) : 0;
}

/* ---- user data ---- */

static int define_user_data(struct tpm *t, ESYS_TR *ret)
{
	TPM2B_AUTH auth = { .size = 0 };
	TPM2B_NV_PUBLIC public = {
		.nvPublic = {
			.nvIndex = NV_USER_DATA,
			.nameAlg = TPM2_ALG_SHA256,
			.attributes = TPMA_NV_OWNERREAD | TPMA_NV_OWNERWRITE,
			.dataSize = REPORT_DATA_LEN,
		},
	};
	TSS2_RC rc = lib.Esys_NV_DefineSpace_(t->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD,
					      ESYS_TR_NONE, ESYS_TR_NONE, &auth, &public, ret);

	return rc ? failed(t, rc, "making NV 0x1400002, for user data") : 0;
}

static int find_user_data(struct tpm *t, ESYS_TR *ret)
{
	_cleanup_(esys_freep) TPM2B_NV_PUBLIC *public = NULL;
	_cleanup_(esys_freep) TPM2B_NAME *name = NULL;
	TSS2_RC rc = lib.Esys_TR_FromTPMPublic_(t->esys, NV_USER_DATA, ESYS_TR_NONE, ESYS_TR_NONE,
						ESYS_TR_NONE, ret);

	if (no_such_handle(rc))
		return define_user_data(t, ret);
	if (!rc)
		rc = lib.Esys_NV_ReadPublic_(t->esys, *ret, ESYS_TR_NONE, ESYS_TR_NONE,
					     ESYS_TR_NONE, &public, &name);
	if (rc)
		return failed(t, rc, "NV 0x1400002, for user data");
	if (public->nvPublic.dataSize != REPORT_DATA_LEN)
		return cause_set(t->why, -EBADMSG,
				 "NV index %#x has %u bytes, which are not those of user data",
				 NV_USER_DATA, public->nvPublic.dataSize);
	return 0;
}

/* True if the report has @data as user data.  Nothing else of the report is judged here. */
static bool has_user_data(const uint8_t *hcl, size_t len,
			  const uint8_t data[static REPORT_DATA_LEN])
{
	uint8_t found[REPORT_DATA_LEN];
	struct hcl_report report;
	struct bytes o, value;
	const char *problem;

	return hcl_parse(hcl, len, &report, &problem) == 0 &&
	       jspan_check(report.runtime_json, &o) == 0 &&
	       jspan_member(o, "user-data", &value) == 0 &&
	       jspan_hex(value, found, sizeof(found)) == 0 &&
	       memcmp(found, data, sizeof(found)) == 0;
}

static int wait_user_data(struct tpm *t, const uint8_t data[static REPORT_DATA_LEN])
{
	const struct timespec pause = { .tv_nsec = 100000000 };
	uint64_t deadline = now_usec() + TPM_USER_DATA_USEC;
	uint8_t hcl[HCL_NV_MAX];
	int r;

	for (;;) {
		r = read_hcl(t, hcl);
		if (r < 0)
			return r;
		if (has_user_data(hcl, (size_t)r, data))
			return 0;
		if (now_usec() >= deadline)
			return cause_set(
				t->why, -ETIMEDOUT,
				"the HCL report stays without the user data: the paravisor "
				"does not take what NV index %#x has",
				NV_USER_DATA);
		(void) nanosleep(&pause, NULL);
	}
}

static int put_user_data(struct tpm *t, const uint8_t data[static REPORT_DATA_LEN])
{
	TPM2B_MAX_NV_BUFFER buffer = { .size = REPORT_DATA_LEN };
	ESYS_TR hcl, nv;
	TSS2_RC rc;
	int r;

	/* Nothing is written into a TPM that is not Azure's. */
	r = find_object(t, NV_HCL, "HCL report", &hcl);
	if (r >= 0)
		r = find_user_data(t, &nv);
	if (r < 0)
		return r;
	memcpy(buffer.buffer, data, REPORT_DATA_LEN);
	rc = lib.Esys_NV_Write_(t->esys, ESYS_TR_RH_OWNER, nv, ESYS_TR_PASSWORD, ESYS_TR_NONE,
				ESYS_TR_NONE, &buffer, 0);
	return rc ? failed(t, rc, "writing NV 0x1400002, for user data") : wait_user_data(t, data);
}

int tpm_put_user_data(int fd, const uint8_t data[static REPORT_DATA_LEN], struct cause *why)
{
	struct tpm t;
	int r;

	r = begin(&t, fd, why);
	if (r < 0)
		return r;
	r = put_user_data(&t, data);
	lib.Esys_Finalize_(&t.esys);
	return r;
}

/* ---- the whole ---- */

int tpm_gather(int fd, unsigned n_pcrs, const uint8_t *nonce, size_t nonce_len,
	       struct bundle *ret, struct cause *why)
{
	struct tpm t;
	int r;

	assert(nonce_len <= BUNDLE_NONCE_MAX && n_pcrs <= TPM_PCRS_ALL);
	r = begin(&t, fd, why);
	if (r < 0)
		return r;
	t.n_pcrs = n_pcrs;
	r = add_hcl(&t, ret);
	if (r >= 0)
		r = add_quote(&t, nonce, nonce_len, ret);
	if (r >= 0)
		r = bundle_add_text(ret, BUNDLE_TYPE, "azure");
	if (r >= 0)
		r = bundle_add_text(ret, BUNDLE_PROVIDER, "tpm");
	lib.Esys_Finalize_(&t.esys);
	return r;
}

/* ---- as a provider ---- */

static int tpm_probe(const struct attest_request *q, struct cause *why)
{
	_cleanup_(closep) int fd = tpm_open(q->root, q->tpm);

	if (fd == -ENOENT)
		return cause_set(why, 0, "there is no %s", q->tpm ? q->tpm : TPM_DEVICE);
	return fd < 0 ? cause_set(why, fd, "%s cannot be opened: %s", q->tpm ? q->tpm : TPM_DEVICE,
				  strerror(-fd)) :
			1;
}

static int tpm_report(const struct attest_request *q, struct bundle *ret, struct cause *why)
{
	_cleanup_(closep) int fd = tpm_open(q->root, q->tpm);
	int r = 0;

	if (fd < 0)
		return cause_set(why, fd, "the TPM cannot be opened: %s", strerror(-fd));
	if (q->service || q->privlevel >= 0)
		return cause_set(why, -EOPNOTSUPP,
				 "a TPM has neither privilege levels nor services");
	if (q->has_user_data)
		r = tpm_put_user_data(fd, q->user_data, why);
	return r < 0 ? r : tpm_gather(fd, TPM_PCRS_FIXED, q->nonce, q->nonce_len, ret, why);
}

const struct attest_provider attest_tpm = {
	.name = "tpm",
	.probe = tpm_probe,
	.report = tpm_report,
};
