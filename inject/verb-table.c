/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <unistd.h>

#include "inject/input.h"
#include "inject/output.h"
#include "wire/secret-table.h"

static int run(struct args *a)
{
	_cleanup_(secret_freep) struct secret *table = NULL;
	_cleanup_(json_putp) struct json_object *o = NULL;
	const char *path = a->output;
	enum status status;
	struct cause why;

	status = give_up_if(input_table(a, SECRET_MAX, &table, &why), &why);
	if (status != STATUS_GOOD)
		return status;
	if (isatty(STDOUT_FILENO) && streq(path, "-") && !a->force)
		return give_up(STATUS_USAGE,
			       "The table is not encrypted, and standard output is a terminal; "
			       "send it into a file or a pipe, or say --force");
	status = give_up_if(output_file(a, path, secret_data(table), secret_len(table), &why),
			    &why);
	if (status != STATUS_GOOD)
		return status;
	log_info("Wrote a table of %zu secret%s, %zu bytes, to '%s': it is not encrypted",
		 a->secrets.n, a->secrets.n == 1 ? "" : "s", secret_len(table), path);
	if (!a->json)
		return STATUS_GOOD;

	o = json_document("table");
	if (!o || json_add_text(o, "output", path) < 0 ||
	    json_add_unsigned(o, "secrets", a->secrets.n) < 0 ||
	    json_add_unsigned(o, "size", secret_len(table)) < 0)
		return output_json(NULL);
	return output_json(o);
}

static const struct option_row options[] = {
	ROWS_SECRETS(""),
	{ "output", "FILE", "where the table goes", OPTION_PATH(output), .letter = 'o',
	  .required = true },
	ROW_FORCE,
	ROW_JSON,
	{ NULL },
};

const struct verb verb_table = {
	.name = "table",
	.help = "Put secrets into a table, as the guest will find it, in the clear",
	.example = "--secret=luks:passphrase --output=secrets.table",
	.options = options,
	.run = run,
};
