/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "doctor/doctor.h"
#include "inject/verb.h"

static int run(struct args *a)
{
	return doctor_run(&side_host, &a->doctor, a->json);
}

static const struct option_row options[] = {
	ROWS_DOCTOR, ROW_COLOUR, ROW_JSON,
	{ "kernel", "FILE", "look at this file of a kernel, too, before it is launched",
	  OPTION_PATH(doctor.kernel) },
	{ NULL },
};

const struct verb verb_doctor = {
	.name = "doctor",
	.help = "Say what this machine can host, what is in the way, and what mends that",
	.example = "--require=snp",
	.options = options,
	.run = run,
};
