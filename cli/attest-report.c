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
#include "base/next-option.h"
#include "base/parse.h"
#include "cli/attest.h"
#include "cli/bundle-file.h"

#define DEFAULT_NONCE_LEN 32	/* bytes; a TPM may take no more than 48 */

/* All there are, for a person who asks. */
static const struct attest_provider *const all_providers[] = {
	&attest_configfs_tsm, &attest_sev_guest, &attest_tpm, &attest_tdx_guest, NULL,
};

struct options {
	struct attest_request q;
	const char *output;
	const char *imds;	/* NULL: the machine's */
};

static int take_nonce(struct attest_request *q, const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len % 2 || len / 2 > REPORT_DATA_LEN ||
	    parse_hex(text, q->nonce, len / 2) < 0) {
		log_error("--nonce='%s' is not 2 to %d hexadecimal digits", text, 2 * REPORT_DATA_LEN);
		return STATUS_USAGE;
	}
	q->nonce_len = len / 2;
	return 0;
}

static int take_user_data(struct attest_request *q, const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len % 2 || len / 2 > REPORT_DATA_LEN || parse_hex(text, q->user_data, len / 2) < 0) {
		log_error("--user-data='%s' is not 2 to %d hexadecimal digits", text, 2 * REPORT_DATA_LEN);
		return STATUS_USAGE;
	}
	q->has_user_data = true;
	return 0;
}

static int take_level(struct attest_request *q, const char *text)
{
	uint32_t level;

	if (parse_u32(text, &level) < 0 || level > 3) {
		log_error("--vmpl='%s' is no number from 0 to 3", text);
		return STATUS_USAGE;
	}
	q->privlevel = (int)level;
	return 0;
}

static int parse(struct options *o, int argc, char **argv)
{
	enum {
		OPT_NONCE = 0x100,
		OPT_OUTPUT,
		OPT_USER_DATA,
		OPT_VMPL,
		OPT_SERVICE,
		OPT_SERVICE_GUID,
		OPT_TPM,
		OPT_ROOT,
		OPT_IMDS
	};
	static const struct option options[] = {
		{ "nonce", required_argument, NULL, OPT_NONCE },
		{ "output", required_argument, NULL, OPT_OUTPUT },
		{ "user-data", required_argument, NULL, OPT_USER_DATA },
		{ "vmpl", required_argument, NULL, OPT_VMPL },
		{ "service", required_argument, NULL, OPT_SERVICE },
		{ "service-guid", required_argument, NULL, OPT_SERVICE_GUID },
		{ "tpm", required_argument, NULL, OPT_TPM },
		{ "root", required_argument, NULL, OPT_ROOT },
		{ "imds", required_argument, NULL, OPT_IMDS },
		{ "json", no_argument, NULL, 'j' },
		{ NULL },
	};
	int c, r = 0;

	*o = (struct options){ .q = { .root = "", .privlevel = -1 }, .output = "-" };
	optind = 0;
	while (r == 0 && (c = next_option(argc, argv, "", options)) >= 0)
		switch (c) {
		case OPT_NONCE:
			r = take_nonce(&o->q, optarg);
			break;
		case OPT_OUTPUT:
			o->output = optarg;
			break;
		case OPT_USER_DATA:
			r = take_user_data(&o->q, optarg);
			break;
		case OPT_VMPL:
			r = take_level(&o->q, optarg);
			break;
		case OPT_SERVICE:
			o->q.service = optarg;
			break;
		case OPT_SERVICE_GUID:
			o->q.service_guid = optarg;
			break;
		case OPT_TPM:
			o->q.tpm = optarg;
			break;
		case OPT_ROOT:
			o->q.root = optarg;
			break;
		case OPT_IMDS:
			o->imds = optarg;
			break;
		case 'j':
			break;	/* it is JSON anyhow */
		default:
			r = STATUS_USAGE;
		}
	if (r == 0 && optind < argc) {
		log_error("'report' takes no argument");
		r = STATUS_USAGE;
	}
	return r;
}

int attest_gather_failed(int error, const struct cause *why)
{
	log_error("There is no evidence: %s", why->text[0] ? why->text : strerror(-error));
	if (error == -ENODEV)
		log_error("Is this a confidential VM? Its kernel module may have to be loaded: modprobe sev-guest, modprobe tdx-guest");
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
	char made[TIME_LEN];
	const char *text;
	int r = 0;

	(void) clock_gettime(CLOCK_REALTIME, &ts);
	o = bundle_to_json(b, format_time((uint64_t)ts.tv_sec * 1000000, made, sizeof(made)));
	if (!o) {
		log_oom();
		return STATUS_FAILED;
	}
	if (streq(output, "-")) {
		print_json(o);
		return STATUS_GOOD;
	}
	text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
							 JSON_C_TO_STRING_NOSLASHESCAPE);
	r = write_file_atomic(output, text, strlen(text), 0644, /* exclusive= */ false);
	json_object_put(o);
	if (r < 0) {
		log_error_errno(r, "Failed to write '%s': %m", output);
		return STATUS_FAILED;
	}
	return STATUS_GOOD;
}

int attest_report(struct cli *cli, int argc, char **argv)
{
	_cleanup_(bundle_done) struct bundle b = { 0 };
	struct options o;
	struct cause why;
	int r;

	r = parse(&o, argc, argv);
	if (r != 0)
		return r;
	if (o.q.nonce_len == 0) {
		if (getrandom(o.q.nonce, DEFAULT_NONCE_LEN, 0) != DEFAULT_NONCE_LEN) {
			log_error("Failed to make a nonce");
			return STATUS_FAILED;
		}
		o.q.nonce_len = DEFAULT_NONCE_LEN;
	}
	r = attest_gather_own(&o.q, o.imds, IMDS_ALL, &b, &why);
	if (r < 0)
		return attest_gather_failed(r, &why);
	if (o.q.has_user_data && !streq(bundle_text(&b, BUNDLE_TYPE), "azure")) {
		log_error("--user-data is for Azure's vTPM, and this evidence is of type '%s': its report data are the nonce", bundle_text(&b, BUNDLE_TYPE));
		return STATUS_FAILED;
	}
	for (size_t i = 0; bundle_find(&b, BUNDLE_NOTE, i); i++)
		log_info("%s", (const char *)bundle_find(&b, BUNDLE_NOTE, i)->data);
	return write_bundle(&b, o.output);
}
