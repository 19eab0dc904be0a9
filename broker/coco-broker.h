/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_COCO_BROKER_H
#define COCO_BROKER_COCO_BROKER_H

#include "broker/args.h"

/* What coco-broker exits with, as coco-broker(8) has it. */
enum {
	STATUS_GOOD = 0,
	STATUS_FAILED = 1,
	STATUS_REFUSED = 2,	/* by a policy, or because it is not there */
	STATUS_NO_BROKER = 3,	/* the broker cannot be reached */
	STATUS_PARTLY = 4,	/* it is known of a part of the time only */
	STATUS_USAGE = 64,
};

/* Of verbs that have none, or these alone. */
extern const struct option_row no_options[], colour_options[], json_options[];
extern const struct option_row verdict_options[];

extern const struct verb verb_serve, verb_secret_add, verb_secret_list, verb_secret_show,
	verb_secret_rm, verb_secret_rearm, verb_policy_set, verb_policy_show, verb_policy_test,
	verb_try, verb_approve, verb_why, verb_watch, verb_status, verb_accept_restore, verb_init,
	verb_audit_verify, verb_audit_export, verb_audit_checkpoint, verb_audit_trim,
	verb_backup, verb_restore, verb_migrate, verb_rekey, verb_collateral_warm,
	verb_collateral_list;

#endif
