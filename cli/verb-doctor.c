/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cococtl.h"
#include "doctor/doctor.h"

static int run(struct args *args)
{
	return doctor_run(&side_guest, &args->doctor, args->json);
}

static const struct option_row options[] = { ROWS_DOCTOR, ROW_COLOUR, ROW_JSON, { NULL } };

const struct verb verb_doctor = {
	.name = "doctor",
	.help = "Say what this VM is, what keeps it from its secrets, and what mends that",
	.example = "--require=snp",
	.options = options,
	.run = run,
};
