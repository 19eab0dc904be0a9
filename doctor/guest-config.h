/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_DOCTOR_GUEST_CONFIG_H
#define COCO_DOCTOR_GUEST_CONFIG_H

#include "agent/keeper/config.h"
#include "doctor/guest.h"

/* cocod's configuration, read by cocod's own reading, from the machine or the record. */

enum guest_subject {
	CONFIG_OF_COCOD,	/* cocod.conf, and attest.conf as far as it can be had */
	CONFIG_OF_BROKER,	/* broker.conf, and the file with its key */
	CONFIG_OF_SECRETS,	/* secrets.d */
	_CONFIG_SUBJECTS,
};

struct guest_config {
	struct exam *x;
	struct config_root root;	/* for config_file_read(), collateral_each() */
	struct config *config;		/* NULL: out of memory */
	unsigned n_files;		/* that were read or are masked */
	bool denied[_CONFIG_SUBJECTS];	/* a privilege is missing; then errors mean nothing */
	unsigned n_errors[_CONFIG_SUBJECTS];
	char first[_CONFIG_SUBJECTS][512];
	char policy_path[256];		/* of attest.conf; "" without */
	enum got policy_got;
	char *policy;			/* its text, with a NUL after its @policy_len bytes */
	size_t policy_len;
};

/* Fill in @ret, which must stay where it is until guest_config_done(). */
void guest_config_load(struct exam *x, struct guest_config *ret);
void guest_config_done(struct guest_config *g);

/* The same without reading anything: only the root. */
void guest_config_root(struct exam *x, struct guest_config *ret);

/*
 * Set @r if nothing can be said of @subject: it cannot be read (GOT_DENIED), or cocod refuses it.
 * Returns true if it did.
 */
bool guest_config_refused(const struct guest_config *g, enum guest_subject subject,
			  struct result *r);

#endif
