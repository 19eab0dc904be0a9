/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "doctor/doctor.h"

#include <stdio.h>

#include "base/log.h"
#include "doctor/page.h"

const char *const doctor_formats[] = {
	[DOCTOR_TEXT] = "text",
	[DOCTOR_JSON] = "json",
	[DOCTOR_NFD] = "nfd",
	NULL,
};

static int print_report(const struct report *r, enum doctor_format format)
{
	switch (format) {
	case DOCTOR_JSON:
		return report_print_json(r);
	case DOCTOR_NFD:
		nfd_print(r);
		return 0;
	default:
		page_print(r);
		return 0;
	}
}

static int examine(const struct side *side, struct exam *x, enum doctor_format format)
{
	_cleanup_(freep) struct result *results = calloc(side->n_checks, sizeof(*results));
	struct report report = { .side = side, .exam = x, .results = results };

	if (!results) {
		log_oom();
		return DOCTOR_CANNOT_TELL;
	}
	exam_run(x, side, results);
	exam_conclude(x, side, results, &report.end);
	if (print_report(&report, format) < 0) {
		log_oom();
		return DOCTOR_CANNOT_TELL;
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		log_error("Failed to write to standard output");
		return DOCTOR_CANNOT_TELL;
	}
	return report.end.status;
}

/* The record is finished, and its errors said, whatever came of the rest. */
static int end_record(struct record *record, const char *path, int status)
{
	struct cause why;

	if (!record)
		return status;
	if (record_end(record, &why) < 0) {
		log_error("%s", why.text);
		return DOCTOR_CANNOT_TELL;
	}
	log_info("Recorded in '%s': UUIDs are left out, but look at it before you pass it on",
		 path);
	return status;
}

int doctor_run(const struct side *side, const struct args_doctor *args, bool json)
{
	enum doctor_format format = json ? DOCTOR_JSON : (enum doctor_format)args->format.index;
	struct record *record = NULL;
	struct exam x = {
		.given = args->require.given,
		.required = (enum requirement)args->require.index,
		.kernel = args->kernel,
	};
	struct cause why;
	int status = DOCTOR_CANNOT_TELL;

	if (args->record && record_begin(args->record, &record, &why) < 0) {
		log_error("%s", why.text);
		return DOCTOR_CANNOT_TELL;
	}
	if (provider_open(args->root, record, &x.p, &why) < 0)
		log_error("%s", why.text);
	else
		status = examine(side, &x, format);
	provider_free(x.p);
	return end_record(record, args->record, status);
}
