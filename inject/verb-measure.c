/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compute the measurement of a launch from the owner's own files.  Nothing here asks the host. */
#include <stdio.h>

#include "base/base64.h"
#include "base/parse.h"
#include "base/text.h"
#include "inject/input.h"
#include "inject/launch/launch.h"
#include "inject/output.h"

#define BLOB_LEN (SEV_MEASURE_LEN + SEV_NONCE_LEN)

/* A launch, and its measurement if there is a key for one. */
struct result {
	struct launch_item launch;
	uint8_t blob[BLOB_LEN];
	bool match;			/* it is the expected one */
};

struct measure {
	const struct args *args;
	enum tech tech;
	struct launch_input in;
	struct expectation expect;	/* of --expect, and what is measured */
	bool keyed;			/* there is a TIK: print a measurement, not a digest */
	struct result *results;
	size_t n_results, n_allocated;
	int match;			/* -1: nothing was expected */
	char explanation[EXPLANATION_MAX];
	struct cause why;
};

static void measure_done(struct measure *m)
{
	launch_input_done(&m->in);
	measurer_freep(&m->expect.measurer);
	free(m->results);
}

/* ---- the options ---- */

#define OF_A_MEASUREMENT .needs = "tik", .because = "it is part of a measurement"

static const struct option_row options[] = {
	{ "tech", "TECH", "how the guest is protected: sev, sev-es, snp, tdx",
	  OPTION_CHOICE(tech, args_techs), .also = "mode", .required = true },
	ROW_FIRMWARE,
	ROW_FIRMWARE_DIGEST,
	ROWS_LAUNCH,
	ROW_LAUNCH_DIGEST(.excludes = LAUNCH_NAMES " firmware-digest",
			  .because = "it is of the whole launch"),
	{ "dump-vmsa", "FILE", "where the pages of the first CPU and of the others go",
	  OPTION_PATH(dump_vmsa) },
	{ "digest", NULL, "print the launch digest", OPTION_FLAG(digest), .excludes = "tik",
	  .because = "take one, for the digest or for the measurement" },
	ROW_TIK(),
	ROW_POLICY(),
	ROW_API(OF_A_MEASUREMENT),
	ROW_BUILD(OF_A_MEASUREMENT),
	{ "nonce", "BASE64", "the measurement's nonce, 16 bytes", OPTION_STRING(nonce),
	  .empty = true, OF_A_MEASUREMENT },
	{ "expect", "BASE64",
	  "compare with this measurement, or digest; it may be in hexadecimal",
	  OPTION_STRING(expect), .empty = true },
	ROW_FORCE,
	ROW_JSON,
	{ NULL },
};

static enum status read_tech(struct measure *m)
{
	const struct args *a = m->args;

	m->tech = (enum tech)a->tech.index;
	m->keyed = a->tik;
	if (m->keyed && (m->tech == TECH_SNP || m->tech == TECH_TDX))
		return give_up(STATUS_USAGE,
			       "--tik is of sev and sev-es; %s has a digest that the guest's "
			       "report shows",
			       args_techs[m->tech]);
	return STATUS_GOOD;
}

/* The policy, and the versions that the platform says it has. */
static enum status read_measured(struct measure *m)
{
	char missing[OPTION_LIST_TEXT_MAX];
	struct measured *what = &m->expect.measured;
	int r;

	if (option_list_missing(options, "policy api build", m->args, missing) > 0)
		return give_up(STATUS_USAGE,
			       "A measurement needs %s; the host's query-sev tells it", missing);
	r = input_policy(m->args, m->tech, &what->policy, &m->why);
	if (r == 0)
		r = input_version(m->args, what, &m->why);
	return give_up_if(r, &m->why);
}

/* Decode @text, which is hexadecimal if it has as many digits as @len bytes, else base64. */
static ssize_t decode(const char *text, uint8_t *ret, size_t size, size_t len)
{
	if (strlen(text) == 2 * len && parse_hex(text, ret, len) == 0)
		return (ssize_t)len;
	return base64_decode(text, ret, size);
}

static enum status read_expected_digest(struct measure *m)
{
	const char *text = m->args->expect;

	m->expect.len = m->in.digest_len;
	if (text && decode(text, m->expect.bytes, sizeof(m->expect.bytes), m->in.digest_len) !=
			    (ssize_t)m->in.digest_len)
		return give_up(STATUS_MALFORMED,
			       "The expected digest is not %zu bytes in hexadecimal or base64",
			       m->in.digest_len);
	return STATUS_GOOD;
}

/* The nonce comes from --nonce, or follows the measurement in --expect. */
static enum status read_expected_measurement(struct measure *m)
{
	const char *text = m->args->expect, *nonce = m->args->nonce;
	uint8_t blob[BLOB_LEN], given[SEV_NONCE_LEN];
	ssize_t n = SEV_MEASURE_LEN;

	if (nonce && base64_decode(nonce, given, sizeof(given)) != sizeof(given))
		return give_up(STATUS_MALFORMED, "The nonce is not %d bytes in base64",
			       SEV_NONCE_LEN);
	if (text)
		n = base64_decode(text, blob, sizeof(blob));
	if (n != SEV_MEASURE_LEN && n != sizeof(blob))
		return give_up(STATUS_MALFORMED, "The expected measurement is not 48 bytes in "
						 "base64, or 32 without the nonce");
	if (!nonce && n == SEV_MEASURE_LEN)
		return give_up(STATUS_USAGE,
			       "A measurement needs --nonce, or an --expect that has it");
	if (nonce && n == sizeof(blob) && memcmp(blob + SEV_MEASURE_LEN, given, SEV_NONCE_LEN) != 0)
		return give_up(STATUS_CHECK, "The expected measurement has another nonce");
	memcpy(m->expect.nonce, nonce ? given : blob + SEV_MEASURE_LEN, SEV_NONCE_LEN);
	if (text)
		memcpy(m->expect.bytes, blob, SEV_MEASURE_LEN);
	m->expect.len = SEV_MEASURE_LEN;
	return STATUS_GOOD;
}

static enum status read_tik(struct measure *m)
{
	_cleanup_(secret_freep) struct secret *tik = NULL;
	enum status status;

	status = give_up_if(input_tik(m->args, &tik, &m->why), &m->why);
	if (status == STATUS_GOOD && measurer_new(tik, &m->expect.measurer) < 0)
		return give_up(STATUS_IO, "OpenSSL has no HMAC-SHA256");
	return status;
}

static enum status read_inputs(struct measure *m)
{
	enum status status;

	status = read_tech(m);
	if (status == STATUS_GOOD && m->keyed)
		status = read_measured(m);
	if (status == STATUS_GOOD && m->keyed)
		status = read_expected_measurement(m);
	if (status == STATUS_GOOD && m->keyed)
		status = read_tik(m);
	if (status == STATUS_GOOD)
		status = give_up_if(launch_input_read(m->args, m->tech, /* list= */ true, &m->in,
						      &m->why),
				    &m->why);
	if (status == STATUS_GOOD && !m->keyed)
		status = read_expected_digest(m);
	return status;
}

/* ---- the results ---- */

static int compute(struct measure *m, struct result *result)
{
	int r = 0;

	if (m->keyed) {
		memcpy(result->blob + SEV_MEASURE_LEN, m->expect.nonce, SEV_NONCE_LEN);
		r = measurer_measure(m->expect.measurer, &m->expect.measured,
				     result->launch.digest, m->expect.nonce, result->blob);
	}
	if (r == 0 && m->args->expect)
		r = expectation_match(&m->expect, result->launch.digest);
	if (r >= 0)
		result->match = r > 0;
	return MIN(r, 0);
}

static int add_result(void *data, const struct launch_item *launch)
{
	struct measure *m = data;
	struct result *result;

	if (m->n_results == m->n_allocated) {
		size_t n = MAX(2 * m->n_allocated, (size_t)16);
		struct result *more = reallocarray(m->results, n, sizeof(*more));

		if (!more)
			return -ENOMEM;
		m->results = more;
		m->n_allocated = n;
	}
	result = &m->results[m->n_results++];
	*result = (struct result){ .launch = *launch };
	return compute(m, result);
}

static enum status measure(struct measure *m)
{
	int r = launch_input_each(&m->in, add_result, m);

	if (r < 0) {
		log_error_errno(r, "Failed to compute the %s: %m",
				m->keyed ? "measurement" : "digest");
		return STATUS_IO;
	}
	return STATUS_GOOD;
}

/* " of 4 CPUs, EPYC-Milan": what tells @launch from others of the list. */
#define LABEL_MAX 96
static const char *label(const struct measure *m, const struct launch_item *launch,
			 char ret[static LABEL_MAX])
{
	ret[0] = '\0';
	if (launch_input_is_list(&m->in))
		snprintf(ret, LABEL_MAX, " of %zu CPU%s%s%.60s", launch->n_vcpus,
			 launch->n_vcpus == 1 ? "" : "s", launch->cpu ? ", " : "",
			 launch->cpu ? launch->cpu->name : "");
	return ret;
}

static enum status compare(struct measure *m)
{
	const char *what = m->keyed ? "measurement" : "digest";
	char unknown[EXPLANATION_MAX], text[LABEL_MAX];
	int r;

	m->match = -1;
	if (!m->args->expect)
		return STATUS_GOOD;
	for (size_t i = 0; i < m->n_results; i++)
		if (m->results[i].match) {
			m->match = 1;
			log_info("The %s%s is the expected one", what,
				 label(m, &m->results[i].launch, text));
			return STATUS_GOOD;
		}
	r = expectation_explain(&m->expect, &m->in, m->explanation, sizeof(m->explanation));
	if (r < 0)
		return give_up(STATUS_IO, "OpenSSL has failed to compute the measurement");
	m->match = 0;
	log_error("The %s is not the expected one", what);
	if (r > 0)
		log_notice("It would be with: %s", m->explanation);
	else
		log_notice("%s", expectation_unknown(&m->expect, &m->in, unknown, sizeof(unknown)));
	return STATUS_GOOD;
}

/*
 * What the digest covers, in the words of a policy's covers=.  If it covers the firmware alone, any
 * guest with that firmware has it, whatever kernel it starts.
 */
static int add_covers(struct json_object *o, const struct launch_input *in)
{
	static const char *const words[] = { "firmware", "kernel", "initrd", "cmdline" };
	size_t n = in->launch.kernel && in->kernel_is_checked ? ARRAY_SIZE(words) : 1;
	struct json_object *list = json_object_new_array();

	if (json_add(o, "covers", list) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (json_append_text(list, words[i]) < 0)
			return -ENOMEM;
	return 0;
}

static struct json_object *launch_json(const struct measure *m, const struct result *result)
{
	_cleanup_(json_putp) struct json_object *o = json_object_new_object();
	const struct cpu *cpu = result->launch.cpu;
	_cleanup_(freep) char *blob = NULL;

	if (json_add_number(o, "vcpus", (int64_t)result->launch.n_vcpus) < 0 ||
	    (cpu && json_add_text(o, cpu->real ? "vcpu_sig" : "vcpu_type", cpu->name) < 0) ||
	    output_add_hex(o, "digest", result->launch.digest, m->in.digest_len) < 0 ||
	    (m->keyed && (base64_encode(result->blob, BLOB_LEN, &blob) < 0 ||
			  json_add_text(o, "measurement", blob) < 0)) ||
	    (m->match >= 0 && json_add_bool(o, "match", result->match) < 0))
		return NULL;
	return TAKE_PTR(o);
}

/* The digests also come as a list of their own, to be copied into a policy. */
static int add_list(struct json_object *o, const struct measure *m)
{
	struct json_object *digests = json_object_new_array(), *launches = json_object_new_array();
	char hex[2 * LAUNCH_DIGEST_MAX + 1];

	if (json_add(o, "digests", digests) < 0) {
		json_putp(&launches);
		return -ENOMEM;
	}
	if (json_add(o, "launches", launches) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_results; i++) {
		format_hex(m->results[i].launch.digest, m->in.digest_len, hex);
		if (json_append_text(digests, hex) < 0 ||
		    json_append(launches, launch_json(m, &m->results[i])) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int add_one(struct json_object *o, const struct measure *m)
{
	_cleanup_(freep) char *blob = NULL;

	if (output_add_hex(o, "digest", m->in.digest, m->in.digest_len) < 0)
		return -ENOMEM;
	if (m->keyed && (base64_encode(m->results[0].blob, BLOB_LEN, &blob) < 0 ||
			 json_add_text(o, "measurement", blob) < 0))
		return -ENOMEM;
	return 0;
}

static enum status print_json(const struct measure *m)
{
	_cleanup_(json_putp) struct json_object *o = json_document("measure");

	if (json_add_text(o, "tech", m->in.tech_name) < 0 ||
	    (launch_input_is_list(&m->in) ? add_list(o, m) : add_one(o, m)) < 0 ||
	    (m->tech == TECH_SNP && !m->in.digest_given &&
	     output_add_hex(o, "firmware_digest", m->in.firmware_digest, SHA384_LEN) < 0) ||
	    (!m->in.digest_given && add_covers(o, &m->in) < 0) ||
	    (m->match >= 0 && json_add_bool(o, "match", m->match) < 0) ||
	    (m->explanation[0] && json_add_text(o, "would_match", m->explanation) < 0))
		return output_json(NULL);
	return output_json(o);
}

static enum status print_result(const struct measure *m, const struct result *result)
{
	_cleanup_(freep) char *blob = NULL;
	char hex[2 * LAUNCH_DIGEST_MAX + 1];
	const struct cpu *cpu = result->launch.cpu;

	if (m->keyed && base64_encode(result->blob, BLOB_LEN, &blob) < 0) {
		log_oom();
		return STATUS_IO;
	}
	format_hex(result->launch.digest, m->in.digest_len, hex);
	print("%s", blob ? blob : hex);
	if (launch_input_is_list(&m->in))
		print("  %zu%s%s", result->launch.n_vcpus, cpu ? " " : "", cpu ? cpu->name : "");
	print("\n");
	return STATUS_GOOD;
}

static enum status print_results(const struct measure *m)
{
	const char *pages = m->args->dump_vmsa;
	enum status status = STATUS_GOOD;

	if (m->args->json)
		return print_json(m);
	if (pages && streq(pages, "-"))
		return STATUS_GOOD;
	for (size_t i = 0; status == STATUS_GOOD && i < m->n_results; i++)
		status = print_result(m, &m->results[i]);
	return status;
}

/* ---- the CPUs' pages ---- */

static enum status check_dump(const struct measure *m)
{
	const char *path = m->args->dump_vmsa;

	if (!path)
		return STATUS_GOOD;
	if (m->in.counts.n == 0 || m->in.launch.pages)
		return give_up(STATUS_USAGE,
			       "--dump-vmsa writes the pages that are computed, and here are none: "
			       "they are of sev-es and snp, without --vmsa or a digest");
	if (m->in.n_cpus > 1)
		return give_up(STATUS_USAGE, "--dump-vmsa writes the pages of one CPU model");
	if (streq(path, "-") && m->args->json)
		return give_up(STATUS_USAGE, "--json and --dump-vmsa - would both print");
	return STATUS_GOOD;
}

static enum status dump_pages(struct measure *m)
{
	const char *path = m->args->dump_vmsa;
	uint8_t pages[2 * VMSA_LEN];
	size_t n = MIN(m->in.counts.most, (size_t)2);

	if (!path)
		return STATUS_GOOD;
	for (size_t i = 0; i < n; i++)
		launch_vmsa(&m->in.launch, i, pages + i * VMSA_LEN);
	return give_up_if(output_file(m->args, path, pages, n * VMSA_LEN, &m->why), &m->why);
}

static int run(struct args *a)
{
	_cleanup_(measure_done) struct measure m = { .args = a };
	enum status status;

	status = read_inputs(&m);
	if (status == STATUS_GOOD)
		status = check_dump(&m);
	if (status == STATUS_GOOD)
		status = measure(&m);
	if (status == STATUS_GOOD)
		status = compare(&m);
	if (status == STATUS_GOOD)
		status = dump_pages(&m);
	if (status == STATUS_GOOD)
		status = print_results(&m);
	return status == STATUS_GOOD && m.match == 0 ? STATUS_CHECK : status;
}

const struct verb verb_measure = {
	.name = "measure",
	.help = "Compute what a launch is measured as, and compare",
	.example = "--tech=snp --firmware=OVMF.amdsev.fd --vcpus=4 --vcpu-type=EPYC-Milan",
	.options = options,
	.run = run,
};
