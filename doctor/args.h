/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_DOCTOR_ARGS_H
#define COCO_DOCTOR_ARGS_H

#include "base/option.h"

/* The options of the verb 'doctor'; each program has a struct args_doctor with the name doctor. */

enum doctor_format {
	DOCTOR_TEXT,
	DOCTOR_JSON,
	DOCTOR_NFD,
};

struct args_doctor {
	const char *root;		/* NULL: this machine */
	const char *record;		/* NULL: nothing is recorded */
	const char *kernel;		/* the host's alone; NULL: none is looked at */
	struct option_choice format;	/* of doctor_formats, by enum doctor_format */
	struct option_choice require;	/* of requirement_names, by enum requirement */
};

extern const char *const doctor_formats[];	/* both end with NULL */
extern const char *const requirement_names[];

#define ROWS_DOCTOR                                                                              \
	{ "root", "DIR", "look at the record in this folder, instead of at this machine",        \
	  OPTION_PATH(doctor.root) },                                                            \
	{ "record", "DIR", "record what was looked at in this folder, which must not exist yet", \
	  OPTION_PATH(doctor.record) },                                                          \
	{ "require", "TECH",                                                                     \
	  "what the machine must be ready for: sev, sev-es, snp, tdx, any or none; the best that " \
	  "its CPU offers if not given",                                                         \
	  OPTION_CHOICE(doctor.require, requirement_names) },                                    \
	{ "format", "FORMAT", "text, json, or nfd for labels of node-feature-discovery",         \
	  OPTION_CHOICE(doctor.format, doctor_formats), .excludes = "json" }

#endif
