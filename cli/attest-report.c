/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cococtl attest report: this guest's evidence, as a bundle. */
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include "attest/gather/imds.h"
#include "attest/gather/provider.h"
#include "attest/gather/tpm.h"
#include "base/io.h"
#include "base/log.h"
#include "base/parse.h"
#include "cli/attest.h"
#include "attest/bundle-file.h"

#define DEFAULT_NONCE_LEN 32	/* bytes; a TPM may take no more than 48 */

/* All providers: a person asks, not cocod. */
static const struct attest_provider *const all_providers[] = {
	&attest_configfs_tsm, &attest_sev_guest, &attest_tpm, &attest_tdx_guest, NULL,
};

static int parse_bytes(const char *text, void *ret)
{
	struct args_bytes *b = ret;
	size_t len = strlen(text);

	if (len == 0 || len % 2 || len / 2 > sizeof(b->bytes) ||
	    parse_hex(text, b->bytes, len / 2) < 0)
		return -EINVAL;
	b->len = len / 2;
	return 0;
}

int attest_gather_failed(int error, const struct cause *why)
{
	log_error("There is no evidence: %s", why->text[0] ? why->text : strerror(-error));
	if (error == -ENODEV)
		log_error("Is this a confidential VM? Its kernel module may have to be loaded: "
			  "modprobe sev-guest, modprobe tdx-guest");
	else if (error == -EACCES || error == -EPERM)
		log_error("Only root may ask for it: try again with sudo");
	return STATUS_FAILED;
}

int attest_gather_own(const struct attest_request *q, const char *imds, enum imds_wants wants,
		      struct bundle *ret, struct cause *why)
{
	_cleanup_(closep) int fd = -EBADF;
	struct cause missing = { "" };
	int r;

	r = attest_gather(all_providers, q, ret, why);
	if (r < 0 || !streq(bundle_text(ret, BUNDLE_TYPE), "azure"))
		return r;
	fd = imds_open(q->root, imds);
	r = imds_complete(fd, wants, ret, &missing);
	if (r == -ENOMEM)
		return r;
	return r < 0 ? bundle_add_text(ret, BUNDLE_NOTE, "%s", missing.text) : 0;
}

static int write_bundle(const struct bundle *b, const char *output)
{
	struct timespec ts;
	struct json_object *o;
	char made[TIME_TEXT_MAX];
	const char *text;
	int r = 0;

	(void) clock_gettime(CLOCK_REALTIME, &ts);
	o = bundle_to_json(b, format_time((uint64_t)ts.tv_sec * 1000000, made));
	if (!o) {
		log_oom();
		return STATUS_FAILED;
	}
	if (streq(output, "-"))
		return print_json(o);
	text = json_to_text(o, JSON_C_TO_STRING_PRETTY, NULL);
	r = text ? write_file_atomic(output, text, strlen(text), 0644, /* exclusive= */ false) :
		   -ENOMEM;
	json_object_put(o);
	if (r < 0) {
		log_error_errno(r, "Failed to write '%s': %m", output);
		return STATUS_FAILED;
	}
	return STATUS_GOOD;
}

/* The bytes of --nonce, or random ones.  Returns 0, or the exit status. */
static int choose_nonce(const struct args_bytes *given, struct attest_request *q)
{
	q->nonce_len = given->len ? given->len : DEFAULT_NONCE_LEN;
	memcpy(q->nonce, given->bytes, given->len);
	if (given->len || getrandom(q->nonce, DEFAULT_NONCE_LEN, 0) == DEFAULT_NONCE_LEN)
		return 0;
	log_error("Failed to make a nonce");
	return STATUS_FAILED;
}

static int run(struct args *args)
{
	const struct args_attest *o = &args->attest;
	struct attest_request q = {
		.root = o->root ? o->root : "",
		.privlevel = o->vmpl.given ? (int)o->vmpl.value : -1,
		.service = o->service,
		.service_guid = o->service_guid,
		.tpm = o->tpm,
		.has_user_data = o->user_data.len > 0,
	};
	_cleanup_(bundle_done) struct bundle b = { 0 };
	struct cause why;
	int r;

	memcpy(q.user_data, o->user_data.bytes, o->user_data.len);
	r = choose_nonce(&o->report_nonce, &q);
	if (r != 0)
		return r;
	r = attest_gather_own(&q, o->imds, IMDS_ALL, &b, &why);
	if (r < 0)
		return attest_gather_failed(r, &why);
	if (q.has_user_data && !streq(bundle_text(&b, BUNDLE_TYPE), "azure")) {
		log_error("--user-data is for Azure's vTPM, and this evidence is of type '%s': "
			  "its report data are the nonce",
			  bundle_text(&b, BUNDLE_TYPE));
		return STATUS_FAILED;
	}
	for (size_t i = 0; bundle_find(&b, BUNDLE_NOTE, i); i++)
		log_info("%s", (const char *)bundle_find(&b, BUNDLE_NOTE, i)->data);
	return write_bundle(&b, o->output ? o->output : "-");
}

#define BYTES_WRONG "is not 2 to 128 hexadecimal digits"
_Static_assert(2 * REPORT_DATA_LEN == 128, "BYTES_WRONG says how many");

static const struct option_row options[] = {
	{ "nonce", "HEX", "what the report is to be bound to; 32 random bytes if not given",
	  OPTION_PARSED(attest.report_nonce, parse_bytes, BYTES_WRONG) },
	{ "output", "FILE", "write there instead of to standard output", .letter = 'o',
	  OPTION_PATH(attest.output) },
	{ "user-data", "HEX", "on Azure: bytes for the report to be over",
	  OPTION_PARSED(attest.user_data, parse_bytes, BYTES_WRONG) },
	{ "vmpl", "N", "ask for a report of this privilege level of SNP",
	  OPTION_NUMBER(attest.vmpl, 0, 3) },
	{ "service", "svsm", "ask the SVSM for its services", OPTION_STRING(attest.service),
	  .words = (const char *const[]){ "svsm", NULL } },
	{ "service-guid", "GUID", "ask the SVSM for this service alone",
	  OPTION_STRING(attest.service_guid) },
	{ "tpm", "PATH", "another TPM than /dev/tpmrm0", OPTION_PATH(attest.tpm) },
	{ "root", "DIR", "look for all of it below DIR; for tests", OPTION_PATH(attest.root),
	  .empty = true },
	{ "imds", "ADDRESS", "another metadata service; for tests", OPTION_STRING(attest.imds),
	  .hidden = true },
	/* A bundle is JSON anyhow. */
	{ "json", NULL, "print JSON", OPTION_FLAG(json), .hidden = true },
	{ NULL },
};

const struct verb verb_attest_report = {
	.name = "attest report",
	.help = "Ask this guest for its evidence",
	.example = "--output=vm1.bundle",
	.options = options,
	.run = run,
};
