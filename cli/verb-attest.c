/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/attest.h"

static const struct verb verbs[] = {
	{ "report", "[--nonce=HEX] [--output=FILE]", "Ask this guest for its evidence", attest_report },
	{ NULL },
};

int verb_attest(struct cli *cli, int argc, char **argv)
{
	return dispatch(cli, verbs, "cococtl attest", argc, argv);
}
