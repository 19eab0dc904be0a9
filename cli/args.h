/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CLI_ARGS_H
#define COCO_CLI_ARGS_H

#include "attest/evidence.h"
#include "attest/gather/provider.h"
#include "base/options.h"
#include "doctor/args.h"

/* What the command line of cococtl says; nothing is read or judged yet. */

struct args_owner {
	bool given;
	uint32_t uid, gid;
};

struct args_mode {
	bool given;
	uint32_t mode;
};

struct args_secrets {
	bool force, keep, newline, all, boot_complete;
	const char *unit;
	struct option_list handed;	/* "NAME", "NAME=fd", "NAME=file" */
	struct args_owner owner;
	struct args_mode mode;
};

/* Bytes in hexadecimal, at most as many as a report is over. */
struct args_bytes {
	size_t len;
	uint8_t bytes[REPORT_DATA_LEN];
};

struct args_date {
	bool given;
	int64_t date;			/* seconds since 1970 */
};

struct args_attest {
	/* the evidence */
	const char *type, *bundle;
	const char *pieces[_EVIDENCE_MAX];
	struct option_list certs, crls;

	/* how it is judged */
	struct args_date at;
	const char *trust, *policy, *nonce, *report_data, *cache;
	struct option_list settings;	/* "NAME=VALUE" */

	/* a policy made of evidence */
	const char *explain, *covers;
	struct option_choice pin, release;
	bool unverified;

	/* where collateral comes from */
	const char *kds, *pcs;		/* NULL: AMD's, Intel's */
	const char *ca, *product;
	struct option_choice tcb_update;
	struct option_number tcb_evaluation;
	bool offline, refresh, prune, forget_newest;
	uint64_t timeout_usec;		/* 0: the default */

	/* this guest's own evidence */
	struct args_bytes report_nonce, user_data;
	struct option_number vmpl;
	const char *output, *service, *service_guid;
	const char *root, *tpm, *imds;	/* of a test */
};

struct args_broker {
	const char *output;		/* NULL: standard output */
	bool force;

	/* broker.conf */
	struct option_list urls;
	const char *identity, *public_key, *authority, *server_name, *uri_prefix, *root;
	bool replace;
};

struct args_luks {
	const char *secret, *name, *uri, *unlock_key_file, *root, *allow_tokens;
	struct option_number passphrase_fd;
	bool write, recovery, random_secret, force;
};

struct args_boot {
	const char *root, *diff, *svg;
	uint64_t fail_over_usec;	/* 0: any time will do */
};

struct args {
	const char *socket;		/* NULL: COCOD_SOCKET */
	bool json;
	struct option_choice colour;	/* of text_colours_words */
	struct option_list words;
	struct args_secrets secrets;
	struct args_attest attest;
	struct args_broker broker;
	struct args_luks luks;
	struct args_doctor doctor;
	struct args_boot boot;
};

#define ROW_JSON { "json", NULL, "print JSON", OPTION_FLAG(json) }

#endif
