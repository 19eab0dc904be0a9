/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/next-option.h"

#include <stdio.h>

#include "base/log.h"

static bool takes_no_value(const struct option *options, int val)
{
	for (; options->name; options++)
		if (options->val == val && options->has_arg == no_argument)
			return true;
	return false;
}

int next_option(int argc, char **argv, const char *letters, const struct option *options)
{
	bool stops = letters[0] == '+';
	char quiet[64];
	const char *arg;
	int c;

	/* With the colon getopt_long() tells a missing value from an unknown option. */
	assert(strlen(letters) + 2 <= sizeof(quiet));
	snprintf(quiet, sizeof(quiet), "%s:%s", stops ? "+" : "", letters + stops);
	opterr = 0;
	c = getopt_long(argc, argv, quiet, options, NULL);
	if (c != '?' && c != ':')
		return c;
	arg = optind > 0 && optind <= argc ? argv[optind - 1] : "";
	if (c == ':')
		log_error("'%s' needs a value", arg);
	else if (optopt && startswith(arg, "--") && takes_no_value(options, optopt))
		log_error("'%s': that option takes no value", arg);
	else if (optopt && !startswith(arg, "--"))
		log_error("'-%c' is no option; see --help", optopt);
	else
		log_error("'%s' is no option, or is ambiguous; see --help", arg);
	return '?';
}
