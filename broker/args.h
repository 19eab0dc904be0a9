/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_ARGS_H
#define COCO_BROKER_ARGS_H

#include "base/options.h"

/* What the command line of coco-broker says; nothing is read or judged yet. */

struct args_serve {
	bool check, debug;
};

struct args_secret {
	const char *policy, *launch;
	bool replace;
	uint64_t last_usec;		/* of policy test; 0: as far back as it is known */
};

struct args_decide {
	bool no;
	const char *bundle;
};

struct args_collateral {
	const char *fmspc, *bundle;
	struct option_choice ca;
};

struct args_init {
	const char *name;
};

struct args_keep {
	const char *recovery_key;	/* of init and restore */
	const char *expect, *file, *instance, *checkpoints;
	const char *to, *authority, *certificate, *key, *user, *password_file, *prefix;
};

struct args {
	const char *config;		/* NULL: SETTINGS_PATH */
	const char *socket;		/* NULL: the admin socket of the settings */
	bool json;
	struct option_choice colour;	/* of text_colours_words */
	struct option_list words;
	struct args_serve serve;
	struct args_secret secret;
	struct args_decide decide;
	struct args_collateral collateral;
	struct args_init init;
	struct args_keep keep;
};

#define ROW_JSON { "json", NULL, "print JSON", OPTION_FLAG(json) }

#endif
